"""Records that no worker could write, because it died, hung, or was stopped: the driver writes them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from analysis.records.parts.run_cost import CostValue
from analysis.records.record import Outcome, Record
from analysis.records.trial_file import rung_called
from sweeps.engine.trials import trial_states
from sweeps.faults.failure import Failure
from sweeps.faults.retries import Others, Verdict, decide
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.store.sharing.shared_files import newest
from sweeps.store.trial import Attempt, Trial
from sweeps.worker.clock import Clock
from sweeps.worker.experiments import Experiments, user_files
from sweeps.worker.messages import Job
from sweeps.worker.record_builder import build_record
from sweeps.worker.replicate_runner import clock_file, crash_file, trace_file
from sweeps.worker.watchdog import left_trace


class DriverRecords:
    """Writes and reads records on behalf of workers that are gone.

    Args:
        spec: the sweep.
        folder: its folder.
        experiments: knows all settings of a run.
    """

    def __init__(self, spec: SweepSpec, folder: SweepFolder, experiments: Experiments) -> None:
        self._spec, self._folder, self._experiments = spec, folder, experiments

    def judge(
        self,
        trial: Trial,
        attempt: Attempt,
        failure: Failure | None,
        stopped: Verdict,
        progress: float,
        others: Others,
    ) -> tuple[Record | None, Verdict, dict[str, object]]:
        """What an attempt came to whose worker is gone.

        Args:
            trial: of the attempt.
            attempt: the open one.
            failure: as the executor knows it; None where the worker was stopped in an orderly way.
            stopped: the verdict in that case.
            progress: as last reported.
            others: what became of other jobs meanwhile.

        Returns:
            The record, if the replicate has ended; the verdict; and fields of the attempt.
        """
        name = self._folder.trial_name(trial.number)
        where = (name, attempt.replicate, attempt.attempt)
        record = self._folder.read_record(name, attempt.replicate)
        if failure is not None and record is None:
            failure = self.witnessed(*where, failure)
        facts = self.facts(*where, progress)
        if failure is None or record is not None:
            return record, stopped, facts
        facts |= {"cause": failure.cause, "host": failure.host}
        ended = trial.with_outcome(failure.outcome, failure.message, **facts)
        tried = [item for item in ended if item.replicate == attempt.replicate]
        verdict = decide(tried, failure, others)
        if verdict.outcome == "lost" and failure.cause == "trial":
            facts["cause"] = "platform"
        if verdict.action == "final":
            record = self._write(
                name, attempt.replicate, verdict.outcome, verdict.message, trial=trial, progress=tried[-1].progress
            )
        return record, verdict, facts

    def witnessed(self, name: str, replicate: int, attempt: int, failure: Failure) -> Failure:
        """The failure with what a dead worker left behind: the stacks of a hang or of a crash.

        Args:
            name: what its files begin with.
            replicate: index of the seed.
            attempt: which try it was.
            failure: what the executor knows.
        """
        if failure.cause != "platform":
            return failure
        hung = left_trace(trace_file(self._folder, name, replicate))
        stacks = hung or left_trace(crash_file(self._folder, name, replicate))
        if stacks is None:
            return failure
        self._folder.keep_trace(name, replicate, attempt, stacks)
        if hung:
            return replace(failure, cause="trial", outcome="timed_out", message=f"a step hung:\n{hung}", trace=hung)
        return replace(failure, message=f"its worker crashed: {stacks.splitlines()[0]}", trace=stacks)

    def facts(self, name: str, replicate: int, attempt: int, progress: float = 0.0) -> dict[str, object]:
        """Where an attempt was when it ended, and what it cost, as fields of `Attempt`.

        Args:
            name: what its files begin with.
            replicate: index of the seed.
            attempt: which try it was.
            progress: as last reported.
        """
        clock = Clock(clock_file(self._folder, name, replicate))
        if clock.attempt != attempt:  # of an object store: another machine may have it
            clock = Clock(newest(clock_file(self._folder, name, replicate)))
        log = self._folder.failure_log(name, replicate, attempt)
        facts: dict[str, object] = {"progress": progress}
        if clock.attempt == attempt:  # else its worker died before it had begun
            facts |= {"progress": max(progress, clock.progress), "place": clock.place}
            facts |= {"seconds": round(clock.kept_s, 3), "lost_s": round(clock.lost_s, 3)}
        if log.exists():
            facts["log"] = log.relative_to(self._folder.path).as_posix()
        return facts

    def unsaved_s(self, job: Job) -> float:
        """Seconds of work of a job's attempts since their last checkpoints: lost, if its worker is."""
        return sum(self._unsaved_s(job.name, *item) for item in job.attempts.items() if item[0] in job.replicates)

    def _unsaved_s(self, name: str, replicate: int, attempt: int) -> float:
        clock = Clock(clock_file(self._folder, name, replicate))
        if clock.attempt != attempt:
            return 0.0  # its worker died before it had begun with this one
        found = self._folder.work(name).glob(f"{replicate:02d}-*.ckpt")
        if max((path.name for path in found), default="") not in {"", *clock.at}:
            return 0.0  # it is written after the clock, and noted there later
        return max(0.0, clock.kept_s - max(clock.at.values(), default=0.0))

    def closed(self, trial: Trial, record: Record) -> Trial:
        """The trial after a replicate has got its record."""
        attempt = trial.open_attempt
        if attempt is None:
            return trial
        name = self._folder.trial_name(trial.number)
        facts = self.facts(name, attempt.replicate, attempt.attempt) | {
            "progress": record.progress,
            "host": record.environment.host,
            "lost_s": record.cost.lost_s,
            "cause": None if record.outcome in ("completed", "pruned") else "trial",
            "multiply_adds": record.cost.multiply_adds,
        }
        return trial_states.replicate_ended(trial, record.outcome, record.message, **facts)

    def of_side_job(self, job: Job, trial: Trial | None, outcome: Outcome, message: str) -> Record:
        """Writes the record of a control or of an added seed whose worker is gone, and that is not tried again."""
        return self._write(
            job.name, job.replicates[0], outcome, message, trial=trial, control=job.control, added=job.added
        )

    def of_pruned(self, trial: Trial) -> None:
        """Gives the replicate at which a trial was pruned its record, unless it has one, and clears its work away."""
        name, last = self._folder.trial_name(trial.number), trial.attempts[-1]
        if not self._folder.has_record(name, last.replicate):
            rung = max(trial.rungs, key=float, default="")
            reason = trial.rungs[rung].reason if rung else ""
            where = rung_called(rung) if rung else "a rung"
            text = f"stopped at {where}{': ' if reason else ''}{reason}"
            cost = trial.cost_when_pruned()
            self._write(
                name, last.replicate, "pruned", text, trial=trial, progress=last.progress, cost=cost, entry=False
            )
        self._folder.clear_work(name, last.replicate)

    def of_all_pruned(self, trials: Iterable[Trial]) -> None:
        """The same for all those of some trials that were pruned."""
        for trial in trials:
            if trial.state == "pruned":
                self.of_pruned(trial)

    def _write(
        self,
        name: str,
        replicate: int,
        outcome: Outcome,
        message: str,
        *,
        trial: Trial | None = None,
        control: str | None = None,
        progress: float = 0.0,
        added: bool = False,
        cost: Mapping[str, CostValue] | None = None,
        entry: bool = True,
    ) -> Record:
        parameters = {} if trial is None else trial.parameters
        config = self._spec.control_config(control) if control else self._spec.run_config(parameters)
        record = build_record(
            self._spec,
            config,
            self._spec.replicates.seeds[replicate],
            None,
            outcome=outcome,
            message=message,
            kind="control" if trial is None else "trial",
            label=control or name if trial is None else f"trial {trial.number}",
            trial=None if trial is None else trial.number,
            replicate=replicate,
            attempt=0 if trial is None else max(0, trial.tries(replicate) - 1),
            started_at=trial.attempts[-1].started_at if trial is not None and trial.attempts else "",
            host=trial.attempts[-1].host if trial is not None and trial.attempts else "",
            parameters=parameters,
            settings=self._experiments.settings(config),
            progress=progress,
            added=added,
            cost=cost,
            files=user_files(self._experiments, self._spec),
        )
        self._folder.commit_record(name, record, entry=entry)
        return self._folder.read_record(name, replicate) or record
