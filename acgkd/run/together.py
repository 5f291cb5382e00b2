"""Runs of one trial, taught together: their teaching stages are one, everything else each does alone.

A run is as far, as random and as costly as if it had been alone: it has its own streams, curves, counted work and
checkpoints, and may continue alone from any of them, or together from one that was made alone. What steps took
together is split evenly among the runs, each of which did as many.
"""

import math
import time
from collections.abc import Sequence
from typing import Any

from acgkd.graphs import GRAPHS
from acgkd.run.bookkeeping.clocks import cpu_seconds
from acgkd.run.distillation import Distillation
from acgkd.transfer.stacked.model import why_not
from acgkd.transfer.stacked.stage import StackedTransfer, why_not_together
from acgkd.transfer.two_phase import TwoPhase


def why_alone(run: Distillation) -> str:
    """Why a run that has begun cannot be taught together with others of its settings; nothing where it can."""
    if run.context.device.type != "cpu":
        return "runs are taught together on a CPU, where it was measured"
    if not isinstance(run.method_run, TwoPhase):
        return "its student is taught while pseudo-samples are made"
    if run.method.modality != GRAPHS.name:
        return "only students that read graphs are taught together"
    return why_not([run.student])


class Together:
    """Runs that advance as one where they can: each alone until it teaches, and alone until it is as far as the others.

    Args:
        runs: of one method with one set of settings; `why_alone` has nothing to say of them.
    """

    def __init__(self, runs: Sequence[Distillation]) -> None:
        self.runs = list(runs)
        self._stack: tuple[list[Distillation], StackedTransfer] | None = None

    def advance(self, *, until: float = 1.0, seconds: float | None = None) -> None:
        """Advances all to a progress, or for about so many seconds, whichever comes first.

        Raises:
            DivergedError: a loss or a weight of one of them left the finite numbers; then none may continue.
        """
        deadline = math.inf if seconds is None else time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            behind = min(run.progress for run in self.runs)
            if behind >= until - 1e-9:
                return
            level = [run for run in self.runs if run.progress == behind]
            ahead = min([until, *(run.progress for run in self.runs if run.progress > behind)])
            teaching = level[0].judged_fractions_to_progress(0.0)
            if behind < teaching:
                level[0].advance(until=min(until, teaching), seconds=_left(deadline))
            elif len(level) == 1 or not self._can(level):
                level[0].advance(until=ahead, seconds=_left(deadline))
            else:
                self._teach(level, ahead, deadline)

    def _can(self, level: Sequence[Distillation]) -> bool:
        if self._stack is not None and self._stack[0] == level:
            return True
        members = [_run_of(run).teaching() for run in level]
        if why_not_together([transfer for transfer, _ in members]):
            return False
        self._stack = list(level), StackedTransfer(members)
        return True

    def _teach(self, level: Sequence[Distillation], until: float, deadline: float) -> None:
        assert self._stack is not None, "made where it was asked whether it can be"
        index, started, cpu = len(level[0].stages) - 1, time.perf_counter(), cpu_seconds()
        last = min(run.begin_stage(index, until) for run in level)
        with self._stack[1] as stack:
            while level[0].steps_done < last:
                for run, losses in zip(level, stack.step(), strict=True):
                    run.stepped(losses)
                if time.perf_counter() >= deadline:
                    break
        seconds, cpu = (time.perf_counter() - started) / len(level), (cpu_seconds() - cpu) / len(level)
        for run in level:
            run.stepped_with(index, seconds, cpu, len(level))


def _run_of(run: Distillation) -> TwoPhase[Any]:
    assert isinstance(run.method_run, TwoPhase), "others are never taught together"
    return run.method_run


def _left(deadline: float) -> float | None:
    return None if math.isinf(deadline) else max(0.0, deadline - time.perf_counter())
