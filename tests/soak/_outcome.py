"""What became of disturbed sweeps."""

from dataclasses import dataclass, field

EXECUTORS = {
    "inprocess": "in process",
    "ray": "local Ray, two workers",
    "nodes": "three nodes of Ray",
    "slurm": "Slurm, a head and two nodes that come and go",
}


@dataclass
class Outcome:
    """What became of one sweep.

    Args:
        executor: by name.
        trials: that there should be.
        kept: trials that completed.
        states: of all trials.
        differing: rows that are not those of the undisturbed sweep.
        twice: points or numbers that are there twice.
        starts: how often it was started.
        seconds: from the first start to the end.
        disturbances: what was done to it.
        attempts: failed ones by cause.
        codes: exit codes of all starts.
    """

    executor: str
    trials: int
    kept: int = 0
    states: dict[str, int] = field(default_factory=dict)
    differing: int = 0
    twice: int = 0
    starts: int = 0
    seconds: float = 0.0
    disturbances: dict[str, int] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled or blamed."""
        return self.kept == self.trials and not self.differing and not self.twice and set(self.states) == {"completed"}
