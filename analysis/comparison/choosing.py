"""Who stands for whom: ours is fixed beforehand, a rival is represented by its best row, and never chosen on test."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from acgkd.errors import SourceError
from analysis.comparison.published import steps_taken
from analysis.comparison.trial_rows import TrialRow
from analysis.statistics.pool_worth import is_lower, worth_of_runs

EQUAL = ("seconds", "multiply_adds", "steps", "settings")
"""Costs that can be held equal: those of a row, or how many settings its method had tried by then."""
SLACK = 0.1
"""By how much seconds and multiply-adds may differ and still be called equal."""
RULE = (
    "The rule. The row of the baseline is fixed beforehand: the row that was named, or the trial that its sweep "
    "chose by its own first objective (of several sweeps, the one with the most seeds). Every other method "
    "is represented by its best row: that with the highest mean validation accuracy over the seeds that all its rows "
    "have, never by test; rows that share no seed with the baseline stand only where none does. Whose settings are "
    "published is declared with the method: those of its paper, of its released code or of somebody's port. Rows that "
    "differ from all of these in more than amounts (steps, pseudo-samples, the step at which rates fall, a density "
    "from the prior), or are declared ours, are not published and do not represent it, unless it has no other; trials "
    "of a search count as their method tuned. A row is reduced where it has fewer steps of any stage or fewer "
    "pseudo-samples than the settings it is nearest to, or is declared a cheaper form of them. A lead over a row that "
    "is reduced or not published decides nothing."
)


@dataclass(frozen=True, eq=False)
class Cell:
    """All rows on one data set and pair, and who stands for whom.

    Args:
        rows: all of them.
        baseline: ours; None where it was not run here.
        best: the row that stands for each other contestant.
        scores: mean validation accuracy by row label, over the seeds that all candidates of its contestant have.
        undecided: contestants with several rows and no validation accuracy to choose by.
        costlier: contestants of which every row costs more than the baseline's, where costs are to be equal.
    """

    rows: tuple[TrialRow, ...]
    baseline: TrialRow | None
    best: dict[str, TrialRow]
    scores: dict[str, float]
    undecided: tuple[str, ...]
    costlier: tuple[str, ...] = ()

    @property
    def shown(self) -> dict[str, TrialRow]:
        """The row of every contestant: the baseline's, then rivals', then controls'."""
        first = {} if self.baseline is None else {self.baseline.contestant: self.baseline}
        return first | dict(sorted(self.best.items(), key=lambda item: item[1].control))


def row_named(cell: Cell, name: str, *, as_label: bool = False) -> TrialRow | None:
    """The row that a name means: that of a label, or the one that stands for a method or contestant.

    Args:
        cell: where it is looked for.
        name: what is called so.
        as_label: what a name means that is both a method and the label of another row of it than stands for it: that
            row, or the one that stands.
    """
    labelled = [row for row in cell.rows if row.label == name and (as_label or row.method != name)]
    standing = [row for key, row in cell.shown.items() if name in (row.label, key, row.method)]
    return next(iter((*labelled, *standing)), None)


def cell_of(rows: Sequence[TrialRow], baseline: str, equal: str | None = None) -> Cell:
    """Applies the rule.

    Args:
        rows: on one data set and pair.
        baseline: label, contestant or method of ours.
        equal: the cost of which no other row may have more than ours, one of `EQUAL`; controls are held to it too.
    """
    ours = _ours(rows, baseline)
    best: dict[str, TrialRow] = {}
    scores: dict[str, float] = {}
    undecided, costlier = [], []
    for contestant in dict.fromkeys(row.contestant for row in rows):
        if ours is not None and contestant == ours.contestant:
            continue
        usable = [row for row in rows if row.contestant == contestant and row.complete and len(row.done)]
        usable = [row for row in usable if ours is None or _pairs(ours, row)] or usable
        if equal is not None and ours is not None:
            affordable = [row for number, row in enumerate(usable) if _cost(row, equal, number) <= _most(ours, equal)]
            costlier += [contestant] if usable and not affordable else []
            usable = affordable
        candidates = [row for row in usable if row.published] or usable
        found = _scores(candidates)
        scores |= found
        if len(candidates) == 1:
            best[contestant] = candidates[0]
        elif candidates and not any(map(math.isnan, found.values())):
            best[contestant] = max(candidates, key=lambda row: found[row.label])
        elif chosen := [row for row in candidates if row.chosen]:
            best[contestant] = chosen[0]
        elif candidates:
            undecided.append(contestant)
    if ours is not None:
        scores |= _scores([ours])
    return Cell(tuple(rows), ours, best, scores, tuple(undecided), tuple(costlier))


def default_baseline(rows: Sequence[TrialRow]) -> str:
    """Who is ours where nobody was named: the method of the first sweep's chosen trial.

    Raises:
        SourceError: there is no row at all.
    """
    for row in (*(row for row in rows if row.chosen), *(row for row in rows if row.trial), *rows):
        return row.contestant
    raise SourceError("A comparison needs trials or controls, but none of the records given is of one.")


def require_baseline(rows: Sequence[TrialRow], baseline: str) -> None:
    """Refuses a baseline that is nobody's name.

    Raises:
        SourceError: it is none of the labels and methods.
    """
    known = list(dict.fromkeys(name for row in rows for name in (row.contestant, row.method, row.label)))
    if baseline not in known:
        listed = ", ".join(known[:16]) + (" …" if len(known) > 16 else "")
        raise SourceError(
            f"The baseline is the label of a row or a method, but there is no '{baseline}'. Known: {listed}."
        )


def equal_in_words(equal: str | None, cells: Iterable[Cell] = ()) -> str:
    """What is held equal, and of these cells who has no row by it, as a sentence; '' where nothing is."""
    if equal is None:
        return ""
    what = equal.replace("_", "-")
    law = {
        "steps": "has no more of them than the baseline's",
        "settings": "is among as many of its method's as the baseline's method tried",
    }.get(equal, "has at most a tenth more of them than the baseline's")
    left = ", ".join(f"`{name}`" for name in sorted({name for cell in cells for name in cell.costlier}))
    without = f" On some data set no row stands for {left}." if left else ""
    return f"Held equal: {what}. A row of a rival or a control {law}.{without}"


def absent_in_words(baseline: str, cells: Mapping[str, Cell], equal: str | None = None) -> str:
    """Where the baseline is not, as a sentence; '' where it is everywhere.

    Args:
        baseline: label, contestant or method of ours.
        cells: by the name that readers know their place by.
        equal: what is held equal to the baseline's.
    """
    left = {place: cell for place, cell in cells.items() if cell.baseline is None or not len(cell.baseline.done)}
    ran = [place for place, cell in left.items() if any(_is(row, baseline) for row in cell.rows)]
    rest = [place for place in left if place not in ran]
    said = [f"was not run on {', '.join(rest)}"] * bool(rest)
    said += [f"has no row that could stand for it on {', '.join(ran)}"] * bool(ran)
    held = ", and nothing is held equal" if equal is not None else ""
    return f"The baseline `{baseline}` {' and '.join(said)}: no differences are given there{held}." if said else ""


def role_of(cell: Cell, row: TrialRow) -> str:
    """What a row is in the comparison."""
    if cell.baseline is row:
        return "baseline"
    if cell.shown.get(row.contestant) is not row:
        return "other"
    return "control" if row.control else "best"


def note_of(cell: Cell, row: TrialRow) -> str:
    """What a reader must know of a row."""
    role = role_of(cell, row)
    alone = sum(each.contestant == row.contestant for each in cell.rows) == 1
    words = ["baseline"] if role == "baseline" else ["best"] if role == "best" and not alone else []
    words += ["tuned"] if row.searched else []
    words += ["not published"] if not row.published and role != "baseline" else []
    words += ["reduced"] if row.reduced else []
    words += ["no choice without validation accuracy"] if row.contestant in cell.undecided else []
    return ", ".join(words)


def steps_in_words(row: TrialRow) -> str:
    """``synthesis 160 of 1,500; transfer 1,500``: of a method's default where that is another number."""
    return "; ".join(
        f"{each.stage} {each.taken:,}" + (f" of {each.default:,}" if each.taken != each.default else "")
        for each in (*row.steps, *row.fewer_samples)
    )


def worth_in_words(cell: Cell, row: TrialRow, place: str) -> str:
    """What the agreement of a row is worth, with the reasons where it is not informative; '' where it has none."""
    lower = [each.runs for each in cell.rows if not each.trial and is_lower(each.method, each.runs)]
    found = worth_of_runs(row.runs, lower)
    return "" if found is None else f"{place}: {found.verdict}"


def _ours(rows: Sequence[TrialRow], baseline: str) -> TrialRow | None:
    named = [row for row in rows if row.label == baseline]
    same = [row for row in rows if _is(row, baseline)]
    chosen = [row for row in same if row.chosen]
    if named or chosen:
        return named[0] if named else max(chosen, key=lambda row: (len(row.done), row.published))
    usable = [row for row in same if row.complete and len(row.done)]
    scores = _scores(usable)
    if len(usable) > 1 and any(map(math.isnan, scores.values())):
        return None
    return max(usable, key=lambda row: scores[row.label], default=None)


def _is(row: TrialRow, name: str) -> bool:
    return name in (row.label, row.contestant, row.method)


def _pairs(ours: TrialRow, row: TrialRow) -> bool:
    """Whether some seed of a row is one of ours; no other row has a difference."""
    return bool(set(ours.done["seed"]) & set(row.done["seed"]))


def _cost(row: TrialRow, equal: str, number: int) -> float:
    """What a row took; of settings tried, its number among its method's."""
    if equal == "settings":
        return number + 1
    if equal == "steps":
        return sum(each.taken for each in row.steps) or steps_taken(row.first)
    return float(row.done[equal].astype("float64").mean())


def _most(ours: TrialRow, equal: str) -> float:
    """What a rival's row may take."""
    if equal == "settings":
        return ours.settings_tried
    cost = _cost(ours, equal, 0)
    return cost if equal == "steps" else (1 + SLACK) * cost


def _scores(rows: Sequence[TrialRow]) -> dict[str, float]:
    """Mean validation accuracy of some rows over the seeds that all of them have."""
    values = {row.label: row.seeds("validation_accuracy") for row in rows}
    shared = set.intersection(*(set(each.index) for each in values.values())) if values else set()
    return {label: float(each.loc[sorted(shared)].mean()) if shared else math.nan for label, each in values.items()}
