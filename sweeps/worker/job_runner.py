"""A job at work in this process, one step at a time; the same for every executor."""

import math
import socket
from dataclasses import replace

from acgkd.config import RunConfig
from acgkd.errors import AcgkdError, StaleGenerationError, StorageError, SweepError
from analysis.records.record import Outcome, Record
from sweeps.faults.classification import failure_of
from sweeps.faults.failure import Failure, JobFailedError
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.store.storage_errors import folder_error
from sweeps.store.trial import now
from sweeps.worker.cores import threads_of
from sweeps.worker.device_share import free_memory
from sweeps.worker.experiments import Experiment, Experiments, Measurement, user_files
from sweeps.worker.messages import Job, Report
from sweeps.worker.protocols import Run
from sweeps.worker.record_builder import build_record, objective_values
from sweeps.worker.replicate_runner import ReplicateRunner
from sweeps.worker.stacks.at_work import AtWork

MESSAGE_LINES = 12


class JobRunner:
    """Does what a job asks for, replicate after replicate.

    Args:
        spec: the sweep.
        folder: its folder.
        job: what to do.
        experiments: where experiments come from.
    """

    def __init__(self, spec: SweepSpec, folder: SweepFolder, job: Job, experiments: Experiments) -> None:
        self.spec = spec
        self.folder = folder
        self.job = job
        self.experiments = experiments
        self.node = ""
        self.tainted = False
        self._left = list(job.replicates)
        self._rungs = list(job.rungs)
        self._at_work = AtWork(spec, folder, job, experiments, self._experiment)
        self._calibration_s: float | None = None
        self._started_at = now()
        folder.fetch_cache()
        experiments.use_threads(threads_of(spec.resources.cpu))

    @property
    def done(self) -> bool:
        """Whether no replicate is left."""
        return not self._left

    def step(self) -> Report:
        """Does about a second of work, or what is left until there is something to report.

        Raises:
            StaleGenerationError: a later start has taken the folder over.
            StorageError: the folder cannot be written.
            JobFailedError: what was to be done is not to blame; another attempt may succeed.
            Exception: a teacher could not be made.
        """
        return replace(self._step(), host=socket.gethostname(), node=self.node)

    def _step(self) -> Report:
        self.folder.check_generation(self.job.generation)
        try:
            return self._prepare() if self.job.kind == "teacher" else self._advance()
        except (StaleGenerationError, StorageError):
            raise
        except Exception as error:
            self.folder.check_generation(self.job.generation)  # the later start may have cleared this one's files away
            full = folder_error(error, self.folder.path)
            if full is not None:
                raise full from error
            if self._at_work.take_apart(error):
                return Report(self._left[0], 0.0)
            failure = failure_of(error).at(socket.gethostname(), self.node)
            self._keep_trace(failure)
            again = failure.outcome == "out_of_memory" and not self.job.alone
            if failure.cause != "trial" or again:
                self._at_work.runner = None  # broken off within a step: its state is never to be kept
                raise JobFailedError(failure) from error
            if self.job.kind == "teacher" and isinstance(error, AcgkdError):
                raise
            if self.job.kind == "teacher":
                what = f"The teacher of seed {self._seed} cannot be made: {failure}. Traceback: {self.folder.logs}"
                raise SweepError(what) from error
            return self._ended(self._failure(error, failure))

    def _keep_trace(self, failure: Failure) -> None:
        replicate = self._left[0]
        self.folder.keep_trace(self.job.name, replicate, self.job.attempts.get(replicate, 0), failure.trace)

    def checkpoint(self) -> None:
        """Keeps the work that was done, because the worker is about to leave."""
        self._at_work.checkpoint()

    def _config(self) -> RunConfig:
        if self.job.control is not None:
            return self.spec.control_config(self.job.control)
        return self.spec.run_config(self.job.parameters or {})

    @property
    def _seed(self) -> int:
        return self.spec.replicates.seeds[self._left[0]]

    def _prepare(self) -> Report:
        configs = self.spec.configs_to_prepare()
        experiments = [self.experiments.experiment(config, self._seed, self.folder.cache) for config in configs]
        for experiment in experiments:
            experiment.prepare()
        record = self._record(configs[0], experiments[0].teacher_measurement(), "completed")
        self.folder.check_generation(self.job.generation)
        self.folder.commit_record(self.job.name, record)
        return Report(self._left.pop(0), 1.0, record=record.model_dump_json())

    def _advance(self) -> Report:
        replicate = self._left[0]
        known = self.folder.read_record(self.job.name, replicate)
        if known is not None:  # somebody was faster; what is done is done
            self._left.pop(0)
            self._at_work.ended(replicate, known.outcome)
            return Report(replicate, known.progress, record=known.model_dump_json())
        runner = self._at_work.runner or self._begin()
        assert runner.run is not None, "it has just begun"
        rung = self._rungs[0] if self._rungs and replicate == 0 else None
        until = 1.0 if rung is None else runner.run.judged_fractions_to_progress(rung)
        if runner.run.progress < until - 1e-9:
            self._at_work.advance(until)
        if rung is not None and runner.run.progress >= until - 1e-9:
            self._rungs.pop(0)
            report = self._at_rung(runner, runner.run, rung)
            if report is not None:
                return report
        if runner.run.done:
            return self._ended(self._success(runner))
        return Report(replicate, runner.run.progress, runner.clock.kept_s)

    def _at_rung(self, runner: ReplicateRunner, run: Run, rung: float) -> Report | None:
        """What is said at a rung; None in a synthesis that has nothing to be ranked by: it continues."""
        statistics = run.statistics_at(1 + rung) if rung < 0 else None
        if rung < 0 and statistics is None:
            return None
        asked = [objective.name for objective in self.spec.objectives if rung > 0 or objective.is_cost]
        objectives = runner.evaluate(asked)
        return Report(
            self._left[0],
            run.progress,
            runner.clock.kept_s,
            rung=rung,
            objectives=objectives,
            statistics=statistics,
            cost=runner.cost(),
        )

    def _begin(self) -> ReplicateRunner:
        self._started_at = now()
        self._calibration_s = self.experiments.calibrate()
        runner = self._at_work.begin(self._left)
        self._started_at = runner.started_at
        return runner

    def _experiment(self, replicate: int) -> Experiment:
        seed = self.spec.replicates.seeds[replicate]
        return self.experiments.experiment(self._config(), seed, self.folder.cache)

    # ---- how a replicate may end

    def _success(self, runner: ReplicateRunner) -> Record:
        config, measurement = self._config(), runner.measure()
        objectives = objective_values(self.spec.objectives, measurement)
        missing = [name for name, value in objectives.items() if value is None]
        if missing:
            objectives |= runner.evaluate(missing)
        outcome: Outcome = "completed"
        message = ""
        for name, value in objectives.items():
            if value is None or not math.isfinite(value):
                outcome = "failed" if value is None else "diverged"
                message = f"The objective `{name}` must be a finite number, but was {value}."
        return self._record(config, measurement, outcome, message=message, objectives=objectives)

    def _failure(self, error: Exception, failure: Failure) -> Record:
        outcome, message = failure.outcome, failure.message
        if outcome == "out_of_memory" or type(error).__name__ == "AcceleratorError":
            self.tainted = True  # what the allocator or the device holds now is nobody's business any more
        if outcome == "failed":
            message = "\n".join([message, *failure.trace.splitlines()[-MESSAGE_LINES:]])
        try:
            config = self._config()
        except AcgkdError:
            config = self.spec.run_config({})
        return self._record(config, None, outcome, message=message)

    def _record(
        self,
        config: RunConfig,
        measurement: Measurement | None,
        outcome: Outcome,
        *,
        message: str = "",
        objectives: dict[str, float | None] | None = None,
    ) -> Record:
        runner, replicate = self._at_work.runner, self._left[0]
        run = None if runner is None else runner.run
        done = run.progress if run is not None else 1.0 if outcome == "completed" else 0.0
        try:
            settings = self.experiments.settings(config)
        except Exception:  # the method refuses its settings: that is the failure that this record reports
            settings = {}
        return build_record(
            self.spec,
            config,
            self._seed,
            measurement,
            outcome=outcome,
            message=message,
            kind=self.job.kind,
            label=self.job.label,
            trial=self.job.number,
            replicate=replicate,
            attempt=self.job.attempts.get(replicate, 0),
            parameters=self.job.parameters,
            settings=settings,
            progress=done,
            objectives=objectives,
            cost=None if runner is None or measurement is not None else runner.cost(),
            lost_s=None if runner is None else runner.clock.lost_s,
            started_at=self._started_at,
            alongside=self.job.alongside,
            calibration_s=self._calibration_s,
            added=self.job.added,
            files=user_files(self.experiments, self.spec),
        )

    def _ended(self, record: Record) -> Report:
        replicate, runner = self._left[0], self._at_work.runner
        if runner is not None:
            runner.commit(record)
        else:
            self.folder.check_generation(self.job.generation)
            self.folder.commit_record(self.job.name, record)
        self._at_work.ended(replicate, record.outcome)
        self._left.pop(0)
        if self.tainted:
            free_memory()
        return Report(replicate, record.progress, record=record.model_dump_json())
