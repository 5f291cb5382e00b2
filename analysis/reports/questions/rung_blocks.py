"""Every trial's values at its rungs, and where and why it ended."""

from acgkd.errors import NothingToShowError
from analysis import formatting
from analysis.figures.canvas import picture
from analysis.figures.history.rung_lines import paint_rungs, rung_lines
from analysis.page.render import Block, Column, Note, Row, Table
from analysis.statistics.history.rungs import Path, called, paths, reduction, rungs_of, sentence, table
from analysis.statistics.view import View

_MOST_OPEN = 25
_MOST_RUNGS = 6
TITLE = "Values at the rungs"


def rung_blocks(view: View) -> list[Block]:
    """The figure and the table; nothing where the sweep keeps no trial files, or has one trial that ran to the end."""
    found = paths(view)
    if not found or (not view.searched and all(path.ended == "completed" for path in found)):
        return []
    blocks: list[Block] = []
    if any(path.stopped_at is not None for path in found):
        try:
            drawn = paint_rungs(rung_lines(view, found))
        except NothingToShowError as reason:
            blocks.append(Note(f"{sentence(view, found)} {reason}"))
        else:
            blocks.append(picture("rungs", TITLE, _explained(view), drawn, sentence(view, found)))
    else:
        blocks.append(Note(sentence(view, found)))
    blocks.append(_table(view, found))
    return blocks


def _explained(view: View) -> str:
    one_in = reduction(view)
    rule = f" One in {one_in} of those that have reached a rung by then continues." if one_in else ""
    front = " The sweep has several objectives and stops by fronts; the first one is shown." * (
        len(view.objectives) > 1
    )
    return (
        "A line is a trial: the mean of what it had done by each rung, which is why a line may rise where a harder "
        f"seed joins it. A cross is where early stopping ended it.{rule}{front}"
    )


def _table(view: View, found: tuple[Path, ...]) -> Table:
    data = table(view, found)
    rungs = rungs_of(found)
    stops = data["stopped_at"].value_counts()
    shown = rungs
    if len(rungs) > _MOST_RUNGS:  # those at which most were stopped say most; the end is always there
        shown = sorted(sorted(rungs[:-1], key=lambda rung: -int(stops.get(rung, 0)))[: _MOST_RUNGS - 1], key=float)
        shown.append(rungs[-1])
    columns = (
        Column("trial", lambda row: str(row["trial"])),
        Column("ended", lambda row: _ended(row), numeric=False),
        *(Column(called(rung), lambda row, name=f"at/{rung}": _value(row[name])) for rung in shown),  # type: ignore[misc]
        Column("replicates", lambda row: f"{row['done']} of {view.planned}"),
        Column("why", lambda row: formatting.words(row["why"])[:300], numeric=False),
    )
    name = view.objectives[0].name.replace("_", " ") if view.objectives else "the first objective"
    note = f"Columns between are {name}, the mean of what was done by then." if shown else ""
    if len(shown) < len(rungs):
        note += f" The other {formatting.plural(len(rungs) - len(shown), 'rung')} are in the files."
    chosen = frozenset(i for i, number in enumerate(data["trial"]) if number == view.choice.trial)
    folded = len(data) > _MOST_OPEN
    return Table(
        "trials-at-rungs",
        "Every trial, and where it ended",
        data,
        columns,
        note.strip(),
        chosen,
        200,
        folded,
        paged=True,
    )


def _ended(row: Row) -> str:
    return f"stopped at {called(row['stopped_at'])}" if formatting.known(row["stopped_at"]) else str(row["ended"])


def _value(value: object) -> str:
    return formatting.significant(value)
