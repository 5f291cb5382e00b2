"""How much methods depend on their settings: of a sweep of a suite, one more for each method, with perturbed settings.

`analysis.robustness` has the rule for what is perturbed and by how much, and reads what became of it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from acgkd.config import MethodChoice, flatten, overlay
from acgkd.errors import AcgkdError
from acgkd.methods import parse_method
from sweeps.suites.members import Member
from sweeps.suites.rows import Row
from sweeps.suites.spec.axes import Sensitivity


def with_studies(members: Iterable[Member]) -> Iterator[Member]:
    """The sweeps of a suite, each followed by those of perturbed settings that its data set asks for."""
    for member in members:
        yield member
        if member.dataset.sensitivity is not None and not member.searches:
            yield from _studies(member, member.dataset.sensitivity)


def _studies(member: Member, asked: Sensitivity) -> Iterator[Member]:
    """Of each method a sweep, with it as the trial and perturbed settings as controls."""
    replicates = member.sections.get("replicates")
    known = replicates.get("seeds", [0]) if isinstance(replicates, dict) else [0]
    if asked.seeds is None and not (isinstance(known, list | tuple) and known):
        return  # the sweep of all methods says what is wrong with them
    seeds = list(known[:1] if asked.seeds is None else asked.seeds)
    for row in member.rows:
        if row.is_control or row.entry.stands_alone or row.label != row.entry.name:
            continue
        try:
            rows = tuple(_rows(row, member, asked))
        except AcgkdError:  # the sweep of all methods says what is wrong with it
            continue
        yield replace(
            member,
            name=f"{member.name}-{row.label}",
            rows=rows,
            sections=overlay(dict(member.sections), {"replicates/seeds": seeds}),
            places={**member.places, "replicates/seeds": f"{member.places['dataset']}/sensitivity/seeds"},
            study=row.label,
        )


def _rows(row: Row, member: Member, asked: Sensitivity) -> Iterator[Row]:
    from analysis.robustness.perturbations import jointly, one_at_a_time, perturbed

    choice = row.seen_from(member.reference.choice)
    settings = flatten(parse_method(choice)[1].model_dump())
    own = replace(row, budget="own", teachings=1, synthesis=choice.synthesis, transfer=choice.transfer)
    yield own
    singles = one_at_a_time(settings) if asked.one_at_a_time else []
    for variant in (*singles, *jointly(settings, asked.draws)):
        tried = MethodChoice.model_validate(overlay(choice.model_dump(), perturbed(settings, variant.factors)))
        yield replace(own, label=variant.label, synthesis=tried.synthesis, transfer=tried.transfer)
