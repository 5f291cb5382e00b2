"""The report on methods: one row per method and control, over whatever folders are given."""

from collections.abc import Sequence
from dataclasses import replace

from analysis.figures.canvas import Picture
from analysis.page.markup import slug
from analysis.page.render import Block, Report, Section, Table
from analysis.reports._comparison import facts, methods
from analysis.reports._health import unknowns, warnings_of
from analysis.reports._outcomes import outcomes
from analysis.reports._provenance import provenance
from analysis.statistics.view import View


def build(views: Sequence[View]) -> Report:
    """Makes the report: from each sweep its chosen trial, beside the controls, the teacher and the majority class."""
    sections: list[Section] = []
    for view in views:
        suffix = f": {view.metadata.source}" if len(views) > 1 else ""
        stem = f"-{len(sections)}" if len(views) > 1 else ""
        sections.append(Section(f"Methods{suffix}", tuple(methods(view, stem))))
    for view in views:
        suffix = f": {view.metadata.source}" if len(views) > 1 else ""
        rest = (("Outcomes", outcomes(view)), ("What is not known", unknowns(view)), ("Provenance", provenance(view)))
        for title, blocks in rest:
            tables = tuple(block for block in blocks if not isinstance(block, Picture))
            named = tuple(_named(block, view, len(views) > 1) for block in tables)
            sections.append(Section(title + suffix, named))
    subtitle = (
        "One row per method: the trial that its sweep chose, never by the test split, beside what was run as control."
    )
    return Report("Methods", subtitle, facts(views), warnings_of(views), tuple(sections))


def _named(block: Block, view: View, several: bool) -> Block:
    return (
        replace(block, name=f"{slug(view.metadata.source)}-{block.name}")
        if several and isinstance(block, Table)
        else block
    )
