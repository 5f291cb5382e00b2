"""Controls: the lines that trials are read against, each a method with a label and settings of its own or shared."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from acgkd.config import MethodChoice, PriorConfig, ShortConfig, spelled_out
from acgkd.errors import ConfigError, UnknownNameError

LABEL_LENGTH = 60

# The parameter that is the method itself.
METHOD_NAME = "method/name"

# Settings of the teaching stage that speak of pseudo-samples; a control on real data keeps its own.
_PSEUDO_ONLY = ("curriculum", "samples")
# How tables call what is no control.
_TAKEN = re.compile(r"teacher|majority class|distill|trial \d+", re.IGNORECASE)


def _label(label: str) -> str:
    if not re.fullmatch(rf"\w[\w .,:;()+=/%-]{{0,{LABEL_LENGTH - 1}}}", label) or label != label.strip():
        raise ConfigError(
            f"A label is made of up to {LABEL_LENGTH} letters, digits, blanks and `.,:;()+=/%_-`, and starts with a "
            f"letter or a digit, but got '{label}'."
        )
    if _TAKEN.fullmatch(label):
        raise ConfigError(f"'{label}' is how tables call something else. Choose another label.")
    return label


class Control(ShortConfig):
    """A method run on all seeds of a sweep, beside its trials.

    What it says of `synthesis`, `transfer` or `prior` stands for that section whole, and the method's defaults for
    the rest of it; a section that it leaves out it takes over from the sweep, as far as its method knows it.
    """

    name: str = Field(description="The method.")
    label: Annotated[str, AfterValidator(_label)] = Field(description="How tables call it; its name if left out.")
    synthesis: dict[str, Any] | None = Field(
        default=None, description="Its own settings, all of them; the sweep's if left out."
    )
    transfer: dict[str, Any] | None = Field(
        default=None, description="Its own settings, all of them; the sweep's if left out."
    )
    prior: PriorConfig | None = Field(default=None, description="What it knows of the data; the sweep's if left out.")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        value = spelled_out(value, cls.word)
        if isinstance(value, Mapping) and "label" not in value and isinstance(value.get("name"), str):
            value = {**value, "label": value["name"]}
        return value

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> Any:
        """A plain name where nothing else is said: the same text, and the same fingerprint, as ever."""
        said = {key: value for key, value in handler(self).items() if value is not None}
        if said.get("label") == self.name:
            del said["label"]
        return self.name if set(said) == {"name"} else said

    def choice(self, method: MethodChoice) -> MethodChoice:
        """The method with its settings: its own, and those of the sweep's method that it knows too.

        Args:
            method: the sweep's, with its fixed settings.

        Raises:
            UnknownNameError: there is no such method.
        """
        from acgkd.methods import METHODS

        entry = METHODS[self.name]
        shared = shared_settings(self.name, method)
        subtrees: dict[str, Any] = {}
        for stage in ("synthesis", "transfer"):
            own = getattr(self, stage)
            kept = getattr(shared, stage) if own is None else own
            if own is None and entry.needs_data:
                kept = {key: value for key, value in kept.items() if key not in _PSEUDO_ONLY}
            subtrees[stage] = kept
        return MethodChoice(name=self.name, **subtrees)


def shared_settings(name: str, method: MethodChoice) -> MethodChoice:
    """Another method with those of a sweep's fixed settings that it knows too.

    Args:
        name: of the other method.
        method: the sweep's, with its fixed settings.

    Raises:
        UnknownNameError: there is no such method.
    """
    from acgkd.methods import METHODS

    fields = METHODS[name].config.model_fields
    known = {stage: fields[stage].annotation for stage in ("synthesis", "transfer")}
    kept = {stage: _known_part(getattr(method, stage), model) for stage, model in known.items()}
    return MethodChoice(name=name, **kept)


def searched_method(parameters: Mapping[str, Any], method: MethodChoice) -> MethodChoice:
    """The method that a point of a space names, with the sweep's fixed settings; the sweep's where it names none.

    Raises:
        UnknownNameError: there is no such method.
    """
    name = parameters.get(METHOD_NAME, method.name)
    return method if name == method.name else shared_settings(name, method)


def _known_part(settings: Mapping[str, Any], model: Any) -> dict[str, Any]:
    """The settings that another method's config has too, all the way down."""
    fields = getattr(model, "model_fields", {})
    kept: dict[str, Any] = {}
    for key, value in settings.items():
        if key in fields:
            kept[key] = _known_part(value, fields[key].annotation) if isinstance(value, Mapping) else value
    return kept


def lower_controls(method: Any, student: Any) -> list[str]:
    """The lower controls of a method's modality, without the method itself; none where that is not known.

    Args:
        method: what a spec says under `method`: a name, a mapping or a `MethodChoice`.
        student: what it says under `student`: a preset, a mapping or a `StudentConfig`.
    """
    from acgkd.methods import METHODS, modality_of

    name, preset = _said(method, "name"), _said(student, "preset")
    if name not in METHODS:
        return []
    try:
        kind = modality_of(METHODS[name], preset)
    except UnknownNameError:
        return []
    return [
        other for other in METHODS if other != name and METHODS[other].lower_control and METHODS[other].modality == kind
    ]


def _said(section: Any, key: str) -> str:
    """The main word of a section of a spec, however it is written."""
    said = section.get(key) if isinstance(section, Mapping) else getattr(section, key, section)
    return said if isinstance(said, str) else ""
