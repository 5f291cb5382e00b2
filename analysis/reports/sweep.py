"""The report of a sweep: what accuracy each setting buys and at what cost, how it was chosen, and what is not known."""

from collections.abc import Sequence
from dataclasses import replace

from analysis import formatting
from analysis.figures.canvas import Picture
from analysis.page.blocks import Alternatives, Block, Report, Section, Table
from analysis.page.markup import slug
from analysis.page.trial_values import trial_values
from analysis.reports._best import facts
from analysis.reports._comparison import facts as method_facts
from analysis.reports._health import warnings_of
from analysis.reports._provenance import prior
from analysis.reports.questions.can_i_trust_it import can_i_trust_it
from analysis.reports.questions.what_happened import what_happened
from analysis.reports.questions.what_it_costs import what_it_costs
from analysis.reports.questions.what_to_use import what_to_use
from analysis.reports.questions.what_was_made import what_was_made
from analysis.reports.questions.which_settings import which_settings
from analysis.statistics.view import View


def build(views: Sequence[View]) -> Report:
    """Makes the report; several sweeps follow one another, each ranked by its own objective."""
    if len(views) == 1:
        view = views[0]
        kind, shown = ("Sweep", facts(view)) if view.searched else ("Comparison", method_facts([view]))
        title = f"{kind} {view.metadata.sweep.name}"
        parts = _sections(view)
        return Report(title, _subtitle(view), shown, warnings_of(views), parts, trials=(trial_values(view),))
    sections = tuple(
        _renamed(section, view.metadata.source, slug(view.metadata.source))
        for view in views
        for section in _sections(view)
    )
    subtitle = "Each sweep has its own sections; " + "; ".join(
        f"`{view.metadata.source}`: {_subtitle(view)}" for view in views
    )
    values = tuple(trial_values(view, slug(view.metadata.source)) for view in views)
    return Report(f"{len(views)} sweeps", subtitle, (), warnings_of(views), sections, trials=values)


def _sections(view: View) -> tuple[Section, ...]:
    """The questions that the sweep has an answer to, in their order."""
    asked = (what_to_use, what_it_costs, which_settings, what_happened, can_i_trust_it, what_was_made)
    return tuple(section for section in (question(view) for question in asked) if section is not None)


def _subtitle(view: View) -> str:
    rows = view.rows
    if rows.empty:
        return "No record has been written yet."
    parts = []
    for column in ("method", "dataset"):
        names = rows.loc[rows["kind"] == "trial", column].dropna().unique()
        if len(names):
            parts.append(", ".join(map(str, names)))
    pairs = rows.loc[rows["student"].notna(), ["teacher", "student"]].dropna().drop_duplicates()
    if len(pairs):
        parts.append("; ".join(f"{teacher} → {student}" for teacher, student in pairs.itertuples(index=False)))
    what = (
        formatting.plural(len(view.trials), "trial")
        if view.searched
        else formatting.plural(len(view.trials) + len(view.controls), "method")
    )
    parts.append(f"{what} × {formatting.plural(view.planned, 'replicate')}")
    known = prior(view)
    if known:
        parts.append(f"prior: {known}")
    return " · ".join(parts)


def _renamed(section: Section, source: str, prefix: str) -> Section:
    """The section of one sweep among several: its heading and its files carry the sweep's name."""
    blocks = tuple(_renamed_block(block, prefix) for block in section.blocks)
    return Section(f"{source}: {section.title}", blocks, prefix)


def _renamed_block(block: Block, prefix: str) -> Block:
    if isinstance(block, Alternatives):
        items = tuple((label, tuple(_renamed_block(one, prefix) for one in blocks)) for label, blocks in block.items)
        return replace(block, items=items)
    return replace(block, name=f"{prefix}-{block.name}") if isinstance(block, Table | Picture) else block
