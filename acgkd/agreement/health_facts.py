"""How healthy a synthesis is, without data: the facts, and the bounds beyond which it counts as stuck.

A synthesis that got stuck leaves pseudo-samples that the teacher does not give the class that they were made for, and
that are far from what its BatchNorm layers remember; no loss says so, the facts here do. Samples that are near to that
memory are like the data, whatever was asked for: of such a synthesis a low hit rate says nothing. The facts are of the
synthesis and not of its student, which learns what the teacher says of each sample: on MUTAG it was a bad one, on
motifs it was as good as the teacher (`docs/explanations/graph-methods.md`).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from statistics import NormalDist
from typing import Any, TypeAlias

HIT_RATE_BOUND = 0.5
"""Least hit rate of a class: half of its pseudo-samples are what was asked for. A synthesis is stuck where the rate is
lower beyond chance, that is, where the upper end of its 95 % interval is. Known to be stuck: 0.16; others: 0.8 and more
(MUTAG, GIN to GIN, ten seeds; `docs/results/health.md` has what is known since)."""
STATISTICS_BOUND = 1.0
"""Distance from the teacher's memory, summed over its layers, up to which a synthesis is not stuck whatever its hit
rates. Not calibrated. Known to be stuck: 1.9 to 2.7 (MUTAG, GIN, seed 6); others: 0.02 to 0.9, some of them with a hit
rate of 0.2 and a student as good as the teacher (MUTAG and motifs, GIN to GIN), and 1.85 (IMDB-BINARY, GIN)."""
DEGREE_BOUND = 0.9
"""Mean degree over the prior's; a synthesis below it has shed edges, and is near to no data."""
Z = NormalDist().inv_cdf(0.975)
"""Of 95 % of a normal distribution."""
CLASSES_BOUND = 0.5
"""Share of its classes that the teacher must say of the pseudo-samples, where none is asked for."""

# What a column of a record's quality holds: a figure, or a list of them.
QualityValue: TypeAlias = float | int | list[float | None] | None


@dataclass(frozen=True)
class Health:
    """The facts of one synthesis, under the names of the record's columns; None is what is not known.

    Shares are in [0, 1]; the teacher's verdict is the class to which it gives the largest probability.

    Args:
        hit_rates: by class, the share of its pseudo-samples whose verdict is the class that they were made for; None
            of a class of which there were too few.
        hit_rate: their mean.
        hit_rate_lowest: the lowest of them.
        hit_rate_at_most: upper end of the 95 % interval of a class's hit rate, where that is lowest; of that of all
            pseudo-samples where no class has enough of them. What is judged.
        synthesis_confidence: mean largest probability.
        classes: that the teacher tells apart.
        synthesis_classes: that are a verdict.
        statistics_distances: by BatchNorm layer, KL of what it saw from its memory, nats a channel.
        statistics_distance: their sum.
        degree_ratio: mean degree of pseudo-graphs over the prior's.
        size_ratio: their mean number of nodes over the middle of the prior's range.
        likeness: mean cosine of the teacher's embeddings of two pseudo-samples of one class; 1 where all are alike.
    """

    hit_rates: tuple[float | None, ...] | None = None
    hit_rate: float | None = None
    hit_rate_lowest: float | None = None
    hit_rate_at_most: float | None = None
    synthesis_confidence: float | None = None
    classes: int | None = None
    synthesis_classes: int | None = None
    statistics_distances: tuple[float, ...] | None = None
    statistics_distance: float | None = None
    degree_ratio: float | None = None
    size_ratio: float | None = None
    likeness: float | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Health":
        """The facts in a record's row; what is not there is not known, and neither is what a row holds as text."""
        named = {field.name: row.get(field.name) for field in fields(cls) if field.name not in _LISTS}
        return cls(**{name: None if value != value else value for name, value in named.items()})

    @classmethod
    def from_columns(cls, columns: Mapping[str, Any]) -> "Health":
        """What `columns` gave, lists included."""
        named: dict[str, Any] = {name: tuple(value) if name in _LISTS else value for name, value in columns.items()}
        return cls(**named)

    def columns(self) -> dict[str, QualityValue]:
        """The facts as columns of a record: those that are known."""
        known = {name: value for name, value in asdict(self).items() if value is not None}
        return {name: _rounded(value) if name in _LISTS else value for name, value in known.items()}

    @property
    def known(self) -> bool:
        """Whether anything is."""
        return self.synthesis_confidence is not None

    @property
    def reason(self) -> str | None:
        """Why the synthesis counts as stuck, a sentence without a full stop; None where nothing says that it does."""
        # Of many classes, each with too few samples for a rate of its own, all together have enough for one.
        lowest = self.hit_rate_lowest is not None
        rate = self.hit_rate_lowest if lowest else self.hit_rate
        if rate is not None:
            # Records of before the interval was known were judged by the rate alone.
            most = rate if self.hit_rate_at_most is None else self.hit_rate_at_most
            if most >= HIT_RATE_BOUND or self._remembered:
                return None
            whose = "one class's" if lowest else "the"
            ends = "" if self.hit_rate_at_most is None else f", by its 95 % interval at most {most:.2f}"
            return (
                f"the teacher gives {rate:.2f} of {whose} pseudo-samples the class that they were made for{ends}, "
                f"where {HIT_RATE_BOUND} is the least{self._too_far}"
            )
        said, of = self.synthesis_classes, self.classes
        if said is None or of is None:
            return None
        if said > 1 and said >= CLASSES_BOUND * of:
            return None
        return f"the teacher says {said} of its {of} classes of all pseudo-samples"

    @property
    def _remembered(self) -> bool:
        """Whether pseudo-samples are near to the teacher's memory, with all the edges that the prior says."""
        far = self.statistics_distance
        return far is not None and far <= STATISTICS_BOUND and not self.sheds_edges

    @property
    def sheds_edges(self) -> bool:
        """Whether a synthesis has fewer edges than the prior says; False where it says nothing of them."""
        return self.degree_ratio is not None and self.degree_ratio < DEGREE_BOUND

    @property
    def _too_far(self) -> str:
        """Why they are not near to the teacher's memory either, to end a sentence with; empty where that is unknown."""
        if self.sheds_edges:
            share = f"{self.degree_ratio:.2f} of the prior's mean degree"
            return f", and they have {share}, where {DEGREE_BOUND} is the least"
        if self.statistics_distance is None:
            return ""
        far = f"{self.statistics_distance:.2f} nats from what it remembers"
        return f", and they are {far}, where {STATISTICS_BOUND} is the most"

    @property
    def stuck(self) -> bool:
        """Whether it does."""
        return self.reason is not None

    @property
    def rank(self) -> tuple[float, ...]:
        """Of several draws of a synthesis the healthiest has the largest: by hit rate, then by statistics."""
        lowest = self.hit_rate_lowest if self.hit_rate_lowest is not None else self.hit_rate
        share = lowest if lowest is not None else (self.synthesis_classes or 0) / (self.classes or 1)
        return (float(not self.stuck), share, -(self.statistics_distance or 0.0))

    @property
    def verdict(self) -> str:
        """A sentence or two: whether it is stuck and why, and what is known beside it."""
        beside = "; ".join(fact for fact in (_hits(self), _confidence(self), _statistics(self), _degree(self)) if fact)
        if self.reason is None:
            return f"Pseudo-samples: {beside}."
        return f"The synthesis is stuck: {self.reason}. Pseudo-samples: {beside}."


def at_most(share: float, count: int) -> float:
    """The upper end of Wilson's 95 % interval of a share of `count` samples; 1 of none."""
    if count == 0:
        return 1.0
    square = Z * Z / count
    reach = Z * math.sqrt(share * (1 - share) / count + square / (4 * count))
    return min((share + square / 2 + reach) / (1 + square), 1.0)


def _rounded(values: Iterable[float | None]) -> list[float | None]:
    """A list is there to be read: four digits are enough."""
    return [None if value is None else round(value, 4) for value in values]


_LISTS = frozenset({"hit_rates", "statistics_distances"})


def _hits(health: Health) -> str | None:
    if health.hit_rate is None:
        said = health.synthesis_classes
        return None if said is None else f"the teacher says {said} of {health.classes} classes of them"
    lowest = "" if health.hit_rate_lowest is None else f" ({health.hit_rate_lowest:.2f} in the lowest)"
    return f"the teacher gives {health.hit_rate:.2f} of a class the class asked for{lowest}"


def _confidence(health: Health) -> str | None:
    known = health.synthesis_confidence
    return None if known is None else f"its mean confidence is {known:.2f}"


def _statistics(health: Health) -> str | None:
    known = health.statistics_distance
    return None if known is None else f"BatchNorm statistics are {known:.2f} nats from its memory"


def _degree(health: Health) -> str | None:
    known = health.degree_ratio
    return None if known is None else f"the mean degree is {known:.2f} times the prior's"
