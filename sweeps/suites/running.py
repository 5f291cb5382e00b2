"""Runs a suite: what is to be timed first, then sweep after sweep; one that fails keeps none of the others back."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from acgkd.errors import AcgkdError, FolderInUseError, RayLostError, SpecError, StorageError
from analysis.records.suites.suite_file import CalibratedRow, SuiteFile
from sweeps.code.same_code import Say
from sweeps.engine.snapshot import Summary, Watch
from sweeps.executors.base import Executor, run_sweep
from sweeps.executors.signals import Stopping, stop_signals
from sweeps.store.writable import require_path
from sweeps.suites.calibration import by_row, calibrated, known_rows, measured_rows, timed_rows
from sweeps.suites.members import Member
from sweeps.suites.suite_folder import SuiteFolder
from sweeps.suites.suite_loading import SuiteSpec
from sweeps.worker.experiments import Experiments

# Shows one sweep: called with its title, gives a context manager whose value is called with snapshots.
Show = Callable[[str], AbstractContextManager[Watch | None]]


@dataclass
class SuiteOutcome:
    """What a start of a suite came to.

    Args:
        summaries: of each sweep that was started, by name.
        failures: why a sweep could not be run to its end, by name.
        interrupted: whether the start was stopped before its end.
    """

    summaries: dict[str, Summary] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def failed_trials(self) -> int:
        """References of sweeps, each a trial, that failed."""
        return sum(item.counts.get("failed", 0) for item in self.summaries.values())

    @property
    def waiting(self) -> int:
        """Trials and controls that wait for the next start, because they were lost again and again."""
        return sum(len(item.set_back) for item in self.summaries.values())

    @property
    def sound(self) -> bool:
        """Whether there is nothing to look at."""
        aside = any(item.set_aside for item in self.summaries.values())
        return not (self.failures or self.failed_trials or self.waiting or aside)

    @property
    def nothing_to_do(self) -> bool:
        """Whether everything was done already."""
        return not self.failures and all(item.nothing_to_do for item in self.summaries.values())


def run_members(
    suite: SuiteSpec,
    folder: Path,
    executor: Executor,
    *,
    command: str = "",
    show: Show = lambda title: nullcontext(None),
    tell: Callable[[str], None] = lambda text: None,
    say: Say = warnings.warn,
    trust_code: bool = False,
    accept_code_change: bool = False,
    experiments_of: Callable[[Member], Experiments | None] = lambda member: None,
) -> SuiteOutcome:
    """Starts a suite, resumes it, extends it, or finds that nothing is left to do.

    Args:
        suite: the suite.
        folder: where it lives; made if need be. On a cluster every node must see it under the same path.
        executor: where jobs run.
        command: that started it, for the record.
        show: shows the progress of a sweep.
        tell: called with what happens now, in words.
        say: called with a text for each thing that the user should know before a sweep starts.
        trust_code: whether specs may name Python functions of the user's, and a command under `on_end`.
        accept_code_change: continue sweeps whose rows were made with other settings or code than today's.
        experiments_of: where the experiments of a sweep come from; the real ones where it gives None.

    Raises:
        FolderError: the folder is another suite's, or on an object store, or another driver works on it.
        StorageError: it is full, cannot be read or written, or was removed.
        RayLostError: Ray was lost; the same call resumes.
        KeyboardInterrupt: at the second Ctrl-C, SIGTERM or SIGHUP; the first one ends cleanly.
    """
    require_path(folder)
    home, outcome = SuiteFolder(folder), SuiteOutcome()
    home.make()
    with home.lock, _interruptible(outcome) as stopping:
        home.stop_file.unlink(missing_ok=True)
        before = home.read()
        kept = by_row(before.calibrations if before is not None else ())
        known = [item for member in suite.members for item in known_rows(member, suite.section.calibrated, kept)]
        found = home.match(suite, known, command)
        found = _calibrate(suite, home, found, outcome, tell, trust_code)
        steps = by_row(found.calibrations)
        for number, plain in enumerate(suite.members, 1):
            if home.asked_to_stop or stopping.asked:  # the latter at the last step of a sweep
                outcome.interrupted = True
                break
            if plain.name in outcome.failures:
                continue
            member = calibrated(plain, steps)
            title = f"{suite.name} {number}/{len(suite.members)}: {member.title}"
            try:
                spec = member.spec(trust_code)
                with show(title) as watch:
                    summary = run_sweep(
                        spec,
                        home.sweep(member.name),
                        executor,
                        command=command,
                        watch=watch,
                        spec_text=member.text(suite.name),
                        trust_code=trust_code,
                        experiments=experiments_of(member),
                        accept_code_change=accept_code_change,
                        say=say,
                    )
            except (RayLostError, StorageError):  # these are of all sweeps alike
                raise
            except (AcgkdError, OSError) as error:
                found = _failed(home, found, outcome, member.name, error, tell)
                continue
            outcome.summaries[member.name] = summary
            if summary.interrupted:
                outcome.interrupted = True
                break
    return outcome


@contextmanager
def _interruptible(outcome: SuiteOutcome) -> Iterator[Stopping]:
    """A signal between two sweeps ends the suite as one within a sweep does.

    Raises:
        KeyboardInterrupt: at the second one, wherever it comes.
    """
    stopping = Stopping()
    try:
        with stop_signals(lambda: True) as stopping:
            yield stopping
    except KeyboardInterrupt:
        if stopping.asked != 1:
            raise
        outcome.interrupted = True


def _calibrate(
    suite: SuiteSpec,
    home: SuiteFolder,
    found: SuiteFile,
    outcome: SuiteOutcome,
    tell: Callable[[str], None],
    trust_code: bool,
) -> SuiteFile:
    """Times what is not known yet; each sweep's rows are kept as soon as they are known."""
    have = by_row(found.calibrations)
    todo = [
        (member, rows)
        for member in suite.members
        if (rows := [row for row in timed_rows(member) if (member.name, row.label) not in have])
    ]
    for number, (member, rows) in enumerate(todo, 1):
        if home.asked_to_stop:
            return found
        tell(f"Calibrating {number} of {len(todo)}: {len(rows)} rows on {member.dataset.label}, {member.pair.label}")
        try:
            measured = measured_rows(member, member.spec(trust_code), rows, trust_code)
        except StorageError:
            raise
        except (AcgkdError, OSError) as error:
            found = _failed(home, found, outcome, member.name, error, tell)
            continue
        found = found.model_copy(update={"calibrations": (*found.calibrations, *measured)})
        home.write(found)
        for item in measured:
            tell(f"  {_said(item)}")
    return found


def _said(item: CalibratedRow) -> str:
    if item.steps is None:
        return f"{item.row}: nothing to learn, so its own steps"
    return f"{item.row}: {item.steps:,} steps in {item.target_s or 0:.2f} s, {1000 * (item.step_s or 0):.2f} ms each"


def _failed(
    home: SuiteFolder,
    found: SuiteFile,
    outcome: SuiteOutcome,
    name: str,
    error: Exception,
    tell: Callable[[str], None],
) -> SuiteFile:
    why = "; ".join(map(str, error.faults)) if isinstance(error, SpecError) else str(error)
    held = " Its driver goes its own way." if isinstance(error, FolderInUseError) else ""
    outcome.failures[name] = why + held
    tell(f"{name} was not run to its end: {why}{held}")
    found = found.model_copy(update={"failures": dict(outcome.failures)})
    home.write(found)
    return found
