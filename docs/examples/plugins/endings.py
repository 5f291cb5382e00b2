"""A report of one table: how each replicate ended, and what it cost."""

from collections.abc import Sequence

from analysis import formatting
from analysis.page.render import Column, Report, Section, Table
from analysis.statistics.view import View


def build(views: Sequence[View]) -> Report:
    """One section for each sweep."""
    return Report("Outcomes", "How each replicate ended.", (), (), tuple(map(_section, views)))


def _section(view: View) -> Section:
    columns = (
        Column("run", lambda row: str(row["label"]), numeric=False),
        Column("seed", lambda row: str(row["seed"])),
        Column("ended", lambda row: str(row["outcome"]), numeric=False),
        Column("took", lambda row: formatting.seconds(row["seconds"])),
    )
    title = view.metadata.source
    return Section(title, (Table("outcomes", "Replicates", view.rows, columns),), scope=title)
