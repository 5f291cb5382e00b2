"""How far a sweep is, from its files alone."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from analysis.records.node_accounts import NodeAccount
from analysis.records.trial_file import rung_called
from sweeps.store import starts
from sweeps.store.progress.counts import SweepCounts
from sweeps.store.progress.failure_groups import FailureGroup, beside_trials, groups_of, of_trials
from sweeps.store.progress.record_facts import remarks_by_label, remarks_of, trial_records, work_of
from sweeps.store.trial import Trial

if TYPE_CHECKING:
    from sweeps.store.folder import SweepFolder

_TEACHER = re.compile(r"teacher-\d+\.json")


@dataclass(frozen=True)
class Status:
    """How far a sweep is, from its files alone.

    Args:
        name: of the sweep.
        driver_alive: whether a driver works on it now.
        trials: by state.
        stopped: trials that early stopping ended, by why and where.
        replicates: of trials, by outcome; those with seeds that were added, too.
        controls: by outcome.
        teachers: trained so far.
        budget_trials: how many trials there may be.
        budget_hours: how long all starts together may take.
        hours: how long all starts together took.
        starts: how often the sweep was started.
        last_activity: UTC, ISO 8601.
        failures: attempts at trials, controls and teachers that failed, those that are alike together, the most
            frequent first.
        overcome: the same, of those that a later attempt has overcome.
        retried: trials that wait for another attempt after a failed one.
        set_aside: nodes that got no more work in the latest start, a sentence each.
        nodes: what each node did over all starts, and what became of it.
        damaged: files that could not be read, those of trials among them, a sentence each.
        enqueued: points of the user's that wait to become trials.
        deadline: when the sweep ends at the latest, ISO 8601.
        patience: after how many ended trials in a row without an improvement it ends.
        ended_by: which limit of the budget ended it, in words; None where it has not ended.
        remarks: completed replicates of trials whose student is collapsed or below the bound, or whose synthesis is
            stuck; not counted among thousands of records.
        control_remarks: the same by control, whose students are rivals in a comparison.
        seconds: of synthesis and transfer of completed replicates of trials and controls; None where none says its CPU
            time, as in records of earlier versions, and among thousands of trials' records controls' alone.
        cpu_s: CPU seconds in them.
        contention: which of them took much longer than they computed, a sentence; empty where none did.
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
    failures: list[FailureGroup] = field(default_factory=list)
    overcome: list[FailureGroup] = field(default_factory=list)
    retried: int = 0
    set_aside: list[str] = field(default_factory=list)
    nodes: list[NodeAccount] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    enqueued: int = 0
    deadline: str | None = None
    patience: int | None = None
    ended_by: str | None = None
    stopped: dict[str, int] = field(default_factory=dict)
    remarks: dict[str, int] = field(default_factory=dict)
    control_remarks: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: float | None = None
    cpu_s: float | None = None
    contention: str = ""

    def to_json(self) -> dict[str, object]:
        """Plain values by name."""
        return asdict(self)


def status_of(folder: "SweepFolder") -> Status:
    """Counts what the files say; needs no driver and disturbs none. Damaged files of trials are named.

    Raises:
        SweepError: `sweep.json` is damaged.
        FolderError: this is no sweep folder, or a newer version wrote a file of it.
    """
    found = SweepCounts.of(folder)
    trials, budget = found.trials, found.sweep.budget
    controls, trials_read = [row for row in found.controls.values() if row is not None], trial_records(folder)
    damaged = [*found.torn, *map(starts.damage, starts.damaged(found.starts))]
    damaged += [
        f"{path} is damaged: the next start makes it again." for path, row in found.controls.items() if row is None
    ]
    beside = beside_trials(folder.records, [*controls, *found.added.values()], found.starts, found.driver_alive)
    failed, generation = [*of_trials(trials), *beside], folder.generation
    return Status(
        name=found.sweep.name,
        driver_alive=found.driver_alive,
        trials=dict(sorted(Counter(trial.state for trial in trials).items())),
        replicates=found.replicates,
        controls=found.control_outcomes,
        teachers=sum(_TEACHER.fullmatch(path.name) is not None for path in folder.records.glob("teacher-*.json")),
        budget_trials=budget.trials,
        budget_hours=budget.hours,
        hours=found.hours,
        starts=generation,
        last_activity=starts.last_activity(folder.starts, folder.trials_folder, folder.records),
        failures=groups_of(item for item in failed if not item.overcome),
        overcome=groups_of(item for item in failed if item.overcome),
        retried=sum(not trial.final and any(item.outcome == "lost" for item in trial.attempts) for trial in trials),
        set_aside=starts.set_aside(found.starts, generation),
        nodes=list(starts.nodes(found.starts)),
        damaged=damaged,
        enqueued=found.enqueued,
        deadline=budget.deadline,
        patience=budget.patience,
        stopped=_stopped(trials),
        ended_by=found.ended_by,
        remarks=remarks_of(trials_read),
        control_remarks=remarks_by_label(controls),
        **work_of([*trials_read, *controls]),
    )


def _stopped(trials: Iterable[Trial]) -> dict[str, int]:
    """How many trials were stopped at each rung: ranked low there, or found worse than one that ran to the end."""
    found: Counter[tuple[float, str]] = Counter()
    for trial in trials:
        rung = max(trial.rungs, key=float, default=None)
        if trial.state == "pruned" and rung is not None:
            why = "worse than another by a t test" if trial.rungs[rung].reason.startswith("worse") else "ranked too low"
            found[float(rung), why] += 1
    return {f"{why} at {rung_called(f'{rung:g}')}": many for (rung, why), many in sorted(found.items())}
