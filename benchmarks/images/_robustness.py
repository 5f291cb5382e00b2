"""How much a method hangs on its settings: each multiplied on its own, and all of them at once, at random.

Knobs are, by one rule for all methods: every weight of a loss that is not 0, every learning rate, the batch, and the
length of a generator's noise. Each is multiplied by 0.1, 0.3, 3 and 10 while the others stay; then all of them by
numbers drawn log-uniformly between 0.1 and 10, anew for each of a number of draws. Draw 7 of one method multiplies
what it shares with another by the same number as draw 7 of that one, so draws are pairs.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from acgkd.config import MethodChoice, flatten, overlay
from acgkd.methods import parse_method

FACTORS = (0.1, 0.3, 3.0, 10.0)
LARGEST = 10.0
DRAWS_SEED = 2021


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
