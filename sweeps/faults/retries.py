"""What follows from a failed attempt: another one, a final outcome, or a pause until the next start.

| cause | what happens |
|---|---|
| trial | a bug, divergence, a time limit: final. Out of memory: once more, alone |
| machine, cache | again after a pause, on another node if there is one |
| node | again on another node |
| platform | again at once, without limit while the replicate gets further between two losses |

A worker that dies without a word may have been killed, or have crashed: by a segmentation fault, or because the system
took its memory away. Twice at the same place is chance, so the third attempt runs guarded, in a process of its own
below the worker. Where that process dies, the worker lives, and no neighbour died, the trial has crashed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.records.record import Outcome
from sweeps.faults.failure import Failure
from sweeps.store.trial import Attempt, signature

DEATHS_BEFORE_GUARD = 2
LOSSES_WITHOUT_PROGRESS = 5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
STEP = 1e-9


@dataclass(frozen=True)
class Verdict:
    """What becomes of a replicate after a failed attempt.

    Args:
        action: another attempt, the end, or nothing more in this start.
        outcome: of the attempt; for `final` that of the replicate.
        message: why.
        pause_s: how long the next attempt waits.
        alone: whether it runs with nothing beside it.
        guarded: whether it runs in a process of its own below the worker.
        elsewhere: whether it runs on another node, if there is one.
    """

    action: Literal["retry", "final", "later"]
    outcome: Outcome
    message: str = ""
    pause_s: float = 0.0
    alone: bool = False
    guarded: bool = False
    elsewhere: bool = False


@dataclass(frozen=True)
class Others:
    """What became of other jobs meanwhile.

    Args:
        died: whether another job's worker died at about the same time.
        worked: whether another job went well since this one first failed.
    """

    died: bool = False
    worked: bool = False


NO_OTHERS = Others()


def decide(attempts: Sequence[Attempt], failure: Failure, others: Others = NO_OTHERS) -> Verdict:
    """What becomes of a replicate.

    Args:
        attempts: those at this replicate in order, the failed one last, with its progress and place.
        failure: how that one ended.
        others: what became of other jobs meanwhile.
    """
    if failure.cause == "trial":
        return _own_fault(attempts, failure, others.died)
    idle = idle_losses(attempts)
    # A broken node that fails fast takes a trial several times before it is set aside.
    if idle >= LOSSES_WITHOUT_PROGRESS * (2 if failure.cause == "node" else 1):
        return _no_further(attempts, failure, idle, others.worked)
    if failure.cause == "platform":
        return Verdict("retry", "lost", failure.message, guarded=same_place(attempts) >= DEATHS_BEFORE_GUARD)
    # A broken disk or network may recover; a node that lacks something will not, and others wait for nothing.
    times = 1 if failure.cause == "node" else 2 ** max(0, idle - 1)
    pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * times)
    return Verdict("retry", "lost", failure.message, pause, elsewhere=failure.cause != "cache")


def _own_fault(attempts: Sequence[Attempt], failure: Failure, neighbour_died: bool) -> Verdict:
    if failure.outcome == "out_of_memory" and not any(a.outcome == "out_of_memory" for a in attempts[:-1]):
        return Verdict("retry", "out_of_memory", failure.message, alone=True)
    if failure.outcome == "crashed" and neighbour_died:
        return Verdict("retry", "lost", failure.message, guarded=True)
    return Verdict("final", failure.outcome, failure.message)


def _no_further(attempts: Sequence[Attempt], failure: Failure, idle: int, others_worked: bool) -> Verdict:
    """The same error every time, while others went well: the replicate's own fault. Else the next start tries."""
    last = attempts[-idle:]
    if others_worked and failure.cause == "machine" and len({signature(attempt.message) for attempt in last}) == 1:
        return Verdict("final", "failed", f"{failure.message}\n(the same in {idle} attempts, while others went well)")
    return Verdict("later", "lost", failure.message)


def idle_losses(attempts: Sequence[Attempt]) -> int:
    """How many of the latest attempts were lost one after the other without getting further than those before."""
    best, idle = 0.0, 0
    for attempt in attempts:
        if attempt.outcome != "lost":
            idle = 0
        elif attempt.progress > best + STEP:
            idle = 1
        else:
            idle += 1
        best = max(best, attempt.progress)
    return idle


def same_place(attempts: Sequence[Attempt]) -> int:
    """How many of the latest attempts lost their worker at one and the same place."""
    count = 0
    for attempt in reversed(attempts):
        last = attempts[-1]
        if attempt.outcome != "lost" or attempt.cause != "platform" or not last.place or attempt.place != last.place:
            break
        count += 1
    return count
