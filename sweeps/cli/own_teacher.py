"""What a sweep cannot look up, tried before it: the user's models, and what agreement will be worth."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from acgkd.agreement.worth import MEASURED_ON_POOL

if TYPE_CHECKING:
    from acgkd.agreement.worth import Worth
    from acgkd.run.experiment import Experiment
    from sweeps.spec.sweep_spec import SweepSpec
    from sweeps.worker.protocols import Experiments

# A pool that takes longer is cut short; a lower control that does is left to the sweep.
POOL_S, CONTROL_S = 10.0, 20.0
Say = Callable[[str], None]


def try_models(spec: "SweepSpec", trust_code: bool, say: Say = lambda stage: None) -> list[str]:
    """Tries what the user's code builds, and a teacher that is given without data; nothing of it is kept.

    Args:
        spec: the sweep.
        trust_code: whether its code may run; code that may not is not looked at.
        say: called with what is being done.

    Returns:
        What is worth knowing, a sentence each.

    Raises:
        ConfigError: there is no such function, or a student that cannot end in the teacher's classifier.
        TeacherError: it does not build a teacher or a student.
        CheckpointError: the weights cannot be used, or do not fit.
    """
    if spec.own_models and not trust_code:
        return []
    judged_by_agreement = spec.dataset is None and any(item.name in MEASURED_ON_POOL for item in spec.objectives)
    if not spec.own_models and not judged_by_agreement:
        return []
    from sweeps.worker.experiments import AcgkdExperiments

    experiments, seed = AcgkdExperiments.of(spec, trust_code), spec.replicates.seeds[0]
    with TemporaryDirectory() as home, one_thread():
        experiment: Any = experiments.experiment(spec.run_config({}), seed, Path(home))
        notes = try_own_models(experiment) if spec.own_models else []
        if judged_by_agreement:
            say("making the reference pool")
            notes += cut_short(make_pool(experiment, POOL_S), experiment.run_data.modality.name)
            worth: Worth = experiment.judgement.said_on_pool
            if worth.pool_classes is not None:
                say("teaching a student with noise")
                reached = control_agreement(spec, experiments, experiment, seed, Path(home), CONTROL_S)
                notes.append(replace(worth, control_agreement=reached).verdict)
    return notes


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread, as a worker has it: on tensors this small more of them wait for one another."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def make_pool(experiment: "Experiment", seconds: float) -> int:
    """Makes an experiment's reference pool within some seconds, for its own use alone: it is not kept for runs.

    Returns:
        Steps of synthesis that were taken.
    """
    from acgkd.run.reference_pool import reference_pool

    preparation, taken = experiment.preparation, []
    run_data, seed = experiment.run_data, preparation.pool_seed
    preparation.pool = reference_pool(
        preparation.teacher,
        run_data.modality,
        run_data.prior,
        seed,
        run_data.device,
        lambda _, share: taken.append(share),
        seconds,
    )
    return len(taken)


def cut_short(steps: int, modality: str) -> list[str]:
    """What is to be said of a pool whose synthesis took fewer steps than that of a sweep."""
    from acgkd.run.reference_pool import steps_of_a_pool

    whole = steps_of_a_pool(modality)
    if not 0 < steps < whole:
        return []
    return [
        f"The reference pool that was looked at took {steps} of {whole} steps of synthesis, as many as {POOL_S:g} s "
        "gave; a sweep makes the whole one, and may find another worth."
    ]


def try_own_models(experiment: "Experiment") -> list[str]:
    """Builds and fills a teacher, tries it on made-up samples, builds the student, and reads it back untrained.

    Args:
        experiment: nothing of it is trained, and nothing is kept.
    """
    from acgkd.runtime import Streams
    from acgkd.students.proof import why_not_read_back
    from acgkd.teachers.teacher import as_teacher, load_weights
    from acgkd.teachers.user_lines import pointing_to_own_lines
    from acgkd.transfer.teaching import untrained

    run_data, preparation = experiment.run_data, experiment.preparation
    config, prior, device = experiment.config, run_data.prior, run_data.device
    model = preparation.blank_teacher(Streams(0, device))
    if config.teacher.checkpoint is not None:
        load_weights(model, Path(config.teacher.checkpoint), key=config.teacher.checkpoint_key)
    with pointing_to_own_lines():
        teacher = as_teacher(model, device)
        run_data.modality.check_teacher(teacher, prior)
    student = experiment.blank_student(Streams(0, device), teacher)
    why = why_not_read_back(untrained(experiment.method_config, teacher, student, device), prior)
    return [why] if why else []


def control_agreement(
    spec: "SweepSpec", experiments: "Experiments", experiment: Any, seed: int, home: Path, seconds: float = math.inf
) -> float | None:
    """What a student of a spec's lower control reaches on the reference pool of another run.

    Args:
        spec: the sweep.
        experiments: where its runs come from.
        experiment: the other run, prepared.
        seed: of both.
        home: folder for teachers and pools.
        seconds: limit on its teaching.

    Returns:
        Class-balanced agreement; None where there is no lower control, it is judged by another pool, its student
        diverges, or it takes too long.
    """
    from acgkd.errors import DivergedError

    label = spec.floor_control()
    if label is None:
        return None
    control = experiments.experiment(spec.control_config(label), seed, home)
    if control.preparation_key() != experiment.preparation_key():
        return None
    run, until = control.start(), time.monotonic() + seconds
    try:
        while not run.done:
            if time.monotonic() > until:
                return None
            run.advance(seconds=1.0)
    except DivergedError:
        return None
    agreement: float | None = experiment.judgement.agreement(run.student)
    return agreement
