"""What methods make of the models and the prior of a spec: settings that do not go with them, terms that do nothing.

It goes by what entries of the catalogues declare, so that neither models nor torch are needed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from acgkd.config import DatasetConfig, MethodChoice, PriorConfig, StudentConfig, TeacherConfig, flatten, overlay
from acgkd.errors import AcgkdError, Fault
from sweeps.spec.controls import METHOD_NAME, Control, searched_method
from sweeps.spec.inspection import Inspection
from sweeps.spec.sections import SchedulerConfig
from sweeps.spec.space_survey import Survey

# Settings that decide whether a run can begin with such models, as `acgkd.run.compatibility` looks at them.
_DECIDING = ("method/synthesis/generator", "method/synthesis/source", "method/transfer/attention_weight")

# Settings that change what the distance is, or of how many samples at a time.
_CHANGING_THE_DISTANCE = (METHOD_NAME, "method/synthesis/statistics", "method/synthesis/graphs_at_once")

if TYPE_CHECKING:
    from acgkd.method import MethodConfig
    from acgkd.priors import ModalityName
    from acgkd.run.compatibility import Surroundings
    from sweeps.spec.sweep_spec import SweepSpec

A = TypeVar("A")
# What is looked at: its place in the spec, what notes call it, its settings, and its own prior where it has one.
Seen = tuple[str, str, MethodChoice, PriorConfig | None]


def settings_fit_models(
    method: MethodChoice,
    controls: Sequence[Control],
    prior: PriorConfig,
    dataset: DatasetConfig | None,
    teacher: TeacherConfig,
    student: StudentConfig,
    space: object,
    inspection: Inspection,
) -> Iterator[Fault]:
    """No method that is run would end when it begins, because its settings do not go with models and prior."""
    from acgkd.run.compatibility import refused

    look = _Look(prior, dataset, teacher, student, inspection)
    found: dict[tuple[str, str], dict[str, None]] = {}  # whose settings they are, by place and sentence
    placed: set[tuple[str, str]] = set()
    for path, name, choice, own in _seen(method, controls, inspection.survey(space)):
        said = look(refused, choice, own)
        if said is None:
            continue
        setting, sentence = said
        place = path
        if path == "method" and choice.name == method.name:
            place = f"method/{setting}"
        elif path == "space" and isinstance(space, Mapping) and f"method/{setting}" in space:
            place = f"space/method/{setting}"
        if (place, name) not in placed:
            placed.add((place, name))
            found.setdefault((place, sentence), {})["" if choice.name == method.name else f"'{name}'"] = None
    for (place, sentence), names in found.items():
        others = ", ".join(filter(None, names))
        yield Fault(place, f"{others}: {sentence}" if "" not in names else sentence)


def ranked_in_synthesis(
    scheduler: SchedulerConfig, method: MethodChoice, space: object, inspection: Inspection
) -> Iterator[Fault]:
    """Where trials are ranked in synthesis, all have something to be ranked by, and it compares."""
    settings = inspection.settings(method)
    if not scheduler.synthesis or scheduler.name == "none" or settings.entry is None or settings.config is None:
        return
    found = inspection.survey(space)
    for name in () if found is None else found.parameters:
        if name in _CHANGING_THE_DISTANCE:
            yield Fault(
                "scheduler/synthesis",
                f"Distances from what the teacher remembers do not compare where `{name}` is searched. "
                "Leave one of the two out.",
            )
    if not settings.entry.ranked_in_synthesis(settings.config):
        yield Fault(
            "scheduler/synthesis",
            f"`{method.name}` with these settings has nothing to rank trials by in synthesis: no stage of its own in "
            "which all samples near the teacher's memory. Leave `synthesis` out.",
        )


def inactive_terms(spec: "SweepSpec") -> list[str]:
    """The inactive loss terms, a sentence each, with the methods that have them."""
    from acgkd.run.compatibility import absent

    look = _Look(spec.prior, spec.dataset, spec.teacher, spec.student, spec.inspection)
    without: dict[str, list[str]] = {}
    for _, name, choice, own in _seen(spec.method, spec.controls, spec.inspection.survey(spec.space)):
        for sentence in look(absent, choice, own) or ():
            without.setdefault(sentence, []).append(f"`{name}`")
    return [f"{', '.join(dict.fromkeys(names))}: {sentence}" for sentence, names in without.items()]


def _seen(method: MethodChoice, controls: Sequence[Control], found: Survey | None) -> Iterator[Seen]:
    """Every method that is run: the sweep's own, those searched, the controls; nothing of what does not exist.

    Of one with settings that are searched: every way in which these decide whether a run can begin.
    """
    from acgkd.methods import METHODS

    if method.name not in METHODS:
        return
    yield "method", method.name, method, None
    searched = {} if found is None else found.parameters
    for name in searched[METHOD_NAME].ends if METHOD_NAME in searched else ():
        if name != method.name and name in METHODS:
            yield "space", name, searched_method({METHOD_NAME: name}, method), None
    if any(name.startswith(_DECIDING) for name in searched):
        yield from _searched_settings(method, () if found is None else found.points)
    for number, control in enumerate(controls):
        if control.name in METHODS:
            yield f"controls/{number}", control.label, control.choice(method), control.prior


def _searched_settings(method: MethodChoice, points: Iterable[Mapping[str, object]]) -> Iterator[Seen]:
    from acgkd.methods import METHODS

    tried = set()
    for point in points:
        if point.get(METHOD_NAME, method.name) not in METHODS:
            continue  # reported already
        tree = overlay({"method": searched_method(point, method).model_dump()}, point)
        flat = flatten(tree)
        key = (flat[METHOD_NAME], *(f"{name}={flat[name]}" for name in flat if name.startswith(_DECIDING)))
        if key in tried:
            continue
        tried.add(key)
        try:
            yield "space", str(flat[METHOD_NAME]), MethodChoice.model_validate(tree["method"]), None
        except ValidationError:
            continue  # reported as a value that is refused


class _Look:
    """Asks of a method's settings and of what they would meet; None where something else is wrong with it."""

    def __init__(
        self,
        prior: PriorConfig,
        dataset: DatasetConfig | None,
        teacher: TeacherConfig,
        student: StudentConfig,
        inspection: Inspection,
    ) -> None:
        self._inspection = inspection
        self._prior, self._dataset, self._teacher, self._student = prior, dataset, teacher.preset, student.preset
        self._made: dict[tuple[ModalityName, PriorConfig], Surroundings] = {}

    def __call__(
        self, question: "Callable[[MethodConfig, Surroundings], A]", choice: MethodChoice, own: PriorConfig | None
    ) -> A | None:
        settings = self._inspection.settings(choice)
        if settings.config is None or settings.entry is None or settings.entry.modality is None:
            return None
        try:
            key = (settings.entry.modality, own or self._prior)
            if key not in self._made:
                self._made[key] = self._surroundings(*key)
            return question(settings.config, self._made[key])
        except AcgkdError:
            return None

    def _surroundings(self, kind: "ModalityName", said: PriorConfig) -> "Surroundings":
        from acgkd.datasets import known_of
        from acgkd.models import facts_of
        from acgkd.priors import resolve_prior
        from acgkd.run.compatibility import Surroundings

        prior = resolve_prior(kind, said, known_of(self._dataset))
        teacher, student = (
            facts_of(preset, prior.feature_count, prior.classes) for preset in (self._teacher, self._student)
        )
        return Surroundings(teacher, student, prior)
