"""What methods make of the models and the prior of a spec: settings that do not go with them, terms that do nothing.

It goes by what entries of the catalogues declare, so that neither models nor torch are needed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from acgkd.config import DatasetConfig, MethodChoice, PriorConfig, StudentConfig, TeacherConfig
from acgkd.errors import AcgkdError, Fault
from sweeps.spec.controls import METHOD_NAME, Control, searched_method

if TYPE_CHECKING:
    from acgkd.method import MethodConfig
    from acgkd.priors import ModalityName
    from acgkd.run.compatibility import Surroundings

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
    space: Any,
) -> Iterator[Fault]:
    """No method that is run would end when it begins, because its settings do not go with models and prior."""
    from acgkd.run.compatibility import refused

    look = _Look(prior, dataset, teacher, student)
    for path, name, choice, own in _seen(method, controls, space):
        found = look(refused, choice, own)
        if found is not None:
            place = path if path != "method" or choice.name != method.name else f"method/{found[0]}"
            yield Fault(place, found[1] if choice.name == method.name else f"'{name}': {found[1]}")


def absences(spec: Any) -> list[str]:
    """The terms of losses that will do nothing, a sentence each, with the methods that do without."""
    from acgkd.run.compatibility import absent

    look = _Look(spec.prior, spec.dataset, spec.teacher, spec.student)
    without: dict[str, list[str]] = {}
    for _, name, choice, own in _seen(spec.method, spec.controls, spec.space):
        for sentence in look(absent, choice, own) or ():
            without.setdefault(sentence, []).append(f"`{name}`")
    return [f"{', '.join(dict.fromkeys(names))}: {sentence}" for sentence, names in without.items()]


def _seen(method: MethodChoice, controls: Sequence[Control], space: Any) -> Iterator[Seen]:
    """Every method that is run: the sweep's own, those searched, the controls; nothing of what does not exist."""
    from acgkd.methods import METHODS

    if method.name not in METHODS:
        return
    yield "method", method.name, method, None
    for name in _searched(space):
        if name != method.name and name in METHODS:
            yield "space", name, searched_method({METHOD_NAME: name}, method), None
    for number, control in enumerate(controls):
        if control.name in METHODS:
            yield f"controls/{number}", control.label, control.choice(method), control.prior


def _searched(space: Any) -> tuple[Any, ...]:
    """The methods among which is searched; none where the space is broken."""
    from sweeps.spaces import SPACES
    from sweeps.spec import parameters as inline
    from sweeps.spec.space_survey import survey

    if space is None or (isinstance(space, str) and space not in SPACES):
        return ()
    if isinstance(space, Mapping) and any(True for _ in inline.faults(space)):
        return ()
    found = survey(SPACES[space] if isinstance(space, str) else lambda trial: inline.suggest(space, trial))
    return found.parameters[METHOD_NAME].ends if METHOD_NAME in found.parameters else ()


class _Look:
    """Asks of a method's settings and of what they would meet; None where something else is wrong with it."""

    def __init__(
        self, prior: PriorConfig, dataset: DatasetConfig | None, teacher: TeacherConfig, student: StudentConfig
    ) -> None:
        self._prior, self._dataset, self._teacher, self._student = prior, dataset, teacher.preset, student.preset
        self._made: dict[tuple[ModalityName, PriorConfig], Surroundings] = {}

    def __call__(
        self, question: "Callable[[MethodConfig, Surroundings], A]", choice: MethodChoice, own: PriorConfig | None
    ) -> A | None:
        from acgkd.methods import parse_method

        try:
            entry, config = parse_method(choice)
            if entry.modality is None:
                return None
            key = (entry.modality, own or self._prior)
            if key not in self._made:
                self._made[key] = self._surroundings(*key)
            return question(config, self._made[key])
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
