"""The models, one to a file, each a family whose members are named by numbers and words: `gin-5-64`, `lenet5-half`.

An entry declares what has to be known of its models before a run; their networks are imported when one is built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NotRequired, TypedDict

from acgkd.catalog import Catalog
from acgkd.errors import ConfigError
from acgkd.facts import DeclaredFacts, ModelFacts
from acgkd.priors import ModalityName

if TYPE_CHECKING:
    import torch
    from torch import nn


class ModelConfig(TypedDict):
    """What `build_model` makes a model of again; of images there is no `pooling`, and mostly no `edge_features`."""

    preset: str
    in_features: int
    classes: int
    pooling: NotRequired[str]
    edge_features: NotRequired[int]


@dataclass(frozen=True)
class Model:
    """An entry of the catalogue.

    Args:
        modality: what it reads.
        build: ``build(*numbers, in_features=, classes=, device=) -> module``, with ``pooling=`` for graphs and True
            or False for each of `words`; of graphs ``edge_features=`` too, where edges have any; draws its parameters
            from torch's global generator, so callers wrap it in `Streams.fork`. Where it imports what it builds,
            specs that name the model are checked without torch.
        presets: the names that the literature uses, each valid for `build_model`, e.g. ``gin-5-64``.
        numbers: what the numbers after the kind mean, each with its smallest and largest value.
        words: what may stand after the numbers, each at most once and in this order.
        law: what must hold between the numbers; called with them, says what is wrong, or None.
        facts: ``facts(*numbers)``, with True or False for each of `words`: what is known of such a model without
            building it; None where it has to be built to be looked at.
        side: height and width of the images that it reads; None where it reads any.
    """

    modality: ModalityName
    build: Callable[..., nn.Module]
    presets: tuple[str, ...]
    numbers: tuple[tuple[str, int, int], ...] = (("depth", 2, 64), ("width", 1, 8192))
    words: tuple[str, ...] = ()
    law: Callable[..., str | None] | None = None
    facts: Callable[..., DeclaredFacts] | None = None
    side: int | None = None


MODELS: Catalog[Model] = Catalog("acgkd.models", "MODEL", "model")


def parse_preset(preset: str) -> tuple[Model, tuple[int, ...], tuple[str, ...]]:
    """Reads `gin-5-64` as the entry `gin` and the numbers 5 and 64, `lenet5-half` as `lenet5` and the word `half`.

    Raises:
        UnknownNameError: no model is of that kind; the message holds the nearest and all known ones.
        ConfigError: numbers or words are missing, too many, out of order or out of range.
    """
    kind, *rest = preset.split("-")
    entry = MODELS[kind]
    numbers, words = rest[: len(entry.numbers)], rest[len(entry.numbers) :]
    counted = len(numbers) == len(entry.numbers) and all(part.isascii() and part.isdigit() for part in numbers)
    if not counted or words != [word for word in entry.words if word in words]:
        form = "-".join([kind, *(name.upper() for name, _, _ in entry.numbers)])
        form += "".join(f"[-{word}]" for word in entry.words)
        example = f", as in `{entry.presets[0]}`" if entry.presets and entry.numbers else ""
        raise ConfigError(f"A model of kind '{kind}' is named `{form}`{example}, but got '{preset}'.")
    for part, (name, low, high) in zip(numbers, entry.numbers, strict=True):
        if len(part) > 9 or not low <= int(part) <= high:
            raise ConfigError(f"`{low} <= {name} <= {high}` must hold, but got {part} in '{preset}'.")
    values = tuple(int(part) for part in numbers)
    broken = None if entry.law is None else entry.law(*values)
    if broken is not None:
        raise ConfigError(broken)
    return entry, values, tuple(words)


def check_preset(preset: str) -> None:
    """Refuses a name that `build_model` could not build; see `parse_preset`."""
    parse_preset(preset)


def build_model(
    preset: str,
    in_features: int,
    classes: int,
    pooling: str = "sum",
    *,
    edge_features: int = 0,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """Builds a freshly initialised model.

    Its parameters come from torch's global generator: wrap the call in `Streams.fork`.

    Args:
        preset: kind, numbers and words, as in `gin-5-64` or `lenet5-half`.
        in_features: columns of the node features, or channels of the images.
        classes: how many it tells apart.
        pooling: `sum` or `mean` over the nodes of a graph; image models have no use for it.
        edge_features: columns of the edge features that a graph model is to read; 0 where there are none.
        device: where parameters and buffers live.

    Raises:
        UnknownNameError, ConfigError: see `parse_preset`.
    """
    entry, numbers, words = parse_preset(preset)
    if pooling not in ("sum", "mean"):
        raise ConfigError(f"`pooling` must be 'sum' or 'mean', but got '{pooling}'.")
    from acgkd.models._networks.build import build

    said = {word: word in words for word in entry.words}
    options: dict[str, str | int] = {"pooling": pooling, "edge_features": edge_features}
    return build(entry, numbers, said, in_features=in_features, classes=classes, of_graphs=options, device=device)


def facts_of(preset: str, in_features: int, classes: int) -> ModelFacts:
    """What has to be known of a model before a run: as its entry declares it, else read off one without numbers.

    Args:
        preset: kind, numbers and words.
        in_features: columns of the node features, or channels of the images.
        classes: how many it tells apart.

    Raises:
        UnknownNameError, ConfigError: see `parse_preset`.
    """
    entry, numbers, words = parse_preset(preset)
    if entry.facts is not None:
        return entry.facts(*numbers, **{word: word in words for word in entry.words})
    from acgkd.models._networks.build import inspected

    return inspected(preset, in_features, classes)


def numbers_in(preset: str, in_features: int, classes: int) -> int | None:
    """How many numbers the weights and buffers of a model are, without building it; None where its entry does not say.

    Args:
        preset: kind, numbers and words.
        in_features: columns of the node features, or channels of the images.
        classes: how many it tells apart.

    Raises:
        UnknownNameError, ConfigError: see `parse_preset`.
    """
    entry, numbers, words = parse_preset(preset)
    declared = entry.facts and entry.facts(*numbers, **{word: word in words for word in entry.words})
    return None if declared is None or declared.numbers is None else declared.numbers(in_features, classes)
