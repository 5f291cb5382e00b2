"""Building what an entry describes, where it is wanted and as it is quickest."""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from acgkd.models import Model, build_model
from acgkd.modules.inspected_model import InspectedModel
from acgkd.runtime import Streams


def build(
    entry: Model,
    numbers: tuple[int, ...],
    words: Mapping[str, bool],
    *,
    in_features: int,
    classes: int,
    of_graphs: Mapping[str, str | int],
    device: torch.device | str,
) -> nn.Module:
    """Builds a model whose name was read; see `acgkd.models.build_model`."""
    where = torch.device(device)
    options: dict[str, bool | str | int] = dict(words)
    if entry.modality == "graphs":
        # A model need not know of edge features where there are none.
        options |= {name: value for name, value in of_graphs.items() if value != 0}
    # Some third-party layers make buffers on the default device; inside this block that is ours, whatever it was.
    with where:
        module = entry.build(*numbers, in_features=in_features, classes=classes, device=where, **options)
    if entry.modality == "images" and where.type == "cpu":
        # Channels last: a CPU passes through a LeNet-5 at rest in two thirds of the time, and through a ResNet in 0.8.
        module = convert_conv2d_weight_memory_format(module, torch.channels_last)
    return module


def inspected(preset: str, in_features: int, classes: int) -> InspectedModel:
    """A model on `meta`, where it has shapes and no numbers: looking at it costs no memory and no random draw."""
    meta = torch.device("meta")
    with Streams(0, torch.device("cpu")).fork("models"):
        return InspectedModel(build_model(preset, in_features, classes, device=meta), meta)
