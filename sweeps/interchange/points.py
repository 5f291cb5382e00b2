"""Whether a point lies in a space, and what its values are drawn from there."""

from collections.abc import Mapping, Sequence

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)

from sweeps.spec.sweep_spec import SweepSpec
from sweeps.spec.values import Scalar, is_on_step, number, plain_word, same


class OutsideSpaceError(Exception):
    """A point does not lie in a space; the message begins with the parameter."""


def point_in(spec: SweepSpec, known: Mapping[str, object]) -> tuple[dict[str, object], dict[str, str]]:
    """The point of a spec's space that some settings are.

    Args:
        spec: the sweep.
        known: settings by slash path; those that the space does not ask for play no part.

    Returns:
        Its parameters, and their distributions as Optuna's JSON; both empty where nothing is searched.

    Raises:
        OutsideSpaceError: a value is missing, or cannot be drawn.
    """
    answers = _Answers(known)
    point = spec.suggest(answers)
    for name, value in point.items():
        if not same(value, known[name]):
            raise OutsideSpaceError(f"{name}: not one of the steps of the new space")
    return dict(point), {name: distribution_to_json(item) for name, item in answers.distributions.items()}


class _Answers:
    """Stands in for an `optuna.Trial`: answers with values that are known, or says why they cannot be drawn."""

    def __init__(self, known: Mapping[str, object]) -> None:
        self._known = known
        self.distributions: dict[str, BaseDistribution] = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """As `optuna.Trial.suggest_float`."""
        value = self._within(name, low, high)
        if step is not None and not is_on_step(value, low, step):
            raise OutsideSpaceError(f"{name}: not one of the steps of the new space")
        self.distributions[name] = FloatDistribution(low, high, log=log, step=step)
        return float(value)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """As `optuna.Trial.suggest_int`."""
        value = self._within(name, low, high)
        if value not in range(low, high + 1, step):
            raise OutsideSpaceError(f"{name}: not one of the steps of the new space")
        self.distributions[name] = IntDistribution(low, high, log=log, step=step)
        return int(value)

    def suggest_categorical(self, name: str, choices: Sequence[Scalar]) -> Scalar:
        """As `optuna.Trial.suggest_categorical`."""
        value = self._value(name)
        for choice in choices:
            if same(value, choice):
                self.distributions[name] = CategoricalDistribution(choices)
                return choice
        raise OutsideSpaceError(f"{name}: {plain_word(value)} is not among the new space's choices")

    def _value(self, name: str) -> object:
        if name not in self._known:
            raise OutsideSpaceError(f"{name}: asked by the new space, and not set")
        return self._known[name]

    def _within(self, name: str, low: float, high: float) -> float:
        value = self._value(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise OutsideSpaceError(f"{name}: not within {number(low)} to {number(high)}, the new space's range")
        return value
