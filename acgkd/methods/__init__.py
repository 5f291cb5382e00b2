"""The methods, one to a file; `acgkd.method` says what a method is.

An entry declares its settings; what a run is made of is imported when one begins.
"""

from collections.abc import Mapping

from acgkd.catalog import Catalog
from acgkd.config import MethodChoice, checked
from acgkd.method import AnyMethod, MethodConfig
from acgkd.models import MODELS
from acgkd.priors import ModalityName

METHODS: Catalog[AnyMethod] = Catalog("acgkd.methods", "METHOD", "method")


def modality_of(method: AnyMethod, student: str) -> ModalityName:
    """The name of the modality that a method works on: its own, or that of the student's model.

    Raises:
        UnknownNameError: it is the student's, and no model is of that kind.
    """
    return method.modality or MODELS[student.split("-")[0]].modality


def lower_controls_of(modality: str) -> list[str]:
    """Methods that make samples of a modality and learn nothing about them."""
    return [name for name in METHODS if METHODS[name].lower_control and METHODS[name].modality == modality]


def shared_settings(name: str, method: MethodChoice) -> MethodChoice:
    """Another method with those settings of a method that it knows too.

    Args:
        name: of the other method.
        method: whose settings they are, as far as they were said.

    Raises:
        UnknownNameError: there is no such method.
    """
    fields = METHODS[name].config.model_fields
    known = {stage: fields[stage].annotation for stage in ("synthesis", "transfer")}
    kept = {stage: _known_part(getattr(method, stage), model) for stage, model in known.items()}
    return MethodChoice(name=name, **kept)


def _known_part(settings: Mapping[str, object], model: object) -> dict[str, object]:
    """The settings that another method's config has too, all the way down."""
    fields = getattr(model, "model_fields", {})
    kept: dict[str, object] = {}
    for key, value in settings.items():
        if key in fields:
            kept[key] = _known_part(value, fields[key].annotation) if isinstance(value, Mapping) else value
    return kept


def parse_method(choice: MethodChoice) -> tuple[AnyMethod, MethodConfig]:
    """The catalogue's entry and its settings, read by the method itself.

    Raises:
        UnknownNameError: there is no such method.
        ConfigError: a setting breaks a law, has the wrong type or is not known.
    """
    method = METHODS[choice.name]
    settings = {"synthesis": choice.synthesis, "transfer": choice.transfer}
    return method, checked(method.config, settings, f"method {choice.name}")
