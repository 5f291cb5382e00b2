"""Records that no worker could write, because it died, hung, or was stopped: the driver writes them."""

from analysis.records.record import Outcome, Record
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.store.trial import INFEASIBLE, Trial
from sweeps.worker.experiments import Experiments, user_files
from sweeps.worker.record_builder import build_record
from sweeps.worker.replicate_runner import clear_work, trace_file
from sweeps.worker.watchdog import hang_trace

LOSSES_ALLOWED = 5


class DriverRecords:
    """Writes and reads records on behalf of workers that are gone.

    Args:
        spec: the sweep.
        folder: its folder.
        experiments: knows all settings of a run.
    """

    def __init__(self, spec: SweepSpec, folder: SweepFolder, experiments: Experiments) -> None:
        self._spec, self._folder, self._experiments = spec, folder, experiments

    def of_lost_trial(self, trial: Trial, replicate: int, outcome: Outcome, message: str) -> Record | None:
        """The record of a replicate whose worker is gone; None where there is none and the replicate is retried.

        Args:
            trial: its attempt at `replicate` is the open one.
            replicate: index of the seed.
            outcome: what is known of the end: lost, interrupted, out of memory.
            message: why.
        """
        name = self._folder.trial_name(trial.number)
        if outcome == "lost" and trial.losses(replicate) + 1 >= LOSSES_ALLOWED:
            outcome, message = "failed", f"its worker died {LOSSES_ALLOWED} times; the last time: {message}"
        return self._of_lost(name, replicate, outcome, message, trial=trial)

    def of_lost_control(self, label: str, replicate: int, outcome: Outcome, message: str, deaths: int) -> Record | None:
        """The same for a control, whose attempts are counted in this start alone."""
        if outcome == "lost" and deaths >= LOSSES_ALLOWED:
            outcome = "failed"
        return self._of_lost(self._folder.control_name(label), replicate, outcome, message, control=label)

    def _of_lost(
        self,
        name: str,
        replicate: int,
        outcome: Outcome,
        message: str,
        *,
        trial: Trial | None = None,
        control: str | None = None,
    ) -> Record | None:
        record = self._folder.read_record(name, replicate)
        if record is not None:
            return record
        hang = hang_trace(trace_file(self._folder, name, replicate))
        if hang is not None:
            outcome, message = "timed_out", f"a step hung:\n{hang}"
        if outcome in INFEASIBLE or outcome == "failed":
            return self._write(name, replicate, outcome, message, trial=trial, control=control)
        return None

    def of_pruned(self, trial: Trial) -> None:
        """Gives the replicate at which a trial was pruned its record, unless it has one, and clears its work away."""
        name, last = self._folder.trial_name(trial.number), trial.attempts[-1]
        if not self._folder.record_file(name, last.replicate).exists():
            text = f"stopped at rung {max(trial.rungs, key=float, default='')}"
            self._write(name, last.replicate, "pruned", text, trial=trial, progress=last.progress)
        clear_work(self._folder, name, last.replicate)

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
            parameters=parameters,
            settings=self._experiments.settings(config),
            progress=progress,
            files=user_files(self._experiments, self._spec),
        )
        self._folder.commit_record(name, record)
        return self._folder.read_record(name, replicate) or record
