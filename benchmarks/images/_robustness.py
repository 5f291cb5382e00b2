"""The sensitivity of a method to its hyper-parameters: each multiplied on its own, and all of them at once, at random.

They are, by one rule for all methods: every weight of a loss that is not 0, every learning rate, the batch, and the
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
        factors: what each hyper-parameter is multiplied by; one that is not named stays.
    """

    label: str
    factors: Mapping[str, float]


def hyper_parameters(method: MethodChoice) -> dict[str, dict[str, float]]:
    """The hyper-parameters of a method: by name, its settings by slash path, and their values.

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
    """The method with some of its hyper-parameters perturbed.

    Args:
        method: at its defaults.
        factors: by hyper-parameter.
    """
    changes = {
        path: _scaled(name, value, factors[name])
        for name, places in hyper_parameters(method).items()
        if name in factors
        for path, value in places.items()
    }
    return MethodChoice.model_validate(overlay(method.model_dump(), changes))


def _scaled(name: str, value: float, factor: float) -> float:
    """Half batches are compared, so a batch is even, and holds two pairs at least."""
    if name == "batch":
        return max(4, 2 * round(value * factor / 2))
    if name == "latent":
        return max(1, round(value * factor))
    return float(f"{value * factor:.6g}")


def one_at_a_time(method: MethodChoice) -> list[Variant]:
    """Each hyper-parameter at each factor, the others as they are."""
    return [Variant(f"{name} x {factor:g}", {name: factor}) for name in hyper_parameters(method) for factor in FACTORS]


def joint(method: MethodChoice, count: int) -> list[Variant]:
    """All of them at once, `count` times; a factor depends on the name and the number of the draw alone."""
    names = list(hyper_parameters(method))
    return [Variant(f"draw {number:02d}", {name: _drawn(number, name) for name in names}) for number in range(count)]


def _drawn(number: int, name: str) -> float:
    return float(LARGEST ** random.Random(f"{DRAWS_SEED}/{number}/{name}").uniform(-1, 1))
