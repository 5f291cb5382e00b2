"""The sweep in time: a timeline by worker with lost work."""

import pandas as pd

from acgkd.errors import NothingToShowError
from analysis import formatting
from analysis.figures.canvas import picture
from analysis.figures.history.timeline import paint_timeline, timeline
from analysis.page.render import Block, Column, Note, Table
from analysis.statistics.history.attempt_accounts import sentence, table
from analysis.statistics.history.attempts import Span, spans
from analysis.statistics.view import View


def timeline_blocks(view: View) -> list[Block]:
    """The timeline with its table; a sentence where no attempt says when it began."""
    found = spans(view)
    try:
        content = timeline(found)
    except NothingToShowError as reason:
        return [Note(str(reason))]
    left_out = (
        f" {formatting.plural(content.left_out, 'worker')} more are in the table only." if content.left_out else ""
    )
    lost = " The thin part at a bar's end is work that a later attempt had to do again." if _any_lost(found) else ""
    caption = (
        f"A bar is one attempt at a replicate, with the number of its trial; a worker is a place on "
        f"a machine: as many as ran there at a time.{lost}{left_out}"
    )
    return [picture("timeline", "Timeline by worker", caption, paint_timeline(content), sentence(found)), _table(found)]


def _any_lost(found: tuple[Span, ...]) -> bool:
    return any(span.lost_s > 0 for span in found)


def _table(found: tuple[Span, ...]) -> Table:
    data = table(found)
    columns = (
        Column("", lambda row: str(row["label"]), numeric=False),
        Column("replicate", lambda row: str(row["replicate"])),
        Column("attempt", lambda row: str(row["attempt"])),
        Column("worker", lambda row: str(row["worker"]), numeric=False),
        Column("began, UTC", lambda row: _time(row["began"]), numeric=False),
        Column("took", lambda row: formatting.seconds(row["seconds"])),
        Column("outcome", lambda row: str(row["outcome"]).replace("_", " "), numeric=False),
        Column("fault of", lambda row: formatting.words(row["cause"]), numeric=False),
        Column("last began with", lambda row: formatting.words(row["place"]), numeric=False),
        Column("lost work", lambda row: formatting.seconds(row["lost_s"]) if row["lost_s"] else formatting.DASH),
    )
    return Table("every-attempt", "Every attempt", data, columns, most=60, folded=True, paged=True)


def _time(value: object) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, pd.Timestamp) else formatting.DASH
