"""Laws between the sections of a spec. Each check names the sections it reads and runs where those are sound."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

from acgkd.config import DatasetConfig, TeacherConfig
from acgkd.errors import Fault
from sweeps.spec.inspection import Inspection
from sweeps.spec.parameters import Space
from sweeps.spec.sections import (
    UNTRUSTED_COMMAND,
    Artefacts,
    Budget,
    Objective,
    Replicates,
    Resources,
    SamplerConfig,
    SchedulerConfig,
)
from sweeps.spec.values import number
from sweeps.spec.written_space import WrittenSpace

Check = Callable[..., Iterator[Fault]]

# Optuna's NSGA-II and Gaussian process learn nothing from pruned trials, so most of the budget would be wasted.
_BLIND_TO_PRUNED = {"nsga2": "NSGA-II", "gp": "The Gaussian process"}


def objectives_law(objectives: Sequence[Objective]) -> Iterator[Fault]:
    """No duplicate objectives; no control as floor of a cost."""
    names = [objective.name for objective in objectives]
    for place, objective in enumerate(objectives):
        if objective.name in names[:place]:
            yield Fault(f"objectives/{place}", f"Duplicate objective '{objective.name}'. Leave one of them out.")
        if objective.is_cost and objective.floor == "control":
            yield Fault(
                f"objectives/{place}/floor",
                f"A control is no floor for a cost, as it is cheap by nature. Leave the floor of '{objective.name}' "
                "out, or give a number.",
            )


def objectives_need_data(
    objectives: Sequence[Objective], dataset: DatasetConfig | None, teacher: TeacherConfig
) -> Iterator[Fault]:
    """Objectives on the validation split need one that the teacher has not seen."""
    for place, objective in enumerate(objectives):
        if not objective.uses_real_data:
            continue
        if dataset is None:
            yield Fault(
                f"objectives/{place}",
                f"'{objective.name}' is measured on a validation split, but there is no `dataset`. "
                "Use 'agreement', which needs no data.",
            )
        elif teacher.checkpoint is not None and dataset.split_file is None:
            yield Fault(
                f"objectives/{place}",
                f"'{objective.name}' needs samples that the teacher has not seen, but nothing says which ones trained "
                "`teacher/checkpoint`. Give `dataset/split_file`, or use 'agreement'.",
            )


def validation_curves_need_data(
    artefacts: Artefacts, dataset: DatasetConfig | None, teacher: TeacherConfig
) -> Iterator[Fault]:
    """Validation curves need a validation split that the teacher has not seen."""
    if artefacts.validation_curves and (dataset is None or (teacher.checkpoint and dataset.split_file is None)):
        lacks = "there is no `dataset`" if dataset is None else "nothing says which samples trained the teacher"
        yield Fault(
            "artefacts/validation_curves",
            f"Validation curves need a validation split that the teacher has not seen, but {lacks}. Leave them out"
            + (", or give `dataset/split_file`." if dataset is not None else "."),
        )


def halving_needs_a_sampler_that_listens(sampler: SamplerConfig, scheduler: SchedulerConfig) -> Iterator[Fault]:
    """Samplers that ignore pruned trials do not go with early stopping."""
    if scheduler.name == "halving" and sampler.name in _BLIND_TO_PRUNED:
        yield Fault(
            "sampler/name",
            f"{_BLIND_TO_PRUNED[sampler.name]} ignores stopped trials, so with `scheduler: halving` it would learn "
            "from a few only. Use `sampler: tpe` or `scheduler: none`.",
        )


def halving_needs_rungs(scheduler: SchedulerConfig, replicates: Replicates) -> Iterator[Fault]:
    """Fractions rise, and halving has at least one rung."""
    fractions = scheduler.fractions
    for name, shares in (("fractions", fractions), ("synthesis", scheduler.synthesis)):
        if any(first >= second for first, second in pairwise(shares)):
            yield Fault(f"scheduler/{name}", f"Fractions must rise, but got {list(shares)}.")
    if scheduler.name == "none" and scheduler.synthesis:
        yield Fault(
            "scheduler/synthesis",
            "Rungs are for `halving` and `observe`, but got `none`. Choose one of them, or leave `synthesis` out.",
        )
    if scheduler.name == "halving" and not fractions and not scheduler.synthesis and len(replicates.seeds) < 2:
        yield Fault(
            "scheduler/fractions",
            "Halving needs a place to stop at, but there are no fractions and only one replicate. Try `[0.5]`.",
        )


def replicates_law(replicates: Replicates) -> Iterator[Fault]:
    """Seeds are there, without duplicates, and several of them vary something."""
    seeds = replicates.seeds
    if not seeds:
        yield Fault("replicates/seeds", "At least one seed is needed, but got none. Try `[0, 1, 2]`.")
    for seed in _duplicates(seeds):
        yield Fault("replicates/seeds", f"Duplicate seed {seed}: it adds no evidence. Leave one of them out.")
    for part in sorted(_duplicates(replicates.vary)):
        yield Fault("replicates/vary", f"Duplicate '{part}'. Leave one of them out.")
    if len(seeds) > 1 and not replicates.vary:
        yield Fault("replicates/vary", "Several seeds must vary something. Name some of: split, teacher, draws.")


T = TypeVar("T")


def _duplicates(values: Sequence[T]) -> list[T]:
    return [value for value, count in Counter(values).items() if count > 1]


def fixed_things_do_not_vary(
    replicates: Replicates, teacher: TeacherConfig, dataset: DatasetConfig | None
) -> Iterator[Fault]:
    """A seed cannot vary a teacher that is given, nor a split that a file fixes."""
    if teacher.checkpoint is not None:
        for part in ("split", "teacher"):
            if part in replicates.vary:
                yield Fault(
                    "replicates/vary", f"A seed cannot vary '{part}': `teacher/checkpoint` is fixed. Use `[draws]`."
                )
    elif dataset is not None and dataset.split_file is not None and "split" in replicates.vary:
        yield Fault(
            "replicates/vary", "A seed cannot vary 'split': `dataset/split_file` fixes it. Use `[teacher, draws]`."
        )


def budget_law(budget: Budget, space: object) -> Iterator[Fault]:
    """A sweep must end some day, and without a space it ends after one trial, or at a deadline."""
    if space is None:
        limits = (budget.replicates, budget.multiply_adds, budget.hours, budget.patience)
        if budget.trials not in (None, 1) or any(limit is not None for limit in limits):
            yield Fault(
                "budget",
                "Without a `space` there is one trial and nothing to budget. Leave `budget` out, or give a `deadline`.",
            )
    elif budget == Budget():
        yield Fault(
            "budget",
            "A budget needs at least one of `trials`, `replicates`, `multiply_adds`, `hours`, `deadline` and "
            "`patience`, but has none. Try `{trials: 24}`.",
        )


def command_needs_trust(on_end: object, trust_code: bool) -> Iterator[Fault]:
    """A spec that runs a command runs code."""
    if on_end is not None and not trust_code:
        yield Fault("on_end", UNTRUSTED_COMMAND)


def search_needs_a_space(space: object, sampler: SamplerConfig, scheduler: SchedulerConfig) -> Iterator[Fault]:
    """Where nothing is searched, nothing is sampled and no trial can be stopped for the sake of others."""
    if space is not None:
        return
    if sampler != SamplerConfig():
        yield Fault("sampler", "Without a `space` nothing is sampled. Leave `sampler` out.")
    if scheduler.name != "none":
        yield Fault("scheduler", "Without a `space` there is one trial and none to stop early. Leave `scheduler` out.")


def resources_law(resources: Resources, device: str) -> Iterator[Fault]:
    """Whole devices or a share of one, and only where they are used."""
    if resources.gpu > 1 and resources.gpu != int(resources.gpu):
        yield Fault(
            "resources/gpu",
            f"A trial takes a share of one device or a whole number of devices, but got {number(resources.gpu)}.",
        )
    if 0 < resources.gpu < 0.01:
        yield Fault("resources/gpu", f"`gpu >= 0.01` or `gpu: 0` must hold, but got {number(resources.gpu)}.")
    if resources.gpu > 0 and device == "cpu":
        yield Fault("resources/gpu", "`device: cpu` leaves a GPU unused. Set `gpu: 0`, or `device: auto`.")
    if resources.gpu == 0 and device == "cuda":
        yield Fault(
            "resources/gpu", "`device: cuda` needs a device per trial, but `gpu` is 0. Try `resources: {gpu: 0.25}`."
        )


def written_space_law(space: Space | str | None) -> Iterator[Fault]:
    """Ranges, choices and conditions of a space written out in the spec."""
    if space is not None and not isinstance(space, str):
        yield from WrittenSpace(space).faults()


CHECKS: tuple[Check, ...] = (
    objectives_law,
    objectives_need_data,
    validation_curves_need_data,
    halving_needs_a_sampler_that_listens,
    halving_needs_rungs,
    replicates_law,
    fixed_things_do_not_vary,
    budget_law,
    command_needs_trust,
    search_needs_a_space,
    resources_law,
    written_space_law,
)


def cross_check(sound: Mapping[str, object], inspection: Inspection, trust_code: bool = False) -> list[Fault]:
    """All that is wrong between sections.

    Args:
        sound: the sections that are valid on their own, by name.
        inspection: what has been found out about them, and takes what is found out here.
        trust_code: let models be Python functions of the user's, and `on_end` a command.
    """
    from sweeps.spec.checks.catalog_checks import CATALOG_CHECKS
    from sweeps.spec.checks.space_checks import searched_students_fit, space_law

    facts = {**sound, "inspection": inspection, "trust_code": trust_code}
    faults: list[Fault] = []
    checks: tuple[Check, ...] = (*CHECKS, *CATALOG_CHECKS, space_law, searched_students_fit)
    for check in checks:
        wanted = list(inspect.signature(check).parameters)
        if all(name in facts for name in wanted):
            faults.extend(fault for fault in check(**{name: facts[name] for name in wanted}) if fault not in faults)
    return faults
