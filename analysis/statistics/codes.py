"""Whose rows are whose: the codes that made a sweep's rows, each with a letter where there are several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.formatting import known, named, number

UNKNOWN = "not recorded"
_COLUMNS = ("code_version", "code_package", "code_plugins", "code_files")
_COMPARED = ("completed", "pruned")


@dataclass(frozen=True)
class Code:
    """One of the codes.

    Args:
        letter: how tables call it; A is the oldest.
        text: version and digests, in words.
        made: its rows, in words.
    """

    letter: str
    text: str
    made: str


@dataclass(frozen=True)
class Codes:
    """The codes of a sweep's rows.

    Args:
        all: oldest first.
        marks: letters by the trial's number or the label of a control or teacher; two where its replicates differ.
    """

    all: tuple[Code, ...]
    marks: Mapping[int | str, str]

    @property
    def several(self) -> bool:
        """Whether rows are of more than one code."""
        return len(self.all) > 1

    def mark(self, trial: object, label: object) -> str:
        """The letter of a row of a table; empty where it stands for no run."""
        return self.marks.get(int(number(trial)) if known(trial) else str(label), "")

    def sentences(self, chosen: int | None, accepted: Sequence[str] = ()) -> tuple[str, ...]:
        """What a reader must know before comparing rows; nothing where all are of one code.

        Args:
            chosen: number of the chosen trial.
            accepted: the changes that were accepted.
        """
        if not self.several:
            return ()
        listed = "; ".join(f"{code.letter}, {code.text}, made {code.made}" for code in self.all)
        found = [f"Rows are of {len(self.all)} codes: {listed}. A difference between them may be the code's."]
        if accepted:
            found.append(f"Changes between them that were accepted: {'; '.join(accepted)}.")
        mine = self.marks.get(chosen) if chosen is not None else None
        others = [code for code in self.all if mine is not None and code.letter not in mine.split(", ")]
        if others:
            made = "; ".join(f"{code.made} ({code.letter})" for code in others)
            found.append(
                f"The chosen trial {chosen} is of code {mine} and is compared with rows of other code: {made}."
            )
        return tuple(found)


def codes_of(rows: pd.DataFrame) -> Codes:
    """The codes of the rows that reports compare: those that completed or were stopped early.

    Args:
        rows: of one sweep's frame.
    """
    held = rows[rows["outcome"].isin(_COMPARED)]
    keys = pd.Series([_key(row) for row in held[list(_COLUMNS)].itertuples(index=False)], index=held.index, dtype="str")
    first = held["started_at"].fillna("").groupby(keys).min()
    order = sorted(first.index, key=lambda key: (key != UNKNOWN, first[key], key))
    letters = {key: chr(ord("A") + place) if place < 26 else f"Z{place - 25}" for place, key in enumerate(order)}
    marks: dict[int | str, set[str]] = {}
    for key, trial, label in zip(keys, held["trial"], held["label"], strict=True):
        marks.setdefault(str(label) if pd.isna(trial) else int(trial), set()).add(letters[key])
    made = {letter: named([name for name, found in marks.items() if letter in found]) for letter in letters.values()}
    return Codes(
        tuple(Code(letters[key], key, made[letters[key]]) for key in order),
        {name: ", ".join(sorted(found)) for name, found in marks.items()},
    )


def _key(row: Sequence[object]) -> str:
    version, package, plugins, files = ("" if pd.isna(value) else str(value) for value in row)  # type: ignore[call-overload]
    if not package:
        return UNKNOWN
    parts = [f"acgkd {version} (code {package})", f"plug-ins {plugins}" if plugins else "", files]
    return ", ".join(part for part in parts if part)
