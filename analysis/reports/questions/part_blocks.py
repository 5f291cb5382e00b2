"""The parts of the data that judge: their sizes and classes, and what one sample is worth."""

import math

import pandas as pd

from analysis import formatting
from analysis.page.blocks import Block, Column, Row, Table
from analysis.statistics.view import View

_PARTS = ("train", "validation", "test")


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


def _size(row: Row) -> str:
    least, most = formatting.whole(row["least"]), formatting.whole(row["most"])
    return least if least == most else f"{least} to {most}"
