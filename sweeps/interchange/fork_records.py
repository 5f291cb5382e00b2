"""What of a sweep another spec would make today: trials, controls and teachers, in its own numbers and objectives."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from acgkd.config import RunConfig
from analysis.records.record import Record
from analysis.records.sweep_file import SweepFile
from sweeps.engine.trials.early_stopping import Decision
from sweeps.engine.trials.trial_rules import Rules, result_of
from sweeps.interchange.fitting import Today, objectives_of
from sweeps.interchange.points import OutsideSpaceError, point_in
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.spec.values import differences, plain_word
from sweeps.store.paths import SweepPaths
from sweeps.store.trial import Attempt, Trial
from sweeps.worker.record_builder import selection_of

# Trials by number, which Optuna chose as parents of a generation: chosen anew among the trials that were taken over.
_PARENTS = ":parent:"


@dataclass(frozen=True)
class Moved:
    """A record that is taken over.

    Args:
        record: as it is in the new sweep.
        source: what its files begin with in the folder it comes from, ``trial-0007-00``.
        target: what they begin with in the new one.
    """

    record: Record
    source: str
    target: str


@dataclass
class Takeover:
    """What is taken over, and what is not.

    Args:
        records: of trials, controls and teachers.
        trials: as they are in the new sweep, numbered from 0.
        logs: file of the traceback by attempt: in the folder it comes from, then in the new one.
        refused: how many records are not taken over, by reason.
        refused_trials: how many trials are not, by reason.
    """

    records: list[Moved] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    refused_trials: Counter[str] = field(default_factory=Counter)


class Chooser:
    """Chooses what to take over.

    Args:
        today: what the new spec would make.
        known: what the folder says that it is of.
        paths: names of files.
    """

    def __init__(self, today: Today, known: SweepFile, paths: SweepPaths) -> None:
        self._today, self._spec, self._paths = today, today.spec, paths
        self._places = {seed: index for index, seed in enumerate(self._spec.replicates.seeds)}
        changed = differences(known.files, self._spec.files())
        self._changed = f"{changed[0].split(':')[0]}: what is in the file has changed" if changed else ""
        self._same_rules = _same_rules(known, self._spec)
        before, now = known.spec.get("timeout_s"), self._spec.timeout_s
        self._timeout = "" if before == now else f"timeout_s: {plain_word(before)} is now {plain_word(now)}"
        self.taken = Takeover()

    def choose(self, trials: Iterable[Trial], records: Mapping[str, Record]) -> Takeover:
        """Goes through all there is.

        Args:
            trials: of the folder, in order of number.
            records: by what their files begin with.
        """
        of_trials: dict[int, dict[str, Record]] = {}
        for stem, record in records.items():
            number = record.identity.trial
            if record.identity.kind == "trial" and number is not None:
                of_trials.setdefault(number, {})[stem] = record
            else:
                self._single(stem, record)
        for trial in trials:
            self._trial(trial, of_trials.pop(trial.number, {}))
        for left in of_trials.values():
            self.taken.refused["its trial's file is missing"] += len(left)
        return self.taken

    def _single(self, stem: str, record: Record) -> None:
        """A control or a teacher."""
        kind = record.identity.kind
        reason = self._seed(record) or self._changed
        reason = reason or self._today.difference(record, {}) or self._ending(record)
        if reason:
            self.taken.refused[reason] += 1
            return
        label = record.identity.label
        config = self._spec.run_config({}) if kind == "teacher" else self._spec.control_config(label)
        self._move(stem, record, "teacher" if kind == "teacher" else self._paths.control_name(label), config)

    def _trial(self, trial: Trial, records: Mapping[str, Record]) -> None:
        reasons: dict[str, str] = {}
        point: dict[str, object] = {}
        distributions: dict[str, str] = {}
        for stem, record in records.items():
            try:
                point, distributions = point_in(self._spec, {**record.settings, **trial.parameters})
                reasons[stem] = self._reason(trial, record, point)
            except OutsideSpaceError as error:
                reasons[stem] = str(error)
        fitting = {stem: records[stem] for stem, reason in reasons.items() if not reason}
        self.taken.refused.update(filter(None, reasons.values()))
        if not fitting:
            self.taken.refused_trials[next(iter(reasons.values()), "no replicate has ended")] += 1
            return
        number = len(self.taken.trials)
        config = self._spec.run_config(point)
        name = self._paths.trial_name(number)
        moved = [self._move(stem, record, name, config, number, point) for stem, record in fitting.items()]
        indices = {records[item.source].identity.replicate: item.record.identity.replicate for item in moved}
        made = Trial(
            number=number,
            parameters=point,
            distributions=distributions,
            system_attrs=trial.system_attrs,
            study_attrs={key: value for key, value in trial.study_attrs.items() if _PARENTS not in key},
            attempts=tuple(self._attempts(trial, name, indices)),
            rungs=trial.rungs if self._same_rules else {},
            origin=trial.number,
        )
        self.taken.trials.append(self._settled(made, trial, moved))

    def _reason(self, trial: Trial, record: Record, point: Mapping[str, object]) -> str:
        """Why a replicate of a trial is not taken over; empty where it is."""
        if self._spec.space is None and self.taken.trials:
            return "without a space there is one trial"
        if trial.state == "pruned" and not self._same_rules:
            return "pruned by other objectives, seeds or rules of early stopping"
        return self._seed(record) or self._changed or self._today.difference(record, point) or self._ending(record)

    def _seed(self, record: Record) -> str:
        seed = record.identity.seed
        return "" if seed in self._places else f"seed {seed}: not among the new seeds"

    def _ending(self, record: Record) -> str:
        """Why a record's outcome is not today's."""
        if record.outcome == "timed_out":
            return self._timeout
        if record.identity.kind == "teacher" or (record.outcome != "completed" and not record.objectives):
            return ""
        missing = [name for name, value in objectives_of(record, self._spec.objectives).items() if value is None]
        if record.outcome == "completed":
            return f"objective {missing[0]}: not in the record" if missing else ""
        # It was run to its end, and an objective was not a finite number.
        bad = record.outcome in ("failed", "diverged") and record.progress >= 1
        return "" if missing or not bad else f"{record.outcome}: by an objective that is no longer one"

    def _move(
        self,
        stem: str,
        record: Record,
        name: str,
        config: RunConfig,
        number: int | None = None,
        point: Mapping[str, object] | None = None,
    ) -> Moved:
        replicate = self._places[record.identity.seed]
        changes: dict[str, object] = {
            "sweep": self._spec.name,
            "replicate": replicate,
            "added": False,
            "fingerprint": config.fingerprint(),
        }
        if number is not None:
            changes |= {"trial": number, "label": f"trial {number}"}
        update: dict[str, object] = {
            "identity": record.identity.model_copy(update=changes),
            "selection": selection_of(self._spec.objectives),
        }
        if record.objectives:
            update["objectives"] = objectives_of(record, self._spec.objectives)
        if number is not None:
            update["parameters"] = dict(point or {})
        target = self._paths.record_file(name, replicate).stem
        moved = Moved(record.model_copy(update=update), stem, target)
        self.taken.records.append(moved)
        return moved

    def _attempts(self, trial: Trial, name: str, indices: Mapping[int, int]) -> Iterable[Attempt]:
        """The ended attempts at replicates that are taken over, of before the new sweep's first start."""
        for attempt in trial.attempts:
            if attempt.outcome is None or attempt.replicate not in indices:
                continue
            replicate, log = indices[attempt.replicate], ""
            if attempt.log:
                path = self._paths.failure_log(name, replicate, attempt.attempt)
                log = self.taken.logs[attempt.log] = path.relative_to(self._paths.path).as_posix()
            yield attempt.model_copy(update={"replicate": replicate, "generation": 0, "log": log})

    def _settled(self, made: Trial, before: Trial, moved: Iterable[Moved]) -> Trial:
        """The trial in the state that its records amount to; it waits where replicates are left to run."""
        if before.state == "pruned":
            return made.model_copy(update={"state": "pruned", "message": before.message})
        results = {item.record.identity.replicate: result_of(item.record, self._spec.objectives) for item in moved}
        return Rules(len(self._places)).settle(made, results, lambda *_: Decision(True))


def _same_rules(known: SweepFile, spec: SweepSpec) -> bool:
    """Whether early stopping would decide as it did."""
    try:
        before = SweepSpec.model_validate(known.spec)
    except ValidationError:
        return False
    return (before.scheduler, before.objectives, before.replicates.seeds) == (
        spec.scheduler,
        spec.objectives,
        spec.replicates.seeds,
    )
