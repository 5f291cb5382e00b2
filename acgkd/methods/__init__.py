"""The methods, one to a file; `acgkd.method` says what a method is."""

from typing import Any

from acgkd.catalog import Catalog
from acgkd.config import MethodChoice, checked
from acgkd.method import Method, MethodConfig
from acgkd.models import MODELS

METHODS: Catalog[Method[Any]] = Catalog("acgkd.methods", "METHOD", "method")


def modality_of(method: Method[Any], student: str) -> str:
    """The name of the modality that a method works on: its own, or that of the student's model.

    Raises:
        UnknownNameError: it is the student's, and no model is of that kind.
    """
    return method.modality or MODELS[student.split("-")[0]].modality


def parse_method(choice: MethodChoice) -> tuple[Method[Any], MethodConfig]:
    """The catalogue's entry and its settings, read by the method itself.

    Raises:
        UnknownNameError: there is no such method.
        ConfigError: a setting breaks a law, has the wrong type or is not known.
    """
    method = METHODS[choice.name]
    settings = {"synthesis": choice.synthesis, "transfer": choice.transfer}
    return method, checked(method.config, settings, f"method {choice.name}")
