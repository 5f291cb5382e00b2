"""Looking into a define-by-run space without a study: which parameters it asks for, and under which others."""

import random
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

from acgkd.errors import AcgkdError, ConfigError
from sweeps.spec.controls import METHOD_NAME
from sweeps.spec.stand_ins import Asked, ProbeTrial, Suggesting, TooManyComparisonsError
from sweeps.spec.values import Scalar

# Beyond what is asked for at first sight, so many runs look for what comes out under several conditions together.
DEEPER_RUNS = 1000
DRAWS = 32
# A range of so many values is tried whole.
_SMALL = 16
# Comparisons are answered differently one by one and in pairs; in larger groups only where that shows something new.
_PAIRS = 2
# Of an answer that is compared with a whole range, so many comparisons are followed.
_HEARD_FIRST = 6


@dataclass(frozen=True)
class Survey:
    """What was found out about a space.

    Args:
        parameters: everything that can be asked, in the order of first asking.
        conditional: names that are not asked in every trial.
        points: different parameter sets that visit every value worth trying, and some drawn at random.
        steady: whether every name has one range.
    """

    parameters: Mapping[str, Asked]
    conditional: frozenset[str]
    points: tuple[Mapping[str, Scalar], ...]
    steady: bool

    @property
    def size(self) -> int | None:
        """How many points there are; None where that follows from conditions, or there is no end of them."""
        counts = [None if asked.values is None else len(asked.values) for asked in self.parameters.values()]
        known = [size for size in counts if size is not None]
        return prod(known) if self.steady and not self.conditional and len(known) == len(counts) else None


@dataclass
class _Walk:
    """A survey under way: what is still to be tried, what every run showed."""

    suggest: Callable[[Suggesting], object]
    waiting: deque[dict[str, Scalar]] = field(default_factory=lambda: deque([{}]))
    deeper: deque[tuple[dict[str, Scalar], int]] = field(default_factory=deque)
    parameters: dict[str, Asked] = field(default_factory=dict)
    runs: list[ProbeTrial] = field(default_factory=list)
    seen: set[object] = field(default_factory=set)
    steady: bool = True
    announced: bool = False

    def go(self) -> None:
        """Tries all that must be tried, and of the rest as much as is allowed."""
        generator = random.Random(0)
        draws, allowed = DRAWS, DEEPER_RUNS
        while True:
            if self.waiting:
                self.look(self.waiting.popleft(), _first)
            elif draws:
                draws -= 1
                self.look({}, lambda asked: _any(asked, generator))
            elif self.deeper and allowed:
                allowed -= 1
                forced, level = self.deeper.popleft()
                self.look(forced, _first, level)
            else:
                return

    def look(self, forced: dict[str, Scalar], pick: Callable[[Asked], Scalar], level: int = 0) -> None:
        """Runs the space once, and lines up what this shows to be worth trying."""
        trial = _run(self.suggest, forced, pick)
        self.runs.append(trial)
        if trial.announced is not None and not self.announced:
            self.announced = True
            self.waiting.extend(map(dict, trial.announced))
        # What is asked for together, and by which method: a value may be refused in the one company and not in another.
        company = (frozenset(trial.asked), trial.params.get(METHOD_NAME))
        news = False
        before: dict[str, Scalar] = {}
        for name, asked in trial.asked.items():
            known = self.parameters.setdefault(name, asked)
            self.steady &= known == asked
            if (known is asked or known != asked) and self._new("asked", name, asked):
                news = True
                self.waiting.extend({**before, name: value} for value in _tried(asked))
            elif self._new("company", name, company):
                tried = ({**before, name: value} for value in _tried(asked))
                self.deeper.extend((each, level) for each in tried if self._new("forced", _key(each)))
            before[name] = trial.params[name]
        if level < _PAIRS or news:
            self._answer_differently(trial, level)

    def _answer_differently(self, trial: ProbeTrial, level: int) -> None:
        before: dict[str, Scalar] = {}
        for name, value in trial.params.items():
            for other in trial.compared.get(name, ()):
                for near in trial.asked[name].near(other):
                    forced = {**before, name: near}
                    if self._new("forced", _key(forced)):
                        self.deeper.append((forced, level + 1))
            before[name] = value

    def _new(self, *what: object) -> bool:
        """Whether this comes up for the first time."""
        if what in self.seen:
            return False
        self.seen.add(what)
        return True


def survey(suggest: Callable[[Suggesting], object]) -> Survey:
    """Walks through a space: every value worth trying is tried in every company in which it is asked for.

    Worth trying are both ends of a range, every choice, all values of a small range, what a written-out space names in
    conditions, and numbers that a function compares its answers with.

    Args:
        suggest: takes what stands in for an `optuna.Trial`.

    Raises:
        ConfigError: it raised an error; with the lines of its files.
    """
    walk = _Walk(suggest)
    walk.go()
    always = set(walk.parameters).intersection(*(trial.asked for trial in walk.runs))
    points = {_key(trial.params): trial.params for trial in walk.runs}
    return Survey(walk.parameters, frozenset(set(walk.parameters) - always), tuple(points.values()), steady=walk.steady)


def draw(suggest: Callable[[Suggesting], object], seed: int) -> dict[str, Scalar]:
    """One random point of a space, for checks; not how trials are sampled."""
    generator = random.Random(seed)
    trial = ProbeTrial({}, lambda asked: _any(asked, generator))
    _ask(suggest, trial)
    return trial.params


def _ask(suggest: Callable[[Suggesting], object], trial: ProbeTrial) -> None:
    """Runs a space on a probe; of a space that others wrote, what it raises is said with its lines."""
    try:
        suggest(trial)
    except (TooManyComparisonsError, AcgkdError):
        raise
    except Exception as error:
        if str(getattr(suggest, "__module__", "")).startswith("sweeps."):
            raise
        ours = str(Path(__file__).parent)
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]
        lines = [f"  {Path(frame.filename).name}:{frame.lineno}, in {frame.name}: {frame.line}" for frame in frames]
        said = (
            "A space is a function of a trial, of which it may use `suggest_float`, `suggest_int` and "
            f"`suggest_categorical`, and takes every answer to these. But this one raised {type(error).__name__}: "
            f"{str(error).rstrip('.')}."
        )
        raise ConfigError("\n".join([said, *lines])) from error


def _run(
    suggest: Callable[[Suggesting], object], forced: dict[str, Scalar], pick: Callable[[Asked], Scalar]
) -> ProbeTrial:
    heard: dict[str, list[float]] = {}
    while True:
        trial = ProbeTrial(forced, pick, listen=True, deaf=heard)
        try:
            _ask(suggest, trial)
        except TooManyComparisonsError as error:
            heard[str(error)] = trial.compared[str(error)][:_HEARD_FIRST]
            forced = {**forced, **trial.params}
            continue
        trial.compared |= heard
        return trial


def _first(asked: Asked) -> Scalar:
    least: Scalar = asked.ends[0]
    return least


def _any(asked: Asked, generator: random.Random) -> Scalar:
    return generator.choice(asked.values) if asked.values is not None else generator.uniform(*asked.ends)


def _tried(asked: Asked) -> Iterator[Scalar]:
    yield from asked.values if asked.values is not None and len(asked.values) <= _SMALL else asked.ends


def _key(point: Mapping[str, Scalar]) -> tuple[tuple[str, str], ...]:
    return tuple((name, repr(value)) for name, value in point.items())
