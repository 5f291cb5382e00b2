"""The modalities by name; each is imported when first asked for."""

from importlib import import_module
from typing import cast

from acgkd.errors import UnknownNameError, nearest
from acgkd.modality import Modality

_HOMES = {"graphs": ("acgkd.graphs", "GRAPHS"), "images": ("acgkd.images", "IMAGES")}


def modality(name: str) -> Modality:
    """The modality called `name`.

    Raises:
        UnknownNameError: there is no such modality.
    """
    if name not in _HOMES:
        raise UnknownNameError(f"No modality is called '{name}'. {nearest(name, _HOMES)}Known: {', '.join(_HOMES)}.")
    home, symbol = _HOMES[name]
    return cast(Modality, getattr(import_module(home), symbol))
