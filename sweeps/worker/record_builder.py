"""Rows: what a run came to, as the record that reports read."""

import os
import socket
from collections.abc import Mapping, Sequence

from acgkd import __version__
from acgkd.code_digest import package_digest, plugin_digests
from acgkd.config import RunConfig
from acgkd.datasets import prior_origins
from acgkd.errors import AcgkdError
from acgkd.methods import METHODS
from analysis.records.parts.code import Code
from analysis.records.parts.environment import Environment
from analysis.records.parts.quality import Quality
from analysis.records.parts.run_cost import Cost, CostValue
from analysis.records.parts.run_identity import Identity, Kind
from analysis.records.record import Outcome, Record
from sweeps.spec.sections import Objective
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.trial import now
from sweeps.worker.experiments import Measurement


def objective_values(objectives: Sequence[Objective], measurement: Measurement) -> dict[str, float | None]:
    """The objectives as a measurement has them; None for what it does not have."""
    return {objective.name: measurement.objectives.get(objective.name) for objective in objectives}


def selection_of(objectives: Sequence[Objective]) -> dict[str, object]:
    """What a record says of the objectives that its sweep is judged by."""
    return {
        f"{objective.name}/{fact}": getattr(objective, fact)
        for objective in objectives
        for fact in ("uses_real_data", "floor")
    }


def _prior_origins(config: RunConfig) -> dict[str, str]:
    try:
        return dict(prior_origins(config.prior, config.dataset))
    except AcgkdError:  # that is the failure that the record is about
        return {}


def build_record(
    spec: SweepSpec,
    config: RunConfig,
    seed: int,
    measurement: Measurement | None,
    *,
    outcome: Outcome = "completed",
    message: str = "",
    kind: Kind = "trial",
    label: str = "distill",
    trial: int | None = None,
    replicate: int = 0,
    attempt: int = 0,
    parameters: Mapping[str, object] | None = None,
    settings: Mapping[str, object] | None = None,
    progress: float = 1.0,
    objectives: Mapping[str, float | None] | None = None,
    cost: Mapping[str, CostValue] | None = None,
    lost_s: float | None = None,
    started_at: str = "",
    host: str = "",
    alongside: int = 1,
    calibration_s: float | None = None,
    added: bool = False,
    files: Mapping[str, str] | None = None,
) -> Record:
    """The row of one run.

    Args:
        spec: the sweep that it belongs to.
        config: the run.
        seed: of the run.
        measurement: what was measured; None where there was nothing to measure.
        outcome: how it ended.
        message: why, where it did not complete.
        kind: trial, control or teacher.
        label: how tables call the row.
        trial: Optuna's number.
        replicate: index into the sweep's seeds.
        attempt: which try it was.
        parameters: those that were searched, by slash path.
        settings: all, by slash path; asked of the method if left out.
        progress: share that was done.
        objectives: as the search sees them; taken from the measurement if left out.
        cost: what it took, by field of `Cost`, where there is no measurement to say it.
        lost_s: work that was done and lost; taken from `cost` if left out.
        started_at: of this attempt, UTC.
        host: name of the machine on which it ran; this one if left out.
        alongside: jobs at the same time, this one included.
        calibration_s: seconds of the calibration kernel.
        added: whether its seed was added after the trial had completed.
        files: digests of the user's files that were loaded for it, by name.
    """
    if settings is None:
        from sweeps.worker.experiments import AcgkdExperiments

        settings = AcgkdExperiments().settings(config)
    teaching = kind != "teacher"
    if objectives is None:
        objectives = objective_values(spec.objectives, measurement) if teaching and measurement is not None else {}
    taken: dict[str, CostValue] = dict(cost or {})
    environment: dict[str, object] = {"device": config.device}
    quality: dict[str, object] = {}
    if measurement is not None:
        taken |= dict(measurement.cost)
        environment |= dict(measurement.environment)
        quality = dict(measurement.quality)
    return Record(
        identity=Identity(
            sweep=spec.name,
            kind=kind,
            trial=trial,
            label=label,
            replicate=replicate,
            attempt=attempt,
            seed=seed,
            vary=list(config.vary),
            fingerprint=config.fingerprint(),
            method=config.method.name if teaching else "teacher",
            dataset=None if config.dataset is None else config.dataset.title,
            teacher=config.teacher.preset,
            student=config.student.preset if teaching else None,
            prior={} if measurement is None else dict(measurement.prior),
            prior_origins=_prior_origins(config),
            added=added,
            lower_control=teaching and config.method.name in METHODS and METHODS[config.method.name].lower_control,
        ),
        parameters=dict(parameters or {}),
        settings=dict(settings),
        outcome=outcome,
        message=message,
        progress=min(1.0, progress),
        objectives=dict(objectives),
        absent=[] if measurement is None else list(measurement.absent),
        selection=selection_of(spec.objectives),
        quality=Quality(**quality),
        cost=Cost.model_validate(taken if lost_s is None else {**taken, "lost_s": lost_s}),
        environment=Environment(
            **(
                environment
                | {
                    "host": host or socket.gethostname(),
                    "process": os.getpid(),
                    "trials_alongside": alongside,
                    "calibration_s": calibration_s,
                    "started_at": started_at,
                    "finished_at": now(),
                }
            )
        ),
        code=Code(version=__version__, package=package_digest(), plugins=plugin_digests(), files=dict(files or {})),
    )
