"""How much a method hangs on its settings: each multiplied on its own, and all of them at once, at random.

Knobs are, by one rule for all methods: every weight of a loss that is not 0, every learning rate, the batch, and the
length of a generator's noise. Each is multiplied by 0.1, 0.3, 3 and 10 while the others stay; then all of them by
numbers drawn log-uniformly between 0.1 and 10, anew for each of a number of draws. Draw 7 of one method multiplies
what it shares with another by the same number as draw 7 of that one, so draws are pairs.

What is said of the claim is decided here, by a rule that was written before any of it had been run.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acgkd.config import MethodChoice, flatten, overlay
from acgkd.methods import parse_method
from analysis.intervals import BOOTSTRAP_SEED, RESAMPLES

FACTORS = (0.1, 0.3, 3.0, 10.0)
LARGEST = 10.0
DRAWS_SEED = 2021
NEAR = 0.01
CONFIDENCE = 0.95

RULE = (
    "The rule, written before anything was run: over the joint draws, paired by number, the standard deviation of "
    "accuracy of each rival minus that of `rdskd`, with a percentile bootstrap interval over draws at 95 % for all "
    "rivals together (Bonferroni). The claim is confirmed if every interval lies above 0, refuted if one lies below, "
    "and otherwise not shown. A run that diverged, or ran out of memory or time, counts as the majority class. Mean "
    "accuracy, of which the claim speaks too, is judged in the same way."
)


@dataclass(frozen=True)
class Variant:
    """One setting of a method.

    Args:
        label: how tables call it.
        factors: what each knob is multiplied by; one that is not named stays.
    """

    label: str
    factors: Mapping[str, float]


def knobs(method: MethodChoice) -> dict[str, dict[str, float]]:
    """The knobs of a method: by name, the settings that it turns by slash path, and where they stand.

    Raises:
        ConfigError: its settings do not hold.
    """
    _, config = parse_method(method)
    settings = {
        path: value
        for path, value in flatten(config.model_dump()).items()
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    }
    found: dict[str, dict[str, float]] = {}
    for path, value in settings.items():
        stage, _, leaf = path.partition("/")
        if leaf.endswith("_weight"):
            found[leaf] = {path: value}
        elif leaf == "rate":
            found[f"{stage} rate"] = {path: value}
        elif leaf == "batch_size":
            found.setdefault("batch", {})[path] = value
        elif leaf.endswith("concentration"):
            found.setdefault("concentration", {})[path] = value
        elif leaf == "generator/latent":
            found["latent"] = {path: value}
    return found


def varied(method: MethodChoice, factors: Mapping[str, float]) -> MethodChoice:
    """The method with some of its knobs turned.

    Args:
        method: where it stands.
        factors: by knob.
    """
    changes = {
        path: _turned(knob, value, factors[knob])
        for knob, places in knobs(method).items()
        if knob in factors
        for path, value in places.items()
    }
    return MethodChoice.model_validate(overlay(method.model_dump(), changes))


def _turned(knob: str, value: float, factor: float) -> float:
    """Half batches are compared, so a batch is even, and holds two pairs at least."""
    if knob == "batch":
        return max(4, 2 * round(value * factor / 2))
    if knob == "latent":
        return max(1, round(value * factor))
    return float(f"{value * factor:.6g}")


def one_at_a_time(method: MethodChoice) -> list[Variant]:
    """Each knob at each factor, the others as they are."""
    return [Variant(f"{knob} x {factor:g}", {knob: factor}) for knob in knobs(method) for factor in FACTORS]


def joint(method: MethodChoice, count: int) -> list[Variant]:
    """All knobs at once, `count` times; a knob's factor hangs on its name and the number of the draw alone."""
    return [
        Variant(f"draw {number:02d}", {knob: _drawn(number, knob) for knob in knobs(method)}) for number in range(count)
    ]


def _drawn(number: int, knob: str) -> float:
    return float(LARGEST ** random.Random(f"{DRAWS_SEED}/{number}/{knob}").uniform(-1, 1))


@dataclass(frozen=True)
class Spread:
    """What a method came to over several settings.

    Args:
        count: settings.
        mean: of their accuracy.
        sd: of their accuracy.
        worst: of them.
        near: share within a point of the best that the method came to anywhere.
        intervals: of mean, sd and near, 95 %, over settings.
    """

    count: int
    mean: float
    sd: float
    worst: float
    near: float
    intervals: tuple[tuple[float, float], ...]


def spread(accuracies: Sequence[float], best: float) -> Spread:
    """Sums up a method's settings.

    Args:
        accuracies: one for each, at least two.
        best: that the method came to anywhere.
    """
    values = np.asarray(accuracies, dtype=float)
    picked = values[_picks(len(values))]
    close = values >= best - NEAR - 1e-9
    resampled = (picked.mean(axis=1), picked.std(axis=1, ddof=1), (picked >= best - NEAR - 1e-9).mean(axis=1))
    return Spread(
        len(values),
        float(values.mean()),
        float(values.std(ddof=1)),
        float(values.min()),
        float(close.mean()),
        tuple(_ends(figure, CONFIDENCE) for figure in resampled),
    )


@dataclass(frozen=True)
class Contrast:
    """A rival against the method of the claim, over the draws that both have.

    Args:
        rival: its label.
        draws: pairs.
        sd: the rival's standard deviation minus the method's, with its interval.
        mean: the method's mean minus the rival's, with its interval.
    """

    rival: str
    draws: int
    sd: tuple[float, float, float]
    mean: tuple[float, float, float]


def contrast(
    rival: str, ours: Mapping[str, float], theirs: Mapping[str, float], rivals: int, confidence: float = CONFIDENCE
) -> Contrast:
    """Compares two methods by their joint draws.

    Args:
        rival: label of the other.
        ours: accuracy by draw.
        theirs: the other's.
        rivals: how many comparisons the confidence is to hold for.
        confidence: of all of them together.
    """
    shared = sorted(ours.keys() & theirs.keys())
    mine, other = (np.asarray([side[name] for name in shared], dtype=float) for side in (ours, theirs))
    picks, each = _picks(len(shared)), 1 - (1 - confidence) / rivals
    sds = other[picks].std(axis=1, ddof=1) - mine[picks].std(axis=1, ddof=1)
    means = (mine - other)[picks].mean(axis=1)
    return Contrast(
        rival,
        len(shared),
        (float(other.std(ddof=1) - mine.std(ddof=1)), *_ends(sds, each)),
        (float((mine - other).mean()), *_ends(means, each)),
    )


def verdict(figures: Sequence[tuple[float, float, float]]) -> str:
    """``confirmed``, ``refuted`` or ``not shown``, from a figure and its interval for each rival; more is for us."""
    if all(low > 0 for _, low, _ in figures):
        return "confirmed"
    return "refuted" if any(high < 0 for _, _, high in figures) else "not shown"


def _picks(count: int) -> NDArray[np.int64]:
    return np.random.default_rng(BOOTSTRAP_SEED).integers(0, count, size=(RESAMPLES, count))


def _ends(values: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, (tail, 1 - tail))
    return float(low), float(high)
