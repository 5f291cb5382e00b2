"""The parameters of a space that is written out in a spec: ranges and choices."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from acgkd.config import Config
from sweeps.spec.values import Scalar, Steps, exactly, is_on_step, number, on_step, same, show

if TYPE_CHECKING:
    from sweeps.spec.stand_ins import Suggesting

Condition = Scalar | tuple[Scalar, ...]
When = Annotated[
    dict[str, Condition],
    Field(description="Asked only if these other parameters have this value, or one of these values."),
]

# Beyond this, a float no longer tells neighbouring integers apart.
LARGEST = 2**53
# So many choices are listed in a message.
_LISTED = 12


class FloatParameter(Config):
    """A number in a range, both ends included."""

    type: Literal["float"] = Field(description="Which kind of parameter it is.")
    low: float = Field(description="The least value.")
    high: float = Field(description="The largest value.")
    step: float | None = Field(default=None, description="Only low, low + step, ...; excludes `log`.")
    log: bool = Field(default=False, description="Drawn uniformly in the logarithm; needs `low > 0`.")
    when: When = Field(default_factory=dict)

    def laws(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the range: pairs of key and message."""
        yield from _range_laws(self.low, self.high, self.log, low_limit=0.0)
        if self.step is None or self.low >= self.high:
            return
        if self.log:
            yield "step", "`log` and `step` exclude each other. Leave one of them out."
        yield from _step_laws(self.low, self.high, self.step)

    def ask(self, trial: "Suggesting", name: str) -> float:
        """Asks the trial for a value."""
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    @property
    def values(self) -> Sequence[float] | None:
        """All values in order, none of them kept; None where there is no end of them."""
        return None if self.step is None else Steps(self.low, self.high, self.step)

    @property
    def ends(self) -> tuple[float, ...]:
        """The values at which a setting breaks if it breaks at all."""
        return self.low, self.written(self.high)

    def admits(self, value: object) -> bool:
        """Whether a condition on this value can come true."""
        if isinstance(value, bool) or not isinstance(value, int | float) or self.step is None:
            return False  # a continuous draw meets one number with probability 0
        if self.step <= 0:
            return True  # reported already
        inside = self.low <= self.written(value) <= self.high
        return inside and is_on_step(value, self.low, self.step)

    def written(self, value: Any) -> float:
        """A value that is admitted, in the decimals of the range."""
        return value if self.step is None or self.step <= 0 else on_step(value, self.low, self.step)

    def why(self) -> str:
        """Why a value is not admitted, to end a sentence with."""
        if self.step is None:
            return " exactly, as a continuous draw never meets one number; give it a `step` or choices"
        return f", it runs from {number(self.low)} to {number(self.high)} in steps of {number(self.step)}"


class IntParameter(Config):
    """A whole number in a range, both ends included."""

    type: Literal["int"] = Field(description="Which kind of parameter it is.")
    low: int = Field(description="The least value.")
    high: int = Field(description="The largest value.")
    step: int = Field(default=1, description="Only low, low + step, ...; excludes `log`.")
    log: bool = Field(default=False, description="Drawn uniformly in the logarithm; needs `low >= 1`.")
    when: When = Field(default_factory=dict)

    def laws(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the range: pairs of key and message."""
        yield from _range_laws(self.low, self.high, self.log, low_limit=1)
        if self.step == 1 or self.low >= self.high:
            return
        if self.log:
            yield "step", "`log` and `step` exclude each other. Leave one of them out."
        yield from _step_laws(self.low, self.high, self.step)

    def ask(self, trial: "Suggesting", name: str) -> int:
        """Asks the trial for a value."""
        return trial.suggest_int(name, self.low, self.high, step=self.step, log=self.log)

    @property
    def values(self) -> Sequence[int]:
        """All values in order, none of them kept."""
        return range(self.low, self.high + 1, max(self.step, 1))

    @property
    def ends(self) -> tuple[int, ...]:
        """The values at which a setting breaks if it breaks at all."""
        return self.low, self.high

    def admits(self, value: object) -> bool:
        """Whether a condition on this value can come true."""
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            return False
        return int(value) in self.values

    def written(self, value: Any) -> int:
        """A value that is admitted, as a whole number."""
        return int(value)

    def why(self) -> str:
        """Why a value is not admitted, to end a sentence with."""
        return f", it runs from {self.low} to {self.high} in steps of {self.step}"


class CategoricalParameter(Config):
    """One of a few values that have no order."""

    type: Literal["categorical"] = Field(description="Which kind of parameter it is.")
    choices: tuple[Scalar, ...] = Field(description="The values, in the order in which samplers see them.")
    when: When = Field(default_factory=dict)

    def laws(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the choices: pairs of key and message."""
        if len(self.choices) < 2:
            yield (
                "choices",
                f"At least two choices are needed, but got {len(self.choices)}. Fix the setting outside `space`.",
            )
        # Optuna finds a choice by ==, and to Python 1 == 1.0 == True.
        seen: set[Scalar] = set()
        for value in self.choices:
            if value in seen:
                yield "choices", f"Duplicate choice {show(value)}. Leave one of them out{_alike(value, self.choices)}."
                return
            seen.add(value)

    def ask(self, trial: "Suggesting", name: str) -> Scalar:
        """Asks the trial for a value."""
        return trial.suggest_categorical(name, self.choices)

    @property
    def values(self) -> Sequence[Scalar]:
        """All choices, as written."""
        return self.choices

    @property
    def ends(self) -> tuple[Scalar, ...]:
        """The values at which a setting breaks if it breaks at all: any choice may be one."""
        return self.choices

    def admits(self, value: object) -> bool:
        """Whether a condition on this value can come true."""
        return any(same(value, choice) for choice in self.choices)

    def written(self, value: object) -> Scalar:
        """A value that is admitted: the choice itself."""
        return next(choice for choice in self.choices if same(value, choice))

    def why(self) -> str:
        """Why a value is not admitted, to end a sentence with."""
        more = f" and {len(self.choices) - _LISTED} more" if len(self.choices) > _LISTED else ""
        return f", it is one of {', '.join(map(show, self.choices[:_LISTED]))}{more}"


ParameterSpec = Annotated[FloatParameter | IntParameter | CategoricalParameter, Field(discriminator="type")]
Parameter = FloatParameter | IntParameter | CategoricalParameter
Space = dict[str, ParameterSpec]


def _alike(value: Scalar, choices: Sequence[Scalar]) -> str:
    """Says which choices are equal, where they are not written alike."""
    first = next(choice for choice in choices if choice == value)
    return "" if same(first, value) else f": {show(first)} and {show(value)} are equal to Python"


def _range_laws(low: float, high: float, log: bool, low_limit: float) -> Iterator[tuple[str, str]]:
    if low > high:
        yield "low", f"`low < high` must hold, but got {number(low)} and {number(high)}."
    elif low == high:
        yield "low", f"`low < high` must hold, but both are {number(low)}. Fix the setting outside `space`."
    if max(abs(low), abs(high)) > LARGEST and isinstance(low, int):
        yield "high", f"Whole numbers up to {LARGEST} can be searched, but got {max(abs(low), abs(high))}."
    if log and (low < low_limit or low <= 0):
        law = "low >= 1" if low_limit == 1 else "low > 0"
        yield "low", f"`{law}` must hold where `log: true`, but got {number(low)}."


def _step_laws(low: float, high: float, step: float) -> Iterator[tuple[str, str]]:
    if step <= 0:
        yield "step", f"`step > 0` must hold, but got {number(step)}."
        return
    steps = (exactly(high) - exactly(low)) / exactly(step)
    if steps < 1:
        yield "step", f"`step <= high - low` must hold, but got {number(step)} with {number(low)} and {number(high)}."
    elif steps > LARGEST:
        yield "step", f"A range has at most {LARGEST} steps, but steps of {number(step)} are more. Leave `step` out."
    elif abs(steps - round(steps)) > 1e-6:
        end = low + int(steps) * step if isinstance(step, int) else on_step(low + int(steps) * step, low, step)
        yield (
            "step",
            f"`high - low` must be a whole number of steps, but {number(high)} - {number(low)} is {float(steps):.3g} "
            f"steps of {number(step)}. Try `high: {number(end)}`.",
        )
