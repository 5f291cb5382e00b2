"""The sensitivity of a method to its hyper-parameters: each multiplied on its own, and all of them at once, at random.

They are, by one rule for all methods: every weight of a loss that is not 0, every learning rate, the batch, and the
length of a generator's noise. Each is multiplied by 0.1, 0.3, 3 and 10 while the others stay; then all of them by
numbers drawn log-uniformly between 0.1 and 10, anew for each of a number of draws. Draw 7 of one method multiplies
what it shares with another by the same number as draw 7 of that one, so draws are pairs.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

FACTORS = (0.1, 0.3, 3.0, 10.0)
LARGEST = 10.0
DRAWS_SEED = 2021
_DRAW, _SINGLE = re.compile(r"draw \d+"), re.compile(r"(.+) x (\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Variant:
    """One setting of a method.

    Args:
        label: how tables call it: ``draw 07``, or ``balance_weight x 0.3``.
        factors: what each hyper-parameter is multiplied by; one that is not named stays.
    """

    label: str
    factors: Mapping[str, float]


def hyper_parameters(settings: Mapping[str, object]) -> dict[str, dict[str, float]]:
    """The hyper-parameters of a method: by name, its settings by slash path, and their values.

    Args:
        settings: of the method, by slash path: ``{"synthesis/rate": 0.001, "synthesis/one_hot_weight": 1.0}``.
    """
    found: dict[str, dict[str, float]] = {}
    for path, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            continue
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


def perturbed(settings: Mapping[str, object], factors: Mapping[str, float]) -> dict[str, float]:
    """The settings that change where some hyper-parameters are multiplied.

    Args:
        settings: of the method, by slash path.
        factors: by hyper-parameter, as `hyper_parameters` names them.

    Returns:
        New values by slash path, as a control of a spec or `acgkd enqueue` takes them.
    """
    return {
        path: _scaled(name, value, factors[name])
        for name, places in hyper_parameters(settings).items()
        if name in factors
        for path, value in places.items()
    }


def _scaled(name: str, value: float, factor: float) -> float:
    """Half batches are compared, so a batch is even, and holds two pairs at least."""
    if name == "batch":
        return max(4, 2 * round(value * factor / 2))
    if name == "latent":
        return max(1, round(value * factor))
    return float(f"{value * factor:.6g}")


def one_at_a_time(settings: Mapping[str, object]) -> list[Variant]:
    """Each hyper-parameter at each factor, the others as they are."""
    return [
        Variant(f"{name} x {factor:g}", {name: factor}) for name in hyper_parameters(settings) for factor in FACTORS
    ]


def jointly(settings: Mapping[str, object], count: int) -> list[Variant]:
    """All of them at once, `count` times; a factor depends on the name and the number of the draw alone."""
    names = list(hyper_parameters(settings))
    return [Variant(f"draw {number:02d}", {name: _drawn(number, name) for name in names}) for number in range(count)]


def _drawn(number: int, name: str) -> float:
    return float(LARGEST ** random.Random(f"{DRAWS_SEED}/{number}/{name}").uniform(-1, 1))


def is_draw(label: str) -> bool:
    """Whether a row is a setting with all hyper-parameters perturbed."""
    return _DRAW.fullmatch(label) is not None


def single_of(label: str) -> tuple[str, float] | None:
    """The hyper-parameter that a row has perturbed, and by which factor; None where it is no such row."""
    found = _SINGLE.fullmatch(label)
    return None if found is None else (found[1], float(found[2]))
