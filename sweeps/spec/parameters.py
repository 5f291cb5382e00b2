"""Search spaces written out in a spec: ranges, choices, and which of them exist only under others."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from acgkd.config import Config
from acgkd.errors import Fault, nearest

if TYPE_CHECKING:
    import optuna

Scalar = str | bool | int | float | None
Condition = Scalar | tuple[Scalar, ...]
When = Annotated[
    dict[str, Condition],
    Field(description="Asked only if these other parameters have this value, or one of these values."),
]

# Beyond this, a float no longer tells neighbouring integers apart.
LARGEST = 2**53


class FloatParameter(Config):
    """A number in a range, both ends included."""

    type: Literal["float"]
    low: float
    high: float
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

    def ask(self, trial: "optuna.Trial", name: str) -> Any:
        """Asks the trial for a value."""
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    def admits(self, value: Any) -> bool:
        """Whether a condition on this value can come true."""
        if isinstance(value, bool) or not isinstance(value, int | float) or self.step is None:
            return False  # a continuous draw meets one number with probability 0
        steps = (value - self.low) / self.step
        return self.low <= value <= self.high and abs(steps - round(steps)) < 1e-9


class IntParameter(Config):
    """A whole number in a range, both ends included."""

    type: Literal["int"]
    low: int
    high: int
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

    def ask(self, trial: "optuna.Trial", name: str) -> Any:
        """Asks the trial for a value."""
        return trial.suggest_int(name, self.low, self.high, step=self.step, log=self.log)

    def admits(self, value: Any) -> bool:
        """Whether a condition on this value can come true."""
        return not isinstance(value, bool) and value in range(self.low, self.high + 1, max(self.step, 1))


class CategoricalParameter(Config):
    """One of a few values that have no order."""

    type: Literal["categorical"]
    choices: tuple[Scalar, ...]
    when: When = Field(default_factory=dict)

    def laws(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the choices: pairs of key and message."""
        if len(self.choices) < 2:
            yield (
                "choices",
                f"At least two choices are needed, but got {len(self.choices)}. Fix the setting outside `space`.",
            )
        # Optuna finds a choice by ==, and to Python 1 == 1.0 == True.
        twice = [value for number, value in enumerate(self.choices) if value in self.choices[:number]]
        for value in twice[:1]:
            yield "choices", f"A choice may stand once, but {show(value)} stands twice."

    def ask(self, trial: "optuna.Trial", name: str) -> Any:
        """Asks the trial for a value."""
        return trial.suggest_categorical(name, self.choices)

    def admits(self, value: Any) -> bool:
        """Whether a condition on this value can come true."""
        return value in self.choices


ParameterSpec = Annotated[FloatParameter | IntParameter | CategoricalParameter, Field(discriminator="type")]
Parameter = FloatParameter | IntParameter | CategoricalParameter
Space = dict[str, ParameterSpec]


def show(value: Any) -> str:
    """A value as one would write it in the spec."""
    plain = {None: "nothing", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return plain[value]
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:56] + "..."


def _range_laws(low: float, high: float, log: bool, low_limit: float) -> Iterator[tuple[str, str]]:
    if low > high:
        yield "low", f"`low < high` must hold, but got {low} and {high}."
    elif low == high:
        yield "low", f"`low < high` must hold, but both are {low}. Fix the setting outside `space`."
    if max(abs(low), abs(high)) > LARGEST and isinstance(low, int):
        yield "high", f"Whole numbers up to {LARGEST} can be searched, but got {max(abs(low), abs(high))}."
    if log and (low < low_limit or low <= 0):
        law = "low >= 1" if low_limit == 1 else "low > 0"
        yield "low", f"`{law}` must hold where `log: true`, but got {low}."


def _step_laws(low: float, high: float, step: float) -> Iterator[tuple[str, str]]:
    if step <= 0:
        yield "step", f"`step > 0` must hold, but got {step}."
        return
    steps = (high - low) / step
    if steps < 1 - 1e-9:
        yield "step", f"`step <= high - low` must hold, but got {step} with {low} and {high}."
    elif abs(steps - round(steps)) > 1e-6:
        yield (
            "step",
            f"`high - low` must be a whole number of steps, but {high} - {low} is {steps:.3g} steps of {step}. "
            f"Try `high: {low + int(steps) * step:g}`.",
        )


def conditions(parameter: Parameter) -> dict[str, tuple[Scalar, ...]]:
    """The `when` of a parameter with every condition as a tuple of allowed values."""
    return {name: value if isinstance(value, tuple) else (value,) for name, value in parameter.when.items()}


def order(space: Mapping[str, Parameter]) -> list[str]:
    """The names, every one after those that its `when` names; as written otherwise. Names in a cycle are left out."""
    placed: list[str] = []
    left = list(space)
    while True:
        ready = [name for name in left if all(parent in placed for parent in space[name].when)]
        if not ready:
            return placed
        placed.append(ready[0])
        left.remove(ready[0])


def suggest(space: Mapping[str, Parameter], trial: "optuna.Trial") -> None:
    """Asks the trial for every parameter whose conditions hold."""
    values: dict[str, Any] = {}
    for name in order(space):
        parameter = space[name]
        if all(parent in values and values[parent] in allowed for parent, allowed in conditions(parameter).items()):
            values[name] = parameter.ask(trial, name)


def faults(space: Mapping[str, Parameter]) -> Iterator[Fault]:
    """Everything that is wrong with a written-out space, seen without the method."""
    if not space:
        yield Fault("space", "A space needs at least one parameter. For a single run use `acgkd distill`.")
    for name, parameter in space.items():
        for key, message in parameter.laws():
            yield Fault(f"space/{name}/{key}", message)
        yield from _condition_faults(space, name, parameter)
    placed = order({name: _known_parents(space, parameter) for name, parameter in space.items()})
    cycle = [name for name in space if name not in placed]
    if cycle:
        listed = ", ".join(f"`{name}`" for name in cycle)
        yield Fault(
            f"space/{cycle[0]}/when", f"`when` must not go in circles, but these wait for each other: {listed}."
        )
        return
    yield from _contradictions(space, placed)


def _known_parents(space: Mapping[str, Parameter], parameter: Parameter) -> Parameter:
    return parameter.model_copy(
        update={"when": {name: value for name, value in parameter.when.items() if name in space}}
    )


def _condition_faults(space: Mapping[str, Parameter], name: str, parameter: Parameter) -> Iterator[Fault]:
    for parent, allowed in conditions(parameter).items():
        path = f"space/{name}/when/{parent}"
        if parent not in space:
            yield Fault(
                path,
                f"`when` names another parameter of this space, but '{parent}' is none. {nearest(parent, space)}"
                f"Known: {', '.join(space)}.".strip(),
            )
            continue
        if not allowed:
            yield Fault(path, "A condition needs at least one value, but got none: it would never hold.")
        for value in allowed:
            if not space[parent].admits(value):
                yield Fault(path, f"This never holds: `{parent}` cannot be {show(value)}{_why(space[parent])}.")


def _why(parameter: Parameter) -> str:
    if isinstance(parameter, CategoricalParameter):
        return f", it is one of {', '.join(show(choice) for choice in parameter.choices)}"
    if isinstance(parameter, FloatParameter) and parameter.step is None:
        return " exactly, as a continuous draw never meets one number; give it a `step` or choices"
    return f", it runs from {parameter.low} to {parameter.high} in steps of {parameter.step}"


def _contradictions(space: Mapping[str, Parameter], placed: list[str]) -> Iterator[Fault]:
    """Conditions that hold one by one and never together, parents' conditions included."""
    needs: dict[str, dict[str, tuple[Scalar, ...]]] = {}
    for name in placed:
        needed: dict[str, tuple[Scalar, ...]] = {}
        sources = [needs.get(parent, {}) for parent in space[name].when] + [conditions(space[name])]
        for source in sources:
            for parent, allowed in source.items():
                both = needed.get(parent, allowed)
                needed[parent] = tuple(value for value in both if value in allowed)
        empty = [parent for parent, allowed in needed.items() if not allowed and parent in space]
        if empty and all(conditions(space[name]).values()):
            yield Fault(
                f"space/{name}/when",
                f"This never holds: its conditions and those of its parents ask `{empty[0]}` for different values.",
            )
        needs[name] = {} if empty else needed
