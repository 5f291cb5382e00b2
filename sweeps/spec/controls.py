"""Controls: the lines that trials are read against, each a method with a label and settings of its own or shared."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from acgkd.config import Config, MethodChoice, PriorConfig, ShortConfig, spelled_out
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


Label = Annotated[str, AfterValidator(_label)]


class Chosen(Config):
    """Which trial of which search a control has its settings from."""

    sweep: str = Field(description="Name of the search.")
    trial: int = Field(description="Number of the chosen trial.")
    among: int = Field(description="Among how many it was chosen.")
    searched: tuple[str, ...] = Field(default=(), description="Slash paths of what was searched, below the method.")


class Control(ShortConfig):
    """A method run on all seeds of a sweep, beside its trials.

    What it says of `synthesis`, `transfer` or `prior` stands for that section whole, and the method's defaults for
    the rest of it; a section that it leaves out it takes over from the sweep, as far as its method knows it.
    """

    name: str = Field(description="The method.")
    label: Label = Field(description="How tables call it; its name if left out.")
    synthesis: dict[str, object] | None = Field(
        default=None, description="Its own settings, all of them; the sweep's if left out."
    )
    transfer: dict[str, object] | None = Field(
        default=None, description="Its own settings, all of them; the sweep's if left out."
    )
    prior: PriorConfig | None = Field(default=None, description="What it knows of the data; the sweep's if left out.")
    draw: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="It is taught again from the same pseudo-samples: this stands for its `transfer/draw`, whoever "
        "says the other settings.",
    )
    settings_from: str | None = Field(
        default=None,
        description="Folder of a search, or of a suite of searches: the settings that it chose for this method, "
        "teacher and student on this data set, in place of `synthesis` and `transfer`. Looked for beside the spec, "
        "then in the current folder; its seeds may not be this sweep's.",
    )
    chosen: Chosen | None = Field(
        default=None, description="Where settings were chosen; written for `settings_from`, not by hand."
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        value = spelled_out(value, cls.word)
        if isinstance(value, Mapping) and "label" not in value and isinstance(value.get("name"), str):
            value = {**value, "label": value["name"]}
        return value

    @model_validator(mode="after")
    def _said_once(self) -> "Control":
        if self.settings_from is not None and (self.synthesis is not None or self.transfer is not None):
            raise ConfigError(
                "Settings are those that a search chose (`settings_from`) or given (`synthesis`, `transfer`), but here "
                "are both. Leave one of them out."
            )
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> object:
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
        from acgkd.methods import METHODS, shared_settings

        entry = METHODS[self.name]
        shared = shared_settings(self.name, method)
        subtrees: dict[str, dict[str, object]] = {}
        for stage in ("synthesis", "transfer"):
            own = getattr(self, stage)
            kept = getattr(shared, stage) if own is None else own
            if own is None and entry.needs_data:
                kept = {key: value for key, value in kept.items() if key not in _PSEUDO_ONLY}
            subtrees[stage] = kept
        if self.draw is not None:
            subtrees["transfer"] = {**subtrees["transfer"], "draw": self.draw}
        return MethodChoice(name=self.name, synthesis=subtrees["synthesis"], transfer=subtrees["transfer"])


def searched_method(parameters: Mapping[str, object], method: MethodChoice) -> MethodChoice:
    """The method that a point of a space names, with the sweep's fixed settings; the sweep's where it names none.

    Raises:
        UnknownNameError: there is no such method.
    """
    from acgkd.methods import shared_settings

    name = str(parameters.get(METHOD_NAME, method.name))
    return method if name == method.name else shared_settings(name, method)


def lower_controls(method: object, student: object) -> list[str]:
    """The lower controls of a method's modality, without the method itself; none where that is not known.

    Args:
        method: what a spec says under `method`: a name, a mapping or a `MethodChoice`.
        student: what it says under `student`: a preset, a mapping or a `StudentConfig`.
    """
    from acgkd.methods import METHODS, lower_controls_of, modality_of

    name, preset = _said(method, "name"), _said(student, "preset")
    if name not in METHODS:
        return []
    try:
        kind = modality_of(METHODS[name], preset)
    except UnknownNameError:
        return []
    return [other for other in lower_controls_of(kind) if other != name]


def _said(section: object, key: str) -> str:
    """The main word of a section of a spec, however it is written."""
    said = section.get(key) if isinstance(section, Mapping) else getattr(section, key, section)
    return said if isinstance(said, str) else ""
