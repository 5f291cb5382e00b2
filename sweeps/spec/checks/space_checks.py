"""Laws of a search space: every value that it may draw is one that the method, the student and the sampler can take."""

import re
from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from acgkd.config import DatasetConfig, MethodChoice, PriorConfig, StudentConfig, TeacherConfig, overlay
from acgkd.errors import AcgkdError, Fault, nearest
from sweeps.spaces import SPACES
from sweeps.spec.checks.catalog_checks import kind_of, modalities_agree
from sweeps.spec.checks.dataset_checks import images_fit
from sweeps.spec.controls import METHOD_NAME, searched_method
from sweeps.spec.fault_messages import known_name, translate
from sweeps.spec.inspection import Inspection
from sweeps.spec.sections import SamplerConfig
from sweeps.spec.space_survey import Survey
from sweeps.spec.values import Steps

GRID_LIMIT = 100_000
# Optuna's Gaussian process writes out all values of a stepped range.
GP_LIMIT = 100_000

# A teacher per trial would be trained anew, and trials on other data or another prior are no longer paired.
SEARCHABLE = ("method/synthesis/", "method/transfer/", "student/")
STUDENT = "student/preset"
DRAW = "method/transfer/draw"


def space_law(
    space: object, method: MethodChoice, student: StudentConfig, sampler: SamplerConfig, inspection: Inspection
) -> Iterator[Fault]:
    """The space exists, and every value that it can ask for is one that its setting can take."""
    from acgkd.methods import METHODS

    if isinstance(space, str) and space not in SPACES:
        yield from known_name(SPACES, space, "space")
        return
    found = inspection.survey(space)
    if found is None:
        return  # there is none, or it is broken and this is reported already
    misplaced = [*_misplaced(found, space), *_methods_searched(found, space, method, student)]
    yield from misplaced
    if not misplaced and method.name in METHODS and not inspection.settings(method).faults:
        yield from _refused_values(found, space, method, student, inspection)
    if sampler.name == "grid":
        yield from _grid_faults(found)
    if sampler.name == "gp":
        yield from _gp_faults(found, space)


def searched_students_fit(
    space: object,
    method: MethodChoice,
    prior: PriorConfig,
    dataset: DatasetConfig | None,
    teacher: TeacherConfig,
    inspection: Inspection,
) -> Iterator[Fault]:
    """Students among which is searched are for such data and such a method, as a fixed one has to be."""
    found = inspection.survey(space)
    asked = None if found is None else found.parameters.get(STUDENT)
    for preset in () if asked is None else asked.ends:
        if not isinstance(preset, str):
            continue  # refused as a value
        student = StudentConfig(preset=preset)
        faults = [*modalities_agree(method, dataset, teacher, student), *images_fit(prior, dataset, teacher, student)]
        yield from (Fault(_place(space, STUDENT), fault.message) for fault in faults if fault.path == STUDENT)


def _place(space: object, name: str) -> str:
    return "space" if isinstance(space, str) else f"space/{name}"


def _misplaced(found: Survey, space: object) -> Iterator[Fault]:
    for name in found.parameters:
        inside = next((other for other in found.parameters if other.startswith(f"{name}/")), None)
        if inside is not None:
            yield Fault(
                _place(space, name),
                f"A parameter is one setting, but `{inside}` is a part of `{name}`. Search one of them.",
            )
        if name.startswith("teacher/"):
            yield Fault(
                _place(space, name), f"`{name}` cannot be searched: every trial would train teachers of its own."
            )
        elif name == DRAW:
            yield Fault(
                _place(space, name),
                f"`{DRAW}` is noise: to search it is to choose the luckiest teaching. Run others as `controls`.",
            )
        elif name != METHOD_NAME and not name.startswith(SEARCHABLE):
            roots = ", ".join(f"`{root}`" for root in SEARCHABLE)
            hint = nearest(name, [f"method/{name}", METHOD_NAME, *SEARCHABLE])
            yield Fault(
                _place(space, name),
                f"A parameter is `{METHOD_NAME}` or names a setting below {roots}, but got `{name}`. {hint}".strip(),
            )


def _methods_searched(found: Survey, space: object, method: MethodChoice, student: StudentConfig) -> Iterator[Fault]:
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
    found: Survey, space: object, method: MethodChoice, student: StudentConfig, inspection: Inspection
) -> Iterator[Fault]:
    """Tries every point of a survey; reports one refusal for each setting."""
    reported: set[str] = set()
    for point in found.points:
        fixed = {"method": searched_method(point, method).model_dump(), "student": student.model_dump()}
        named = f" (with `{METHOD_NAME}: {point[METHOD_NAME]}`)" if METHOD_NAME in point else ""
        for fault in _point_faults(overlay(fixed, point), inspection):
            name, message = _blamed(point, fault, method)
            if name is not None and name not in reported:
                reported.add(name)
                prefix = f"`{name}`: " if isinstance(space, str) else ""
                yield Fault(_place(space, name), f"{prefix}{message}{named}")


def _blamed(point: Mapping[str, object], fault: Fault, method: MethodChoice) -> tuple[str | None, str]:
    """The parameter that a fault is put down to, and what to say; None for a fault of the fixed settings alone."""
    if fault.path in point:
        return fault.path, fault.message
    below = [name for name in point if name.startswith(f"{fault.path}/")]
    if below:
        # A law between several settings names them; others of the same section have no part in it.
        named = (name for name in below if re.search(rf"`[^`]*\b{re.escape(name.rpartition('/')[2])}\b", fault.message))
        return next(named, below[0]), fault.message
    if fault.path.startswith("student"):
        return None, ""
    # A fixed setting that the sweep's own method takes, and this point does not.
    culprit = METHOD_NAME if point.get(METHOD_NAME, method.name) != method.name else list(point)[-1]
    return culprit, f"the fixed `{fault.path}` is refused: {fault.message}"


def _point_faults(tree: Mapping[str, object], inspection: Inspection) -> Iterator[Fault]:
    from acgkd.models import check_preset

    try:
        method = MethodChoice.model_validate(tree["method"])
        student = StudentConfig.model_validate(tree["student"])
    except ValidationError as error:
        section, model = ("student", StudentConfig) if error.title == "StudentConfig" else ("method", MethodChoice)
        yield from translate(error, model, tree[section], section)
        return
    yield from inspection.settings(method).at("method")
    if ":" in student.preset:
        yield Fault(STUDENT, f"'{student.preset}' is code: a student of your own is fixed, under `student/module`.")
        return
    try:
        check_preset(student.preset)
    except AcgkdError as error:
        yield Fault(STUDENT, str(error))


def _grid_faults(found: Survey) -> Iterator[Fault]:
    endless = [name for name, asked in found.parameters.items() if asked.values is None]
    stepped = {name: asked.values for name, asked in found.parameters.items() if isinstance(asked.values, Steps)}
    fine = [name for name, steps in stepped.items() if not steps.coarse and steps.size <= GRID_LIMIT]
    if found.conditional:
        yield Fault(
            "sampler/name",
            f"A grid needs a space without conditions, but `{sorted(found.conditional)[0]}` exists only under "
            "conditions. Use `sampler: random`, or write the space out without `when`.",
        )
    elif endless:
        yield Fault(
            "sampler/name",
            f"A grid needs a finite number of values, but `{endless[0]}` is continuous. Give it a `step` or choices.",
        )
    elif fine:
        yield Fault(
            "sampler/name",
            f"A grid needs steps that binary numbers tell apart, but those of `{fine[0]}` are too fine for its values. "
            "Write the values out as choices.",
        )
    elif found.size is not None and found.size > GRID_LIMIT:
        yield Fault("sampler/name", f"A grid may have {GRID_LIMIT:,} points, but this space has {found.size:,}.")


def _gp_faults(found: Survey, space: object) -> Iterator[Fault]:
    for name, asked in found.parameters.items():
        if asked.values is not None and len(asked.values) > GP_LIMIT:
            yield Fault(
                _place(space, name),
                f"The Gaussian process takes ranges of up to {GP_LIMIT:,} values, but `{name}` has "
                f"{len(asked.values):,}. Give it a larger `step`, or use `sampler: tpe`.",
            )
