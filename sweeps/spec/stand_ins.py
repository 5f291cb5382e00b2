"""What stands in for an `optuna.Trial`: one that answers as values are written, one that probes a space."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sweeps.spec.values import Scalar, Steps, is_on_step, number, plain_word

# So many comparisons of one answer are noted: who counts through a range compares without end.
COMPARISONS = 40


class Suggesting(Protocol):
    """What a space asks for values: an `optuna.Trial`, or what stands in for one."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number in a range."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number in a range."""

    def suggest_categorical(self, name: str, choices: Sequence[Scalar]) -> Scalar:
        """One of a few values."""


class WrittenTrial:
    """An `optuna.Trial` whose stepped floats are the decimals that are written.

    Args:
        trial: what is asked.
    """

    def __init__(self, trial: Suggesting) -> None:
        self._trial = trial
        self.params: dict[str, Scalar] = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """As `optuna.Trial.suggest_float`."""
        if step is None:
            value = self._trial.suggest_float(name, low, high, log=log)
        else:
            steps = Steps(low, high, step)
            end = steps[-1] if is_on_step(high, low, step) else high
            # Of steps too fine for Optuna it gives any number, which is put on the next one.
            asked = step if steps.coarse else None
            value = steps.near(self._trial.suggest_float(name, low, end, step=asked, log=log))
        self.params[name] = value
        return value

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """As `optuna.Trial.suggest_int`."""
        self.params[name] = value = self._trial.suggest_int(name, low, high, step=step, log=log)
        return value

    def suggest_categorical(self, name: str, choices: Sequence[Scalar]) -> Scalar:
        """As `optuna.Trial.suggest_categorical`."""
        self.params[name] = value = self._trial.suggest_categorical(name, choices)
        return value


@dataclass(frozen=True)
class Asked:
    """What a space asked for under one name.

    Args:
        kind: `float`, `int` or `categorical`.
        ends: the values at which a setting breaks if it breaks at all: both bounds, or every choice.
        values: all values in order, none of them kept where they follow from the range; None where there is no end of
            them.
        log: whether it is drawn uniformly in the logarithm.
    """

    kind: str
    ends: tuple[Any, ...]
    values: Sequence[Any] | None
    log: bool = False

    @property
    def text(self) -> str:
        """The range, for people."""
        if self.kind == "categorical":
            return ", ".join(map(plain_word, self.ends))
        step = self.values.step if isinstance(self.values, range | Steps) else 0
        steps = f" in steps of {number(step)}" if step and (self.kind == "float" or step != 1) else ""
        return f"{number(self.ends[0])} to {number(self.ends[-1])}{steps}{', log' if self.log else ''}"

    def near(self, value: float) -> list[float]:
        """The values at and on both sides of a number that answers are compared with."""
        low, high = self.ends[0], self.ends[-1]
        if self.values is None:
            return [value] if low <= value <= high else []
        step = self.values[1] - low if len(self.values) > 1 else 1
        place = min(max(round((value - low) / step), -1), len(self.values))
        return [self.values[other] for other in (place - 1, place, place + 1) if 0 <= other < len(self.values)]


class TooManyComparisonsError(Exception):
    """A space compares the answer of this name with a whole range, one by one."""


class ProbeTrial:
    """Answers with forced values where given, else with `pick`.

    Args:
        forced: values by parameter name.
        pick: chooses among an `Asked`.
        listen: whether to note what numbers are compared with.
        deaf: names that are not listened to all the same.
    """

    def __init__(
        self,
        forced: Mapping[str, Any],
        pick: Callable[[Asked], Scalar],
        *,
        listen: bool = False,
        deaf: Collection[str] = (),
    ) -> None:
        self.forced = forced
        self.pick = pick
        self.listen = listen
        self.deaf = deaf
        self.params: dict[str, Scalar] = {}
        self.asked: dict[str, Asked] = {}
        self.compared: dict[str, list[float]] = {}
        self.announced: Iterator[Mapping[str, Scalar]] | None = None

    def announce(self, contexts: Iterator[Mapping[str, Scalar]]) -> None:
        """Takes note of values that bring out all that a space asks for; then nothing needs to be listened to."""
        self.announced = contexts
        self.listen = False

    def note(self, name: str, other: object) -> None:
        """Takes note of a comparison.

        Raises:
            TooManyComparisonsError: there is no end of them.
        """
        if not isinstance(other, int | float):
            return
        known = self.compared.setdefault(name, [])
        if other not in known:
            known.append(other)
        if len(known) > COMPARISONS:
            raise TooManyComparisonsError(name)

    def _answer(self, name: str, asked: Asked) -> Any:
        if name not in self.params:
            self.asked[name] = asked
            self.params[name] = self.forced[name] if name in self.forced else self.pick(asked)
        return self.params[name]

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """As `optuna.Trial.suggest_float`, with steps in the decimals of `low` and `step`."""
        values = None if step is None else Steps(low, high, step)
        ends = (low, high if values is None else values[-1])
        answer = float(self._answer(name, Asked("float", ends, values, log)))
        return _HeardFloat.of(answer, name, self) if self.listen and name not in self.deaf else answer

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """As `optuna.Trial.suggest_int`."""
        answer = int(self._answer(name, Asked("int", (low, high), range(low, high + 1, step), log)))
        return _HeardInt.of(answer, name, self) if self.listen and name not in self.deaf else answer

    def suggest_categorical(self, name: str, choices: Sequence[Scalar]) -> Scalar:
        """As `optuna.Trial.suggest_categorical`."""
        options = tuple(choices)
        answer: Scalar = self._answer(name, Asked("categorical", options, options))
        return answer


class _Heard:
    """A number that tells its trial what it is compared with; arithmetic on it gives plain numbers."""

    _name: str
    _trial: ProbeTrial

    @classmethod
    def of(cls, value: float, name: str, trial: ProbeTrial) -> Any:
        made: Any = cls(value)  # type: ignore[call-arg]
        made._name, made._trial = name, trial
        return made

    def __hash__(self) -> int:
        return super().__hash__()

    def __bool__(self) -> bool:
        return bool(self.__ne__(0))


def _heard(operator: str) -> Callable[[_Heard, object], object]:
    def compare(self: _Heard, other: object) -> object:
        self._trial.note(self._name, other)
        return getattr(super(_Heard, self), operator)(other)

    return compare


for _operator in ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"):
    setattr(_Heard, _operator, _heard(_operator))


class _HeardInt(_Heard, int):
    """A whole number that is listened to."""


class _HeardFloat(_Heard, float):
    """A number that is listened to."""
