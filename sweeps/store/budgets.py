"""Whether a sweep has come to the end of its budget, and by which limit; from its files alone."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from fractions import Fraction

from analysis.records.sweep_file import Budget, Direction
from sweeps.store.trial import Trial


class Taken:
    """What trials have taken of what a budget limits; kept up to date trial by trial, at the same cost at any length.

    Args:
        trials: all that there are, those under way included.
    """

    def __init__(self, trials: Iterable[Trial] = ()) -> None:
        self.trials = self.replicates = 0
        self._work = Fraction()  # exact: a sum that is added to and taken from for long is the sum of what is there
        for trial in trials:
            self.replaced(None, trial)

    def replaced(self, before: Trial | None, after: Trial) -> None:
        """Takes in a change of one trial.

        Args:
            before: as it was; None where it is new.
            after: as it is now.
        """
        self.trials += before is None
        self.replicates += begun(after) - (0 if before is None else begun(before))
        self._work += Fraction(work(after)) - (0 if before is None else Fraction(work(before)))

    @property
    def multiply_adds(self) -> float:
        """Counted work of all trials together."""
        return float(self._work)


def met(budget: Budget, taken: Taken, seconds: float, idle: Callable[[], int]) -> str:
    """Which limit is met, in words; empty where none is.

    Args:
        budget: the limits; whatever comes first.
        taken: by all trials that there are.
        seconds: that all starts together took.
        idle: how many trials ended without an improvement; asked only where the budget has a limit for it.
    """
    if passed(budget):
        return f"the deadline {budget.deadline} has come"
    if budget.trials is not None and taken.trials >= budget.trials:
        return f"the budget of {_plural(budget.trials, 'trial')} is met"
    if budget.replicates is not None and taken.replicates >= budget.replicates:
        return f"the budget of {_plural(budget.replicates, 'replicate')} is met"
    if budget.multiply_adds is not None and taken.multiply_adds >= budget.multiply_adds:
        return f"the budget of {budget.multiply_adds:g} multiply-adds is met"
    if budget.hours is not None and seconds >= budget.hours * 3600:
        return f"the budget of {_plural(budget.hours, 'hour')} is met"
    if budget.patience is not None and idle() >= budget.patience:
        return f"no trial of the last {budget.patience} improved on those before"
    return ""


def way_on(ended_by: str) -> str:
    """What extends a sweep that has come to its end.

    Args:
        ended_by: the words of `met`.
    """
    if ended_by.startswith("the deadline"):
        return "A later `budget/deadline` extends the sweep."
    if ended_by.startswith("no trial of"):
        return "A larger `budget/patience` extends the sweep."
    if ended_by.endswith(("replicate is met", "replicates is met")):
        return "A larger budget extends the sweep, such as `--set budget/replicates=N`."
    if ended_by.endswith("multiply-adds is met"):
        return "A larger budget extends the sweep, such as `--set budget/multiply_adds=N`."
    if ended_by.endswith(("hour is met", "hours is met")):
        return "A larger budget extends the sweep, such as `--set budget/hours=N`."
    return "A larger budget extends the sweep, such as `--trials N`."


def begun(trial: Trial) -> int:
    """How many replicates the trial has begun; seeds that were added after it had completed are not among them."""
    return len(
        {item.replicate for item in trial.attempts if trial.replicates is None or item.replicate < trial.replicates}
    )


def work(trial: Trial) -> float:
    """Multiply-adds that the trial's replicates took, with those that were stopped and without what was lost."""
    taken: dict[int, float] = {}
    for item in trial.attempts:
        if trial.replicates is None or item.replicate < trial.replicates:
            taken[item.replicate] = max(taken.get(item.replicate, 0.0), item.multiply_adds or 0.0)
    return sum(taken.values())


def passed(budget: Budget) -> bool:
    """Whether the deadline has come."""
    return budget.deadline is not None and datetime.now(UTC) >= datetime.fromisoformat(budget.deadline)


def idle_trials(trials: Collection[Trial], directions: Sequence[Direction]) -> int:
    """How many ended trials have brought no improvement since the last that did, in order of number.

    A trial improves if it completed and the hypervolume of the front, the volume dominated in the space of objectives,
    grows by it. It grows exactly where no earlier completed trial dominates or equals the trial in all objectives: a
    point outside the region dominated so far adds the volume between itself and that region, whatever the reference
    point that both are better than. So no reference point is needed; with one objective it is a better value. Trials
    that were pruned, are infeasible or failed count as without improvement.

    Args:
        trials: of the sweep, in any order; those that have not ended are passed over.
        directions: of the objectives.
    """
    front: list[tuple[float, ...]] = []
    idle = 0
    for trial in sorted((trial for trial in trials if trial.final), key=lambda trial: trial.number):
        idle += 1
        if trial.state != "completed" or trial.values is None:
            continue
        point = trial.losses(directions)
        if not any(covers(known, point) for known in front):
            front = [point, *(known for known in front if not covers(point, known))]
            idle = 0
    return idle


def covers(one: Iterable[float], other: Iterable[float]) -> bool:
    """Whether a point dominates or equals another, less being better."""
    return all(mine <= theirs for mine, theirs in zip(one, other, strict=True))


def _plural(count: float, noun: str) -> str:
    return f"{count:g} {noun}{'' if count == 1 else 's'}"
