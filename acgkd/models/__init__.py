"""The models, one to a file, each a family whose members are named by depth and width: `gin-5-64`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

from acgkd.catalog import Catalog


@dataclass(frozen=True)
class Model:
    """An entry of the catalogue.

    Args:
        modality: what it reads.
        build: ``build(preset_arguments, in_features, classes, pooling) -> module``; draws its parameters from torch's
            global generator, so callers wrap it in `Streams.fork`.
        presets: the names that the literature uses, each a valid `build` argument, e.g. ``gin-5-64``.
        stacked: whether replicates may be run as one batch of models.
    """

    modality: Literal["graphs", "images"]
    build: Callable[..., nn.Module]
    presets: tuple[str, ...]
    stacked: bool = False


MODELS: Catalog[Model] = Catalog("acgkd.models", "MODEL", "model")
