"""What must be there before trials: teachers, each trained once, and the controls to read results against."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.store.trial import Trial
from sweeps.worker.experiments import Experiments
from sweeps.worker.messages import Job

TEACHER = "teacher"


@dataclass(frozen=True)
class Teachers:
    """The teachers of a sweep, each known by the first replicate that it teaches.

    Args:
        first: of every replicate, the first one with the same teacher.
        needed: those that what is left to do needs.
        missing: those of them that are not there, or whose row is not.
    """

    first: dict[int, int]
    needed: list[int]
    missing: list[int]


def find_teachers(spec: SweepSpec, folder: SweepFolder, experiments: Experiments, wanted: Collection[int]) -> Teachers:
    """Which teachers there have to be and which are missing.

    Args:
        spec: the sweep.
        folder: its folder.
        experiments: where experiments come from.
        wanted: replicates in which something is left to do.
    """
    configs = spec.configs_to_prepare()
    by_key: dict[str, int] = {}
    first: dict[int, int] = {}
    missing: dict[int, bool] = {}
    for replicate, seed in enumerate(spec.replicates.seeds):
        runs = [experiments.experiment(config, seed, folder.cache) for config in configs]
        first[replicate] = by_key.setdefault(runs[0].preparation_key(), replicate)
        if first[replicate] == replicate:
            there = all(experiment.prepared for experiment in runs)
            missing[replicate] = not (there and folder.has_record(TEACHER, replicate))
    needed = sorted({first[replicate] for replicate in wanted})
    return Teachers(first, needed, [replicate for replicate in needed if missing[replicate]])


def unfinished(spec: SweepSpec, folder: SweepFolder, trials: Collection[Trial], more: bool) -> set[int]:
    """The replicates in which something is left to do: by a control, by a trial under way or by one to come.

    Args:
        spec: the sweep.
        folder: its folder.
        trials: so far.
        more: whether trials may be added.
    """
    everything = range(len(spec.replicates.seeds))
    names = [folder.trial_name(trial.number) for trial in trials if not trial.final]
    if more and spec.space is not None:
        return set(everything)
    if more:
        names.append(folder.trial_name(len(trials)))
    names += [folder.control_name(control.label) for control in spec.controls]
    wanted = {index for index in everything for name in names if not folder.has_record(name, index)}
    return wanted | {replicate for _, replicate in missing_extensions(folder)}


def missing_controls(spec: SweepSpec, folder: SweepFolder) -> list[tuple[str, int]]:
    """Controls that have no record yet, by label and replicate."""
    return [
        (control.label, replicate)
        for control in spec.controls
        for replicate in range(len(spec.replicates.seeds))
        if not folder.has_record(folder.control_name(control.label), replicate)
    ]


def missing_extensions(folder: SweepFolder) -> list[tuple[int, int]]:
    """Runs of completed trials with added seeds that have no record yet, by trial and replicate."""
    sweep = folder.read_sweep()
    return [
        (number, replicate)
        for extension in (() if sweep is None else sweep.extensions)
        for number in extension.trials
        for replicate in range(extension.first, extension.stop)
        if not folder.has_record(folder.trial_name(number), replicate)
    ]


def extension_job(folder: SweepFolder, trial: Trial, replicate: int, generation: int) -> Job:
    """The job that runs a completed trial with one more seed."""
    return Job(
        kind="trial",
        name=folder.trial_name(trial.number),
        label=f"trial {trial.number}",
        replicates=(replicate,),
        attempts={},
        generation=generation,
        number=trial.number,
        parameters=dict(trial.parameters),
        added=True,
    )


def teacher_job(replicate: int, generation: int) -> Job:
    """The job that trains one teacher."""
    return Job("teacher", TEACHER, "teacher", (replicate,), {}, generation)


def control_job(folder: SweepFolder, label: str, replicate: int, generation: int) -> Job:
    """The job that runs one control with one seed."""
    return Job("control", folder.control_name(label), label, (replicate,), {}, generation, control=label)


def floors(spec: SweepSpec, folder: SweepFolder) -> tuple[float | None, ...]:
    """The floor of each objective: the number that the spec names, or the mean of the control.

    A control that did not complete with every seed sets no floor: nobody is judged by a mean of the lucky seeds.
    """
    control = spec.floor_control() if needs_control(spec) else None
    return tuple(
        _control_mean(spec, folder, control, objective.name) if objective.floor == "control" else objective.floor
        for objective in spec.objectives
    )


def needs_control(spec: SweepSpec) -> bool:
    """Whether early stopping waits for the control to say what the floor is."""
    return spec.scheduler.name == "halving" and any(objective.floor == "control" for objective in spec.objectives)


def _control_mean(spec: SweepSpec, folder: SweepFolder, control: str | None, objective: str) -> float | None:
    if control is None:
        return None
    values: list[float | None] = []
    for replicate in range(len(spec.replicates.seeds)):
        record = folder.read_record(folder.control_name(control), replicate)
        complete = record is not None and record.outcome == "completed"
        values.append(record.objectives.get(objective) if record is not None and complete else None)
    return mean(values)


def mean(values: Sequence[float | None]) -> float | None:
    """The mean, or None where any is missing."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
