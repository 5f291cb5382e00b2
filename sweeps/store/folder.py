"""The sweep folder: where everything is, and how it is read and written. Paths inside it are relative to it alone.

The files are the only truth: whatever a driver knows, it can be told again by reading them.
"""

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from acgkd.errors import StaleGenerationError, SweepError
from analysis.records.record import Record
from sweeps.store.atomic import TEMPORARY, Lock, create, read_json, sync_folder, write
from sweeps.store.trial import Trial

_TEACHER = re.compile(r"teacher-\d+\.json")


@dataclass(frozen=True)
class Status:
    """How far a sweep is, from its files alone.

    Args:
        name: of the sweep.
        driver_alive: whether a driver works on it now.
        trials: by state.
        replicates: of trials, by outcome.
        controls: by outcome.
        teachers: trained so far.
        budget_trials: how many trials there may be.
        budget_hours: how long all starts together may take.
        hours: how long all starts together took.
        starts: how often the sweep was started.
        last_activity: UTC, ISO 8601.
        failures: what failed and why, one line each, the latest ten.
    """

    name: str
    driver_alive: bool
    trials: dict[str, int]
    replicates: dict[str, int]
    controls: dict[str, int]
    teachers: int
    budget_trials: int | None
    budget_hours: float | None
    hours: float
    starts: int
    last_activity: str | None
    failures: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)


class SweepFolder:
    """A sweep on disk.

    Args:
        path: the folder; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec = path / "spec.yaml"
        self.sweep = path / "sweep.json"
        self.generation_file = path / "epoch"
        self.lock_file = path / "driver.lock"
        self.trials_folder = path / "trials"
        self.records = path / "records"
        self.curves = path / "curves"
        self.students = path / "students"
        self.samples = path / "samples"
        self.starts = path / "starts"
        self.cache = path / "cache"

    # ---- names

    @staticmethod
    def trial_name(number: int) -> str:
        """What files of a trial begin with."""
        return f"trial-{number:04d}"

    @staticmethod
    def control_name(label: str) -> str:
        """What files of a control begin with: its label, or a name that no other label has and every disk takes."""
        if re.fullmatch(r"[a-z0-9_]+", label):
            return f"control-{label}"
        plain = re.sub(r"[^a-z0-9_]+", "-", label.lower()).strip("-")
        return f"control-{plain}-{hashlib.sha256(label.encode()).hexdigest()[:6]}"

    def trial_file(self, number: int) -> Path:
        """The trial's own account."""
        return self.trials_folder / f"{number:04d}" / "trial.json"

    def record_file(self, name: str, replicate: int) -> Path:
        """The record of one replicate."""
        return self.records / f"{name}-{replicate:02d}.json"

    def curves_file(self, name: str, replicate: int) -> Path:
        """The loss curves of one replicate."""
        return self.curves / f"{name}-{replicate:02d}.json"

    def student_file(self, name: str, replicate: int) -> Path:
        """The weights of one replicate's student."""
        return self.students / f"{name}-{replicate:02d}.pt"

    def samples_file(self, name: str, replicate: int) -> Path:
        """Pseudo-samples to look at, of one replicate."""
        return self.samples / f"{name}-{replicate:02d}.npz"

    def work(self, name: str) -> Path:
        """Where checkpoints and clocks of a trial or control lie while it is at work."""
        if name.startswith("trial-"):
            return self.trials_folder / name.removeprefix("trial-")
        return self.path / "work" / name

    # ---- the sweep as a whole

    def make(self) -> None:
        """Makes the folders that every sweep has."""
        for folder in (self.trials_folder, self.records, self.curves, self.students, self.starts, self.cache):
            folder.mkdir(parents=True, exist_ok=True)

    def lock(self) -> Lock:
        """The lock that a driver holds."""
        return Lock(self.lock_file)

    @property
    def generation(self) -> int:
        """The number of the latest start; 0 before the first."""
        try:
            return int(self.generation_file.read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0
        except ValueError:
            # Starts are numbered by their own files too, so a damaged counter can be made again.
            return max((int(path.stem) for path in self.starts.glob("*.json")), default=0)

    def begin_generation(self) -> int:
        """Counts the start; workers of earlier ones leave at their next commit."""
        generation = self.generation + 1
        write(self.generation_file, str(generation))
        sync_folder(self.path)  # no number is given out twice, not even after a power cut
        return generation

    def check_generation(self, generation: int) -> None:
        """Lets the latest start pass.

        Raises:
            StaleGenerationError: there has been a later one.
        """
        if self.generation != generation:
            raise StaleGenerationError(f"start {generation} of {self.path} was followed by start {self.generation}")

    def note_start(self, generation: int, facts: Mapping[str, Any]) -> None:
        """Keeps what is known of a start; its ``seconds`` count towards the budget of hours."""
        write(self.starts / f"{generation:04d}.json", json.dumps(dict(facts)), durable=False)

    def seconds_used(self, *, before: int | None = None) -> float:
        """Seconds that all starts took, or those before one."""
        starts = sorted(self.starts.glob("*.json"))
        used = [read_json(path) for path in starts if before is None or int(path.stem) < before]
        return sum(float((facts or {}).get("seconds", 0.0)) for facts in used)

    def remove_temporaries(self) -> None:
        """Clears away what interrupted writers left; nobody ever reads it."""
        for folder in (self.path, self.records, self.curves, self.students, self.samples, self.starts):
            for path in folder.glob(f".*{TEMPORARY}"):
                path.unlink(missing_ok=True)

    # ---- trials and records

    def write_trial(self, trial: Trial) -> None:
        """Replaces the trial's file; the driver alone does."""
        path = self.trial_file(trial.number)
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, trial.model_dump_json())

    def read_trials(self) -> list[Trial]:
        """All trials in order of number.

        Raises:
            SweepError: a file is damaged, or a number is missing.
        """
        trials = sorted(self._trials(), key=lambda trial: trial.number)
        for number, trial in enumerate(trials):
            if trial.number != number:
                raise SweepError(
                    f"Trials are numbered from 0 without gaps, but {self.trial_file(number)} is missing. Restore it."
                )
        return trials

    def _trials(self) -> Iterator[Trial]:
        for folder in self.trials_folder.iterdir() if self.trials_folder.is_dir() else ():
            path = folder / "trial.json"
            try:
                yield Trial.model_validate_json(path.read_bytes())
            except (FileNotFoundError, NotADirectoryError):
                continue  # a folder was made and its file was not: that trial never was
            except ValidationError as error:
                raise SweepError(f"{path} must hold a trial, but is damaged. Restore it. ({error})") from error

    def read_record(self, name: str, replicate: int) -> Record | None:
        """The record of one replicate, or None where there is none yet.

        Raises:
            SweepError: the file is damaged.
        """
        path = self.record_file(name, replicate)
        try:
            return Record.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise SweepError(f"{path} must hold a record, but is damaged. Remove it to run it again.") from error

    def commit_record(self, name: str, record: Record) -> bool:
        """Writes a record unless there is one: the first wins, whoever it was.

        Returns:
            Whether it was this one.
        """
        return create(self.record_file(name, record.identity.replicate), record.model_dump_json())

    # ---- status

    def status(self) -> Status:
        """Counts what the files say; needs no driver and disturbs none.

        Raises:
            SweepError: this is no sweep folder, or a file of it is damaged.
        """
        sweep = read_json(self.sweep)
        if sweep is None:
            raise SweepError(f"A sweep folder holds `sweep.json`, but {self.path} does not. Is the path right?")
        trials = list(self._trials())
        outcomes: Counter[str] = Counter()
        for trial in trials:
            closed = {a.replicate: a.outcome for a in trial.attempts if a.outcome is not None}
            outcomes.update(outcome for outcome in closed.values() if outcome not in ("lost", "interrupted"))
        controls: Counter[str] = Counter()
        for path in self.records.glob("control-*.json"):
            controls[str((read_json(path) or {}).get("outcome", "damaged"))] += 1
        teachers = sum(_TEACHER.fullmatch(path.name) is not None for path in self.records.glob("teacher-*.json"))
        failed = sorted((trial for trial in trials if trial.state == "failed"), key=lambda trial: trial.number)
        spec = sweep.get("spec", {})
        budget = spec.get("budget", {})
        starts = sorted(self.starts.glob("*.json"))
        touched = max((path.stat().st_mtime for path in (*starts, self.trials_folder, self.records)), default=None)
        return Status(
            name=str(sweep.get("name", self.path.name)),
            driver_alive=self.lock().held(),
            trials=dict(sorted(Counter(trial.state for trial in trials).items())),
            replicates=dict(sorted(outcomes.items())),
            controls=dict(sorted(controls.items())),
            teachers=teachers,
            budget_trials=1 if spec.get("space", "") is None else budget.get("trials"),
            budget_hours=budget.get("hours"),
            hours=round(self.seconds_used() / 3600, 4),
            starts=self.generation,
            last_activity=None if touched is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(touched)),
            failures=[f"trial {trial.number}: {(trial.message or '?').splitlines()[0]}" for trial in failed[-10:]],
        )
