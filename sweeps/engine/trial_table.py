"""The trials of a sweep as they stand. Every change is in the files before anybody acts on it."""

from collections import Counter
from collections.abc import Iterable

from analysis.records.record import Outcome, Record
from sweeps.engine.halving import Halving, Values, fraction_rung
from sweeps.engine.sampling import Study
from sweeps.engine.teachers_and_controls import floors
from sweeps.engine.trial_rules import Result, Rules
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.store.trial import INFEASIBLE, Trial
from sweeps.worker.experiments import Experiments
from sweeps.worker.messages import Job, Report
from sweeps.worker.record_builder import build_record
from sweeps.worker.replicate_runner import clear_work, trace_file
from sweeps.worker.watchdog import hang_trace

LOSSES_ALLOWED = 5


class TrialTable:
    """What was asked for, what came of it, and what is still to do.

    Args:
        spec: the sweep.
        folder: its folder.
        experiments: knows all settings, for rows that no worker could write.
        trials: as the files say.
    """

    def __init__(self, spec: SweepSpec, folder: SweepFolder, experiments: Experiments, trials: Iterable[Trial]) -> None:
        self.spec = spec
        self.folder = folder
        self.experiments = experiments
        self.generation = 0
        self.trials = {trial.number: trial for trial in trials}
        self.exhausted = False
        self.asked = 0
        self.ended = 0
        self._waiting: list[int] = []
        self._results: dict[int, dict[int, Result]] = {}
        self._rungs: dict[str, dict[int, Values]] = {}
        self._study: Study | None = None
        self._rules: Rules | None = None

    def take_up(self, generation: int) -> None:
        """Makes good whatever the last start left half done; what it had under way waits again."""
        self.generation = generation
        trials = list(self.trials.values())
        for trial in trials:
            self._note_rungs(trial)
            if trial.state == "pruned":
                self._record_pruned(trial)
        for trial in trials:
            if not trial.final:
                self._results[trial.number] = self._read_results(trial.number)
                self.put_back(trial.number, "interrupted", "the driver ended")
        self._study = Study(self.spec, self.trials.values())
        self.ended = 0

    def counts(self) -> dict[str, int]:
        """Trials by state."""
        return dict(sorted(Counter(trial.state for trial in self.trials.values()).items()))

    # ---- giving out

    def next_waiting(self) -> Trial | None:
        """The oldest trial that waits to be given out again."""
        return self.trials[self._waiting.pop(0)] if self._waiting else None

    @property
    def ready(self) -> bool:
        """Whether a new trial may be asked for now."""
        assert self._study is not None, "take_up comes first"
        return self._study.ready

    def ask(self) -> Trial | None:
        """A new trial; None where a finite space has no point left."""
        assert self._study is not None, "take_up comes first"
        trial = self._study.ask()
        if trial is None:
            self.exhausted = True
            return None
        self.asked += 1
        self._results[trial.number] = {}
        return trial

    def issue(self, trial: Trial, alongside: int) -> Job | None:
        """The job that does what is left of a trial; None where nothing is. The trial's file is there before it."""
        trial = self._settle(trial)
        if trial.final:
            return None
        self._keep(trial.model_copy(update={"state": "waiting"}))
        left = self._left(trial.number)
        rungs: tuple[float, ...] = ()
        if self.spec.scheduler.name == "halving" and left[0] == 0:
            every = sorted(set(self.spec.scheduler.fractions))
            rungs = tuple(fraction for fraction in every if fraction_rung(fraction) not in trial.rungs)
        return Job(
            kind="trial",
            name=self.folder.trial_name(trial.number),
            label=f"trial {trial.number}",
            replicates=left,
            attempts={index: trial.tries(index) for index in left},
            generation=self.generation,
            number=trial.number,
            parameters=dict(trial.parameters),
            rungs=rungs,
            alongside=alongside,
        )

    def open(self, number: int, replicate: int) -> None:
        """A worker has begun with a replicate."""
        self._keep(self.trials[number].opened(replicate, self.generation))

    # ---- taking in

    def take_in(self, number: int, report: Report) -> bool:
        """Takes a worker's report in.

        Returns:
            Whether the worker shall go on with the trial.
        """
        trial = self.trials[number]
        if report.rung is not None:
            values = tuple((report.objectives or {}).get(objective.name) for objective in self.spec.objectives)
            trial = self.rules.at_rung(trial, fraction_rung(report.rung), values, self._decide)
            if trial.final:
                trial = trial.closed("pruned", progress=report.progress)
            self._keep(trial)
        if report.record is not None:
            record = Record.model_validate_json(report.record)
            self._results[number][report.replicate] = self._result(record)
            trial = self._settle(trial.closed(record.outcome, message=record.message, progress=record.progress))
            if not trial.final:
                self._keep(trial.opened(self._left(number)[0], self.generation))
        return not self.trials[number].final

    def put_back(self, number: int, outcome: Outcome, message: str, progress: float = 0.0) -> None:
        """Closes a trial's attempt under way as the files say; then it waits, or has ended."""
        trial = self.trials[number]
        if trial.attempts and trial.attempts[-1].outcome is None:
            replicate = trial.attempts[-1].replicate
            record = self._row_of(trial, replicate, outcome, message)
            if record is None:
                trial = trial.closed(outcome, message=message, progress=progress)
            else:
                trial = trial.closed(record.outcome, message=record.message, progress=record.progress)
                self._results[number][replicate] = self._result(record)
        trial = self._settle(trial)
        if not trial.final:
            self._keep(trial.model_copy(update={"state": "waiting"}))
            self._waiting = sorted({*self._waiting, number})

    def _row_of(self, trial: Trial, replicate: int, outcome: Outcome, message: str) -> Record | None:
        """The row of a replicate whose worker said nothing; None where there is none and another try is due."""
        name = self.folder.trial_name(trial.number)
        record = self.folder.read_record(name, replicate)
        if record is not None:
            return record
        hang = hang_trace(trace_file(self.folder, name, replicate))
        if hang is not None:
            return self.write_row(name, replicate, "timed_out", f"a step hung:\n{hang}", trial=trial)
        if outcome in INFEASIBLE:
            return self.write_row(name, replicate, outcome, message, trial=trial)
        if outcome == "lost" and trial.losses(replicate) + 1 >= LOSSES_ALLOWED:
            text = f"its worker died {LOSSES_ALLOWED} times; the last time: {message}"
            return self.write_row(name, replicate, "failed", text, trial=trial)
        return None

    # ---- what follows

    def _left(self, number: int) -> tuple[int, ...]:
        """Replicates that have not ended."""
        return tuple(i for i in range(len(self.spec.replicates.seeds)) if i not in self._results[number])

    def _settle(self, trial: Trial) -> Trial:
        settled = self.rules.settle(trial, self._results[trial.number], self._decide)
        if settled.state == "pruned" and all(attempt.outcome != "pruned" for attempt in settled.attempts):
            # Stopped between two replicates: the one that will not be run is the one that was pruned.
            opened = settled.opened(self._left(trial.number)[0], self.generation)
            settled = opened.closed("pruned").model_copy(update={"state": "pruned"})
        if settled is not trial or settled.final:
            self._keep(settled)
        return settled

    def _keep(self, trial: Trial) -> None:
        """Writes a trial, and all that follows from its state."""
        self.folder.write_trial(trial)
        self.trials[trial.number] = trial
        self._note_rungs(trial)
        if not trial.final:
            return
        self._results.pop(trial.number, None)
        self._waiting = [number for number in self._waiting if number != trial.number]
        self.ended += 1
        if trial.state == "pruned":
            self._record_pruned(trial)
        if self._study is not None:
            self._study.ended(trial)

    def _record_pruned(self, trial: Trial) -> None:
        """Gives the replicate at which a trial was stopped its row, unless it has one."""
        name, last = self.folder.trial_name(trial.number), trial.attempts[-1]
        if not self.folder.record_file(name, last.replicate).exists():
            text = f"stopped at rung {max(trial.rungs, key=float, default='')}"
            self.write_row(name, last.replicate, "pruned", text, trial=trial, progress=last.progress)
        clear_work(self.folder, name, last.replicate)

    def write_row(
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
        """A row that no worker could write: of a trial, or of a control by its label."""
        parameters = {} if trial is None else trial.parameters
        config = self.spec.control_config(control) if control else self.spec.run_config(parameters)
        record = build_record(
            self.spec,
            config,
            self.spec.replicates.seeds[replicate],
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
            settings=self.experiments.settings(config),
            progress=progress,
        )
        self.folder.commit_record(name, record)
        return self.folder.read_record(name, replicate) or record

    def _read_results(self, number: int) -> dict[int, Result]:
        name = self.folder.trial_name(number)
        records = {i: self.folder.read_record(name, i) for i in range(len(self.spec.replicates.seeds))}
        return {index: self._result(record) for index, record in records.items() if record is not None}

    def _result(self, record: Record) -> Result:
        values = tuple(record.objectives.get(objective.name) for objective in self.spec.objectives)
        return Result(record.outcome, values, record.message)

    # ---- early stopping

    @property
    def rules(self) -> Rules:
        """How trials are judged; the floors are known once the control has run."""
        if self._rules is None:
            halving = None
            if self.spec.scheduler.name == "halving":
                directions = tuple(objective.direction for objective in self.spec.objectives)
                halving = Halving(self.spec.scheduler.reduction, directions, floors(self.spec, self.folder))
            self._rules = Rules(len(self.spec.replicates.seeds), halving)
        return self._rules

    def _decide(self, trial: Trial, rung: str, values: Values) -> bool:
        halving = self.rules.halving
        return halving is None or halving.promotes(trial.number, values, self._rungs.get(rung, {}))

    def _note_rungs(self, trial: Trial) -> None:
        for rung, entry in trial.rungs.items():
            self._rungs.setdefault(rung, {})[trial.number] = entry.values
