"""Looking into a define-by-run space without a study: which parameters it asks for, and under which others."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

RUN_LIMIT = 2000


@dataclass(frozen=True)
class Asked:
    """What a space asked for under one name.

    Args:
        kind: `float`, `int` or `categorical`.
        ends: the values at which a setting breaks if it breaks at all: both bounds, or every choice.
        values: all values in order, or None where there is no end of them.
        text: the range, for people.
    """

    kind: str
    ends: tuple[Any, ...]
    values: tuple[Any, ...] | None
    text: str


class ProbeTrial:
    """Stands in for `optuna.Trial`: answers with forced values where given, else with `pick`.

    Args:
        forced: values by parameter name.
        pick: chooses among an `Asked`.
    """

    def __init__(self, forced: Mapping[str, Any], pick: Callable[[Asked], Any]) -> None:
        self.forced = forced
        self.pick = pick
        self.params: dict[str, Any] = {}
        self.asked: dict[str, Asked] = {}

    def _answer(self, name: str, asked: Asked) -> Any:
        if name not in self.params:
            self.asked[name] = asked
            self.params[name] = self.forced[name] if name in self.forced else self.pick(asked)
        return self.params[name]

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """As `optuna.Trial.suggest_float`."""
        values = None
        if step is not None:
            values = tuple(low + number * step for number in range(round((high - low) / step) + 1))
        text = f"{low:g} to {high:g}" + (f" in steps of {step:g}" if step else "") + (", log" if log else "")
        return float(self._answer(name, Asked("float", (low, high), values, text)))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """As `optuna.Trial.suggest_int`."""
        text = f"{low} to {high}" + (f" in steps of {step}" if step != 1 else "") + (", log" if log else "")
        return int(self._answer(name, Asked("int", (low, high), tuple(range(low, high + 1, step)), text)))

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """As `optuna.Trial.suggest_categorical`."""
        options = tuple(choices)
        return self._answer(name, Asked("categorical", options, options, ", ".join(map(str, options))))


@dataclass(frozen=True)
class Survey:
    """What was found out about a space.

    Args:
        parameters: everything that can be asked, in the order of first asking.
        conditional: names that are not asked in every trial.
        points: parameter sets that visit every end of every parameter.
        grid: all values by name, or None where the space is conditional or endless.
    """

    parameters: Mapping[str, Asked]
    conditional: frozenset[str]
    points: tuple[Mapping[str, Any], ...]
    grid: Mapping[str, tuple[Any, ...]] | None


def survey(suggest: Callable[[Any], None]) -> Survey:
    """Walks through a space: every end of every parameter is tried once in the first context that asks for it."""
    seen: dict[str, Asked] = {}
    runs: list[ProbeTrial] = []
    waiting: list[dict[str, Any]] = [{}]
    while waiting and len(runs) < RUN_LIMIT:
        trial = ProbeTrial(waiting.pop(0), lambda asked: asked.ends[0])
        suggest(trial)
        runs.append(trial)
        before: dict[str, Any] = {}
        for name, asked in trial.asked.items():
            if name not in seen:
                seen[name] = asked
                waiting.extend({**before, name: end} for end in asked.ends)
            before[name] = trial.params[name]
    always = set(seen).intersection(*(trial.asked for trial in runs))
    endless = any(asked.values is None for asked in seen.values())
    steady = all(trial.asked[name] == asked for trial in runs for name, asked in seen.items() if name in trial.asked)
    grid = None
    if steady and not endless and len(always) == len(seen):
        grid = {name: asked.values for name, asked in seen.items() if asked.values is not None}
    return Survey(seen, frozenset(set(seen) - always), tuple(trial.params for trial in runs), grid)


def draw(suggest: Callable[[Any], None], seed: int) -> dict[str, Any]:
    """One random point of a space, for checks; not how trials are sampled."""
    generator = random.Random(seed)

    def pick(asked: Asked) -> Any:
        if asked.values is not None:
            return generator.choice(asked.values)
        return generator.uniform(*asked.ends)

    trial = ProbeTrial({}, pick)
    suggest(trial)
    return trial.params
