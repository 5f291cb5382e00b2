"""What agreement on the reference pool is worth."""

import pandas as pd

from analysis import formatting
from analysis.page.blocks import Block, Column, Note, Table
from analysis.statistics.pool_worth import worth_of, worth_to_say
from analysis.statistics.view import View

_FACTS = {
    "agreement": ("agreement of the student with its teacher", formatting.share),
    "control_agreement": ("the same of the lower control", formatting.share),
    "classes": ("classes of the teacher", formatting.whole),
    "pool_classes": ("classes that it says on the pool", formatting.whole),
    "pool_smallest_class": ("samples of the rarest of them", formatting.whole),
    "pool_confidence": ("its mean confidence there", formatting.share),
    "agreement_lowest": ("agreement on the part of the pool where it is lowest", formatting.share),
    "agreement_highest": ("and where it is highest", formatting.share),
    "agreement_worst_class": ("agreement within the class that the student follows least", formatting.share),
    "agreement_ranking": ("how alike both order the samples of a part, from -1 to 1", formatting.share),
    "agreement_overlap": ("what their class probabilities have in common", formatting.share),
    "control_overlap": ("the same of the lower control", formatting.share),
    "pool_memory": ("BatchNorm layers of the teacher that lead the pool", formatting.whole),
}


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
