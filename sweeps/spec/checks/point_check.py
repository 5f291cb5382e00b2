"""A point of the user's, checked against a space: every value must be one that the sampler could have suggested."""

import math
from collections.abc import Iterator, Mapping

from acgkd.errors import Fault, nearest
from sweeps.spec.space_survey import Survey
from sweeps.spec.stand_ins import Asked, ProbeTrial
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.spec.values import Scalar, Steps, is_on_step, on_step, same, show

_NOTHING_SEARCHED = "A point is one of the search space, but this sweep has no `space`: nothing is searched."


def check_point(spec: SweepSpec, given: Mapping[str, object]) -> tuple[dict[str, object], list[Fault]]:
    """Reads a point that may leave parameters open.

    Args:
        spec: the sweep.
        given: values by path, with slashes or dots, with or without `method/` in front.

    Returns:
        The values as the space writes them, by slash path, and all that is wrong; nothing is wrong where whatever the
        sampler suggests for the rest, every given value is asked for.
    """
    found = spec.inspection.survey(spec.space)
    if found is None:
        return {}, [Fault("", _NOTHING_SEARCHED)]
    values: dict[str, object] = {}
    faults: list[Fault] = []
    for path, value in given.items():
        name = _name(path, found)
        if name is None:
            hint = nearest(path.replace(".", "/"), found.parameters)
            faults.append(Fault(path, f"The space has no such parameter. {hint}Known: {', '.join(found.parameters)}."))
        elif name in values:
            faults.append(Fault(name, "This parameter is given more than once."))
        else:
            values[name] = value
    if not values and not faults:
        faults.append(
            Fault("", f"A point needs at least one value, `path=value`. Known: {', '.join(found.parameters)}.")
        )
    if not faults:
        faults = list(_refused(spec, found, values))
    return values, faults


def _name(path: str, found: Survey) -> str | None:
    """The parameter that a path means: `acgkd check` shows those of the method without `method/`."""
    slashes = path.replace(".", "/")
    return next((name for name in (path, slashes, f"method/{slashes}") if name in found.parameters), None)


def _refused(spec: SweepSpec, found: Survey, values: dict[str, object]) -> Iterator[Fault]:
    """What is wrong with values of known parameters; they are written as the space writes them, in place."""
    read = {name: _written(found.parameters[name], value) for name, value in values.items()}
    if any(message for _, message in read.values()):
        yield from (Fault(name, message) for name, (_, message) in read.items() if message)
        return
    values.update({name: written for name, (written, _) in read.items()})
    trials = [_probe(spec, {**point, **values}) for point in ({}, *found.points)]
    for name, value in values.items():
        asked = [trial for trial in trials if name in trial.asked]
        if len(asked) < len(trials):
            yield Fault(name, _not_asked(name, values, asked, [trial for trial in trials if name not in trial.asked]))
            continue
        # A space that is a function may ask for another range under other values.
        message = next(filter(None, (_written(trial.asked[name], value)[1] for trial in asked)), "")
        if message:
            yield Fault(name, message)


def _probe(spec: SweepSpec, forced: Mapping[str, object]) -> ProbeTrial:
    trial = ProbeTrial(forced, lambda asked: asked.ends[0])
    spec.suggest(trial)
    return trial


def _not_asked(name: str, values: Mapping[str, object], asked: list[ProbeTrial], others: list[ProbeTrial]) -> str:
    if not asked:
        return "Its conditions contradict the other values: no trial with those asks for it. Leave one of them out."
    for parent in asked[0].asked:
        when = [trial.params.get(parent) for trial in asked]
        unlike = [trial.params.get(parent) for trial in others]
        if parent not in values and not any(same(one, other) for one in when for other in unlike):
            shown = " or ".join(dict.fromkeys(map(show, when[:8])))
            return f"It is asked for only where `{parent}` is {shown}. Give that too."
    return "It is asked for only under conditions that this point leaves open. Give the values of its conditions too."


def _written(asked: Asked, value: object) -> tuple[Scalar, str]:
    """A value as the space writes it, and why it is none; an empty text where it is one."""
    if asked.kind == "categorical":
        choice = [each for each in asked.ends if same(each, value)]
        return (choice[0], "") if choice else (None, f"This must be one of {asked.text}, but got {show(value)}.")
    whole = asked.kind == "int"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None, f"This must be {'a whole number' if whole else 'a number'}, {asked.text}, but got {show(value)}."
    read: float = int(value) if whole and value == int(value) else value if whole else float(value)
    if isinstance(asked.values, Steps) and is_on_step(read, asked.values.low, asked.values.step):
        read = on_step(read, asked.values.low, asked.values.step)
    inside = asked.ends[0] <= read <= asked.ends[-1] and (asked.values is None or read in asked.values)
    return (read, "") if inside else (None, f"This must be {asked.text}, but got {show(value)}.")
