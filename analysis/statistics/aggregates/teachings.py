"""Students taught several times from the same pseudo-samples: their means by seed, and how far they lie apart."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.formatting import DASH, known, number, significant
from analysis.records.cell_values import from_text

DRAW = "setting/method/transfer/draw"
# Whole numbers of which there is a mean; of others, and of words, that of the first teaching stands.
_BYTES = ("peak_host_bytes", "peak_device_bytes")


def draw_of(row: Mapping[str, object]) -> int:
    """Which teaching a replicate is of; 0 where its record does not say."""
    cell = row.get(DRAW)
    said = from_text(cell) if isinstance(cell, str) else cell
    return int(number(said)) if known(said) else 0


def completed(runs: pd.DataFrame) -> pd.DataFrame:
    """The replicates that completed and have a test accuracy."""
    return runs[(runs["outcome"] == "completed") & runs["test_accuracy"].notna()]


def seed_means(taught: pd.DataFrame) -> pd.DataFrame:
    """A line for each seed: means over its teachings that completed; where none did, its first.

    Args:
        taught: replicates of all teachings, with their column ``draw``.
    """
    ordered = taught.sort_values("draw", kind="stable")
    done = completed(ordered)
    rest = ordered[~ordered["seed"].isin(done["seed"])]
    first = pd.concat([done, rest]).drop_duplicates("seed").sort_values("replicate", kind="stable").set_index("seed")
    for name in (*done.select_dtypes("float").columns, *_BYTES):
        means = done.groupby("seed")[name].mean().astype("float64")
        first[name] = means.reindex(first.index).fillna(first[name].astype("float64"))
    return first.reset_index()[list(taught.columns)].drop(columns="draw")


@dataclass(frozen=True)
class TeachingSpread:
    """How far students of the same pseudo-samples lie apart.

    Args:
        teachings: how many there are of a seed, at most.
        sd: standard deviation within seeds, pooled over them; NaN where no seed has two.
        error: what teaching adds to the standard error of the mean over seeds; NaN likewise.
        between: standard deviation between seeds that more teachings would leave.
    """

    teachings: int = 1
    sd: float = math.nan
    error: float = math.nan
    between: float = math.nan

    def columns(self) -> dict[str, float]:
        """As columns of tables."""
        return {
            "teachings": self.teachings,
            "teaching_sd": self.sd,
            "teaching_se": self.error,
            "between_sd": self.between,
        }

    @classmethod
    def read(cls, row: Mapping[Any, Any]) -> "TeachingSpread":
        """Of such columns."""
        return cls(int(row["teachings"]), row["teaching_sd"], row["teaching_se"], row["between_sd"])

    @property
    def words(self) -> str:
        """``3: 0.042 within a seed, 0.031 between``; a dash where each seed was taught once."""
        if self.teachings == 1:
            return DASH
        parts = [(self.sd, "within a seed"), (self.between, "between")]
        said = ", ".join(f"{significant(value, 2)} {what}" for value, what in parts if known(value))
        return f"{self.teachings}: {said}" if said else str(self.teachings)


def teaching_spread(taught: pd.DataFrame, measure: str) -> TeachingSpread:
    """Of a measure, over completed replicates.

    With m teachings of a seed and S seeds: sd² pools the variances within seeds by their degrees of freedom, error² is
    sd² Σ 1/m / S², and between² is the variance of the seeds' means less sd² Σ 1/m / S, at least 0.

    Args:
        taught: replicates of all teachings, with their column ``draw``.
        measure: a column.

    Source: the one-way random effects model with unequal groups.
    """
    done = completed(taught)
    values = done[done[measure].notna()].astype({measure: "float64"}).groupby("seed")[measure]
    counts, means = values.count(), values.mean()
    freedom, teachings = int((counts - 1).sum()), int(taught["draw"].nunique())
    if freedom == 0:
        return TeachingSpread(teachings)
    variance = float((values.var(ddof=1) * (counts - 1)).sum()) / freedom
    of_a_mean = variance * float((1 / counts).mean())
    between = math.sqrt(max(0.0, float(means.var(ddof=1)) - of_a_mean)) if len(means) > 1 else math.nan
    return TeachingSpread(teachings, math.sqrt(variance), math.sqrt(of_a_mean / len(means)), between)
