"""The report of a sweep: what accuracy each setting buys and at what cost, how it was chosen, and what is not known."""

from collections.abc import Sequence
from dataclasses import replace

from analysis import formatting
from analysis.figures.canvas import Picture
from analysis.page.markup import slug
from analysis.page.render import Block, Report, Section, Table
from analysis.reports._best import best, facts
from analysis.reports._chosen import chosen_trial
from analysis.reports._comparison import facts as method_facts
from analysis.reports._comparison import methods
from analysis.reports._health import unknowns, warnings_of
from analysis.reports._more_seeds import more_seeds
from analysis.reports._outcomes import outcome_section
from analysis.reports._parameters import hyper_parameters
from analysis.reports._provenance import prior, provenance
from analysis.reports._samples import sample_section
from analysis.reports._tradeoffs import tradeoffs
from analysis.statistics.view import View


def build(views: Sequence[View]) -> Report:
    """Makes the report; several sweeps follow one another, each ranked by its own objective."""
    if len(views) == 1:
        view = views[0]
        kind, shown = ("Sweep", facts(view)) if view.searched else ("Comparison", method_facts([view]))
        return Report(f"{kind} {view.metadata.sweep.name}", _subtitle(view), shown, warnings_of(views), _sections(view))
    sections = tuple(
        _renamed(section, view.metadata.source, slug(view.metadata.source))
        for view in views
        for section in _sections(view)
    )
    subtitle = "Each sweep has its own sections; " + "; ".join(
        f"`{view.metadata.source}`: {_subtitle(view)}" for view in views
    )
    return Report(f"{len(views)} sweeps", subtitle, (), warnings_of(views), sections)


def _sections(view: View) -> tuple[Section, ...]:
    parts = (chosen_trial(view), more_seeds(view), sample_section(view))
    shown = tuple(section for section in parts if section is not None)
    if not view.searched:
        return (
            Section("Methods", tuple(methods(view))),
            *shown,
            outcome_section(view),
            unknowns(view),
            provenance(view),
        )
    return (
        best(view),
        tradeoffs(view),
        *shown,
        hyper_parameters(view),
        outcome_section(view),
        unknowns(view),
        provenance(view),
    )


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
    blocks: list[Block] = [
        replace(block, name=f"{prefix}-{block.name}") if isinstance(block, (Table, Picture)) else block
        for block in section.blocks
    ]
    return Section(f"{source}: {section.title}", tuple(blocks))
