"""How far a run is, by the steps of its stages."""

import math
from collections.abc import Sequence
from itertools import accumulate

from acgkd.method import Stage


class Progress:
    """Stages, and the steps of them that are done. Every stage takes an equal share of `progress`.

    Args:
        stages: in order.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = tuple(stages)
        self.steps_done = 0

    @property
    def total_steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    @property
    def done(self) -> bool:
        """Whether no step is left."""
        return self.steps_done >= self.total_steps

    @property
    def progress(self) -> float:
        """Share of the work done, 0 to 1; each stage counts the same."""
        index, within = self.position()
        if index == len(self.stages):
            return 1.0
        return (index + within / self.stages[index].steps) / len(self.stages)

    def judged_fractions_to_progress(self, fraction: float) -> float:
        """Where in `progress` a share `fraction` of the stage lies in which the student learns.

        Below 0 it lies in the stage before: half-way through that at -0.5.
        """
        index = next(i for i, stage in enumerate(self.stages) if stage.judged)
        return (index + fraction) / len(self.stages)

    def still_to_come(self) -> float:
        """Steps of the stage under way by those of them that are done; 1 between two stages."""
        index, within = self.position()
        return self.stages[index].steps / within if within > 0 else 1.0

    @property
    def before_judged(self) -> bool:
        """Whether the stage is still to begin in which the student learns."""
        index, within = self.position()
        return index < len(self.stages) and (within == 0 or not self.stages[index].judged)

    def position(self) -> tuple[int, int]:
        """Index of the current stage, and the steps done within it."""
        left = self.steps_done
        for index, stage in enumerate(self.stages):
            if left < stage.steps:
                return index, left
            left -= stage.steps
        return len(self.stages), 0

    def steps_at(self, index: int, progress: float) -> int:
        """The steps that are done where a progress is reached, within the stage of a number."""
        first = sum(earlier.steps for earlier in self.stages[:index])
        within = math.ceil((progress * len(self.stages) - index) * self.stages[index].steps - 1e-9)
        return first + min(self.stages[index].steps, within)

    def steps_by_stage(self) -> list[int]:
        """The steps of each stage that are done."""
        ends = accumulate(stage.steps for stage in self.stages)
        return [
            min(max(0, self.steps_done - end + stage.steps), stage.steps)
            for stage, end in zip(self.stages, ends, strict=True)
        ]
