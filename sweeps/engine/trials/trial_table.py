"""The trials of a sweep as they stand. Every change is in the files before anybody acts on it."""

from collections.abc import Iterable
from functools import cached_property

from analysis.records.sweep_file import loss_signs
from sweeps.engine.teachers_and_controls import floors
from sweeps.engine.trials import trial_states
from sweeps.engine.trials.driver_records import DriverRecords
from sweeps.engine.trials.early_stopping import Decision, EarlyStopping
from sweeps.engine.trials.halving import Halving, Values, compared, fraction_rung, synthesis_rung
from sweeps.engine.trials.racing import Racing
from sweeps.engine.trials.suggestions import Suggestions
from sweeps.engine.trials.tally import Tally
from sweeps.engine.trials.trial_rules import Result, Rules, result_of
from sweeps.faults.failure import Failure
from sweeps.faults.retries import DEATHS_BEFORE_GUARD, NO_OTHERS, Others, Verdict, same_place
from sweeps.faults.retry_queue import RetryQueue
from sweeps.journal.journal import Journal
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store import kept_students
from sweeps.store.folder import SweepFolder
from sweeps.store.trial import Trial
from sweeps.worker.experiments import Experiments
from sweeps.worker.messages import Job, Report


class TrialTable:
    """What was asked for, what came of it, and what is still to do.

    Args:
        spec: the sweep.
        folder: its folder.
        experiments: knows all settings, for rows that no worker could write.
        trials: as the files say.
        journal: of the current start.
    """

    def __init__(
        self,
        spec: SweepSpec,
        folder: SweepFolder,
        experiments: Experiments,
        trials: Iterable[Trial],
        journal: Journal,
    ) -> None:
        self.spec = spec
        self.folder = folder
        self.records = DriverRecords(spec, folder, experiments)
        self.journal = journal
        self.trials = {trial.number: trial for trial in trials}
        self.tally = Tally(self.trials, spec.objectives[0].direction)
        self.suggestions = Suggestions(spec, folder, self.trials, self.tally.taken)
        self.ended = 0
        self.teachers_without_row: set[int] = set()
        self.set_back: dict[str, str] = {}
        self.waiting = RetryQueue()
        self._results = {trial.number: self._read_results(trial.number) for trial in self._unfinished()}

    @property
    def generation(self) -> int:
        """Number of the current start."""
        return self.journal.generation

    def recover(self) -> None:
        """Completes what the last start left half done: rows of pruned trials; what was under way waits again."""
        self.records.of_all_pruned(self.trials.values())
        died = bool(self.folder.deaths_in_process(self.generation))
        for trial in self._unfinished():
            failure = Failure("platform", "lost", "the driver died") if died and trial.open_attempt else None
            self.release(trial.number, failure, message="the driver ended")
        self.suggestions.clean_up()
        self.ended = 0

    def _unfinished(self) -> list[Trial]:
        return [trial for trial in self.trials.values() if not trial.final]

    # ---- handing out

    def ask(self) -> Trial | None:
        """A new trial: an enqueued point, else a suggestion; None where there is none."""
        trial = self.suggestions.ask()
        if trial is None:
            return None
        self._results[trial.number] = {}
        if trial.enqueued:
            self._keep(trial)  # only then may the file in the queue be removed
            self.suggestions.queue.remove(trial.enqueued)
        return trial

    def issue(self, trial: Trial, alongside: int, elsewhere: tuple[str, ...] = ()) -> Job | None:
        """The job that does what is left of a trial; None where nothing is. The trial's file is there before it."""
        trial = self._settle(trial)
        if trial.final:
            return None
        self._keep(trial)
        left = self._left(trial.number)
        rungs: tuple[float, ...] = ()
        if self.spec.scheduler.name != "none" and left[0] == 0:
            scheduler = self.spec.scheduler
            every = sorted({*map(synthesis_rung, scheduler.synthesis), *scheduler.fractions})
            rungs = tuple(place for place in every if fraction_rung(place) not in trial.rungs)
        last = trial.at(left[0])
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
            alone=any(attempt.outcome == "out_of_memory" for attempt in trial.attempts),
            guarded=same_place(last) >= DEATHS_BEFORE_GUARD or any(a.outcome == "crashed" for a in trial.attempts),
            elsewhere=elsewhere,
        )

    def open(self, number: int, replicate: int) -> None:
        """A worker has begun with a replicate."""
        self._keep(trial_states.started(self.trials[number], replicate, self.generation))

    # ---- taking in

    def take_in(self, number: int, report: Report) -> bool:
        """Takes a worker's report in.

        Returns:
            Whether the worker shall continue with the trial.
        """
        if report.rung is not None:
            self._rung_reached(number, report)
        if report.row is not None:
            self._results[number][report.replicate] = result_of(report.row, self.spec.objectives)
            trial = self._settle(self.records.closed(self.trials[number], report.row))
            if not trial.final:
                self._keep(trial_states.started(trial, self._left(number)[0], self.generation))
        return not self.trials[number].final

    def _rung_reached(self, number: int, report: Report) -> None:
        values = tuple((report.objectives or {}).get(objective.name) for objective in self.spec.objectives)
        rung = fraction_rung(report.rung or 0.0)

        def decide(trial: Trial, rung: str, values: Values) -> Decision:
            return self._decide(trial, rung, compared(values, report.statistics))

        trial = self.rules.at_rung(self.trials[number], rung, values, decide)
        trial = trial.with_rung_facts(rung, report.cost, report.statistics)
        if trial.final:
            work = (report.cost or {}).get("multiply_adds")
            where = {"progress": report.progress, "host": report.host, "multiply_adds": work}
            trial = trial_states.pruned_at(trial, report.replicate, self.generation, **where)
        self._keep(trial)

    def release(
        self,
        number: int,
        failure: Failure | None = None,
        *,
        message: str = "stopped",
        progress: float = 0.0,
        others: Others = NO_OTHERS,
    ) -> None:
        """Closes a trial's open attempt as the files say; then the trial waits, or has ended.

        Args:
            number: of the trial.
            failure: why its worker is gone; None where it was stopped in an orderly way.
            message: in that case, why.
            progress: as last reported.
            others: what became of other jobs meanwhile.
        """
        trial = self.trials[number]
        if trial.final:
            return  # its worker died after the last report
        attempt, verdict = trial.open_attempt, Verdict("retry", "interrupted", message)
        facts: dict[str, object] = {}
        if attempt is not None:
            record, verdict, facts = self.records.judge(trial, attempt, failure, verdict, progress, others)
            if record is not None:
                self._results[number][attempt.replicate] = result_of(record, self.spec.objectives)
                trial = self.records.closed(trial, record)
        trial = self._settle(trial_states.released(trial, verdict.outcome, verdict.message, **facts))
        if not trial.final:
            self._keep(trial)
            if verdict.action == "later":
                self.set_back[f"trial {number}"] = verdict.message
            else:
                node = failure.node if failure is not None and verdict.elsewhere else ""
                self.waiting.add(number, verdict.pause_s, alone=verdict.alone, node=node)

    def take_back(self, numbers: Iterable[int], node: str) -> None:
        """Lets those of some trials wait again that failed, because the node on which they did is broken."""
        for number in numbers:
            if self.trials[number].state == "failed":
                self.folder.remove_records(self.folder.trial_name(number), "failed")
                self._results[number] = self._read_results(number)
                self._keep(trial_states.taken_back(self.trials[number]))
                self.waiting.add(number, node=node)
                self.ended -= 1
        self.suggestions.forget()

    # ---- what follows

    def _left(self, number: int) -> tuple[int, ...]:
        """Replicates that have not ended."""
        planned = self.trials[number].replicates or len(self.spec.replicates.seeds)
        return tuple(index for index in range(planned) if index not in self._results[number])

    def _settle(self, trial: Trial) -> Trial:
        settled = self.rules.settle(trial, self._results[trial.number], self._decide)
        if settled.state == "pruned" and all(attempt.outcome != "pruned" for attempt in settled.attempts):
            settled = trial_states.pruned_at(settled, self._left(trial.number)[0], self.generation)
        if settled is not trial or settled.final:
            self._keep(settled)
        return settled

    def _keep(self, trial: Trial) -> None:
        """Writes a trial, and all that follows from its state."""
        self.folder.note_trial(trial)
        before, self.trials[trial.number] = self.trials.get(trial.number), trial
        self.tally.replaced(before, trial)
        if "early_stopping" in self.__dict__:  # else it is made of all trials when it is first asked
            self._note_rungs(self.early_stopping, trial)
        if trial.final:
            self._results.pop(trial.number, None)
            self.waiting.discard(trial.number)
            self.ended += 1
            if trial.state == "pruned":
                self.records.of_pruned(trial)
            if trial.state == "failed" and self.spec.replicates.stacked != "off":
                for index in range(len(self.spec.replicates.seeds)):  # others may have been at work beside it
                    self.folder.clear_work(self.folder.trial_name(trial.number), index)
            kept_students.tidy(self.spec.artefacts.students, self.spec.directions, self.folder, self.trials)
            self.suggestions.ended(trial)
        self.journal.trial(trial)

    def _read_results(self, number: int) -> dict[int, Result]:
        name = self.folder.trial_name(number)
        found = [self.folder.read_record(name, index) for index in range(len(self.spec.replicates.seeds))]
        return {i: result_of(record, self.spec.objectives) for i, record in enumerate(found) if record is not None}

    # ---- early stopping

    @cached_property
    def rules(self) -> Rules:
        """How results become states."""
        name = self.spec.scheduler.name
        return Rules(len(self.spec.replicates.seeds), stops=name == "halving", rungs=name != "none")

    @cached_property
    def early_stopping(self) -> EarlyStopping:
        """The rules of early stopping and what they have seen; the floors are known once the control has run."""
        scheduler, replicates = self.spec.scheduler, len(self.spec.replicates.seeds)
        halving = racing = in_synthesis = None
        if scheduler.name == "halving":
            halving = Halving(scheduler.reduction, self.spec.directions, floors(self.spec, self.folder))
            in_synthesis = halving.in_synthesis([objective.is_cost for objective in self.spec.objectives])
            racing = None if scheduler.error is None else Racing(scheduler.error, loss_signs(self.spec.directions))
        found = EarlyStopping(replicates, halving, racing, in_synthesis)
        for trial in self.trials.values():
            self._note_rungs(found, trial)
        return found

    def _decide(self, trial: Trial, rung: str, values: Values) -> Decision:
        return self.early_stopping.decide(trial.number, rung, values)

    def _note_rungs(self, early_stopping: EarlyStopping, trial: Trial) -> None:
        rungs = {rung: compared(entry.values, entry.statistics) for rung, entry in trial.rungs.items()}
        whole = trial.state == "completed" and trial.replicates == len(self.spec.replicates.seeds)
        early_stopping.note(trial.number, rungs, trial.values if whole else None)
