"""How far a suite is, from its files alone."""

from dataclasses import asdict, dataclass
from typing import Literal

from analysis.records.suites.suite_file import MemberEntry, SuiteFile
from sweeps.store.folder import SweepFolder
from sweeps.store.progress.counts import SweepCounts
from sweeps.suites.suite_folder import SuiteFolder

State = Literal["waiting", "running", "interrupted", "failed", "completed"]


@dataclass(frozen=True)
class MemberStatus:
    """How far one sweep of a suite is.

    Args:
        name: of the sweep.
        dataset: label of its data set.
        pair: label of its teacher and student.
        state: `waiting` has not begun; `interrupted` began and is not done; `failed` could not be run to its end, or
            has runs that failed.
        done: runs that have ended, whatever became of them.
        runs: how many there are: rows by seeds.
        outcomes: of the runs that have ended.
        hours: that it took so far.
        message: why it could not be run to its end; empty where it could, or has not been tried.
    """

    name: str
    dataset: str
    pair: str
    state: State
    done: int
    runs: int
    outcomes: dict[str, int]
    hours: float
    message: str


@dataclass(frozen=True)
class SuiteStatus:
    """How far a suite is.

    Args:
        name: of the suite.
        driver_alive: whether a driver works on it now.
        done: runs that have ended.
        runs: how many there are.
        hours: that its sweeps took so far.
        calibrated: rows whose steps were measured or given.
        members: its sweeps, in order.
    """

    name: str
    driver_alive: bool
    done: int
    runs: int
    hours: float
    calibrated: int
    members: list[MemberStatus]

    @property
    def states(self) -> dict[str, int]:
        """Sweeps by state."""
        found: dict[str, int] = {}
        for member in self.members:
            found[member.state] = found.get(member.state, 0) + 1
        return found

    def to_json(self) -> dict[str, object]:
        """Plain values by name."""
        return asdict(self)


def suite_status(folder: SuiteFolder) -> SuiteStatus:
    """Counts what the files say; needs no driver and disturbs none.

    Raises:
        SweepError: a file is damaged.
        FolderError: this is no suite folder, or a newer version wrote a file of it.
    """
    suite = folder.require()
    members = [_member(folder, suite, entry) for entry in suite.members]
    return SuiteStatus(
        name=suite.name,
        driver_alive=folder.lock.held(),
        done=sum(member.done for member in members),
        runs=sum(member.runs for member in members),
        hours=round(sum(member.hours for member in members), 4),
        calibrated=len(suite.calibrations),
        members=members,
    )


def _member(folder: SuiteFolder, suite: SuiteFile, entry: MemberEntry) -> MemberStatus:
    files, message = SweepFolder(folder.sweep(entry.name)), suite.failures.get(entry.name, "")
    if not files.sweep.is_file():
        state: State = "failed" if message else "waiting"
        return MemberStatus(entry.name, entry.dataset, entry.pair, state, 0, entry.runs, {}, 0.0, message)
    found = SweepCounts.of(files)
    outcomes: dict[str, int] = {}
    for counted in (found.replicates, found.control_outcomes):
        for outcome, count in counted.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + count
    done = sum(outcomes.values())
    if entry.searches and not found.driver_alive and not message:  # trials may be stopped early, and may fail
        state = "completed" if found.ended_by is not None else "interrupted"
    else:
        state = _state(found, done, entry.runs, outcomes, message)
    return MemberStatus(entry.name, entry.dataset, entry.pair, state, done, entry.runs, outcomes, found.hours, message)


def _state(found: SweepCounts, done: int, runs: int, outcomes: dict[str, int], message: str) -> State:
    if found.driver_alive:
        return "running"
    if message or (done >= runs and set(outcomes) != {"completed"}):
        return "failed"
    return "completed" if done >= runs else "interrupted"
