"""What the result was judged by: the rule that chose, the parts of the data, and what agreement is worth."""

import math

import pandas as pd

from analysis import formatting
from analysis.figures.canvas import picture
from analysis.figures.trust.selection_scatter import paint_selection
from analysis.page.blocks import Block, Column, Note, Row, Table
from analysis.statistics.pool_worth import worth_of, worth_to_say
from analysis.statistics.trust.selected_by import selected_by, sentence
from analysis.statistics.view import View

_PARTS = ("train", "validation", "test")
_FACTS = {
    "agreement": ("agreement of the student with its teacher", formatting.share),
    "control_agreement": ("the same of the lower control", formatting.share),
    "classes": ("classes of the teacher", formatting.whole),
    "pool_classes": ("classes that it says on the pool", formatting.whole),
    "pool_smallest_class": ("samples of the rarest of them", formatting.whole),
    "pool_confidence": ("its mean confidence there", formatting.share),
    "agreement_lowest": ("agreement on the part of the pool where it is lowest", formatting.share),
    "agreement_highest": ("and where it is highest", formatting.share),
}


def selection_blocks(view: View) -> list[Block]:
    """What chose against the test accuracy; nothing where one of them is not known."""
    found = selected_by(view) if view.searched else None
    if found is None:
        return []
    first = view.objectives[0]
    real = {
        True: "looks at real data",
        False: "looks at no real data",
        None: "may look at real data: that is not known",
    }
    caption = (
        f"The rule: the {'highest' if first.sign > 0 else 'lowest'} mean {found.name} over replicates among complete "
        f"trials, ties to the older one. It {real[first.uses_real_data]}, and never the test split, which judges "
        "afterwards. The best trial on test is found by looking at the test: a diagnosis, not a result."
    )
    return [picture("selection", "What chose, against the test", caption, paint_selection(found), sentence(found))]


def part_blocks(view: View) -> list[Block]:
    """How large the parts of the data are that judge; nothing where no size was recorded."""
    rows = view.rows[view.rows["outcome"] == "completed"]
    found = []
    for part in _PARTS:
        sizes = rows[f"{part}_size"].dropna().astype("float64")
        if sizes.empty or sizes.max() <= 0:
            continue
        entry: dict[str, object] = {"part": part, "least": sizes.min(), "most": sizes.max()}
        if part != "train":
            entry |= {"classes": rows[f"{part}_classes"].min(), "rarest": rows[f"{part}_smallest_class"].min()}
            entry |= {"step": 1 / sizes.min(), "error": math.sqrt(0.25 / sizes.min())}
        found.append(entry)
    if not found:
        return []
    names = ["part", "least", "most", "classes", "rarest", "step", "error"]
    data = pd.DataFrame(found).reindex(columns=names)
    columns = (
        Column("part", lambda row: {"train": "training"}.get(row["part"], str(row["part"])), numeric=False),
        Column("samples", _size),
        Column("classes", lambda row: formatting.whole(row["classes"])),
        Column("of the rarest class", lambda row: formatting.whole(row["rarest"])),
        Column("one sample is", lambda row: formatting.share(row["step"])),
        Column("standard error, at most", lambda row: formatting.share(row["error"])),
    )
    note = (
        "Over all completed replicates; classes and the rarest one are the smallest of any replicate. Standard error: "
        "of one accuracy on so many samples, were it 0.5."
    )
    return [Table("parts", "The parts of the data that judge", data, columns, note)]


def agreement_blocks(view: View) -> list[Block]:
    """The facts beside agreement on the pool; nothing where it was not measured."""
    worth = worth_of(view)
    if worth is None:
        return []
    rows = [
        {"fact": text, "value": getattr(worth, name), "shown": show(getattr(worth, name))}
        for name, (text, show) in _FACTS.items()
        if getattr(worth, name) is not None
    ]
    columns = (
        Column("", lambda row: str(row["fact"]), numeric=False),
        Column("", lambda row: str(row["shown"])),
    )
    informative = "Nothing known here speaks against it." if worth.informative else ""
    blocks: list[Block] = [
        Table("agreement-worth", "What agreement on the pool is worth", pd.DataFrame(rows), columns, informative)
    ]
    # What breaks a rule stands among the warnings where agreement chose or is all there is; elsewhere it is said here.
    return (
        blocks
        if worth.informative or worth_to_say(view) is not None
        else [*blocks, Note(f"{'. '.join(worth.reasons)}.")]
    )


def _size(row: Row) -> str:
    least, most = formatting.whole(row["least"]), formatting.whole(row["most"])
    return least if least == most else f"{least} to {most}"
