"""Laws of a search space: every value that it may draw is one that the method, the student and the sampler can take."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from acgkd.config import MethodChoice, StudentConfig, overlay
from acgkd.errors import AcgkdError, Fault, nearest
from sweeps.spaces import SPACES
from sweeps.spec import parameters as inline
from sweeps.spec.checks.catalog_checks import kind_of, settings_faults
from sweeps.spec.controls import METHOD_NAME, searched_method
from sweeps.spec.fault_messages import known_name, translate
from sweeps.spec.sections import SamplerConfig
from sweeps.spec.space_survey import Survey, draw, survey

DRAWS = 32
GRID_LIMIT = 100_000

# A teacher per trial would be trained anew, and trials on other data or another prior are no longer paired.
SEARCHABLE = ("method/synthesis/", "method/transfer/", "student/")


def space_law(space: Any, method: MethodChoice, student: StudentConfig, sampler: SamplerConfig) -> Iterator[Fault]:
    """The space exists, and every value that it can ask for is one that its setting can take."""
    from acgkd.methods import METHODS

    if space is None:
        return
    if isinstance(space, str) and space not in SPACES:
        yield from known_name(SPACES, space, "space")
        return
    if not isinstance(space, str) and any(True for _ in inline.faults(space)):
        return  # told already; a broken space cannot be walked through
    suggest = SPACES[space] if isinstance(space, str) else _asker(space)
    found = survey(suggest)
    misplaced = [*_misplaced(found, space), *_methods_searched(found, space, method, student)]
    yield from misplaced
    if not misplaced and method.name in METHODS and not any(True for _ in settings_faults(method)):
        yield from _refused_values(suggest, found, space, method, student)
    if sampler.name == "grid":
        yield from _grid_faults(found)


def _asker(space: Mapping[str, Any]) -> Callable[[Any], None]:
    return lambda trial: inline.suggest(space, trial)


def _place(space: Any, name: str) -> str:
    return "space" if isinstance(space, str) else f"space/{name}"


def _misplaced(found: Survey, space: Any) -> Iterator[Fault]:
    for name in found.parameters:
        if name.startswith("teacher/"):
            yield Fault(
                _place(space, name), f"`{name}` cannot be searched: every trial would train teachers of its own."
            )
        elif name != METHOD_NAME and not name.startswith(SEARCHABLE):
            roots = ", ".join(f"`{root}`" for root in SEARCHABLE)
            hint = nearest(name, [f"method/{name}", METHOD_NAME, *SEARCHABLE])
            yield Fault(
                _place(space, name),
                f"A parameter is `{METHOD_NAME}` or names a setting below {roots}, but got `{name}`. {hint}".strip(),
            )


def _methods_searched(found: Survey, space: Any, method: MethodChoice, student: StudentConfig) -> Iterator[Fault]:
    """Methods among which is searched exist, are of one kind, do without data, and the sweep's own is one of them."""
    from acgkd.methods import METHODS

    asked = found.parameters.get(METHOD_NAME)
    if asked is None or method.name not in METHODS:
        return
    place, kind = _place(space, METHOD_NAME), kind_of(method.name, student)
    if asked.kind != "categorical":
        yield Fault(place, f"`{METHOD_NAME}` is one of several names, but the space asks for '{asked.kind}'.")
        return
    for name in asked.ends:
        if name not in METHODS:
            yield from known_name(METHODS, name, place)
        elif METHODS[name].needs_data:
            yield Fault(
                place, f"'{name}' learns from real data: no method to search for. Name it under `controls` instead."
            )
        elif kind is not None and METHODS[name].modality != kind:
            yield Fault(place, f"'{name}' is for {METHODS[name].modality}, but '{method.name}' is for {kind}.")
    if method.name not in asked.ends:
        listed = ", ".join(map(str, asked.ends))
        yield Fault(
            METHOD_NAME,
            f"The method of a sweep is one of those searched, but '{method.name}' is none of {listed}.",
        )


def _refused_values(
    suggest: Callable[[Any], None], found: Survey, space: Any, method: MethodChoice, student: StudentConfig
) -> Iterator[Fault]:
    """Tries both ends of every parameter, then random points; tells one refusal for each setting."""
    told: set[str] = set()
    for point in [*found.points, *(draw(suggest, seed) for seed in range(DRAWS))]:
        fixed = {"method": searched_method(point, method).model_dump(), "student": student.model_dump()}
        named = f" (with `{METHOD_NAME}: {point[METHOD_NAME]}`)" if METHOD_NAME in point else ""
        for fault in _point_faults(overlay(fixed, point)):
            name = next((name for name in point if fault.path == name), None)
            name = name or next((name for name in point if name.startswith(f"{fault.path}/")), None)
            message = fault.message
            if name is None and point.get(METHOD_NAME, method.name) != method.name:
                # A fixed setting that the sweep's own method takes.
                name, message = METHOD_NAME, f"the fixed `{fault.path}` is refused: {message}"
            if name is not None and name not in told:  # with no parameter in it, the fixed settings are told of it
                told.add(name)
                prefix = f"`{name}`: " if isinstance(space, str) else ""
                yield Fault(_place(space, name), f"{prefix}{message}{named}")


def _point_faults(tree: Mapping[str, Any]) -> Iterator[Fault]:
    from acgkd.models import check_preset

    try:
        method = MethodChoice.model_validate(tree["method"])
        student = StudentConfig.model_validate(tree["student"])
    except ValidationError as error:
        section, model = ("student", StudentConfig) if error.title == "StudentConfig" else ("method", MethodChoice)
        yield from translate(error, model, tree[section], section)
        return
    yield from settings_faults(method)
    try:
        check_preset(student.preset)
    except AcgkdError as error:
        yield Fault("student/preset", str(error))


def _grid_faults(found: Survey) -> Iterator[Fault]:
    endless = [name for name, asked in found.parameters.items() if asked.values is None]
    if found.conditional:
        yield Fault(
            "sampler/name",
            f"A grid needs every parameter in every trial, but `{sorted(found.conditional)[0]}` exists only under "
            "conditions. Use `sampler: random`, or write the space out without `when`.",
        )
    elif endless:
        yield Fault(
            "sampler/name",
            f"A grid needs a finite number of values, but `{endless[0]}` is continuous. Give it a `step` or choices.",
        )
    elif found.grid is not None:
        size = 1
        for values in found.grid.values():
            size *= len(values)
        if size > GRID_LIMIT:
            yield Fault("sampler/name", f"A grid may have {GRID_LIMIT:,} points, but this space has {size:,}.")
