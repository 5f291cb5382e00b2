"""What a hyper-parameter was drawn from, as trial files say it in Optuna's JSON; read without Optuna."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.records.cell_values import Scalar, as_text

_KINDS: dict[str, Literal["float", "int", "categorical"]] = {
    "FloatDistribution": "float",
    "IntDistribution": "int",
    "CategoricalDistribution": "categorical",
}


@dataclass(frozen=True)
class Distribution:
    """A range or some choices.

    Args:
        kind: ``float``, ``int`` or ``categorical``.
        low: lower end of a range.
        high: upper end of a range.
        log: whether it was drawn uniformly in the logarithm.
        step: between neighbouring values; None for a continuum.
        choices: of a categorical parameter, in the order of the spec.
    """

    kind: Literal["float", "int", "categorical"]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float | None = None
    choices: tuple[Scalar, ...] = ()

    @classmethod
    def read(cls, text: str) -> "Distribution | None":
        """The distribution that a trial file says; None for text that is none."""
        try:
            tree = json.loads(text)
            kind, attributes = _KINDS[tree["name"]], tree["attributes"]
            if kind == "categorical":
                return cls(kind, choices=tuple(attributes["choices"]))
            step = attributes.get("step")
            low, high = float(attributes["low"]), float(attributes["high"])
            return cls(kind, low, high, bool(attributes.get("log", False)), None if step is None else float(step))
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    @property
    def cells(self) -> tuple[str, ...]:
        """The choices as the cells of a text column hold them."""
        return tuple(as_text(choice) for choice in self.choices)


def merged(items: Sequence[Distribution]) -> Distribution:
    """The smallest distribution that holds all of them: trials of one sweep may have been drawn from several."""
    first = items[0]
    for other in items[1:]:
        if other == first:
            continue
        known = set(first.cells)
        choices = (*first.choices, *(choice for choice in other.choices if as_text(choice) not in known))
        if "categorical" in (first.kind, other.kind):
            first = Distribution("categorical", choices=choices)
            continue
        first = Distribution(
            kind="int" if first.kind == other.kind == "int" else "float",
            low=min(first.low, other.low),
            high=max(first.high, other.high),
            log=first.log and other.log,
            step=first.step if first.step == other.step else None,
        )
    return first
