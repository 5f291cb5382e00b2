"""How long a step of each method takes, timed side by side, so that a slow moment is everybody's.

It is timed in this process, on this machine: where jobs run elsewhere, this machine should be like those. On one thread
of a CPU seconds are those of the CPU, so that what else runs there changes nothing.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acgkd.config import RunConfig, fingerprint
from sweeps.worker.experiments import AcgkdExperiments

if TYPE_CHECKING:
    import torch

    from acgkd.run.distillation import Distillation

SEED = 100
ROUNDS = 5
TIMED_S = 0.5
MOST_S = 30.0  # by the clock on the wall: where a step waits, CPU seconds may never come
TURNS = 10  # steps of a joint stage are timed by tens: its two sides take turns, of five steps each by default


@dataclass(frozen=True)
class Pace:
    """What one method takes.

    Args:
        stage: that was timed, the one that makes samples: `synthesis` or `joint`; empty where there is none.
        stage_steps: how many steps it has.
        step_s: seconds of one, the median over rounds.
        lowest_s: of the fastest round.
        highest_s: of the slowest round.
        transfer_s: seconds of all of its transfer, where that was asked for.
    """

    stage: str
    stage_steps: int = 0
    step_s: float = 0.0
    lowest_s: float = 0.0
    highest_s: float = 0.0
    transfer_s: float = 0.0

    @property
    def stage_s(self) -> float:
        """Seconds of all of the stage."""
        return self.step_s * self.stage_steps


class _Timed:
    """A run whose steps are timed; it is begun anew when its stage is over.

    Args:
        begin: begins a distillation.
        skipped: steps that come before the stage.
    """

    def __init__(self, begin: "Callable[[], Distillation]", skipped: int = 0) -> None:
        self._begin, self._skipped = begin, skipped
        first = begin()
        self._device = first.context.device
        self._clock = _clock(self._device)
        stage = first.method_run.stages[1 if skipped else 0]
        self.stage, self.steps = stage.name, stage.steps
        self.rounds: list[float] = []
        self._take(first)

    def _take(self, begun: "Distillation") -> None:
        self._run, self._left = begun.method_run, self.steps
        for _ in range(self._skipped):
            self._run.step()

    def _step(self) -> None:
        if self._left == 0:
            self._take(self._begin())
        self._run.step()
        self._left -= 1

    def round(self) -> None:
        """Steps for about `TIMED_S`, and one more before that, which is not timed."""
        from acgkd.runtime import synchronize

        self._step()
        synchronize(self._device)
        steps, spent, end = 0, 0.0, time.monotonic() + MOST_S
        whole = TURNS if self.stage == "joint" else 1
        while steps == 0 or steps % whole or (spent < TIMED_S and time.monotonic() < end):
            fresh = self._left == 0
            begun = self._clock()
            self._step()
            synchronize(self._device)
            if not fresh or self.steps == 1:  # the first step of a run makes what the others find there
                steps, spent = steps + 1, spent + self._clock() - begun
        self.rounds.append(spent / steps)


def _clock(device: "torch.device") -> Callable[[], float]:
    """Seconds of the CPU where one thread of it does all, and otherwise of the clock on the wall."""
    import torch

    from acgkd.run.bookkeeping.clocks import cpu_seconds

    return cpu_seconds if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter


def measure(configs: Mapping[str, RunConfig], reference: str, experiments: AcgkdExperiments) -> dict[str, Pace]:
    """Times methods in turn, round after round.

    Rows with the same synthesis but for its steps are timed once: they are to have the same steps, and pseudo-samples.

    Args:
        configs: what is run, by label; their teacher is trained for one epoch, which changes no time.
        reference: the label whose transfer is timed too, where another one has a joint stage.
        experiments: where runs come from.

    Raises:
        AcgkdError: the data set is missing, or a run cannot begin.
    """
    with tempfile.TemporaryDirectory(prefix="acgkd-calibration-") as home:

        def beginning(config: RunConfig) -> "Callable[[], Distillation]":
            found = experiments.experiment(config, SEED, Path(home))
            found.prepare()
            begin: Callable[[], Distillation] = found.start
            return begin

        quick = {
            label: config.model_copy(update={"teacher": config.teacher.model_copy(update={"epochs": 1})})
            for label, config in configs.items()
        }
        first: dict[str, str] = {}
        same = {label: first.setdefault(_synthesis(config), label) for label, config in quick.items()}
        timed = {label: _Timed(beginning(quick[label])) for label in first.values()}
        teaching = None
        if any(one.stage == "joint" for one in timed.values()) and timed[same[reference]].stage == "synthesis":
            teaching = _Timed(beginning(_hurried(quick[reference])), skipped=1)
        making = [one for one in timed.values() if one.stage != "transfer"]
        for _ in range(ROUNDS):
            for one in (*making, *([] if teaching is None else [teaching])):
                one.round()
    found = {label: _pace(timed[known]) for label, known in same.items()}
    if teaching is not None:
        own = found[reference]
        spent = statistics.median(teaching.rounds) * teaching.steps
        found[reference] = Pace(own.stage, own.stage_steps, own.step_s, own.lowest_s, own.highest_s, spent)
    return found


def _pace(one: _Timed) -> Pace:
    if not one.rounds:
        return Pace("")
    return Pace(str(one.stage), one.steps, statistics.median(one.rounds), min(one.rounds), max(one.rounds))


def _hurried(config: RunConfig) -> RunConfig:
    """The same run with one step of synthesis; how long a step of transfer takes does not depend on it."""
    synthesis = {**config.method.synthesis, "steps": 1}
    return config.model_copy(update={"method": config.method.model_copy(update={"synthesis": synthesis})})


def _synthesis(config: RunConfig) -> str:
    """What decides the time of a step: all but steps, and transfer where samples do not depend on it."""
    from acgkd.methods import parse_method

    method, parsed = parse_method(config.method)
    synthesis = {key: value for key, value in parsed.synthesis.model_dump(mode="json").items() if key != "steps"}
    transfer = parsed.transfer.model_dump(mode="json") if method.needs_student(parsed) else None
    return fingerprint([config.method.name, synthesis, transfer, config.prior.model_dump(mode="json")])
