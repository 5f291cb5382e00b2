"""What must be there before trials: teachers, each trained once, and the controls to read results against."""

from collections.abc import Sequence

from sweeps.folder import SweepFolder
from sweeps.job import Job
from sweeps.laboratory import Laboratory
from sweeps.spec import SweepSpec

TEACHER = "teacher"


def missing_teachers(spec: SweepSpec, folder: SweepFolder, laboratory: Laboratory) -> tuple[list[int], int]:
    """The replicates whose teacher, reference pool or teacher's row is missing; one for each distinct teacher.

    Returns:
        Those replicates, and how many distinct teachers the sweep has.
    """
    config = spec.run_config({})
    first: dict[str, int] = {}
    missing = []
    for replicate, seed in enumerate(spec.replicates.seeds):
        experiment = laboratory.experiment(config, seed, folder.cache)
        key = experiment.preparation_key()
        if key in first:
            continue
        first[key] = replicate
        if not (experiment.prepared and folder.record_file(TEACHER, replicate).exists()):
            missing.append(replicate)
    return missing, len(first)


def missing_controls(spec: SweepSpec, folder: SweepFolder) -> list[tuple[str, int]]:
    """Controls that have no record yet, by method and replicate."""
    return [
        (method, replicate)
        for method in spec.controls
        for replicate in range(len(spec.replicates.seeds))
        if not folder.record_file(folder.control_name(method), replicate).exists()
    ]


def teacher_job(replicate: int, epoch: int) -> Job:
    """The job that trains one teacher."""
    return Job("teacher", TEACHER, "teacher", (replicate,), {}, epoch)


def control_job(folder: SweepFolder, method: str, replicate: int, epoch: int) -> Job:
    """The job that runs one control with one seed."""
    return Job("control", folder.control_name(method), method, (replicate,), {}, epoch, method=method)


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
