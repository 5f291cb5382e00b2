"""Names that tell rows apart, and who is a contestant where several sweeps ran one method."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from analysis.comparison.trial_rows import TrialRow, unit

Unit = tuple[str, ...]


def distinguished(rows: Sequence[TrialRow], places: Mapping[str, str]) -> list[TrialRow]:
    """The rows with labels of their own, each with its contestant.

    Trials of one method from two places are two contestants, with the place in brackets: two searches compare. The
    sweeps of one place (a suite, packed records) were run to be one comparison, so that each method is one contestant
    of them, and no rival of itself; unless the comparison has one method alone.

    Args:
        rows: all of the comparison, with labels by method and trial.
        places: what each source was read from, in short; one that is not there is a place of its own.
    """
    alone = len({row.method for row in rows if not row.control}) == 1
    homes: dict[tuple[str, Unit], dict[str, str]] = {}
    for row in rows:
        if row.trial:
            homes.setdefault((row.method, unit(row)), {})[row.source] = places.get(row.source, row.source)
    rivals = {
        key: _short({place: place for place in found.values()}, key[1]) if not alone else _short(found, key[1])
        for key, found in homes.items()
    }
    divided = {method for (method, _), found in rivals.items() if len(found) > 1}
    named = []
    for row in rows:
        key = (row.method, unit(row))
        if row.trial and row.method in divided:
            home = rivals[key][row.source if alone else homes[key][row.source]]
            row = replace(row, contestant=f"{row.method} [{home}]")
        if row.trial and (row.method in divided or len(homes[key]) > 1):
            row = replace(row, label=f"{row.label} [{_short(homes[key], key[1])[row.source]}]")
        named.append(row)
    taken: set[tuple[Unit, str]] = set()
    for index, row in enumerate(named):
        if (unit(row), row.label) in taken:
            row = named[index] = replace(row, label=f"{row.label} [{row.source}]")
        taken.add((unit(row), row.label))
    return named


def _short(homes: Mapping[str, str], where: Unit) -> dict[str, str]:
    """A name for each key: its place, or itself where several have one place.

    Names are without those of data set, teacher and student, so that one contestant has one name on all of them.
    """
    for names in (homes, {key: key for key in homes}):
        short = {key: _without(name, where) for key, name in names.items()}
        if len(set(short.values())) == len(short) and all(short.values()):
            return short
    return {key: key for key in homes}


def _without(name: str, parts: Unit) -> str:
    for part in parts:
        name = re.sub(rf"(?<![A-Za-z0-9]){re.escape(part)}(?![A-Za-z0-9])", "", name) if part else name
    return re.sub(r"[-_ /]{2,}", "-", name).strip("-_ /")
