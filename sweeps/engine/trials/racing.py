"""Replicates as rungs: a trial is stopped that a paired test finds worse than one that ran to the end.

All trials run the same seeds, so two are compared seed by seed, and what a seed does to both drops out. The test is the
one-sided t test of the contrast of two treatments in a randomised complete block design: trials are treatments, seeds
are blocks, and the residual variance is that of the completed trials, without the mean of each trial and of each seed.
So it has many degrees of freedom, and one seed may be enough to see a large difference.

What is made small and is positive, a divergence or counted work, is compared by its logarithm: poor students differ
more from seed to seed than good ones, about as much as they are worse.

A trial has lost to a rival where it is better in no objective: for each of them the test rejects that it is (an
intersection-union test, whose p-value is the largest of theirs), and in one at least the rival's mean is better. An
objective that seeds do not change, as counted work may be, is compared as it is.

The error rate is that of stopping a trial that is as good as all those that it is compared with. It is shared among
the rivals and the looks, one after each replicate but the last (Bonferroni): among all completed trials that the
objectives without noise allow, and not among those on the front alone, which are there because they had luck, too.
It is held where seeds move all trials alike: simulated at 0.2 with 12 rivals it is 0.07 to 0.09 then, up to 0.24 where
half of the rivals have a sixth of the noise, and 0.33 to 0.41 for a trial that has three times the noise of the others.

Source: Hsu, Multiple Comparisons: Theory and Methods, 1996, chapter 4 (comparisons with the best); Berger,
Multiparameter Hypothesis Testing and Acceptance Sampling, 1982 (intersection-union); Birattari et al., A Racing
Algorithm for Configuring Metaheuristics, 2002, for the use of it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

LEAST_FREEDOM = 3
"""Degrees of freedom of the residual variance below which nothing is tested."""


@dataclass(frozen=True)
class Lost:
    """What a trial has lost to.

    Args:
        rival: number of the completed trial.
        chance: p-value.
        level: below which it had to be.
    """

    rival: int
    chance: float
    level: float


@dataclass(frozen=True)
class Racing:
    """The rule.

    Args:
        error: the error rate.
        signs: of each objective: 1 where less is better, -1 where more is.
    """

    error: float
    signs: tuple[int, ...]

    def lost(self, trial: "Numbers", rivals: Mapping[int, "Numbers"]) -> Lost | None:
        """The rival that a trial has most clearly lost to; None where it has not.

        Shapes:
            trial: ``[seeds that it has run, objectives]``, less being better; rivals: ``[all seeds, objectives]``

        Args:
            trial: its objectives.
            rivals: those of completed trials, by number.
        """
        import numpy as np
        from scipy import stats

        if not rivals:
            return None
        numbers, table, done = list(rivals), np.stack(list(rivals.values())), len(trial)
        trials, seeds, _ = table.shape
        freedom = (trials - 1) * (seeds - 1)
        if freedom < LEAST_FREEDOM or done >= seeds:
            return None
        table, trial = _on_scale(table, trial)
        means = table.mean(axis=(0, 1), keepdims=True)
        residuals = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0, keepdims=True) + means
        error = np.sqrt((residuals**2).sum(axis=(0, 1)) / freedom * 2 / done)
        behind = trial.mean(axis=0) - table[:, :done].mean(axis=1)  # above 0 where the rival is better
        rounding = 1e-9 * (1 + np.abs(means[0, 0]))
        exact = error <= rounding
        scaled = np.divide(behind, error, where=~exact, out=np.zeros_like(behind))
        chances = np.where(exact, np.where(behind >= -rounding, 0.0, 1.0), stats.t.sf(scaled, freedom))
        able = (chances < 1).all(axis=1)
        level = self.error / max(1, int(able.sum())) / (seeds - 1)
        overall = np.where((behind > 0).any(axis=1), chances.max(axis=1), 1.0)
        best = int(overall.argmin())
        return Lost(numbers[best], float(overall[best]), level) if overall[best] <= level else None


def _on_scale(table: "Numbers", trial: "Numbers") -> tuple["Numbers", "Numbers"]:
    """Both with what is positive and made small, as a divergence or a cost is, as logarithms."""
    import numpy as np

    positive = (table > 0).all(axis=(0, 1)) & (trial > 0).all(axis=0)
    return (
        np.where(positive, np.log(table, where=table > 0, out=np.zeros_like(table)), table),
        np.where(positive, np.log(trial, where=trial > 0, out=np.zeros_like(trial)), trial),
    )


def by_seed(means: Sequence[Sequence[float | None]], signs: Sequence[int]) -> "Numbers | None":
    """A trial's objectives seed by seed, less being better; None where one is missing.

    Args:
        means: over the first seed, the first two, and so on.
        signs: as in `Racing`.

    Returns:
        ``[seeds, objectives]``
    """
    import numpy as np

    if any(value is None or not math.isfinite(value) for row in means for value in row):
        return None
    sums = np.asarray(means, dtype=np.float64) * np.arange(1, len(means) + 1)[:, None]
    found: Numbers = np.diff(sums, axis=0, prepend=0.0) * np.asarray(signs)
    return found
