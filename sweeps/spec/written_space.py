"""A space that is written out in a spec, as a whole: what is asked under which conditions, and what never holds."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import combinations, islice, product
from math import prod

from acgkd.errors import Fault, nearest
from sweeps.spec.parameters import Parameter
from sweeps.spec.stand_ins import Suggesting, WrittenTrial
from sweeps.spec.values import Scalar, same, show

# Up to so many, all combinations of the values that conditions name are tried; beyond, each value once.
_COMBINATIONS = 64
# Of a long list of choices, so many are tried together with other parameters' values; each is tried by itself.
_TOGETHER = 12

Allowed = tuple[Scalar, ...]


class WrittenSpace:
    """Parameters by name, with all that follows from their conditions, each worked out once.

    Args:
        parameters: as the spec has them.
    """

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        self.parameters = parameters

    @cached_property
    def conditions(self) -> dict[str, dict[str, Allowed]]:
        """The `when` of each parameter: the values that a parent may have, as the parent writes them.

        Values that a parent never has, and parents that there are not, stay as they are: `faults` reports them.
        """
        return {name: dict(self._when(parameter)) for name, parameter in self.parameters.items()}

    def _when(self, parameter: Parameter) -> Iterator[tuple[str, Allowed]]:
        for name, said in parameter.when.items():
            allowed: Allowed = said if isinstance(said, tuple) else (said,)
            parent = self.parameters.get(name)
            if parent is not None:
                allowed = tuple(parent.written(value) if parent.admits(value) else value for value in allowed)
            yield name, allowed

    @cached_property
    def order(self) -> list[str]:
        """The names, every one after those that its `when` names; as written otherwise. Cycles are left out."""
        names = list(self.parameters)
        numbers = {name: number for number, name in enumerate(names)}
        waits = dict.fromkeys(names, 0)
        children: dict[str, list[str]] = {name: [] for name in names}
        for name, parameter in self.parameters.items():
            for parent in parameter.when:
                if parent in children:
                    children[parent].append(name)
                    waits[name] += 1
        ready = [numbers[name] for name in names if not waits[name]]
        placed = []
        while ready:
            name = names[heapq.heappop(ready)]
            placed.append(name)
            for child in children[name]:
                waits[child] -= 1
                if not waits[child]:
                    heapq.heappush(ready, numbers[child])
        return placed

    def suggest(self, trial: Suggesting) -> dict[str, Scalar]:
        """Asks the trial for every parameter whose conditions hold.

        Args:
            trial: of Optuna; or one that wants to hear of values that bring out what conditions hide, by `announce`.

        Returns:
            what was asked for, as written.
        """
        announce = getattr(trial, "announce", None)
        if announce is not None:
            announce(self.contexts())
        asked = trial if announce is not None else WrittenTrial(trial)
        values: dict[str, Scalar] = {}
        for name in self.order:
            if all(
                parent in values and any(same(values[parent], value) for value in allowed)
                for parent, allowed in self.conditions[name].items()
            ):
                values[name] = self.parameters[name].ask(asked, name)
        return values

    @cached_property
    def needs(self) -> dict[str, dict[str, Allowed]]:
        """What the ancestors of each parameter must be for it to be asked: its own conditions and its parents'.

        An empty tuple says that conditions contradict each other.
        """
        found: dict[str, dict[str, Allowed]] = {}
        for name in self.order:
            found[name] = _both(*(found.get(parent, {}) for parent in self.conditions[name]), self.conditions[name])
        return found

    def contexts(self) -> Iterator[dict[str, Scalar]]:
        """Values that bring out what conditions hide: every parameter at each value worth trying, wherever it is asked.

        Worth trying are the ends, the values that conditions name, and one that none names. Any two parameters that
        are asked together take their values together too: many a law is one between two settings.
        """
        named: dict[str, list[Scalar]] = {}
        for condition in self.conditions.values():
            for parent, allowed in condition.items():
                named.setdefault(parent, []).extend(allowed)
        tried = {name: _worth_trying(self.parameters[name], named.get(name, ())) for name in self.needs}
        for name, needed in self.needs.items():
            for context in _combinations(needed):
                yield from ({**context, name: value} for value in tried[name])
        few = {name: _few(values, named.get(name, ())) for name, values in tried.items()}
        yield from _covering_pairs(few, self.needs)

    def faults(self) -> Iterator[Fault]:
        """Everything that is wrong with it, seen without the method."""
        if not self.parameters:
            yield Fault("space", "A space needs at least one parameter. For a single run use `acgkd distill`.")
        for name, parameter in self.parameters.items():
            for key, message in parameter.laws():
                yield Fault(f"space/{name}/{key}", message)
            yield from self._condition_faults(name)
        placed = set(self.order)
        cycle = [name for name in self.parameters if name not in placed]
        if cycle:
            listed = ", ".join(f"`{name}`" for name in cycle)
            message = f"`when` must not go in circles, but these wait for each other: {listed}."
            yield Fault(f"space/{cycle[0]}/when", message)
            return
        yield from self._contradictions()

    def _condition_faults(self, name: str) -> Iterator[Fault]:
        for parent, allowed in self.conditions[name].items():
            path = f"space/{name}/when/{parent}"
            if parent not in self.parameters:
                yield Fault(
                    path,
                    f"`when` names another parameter of this space, but '{parent}' is none. "
                    f"{nearest(parent, self.parameters)}Known: {', '.join(self.parameters)}.",
                )
                continue
            if not allowed:
                yield Fault(path, "A condition needs at least one value, but got none: it would never hold.")
            asked = self.parameters[parent]
            for value in allowed:
                if not asked.admits(value):
                    yield Fault(path, f"This never holds: `{parent}` cannot be {show(value)}{asked.why()}.")

    def _contradictions(self) -> Iterator[Fault]:
        """Conditions that hold one by one and never together, parents' conditions included."""
        contradictory: set[str] = set()
        for name, needed in self.needs.items():
            empty = [parent for parent, allowed in needed.items() if not allowed]
            if not empty:
                continue
            reported = any(parent in contradictory for parent in self.conditions[name])
            contradictory.add(name)
            if all(self.conditions[name].values()) and not reported:
                yield Fault(
                    f"space/{name}/when",
                    f"This never holds: its conditions and those of its parents ask `{empty[0]}` for different values.",
                )


def _worth_trying(parameter: Parameter, named: Iterable[Scalar]) -> list[Scalar]:
    named = [value for value in named if parameter.admits(value)]
    tried = [*parameter.ends, *named]
    if named and parameter.values is not None:
        # Among one more than are named there is one that is not.
        tried += islice(iter(parameter.values), len(named) + 1)
    return [value for _, value in dict.fromkeys((isinstance(value, bool), value) for value in tried)]


def _few(values: list[Scalar], named: Iterable[Scalar]) -> list[Scalar]:
    """The values among which a law between two settings shows: all, or the ends of a long list and what is named."""
    if len(values) <= _TOGETHER:
        return values
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    others = [value for value in values if isinstance(value, bool) or not isinstance(value, int | float)]
    kept = [*([min(numbers), max(numbers)] if numbers else []), *islice(iter(named), _TOGETHER), *others]
    return kept[:_TOGETHER]


def _combinations(needed: Mapping[str, Allowed]) -> Iterator[dict[str, Scalar]]:
    if not all(needed.values()):
        return
    if prod(map(len, needed.values())) <= _COMBINATIONS:
        for values in product(*needed.values()):
            yield dict(zip(needed, values, strict=True))
        return
    first = {name: allowed[0] for name, allowed in needed.items()}
    for name, allowed in needed.items():
        yield from ({**first, name: value} for value in allowed)


def _both(*needs: Mapping[str, Allowed]) -> dict[str, Allowed]:
    """What has to hold where several conditions hold; an empty tuple where they contradict each other."""
    result: dict[str, Allowed] = {}
    for need in needs:
        for name, allowed in need.items():
            both = result.get(name, allowed)
            result[name] = tuple(value for value in both if any(same(value, other) for other in allowed))
    return result


def _covering_pairs(
    tried: Mapping[str, Sequence[Scalar]], needs: Mapping[str, Mapping[str, Allowed]]
) -> list[dict[str, Scalar]]:
    """Partial points in which every two values of two parameters stand together, where both parameters are asked.

    Args:
        tried: values by parameter name, parents before their children.
        needs: what other parameters have to be for each to be asked.

    Source: the greedy filling of open rows, as in Lei and Tai (1998), In-Parameter-Order, for pairwise testing.
    """
    points: list[dict[str, Scalar]] = []
    for one, other in combinations(tried, 2):
        needed = _both(needs[one], needs[other])
        if not all(needed.values()):
            continue
        context = {name: allowed[0] for name, allowed in needed.items()}
        for pair in product(*(needed.get(name, tried[name])[:_TOGETHER] for name in (one, other))):
            _fill(points, {**context, one: pair[0], other: pair[1]})
    return points


def _fill(points: list[dict[str, Scalar]], wanted: dict[str, Scalar]) -> None:
    """Adds values to the first point that they do not contradict, or as a new one."""
    missing = object()
    for point in points:
        for name, value in wanted.items():
            there = point.get(name, missing)
            if there is not missing and not (there is value or same(there, value)):
                break
        else:
            point.update(wanted)
            return
    points.append(wanted)
