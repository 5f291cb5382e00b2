"""Replicates one by one: what each trial and control has on each seed, and what the seed alone does to it.

A mean over seeds hides that one seed sinks every trial: a split or a teacher on which nothing works.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.formatting import plural, ranges
from analysis.statistics.view import View

MOST_TRIALS = 10
LEAST_SEEDS = 3
LEAST_LINES = 3
"""With fewer lines or seeds, one seed is worst for all of them too often by chance."""


@dataclass(frozen=True)
class SeedTable:
    """Values by seed.

    Args:
        column: of the frame that is shown.
        seeds: in the order of the sweep.
        trials: rows are labels of the best trials, best first; columns are seeds.
        numbers: of these trials.
        controls: the same of controls.
        teacher: by seed; empty where it has no such value.
        sign: 1 where more is better, -1 where less is.
    """

    column: str
    seeds: tuple[int, ...]
    trials: pd.DataFrame
    numbers: tuple[int, ...]
    controls: pd.DataFrame
    teacher: "pd.Series[float]"
    sign: int

    @property
    def name(self) -> str:
        """What is shown, in words."""
        return self.column.removeprefix("objective/").replace("_", " ")

    def complete(self) -> pd.DataFrame:
        """The trials with a value on every seed."""
        return self.trials.dropna()


def seed_table(view: View, most: int = MOST_TRIALS) -> SeedTable:
    """The best trials, all controls and the teacher, by seed: test accuracy, or the objective where none was measured.

    Args:
        view: the sweep.
        most: trials, the best ones by what chooses.
    """
    rows = view.rows[view.rows["outcome"] == "completed"]
    column, direction = ("test_accuracy", "maximize") if rows["test_accuracy"].notna().any() else view.measure
    order = [int(number) for number in view.ranked["trial"].head(most)]
    seeds = tuple(int(seed) for seed in rows.sort_values("replicate")["seed"].drop_duplicates())
    trials = rows[(rows["kind"] == "trial") & rows["trial"].isin(order)]
    by_trial = _pivot(trials, "trial", column, seeds).reindex(order)
    controls = _pivot(rows[rows["kind"] == "control"], "label", column, seeds)
    teachers = rows[rows["kind"] == "teacher"]
    of_teacher = (
        teachers if column != "test_accuracy" else teachers.assign(test_accuracy=teachers["teacher_test_accuracy"])
    )
    teacher = _pivot(of_teacher, "label", column, seeds)
    return SeedTable(
        column, seeds, by_trial, tuple(order), controls,
        teacher.iloc[0] if len(teacher) else pd.Series(math.nan, index=list(seeds), dtype="float64"),
        1 if direction == "maximize" else -1,
    )  # fmt: skip


def _pivot(rows: pd.DataFrame, index: str, column: str, seeds: Sequence[int]) -> pd.DataFrame:
    if column not in rows.columns:
        return pd.DataFrame(columns=list(seeds), dtype="float64")
    kept = rows.drop_duplicates([index, "seed"])
    made = kept.assign(**{column: kept[column].astype("float64")}).pivot(index=index, columns="seed", values=column)
    return made.reindex(columns=list(seeds))


@dataclass(frozen=True)
class SeedEffect:
    """What one seed does to all trials at once.

    Args:
        seed: the one on which trials do worst.
        drop: by how much their mean there is worse than on the other seeds.
        least: the same of the trial that suffers least.
        most: of the one that suffers most.
        worst_of: how many trials have their worst value there, and nowhere else.
        trials: how many there are.
        seeds: how many there are.
        teacher_drop: of the teacher; NaN where that is not known.
        of_seeds: share of the variance of all these values that is between seeds.
        of_trials: share that is between trials.
    """

    seed: int
    drop: float
    least: float
    most: float
    worst_of: int
    trials: int
    seeds: int
    teacher_drop: float
    of_seeds: float
    of_trials: float

    @property
    def sinks_every_trial(self) -> bool:
        """Whether each trial is worst on it."""
        return self.worst_of == self.trials

    @property
    def chance(self) -> float:
        """How probable it is that some seed is worst for all of so many trials if seeds made no difference."""
        return float(self.seeds ** (1 - self.trials))


def seed_effect(table: SeedTable) -> SeedEffect | None:
    """The seed that is hardest on the trials; None with too few seeds or trials, or where all values are equal.

    Args:
        table: trials without a value on every seed are left out.
    """
    values = table.sign * table.complete().to_numpy(dtype="float64")
    count, seeds = values.shape
    if seeds < LEAST_SEEDS or count < LEAST_LINES or np.ptp(values) == 0:
        return None
    others = (values.sum(axis=1, keepdims=True) - values) / (seeds - 1)
    drops = others - values
    hardest = int(drops.mean(axis=0).argmax())
    rest = np.delete(values, hardest, axis=1)
    teacher = table.sign * table.teacher.to_numpy(dtype="float64")
    whole = ((values - values.mean()) ** 2).sum()
    return SeedEffect(
        seed=table.seeds[hardest],
        drop=float(drops[:, hardest].mean()),
        least=float(drops[:, hardest].min()),
        most=float(drops[:, hardest].max()),
        worst_of=int((values[:, hardest] < rest.min(axis=1)).sum()),
        trials=count,
        seeds=seeds,
        teacher_drop=float(np.delete(teacher, hardest).mean() - teacher[hardest]),
        of_seeds=float(count * ((values.mean(axis=0) - values.mean()) ** 2).sum() / whole),
        of_trials=float(seeds * ((values.mean(axis=1) - values.mean()) ** 2).sum() / whole),
    )


def sentence(table: SeedTable) -> str:
    """Which seed sinks every trial and by how much, or that none does."""
    effect = seed_effect(table)
    if effect is None:
        fewer = f"{plural(len(table.complete()), 'complete trial')} on {plural(len(table.seeds), 'seed')}"
        return f"Whether one seed sinks every trial cannot be seen from {fewer}."
    shares = (
        f"Of the variance of these values {effect.of_seeds:.0%} is between seeds and {effect.of_trials:.0%} between "
        "trials."
    )
    much = f"{effect.drop:.3f} {'less' if table.sign > 0 else 'more'} {table.name}"
    spread = f"{effect.least:.3f} to {effect.most:.3f}".replace("-", "−")
    if not effect.sinks_every_trial:
        return (
            f"No seed sinks every trial: the hardest is {effect.seed}, the worst one of {effect.worst_of} of "
            f"{plural(effect.trials, 'trial')}, with {much} than on the others on average. {shares}"
        )
    teacher = ""
    if not math.isnan(effect.teacher_drop):
        teacher = f"; the teacher has {abs(effect.teacher_drop):.3f} {'less' if effect.teacher_drop >= 0 else 'more'}"
    chance = (
        f" By chance alone some seed would be in {effect.chance:.0%} of such tables." if effect.chance > 0.01 else ""
    )
    return (
        f"Seed {effect.seed} sinks every trial: each of these {effect.trials} is worst there, with {much} than on the "
        f"other seeds on average ({spread}){teacher}.{chance} {shares}"
    )


def missing(table: SeedTable) -> str:
    """Which of the best trials lack a value on some seed; empty where none does."""
    gaps = [number for number, whole in zip(table.numbers, table.trials.notna().all(axis=1), strict=True) if not whole]
    return (
        f"Without a value on every seed: trial{'' if len(gaps) == 1 else 's'} {ranges(sorted(gaps))}." if gaps else ""
    )
