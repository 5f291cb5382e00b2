"""The methods, one to a file; `acgkd.method` says what a method is.

An entry declares its settings; what a run is made of is imported when one begins.
"""

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


def parse_method(choice: MethodChoice) -> tuple[AnyMethod, MethodConfig]:
    """The catalogue's entry and its settings, read by the method itself.

    Raises:
        UnknownNameError: there is no such method.
        ConfigError: a setting breaks a law, has the wrong type or is not known.
    """
    method = METHODS[choice.name]
    settings = {"synthesis": choice.synthesis, "transfer": choice.transfer}
    return method, checked(method.config, settings, f"method {choice.name}")
