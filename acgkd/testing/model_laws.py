"""The laws of models: the teacher protocol, rebuilding, devices, and what an entry declares."""

from pathlib import Path
from typing import Any

import torch

from acgkd.graphs import GRAPHS
from acgkd.images import IMAGES
from acgkd.models import MODELS, Model, parse_preset
from acgkd.models._networks.build import build
from acgkd.modules.inspected_model import InspectedModel
from acgkd.priors import GraphPrior, ImagePrior
from acgkd.runtime import Streams
from acgkd.teachers.teacher import as_teacher
from acgkd.testing.subjects import require, subject

_CPU = torch.device("cpu")
GRAPH_PRIOR = GraphPrior(min_nodes=6, max_nodes=12, mean_degree=2.0, features="categorical", feature_count=5, classes=3)


def check_model(what: Model | str | Path) -> None:
    """Holds a model to all laws, in its last preset.

    Args:
        what: its name, a Python file that exports `MODEL`, or the `Model`.

    Raises:
        AssertionError: a law does not hold; it says which.
        TeacherError: it does not satisfy the teacher protocol.
        UnknownNameError, ConfigError: there is no such model.
    """
    entry = subject(what, "models", MODELS)
    require(bool(entry.presets), "a model names at least one preset")
    preset = entry.presets[-1]
    side = entry.side or 8
    modality, prior = (GRAPHS, GRAPH_PRIOR) if entry.modality == "graphs" else (IMAGES, ImagePrior((2, side, side), 3))
    modality.check_teacher(as_teacher(made(entry, preset, prior.feature_count, 3), _CPU), prior)

    before = torch.get_rng_state()
    first, second = (made(entry, preset, 4, 2) for _ in range(2))
    equal = all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    require(equal, "equal streams give equal parameters")
    require(torch.equal(before, torch.get_rng_state()), "the global random state is left alone")
    config = first.config()
    require(config["preset"] == preset, f"`config()` says the preset `{preset}`")
    again = made(entry, config["preset"], config["in_features"], config["classes"])
    again.load_state_dict(first.state_dict())
    require(again.config() == config, "a model that is rebuilt from its `config()` has the same")

    with torch.device("meta"):
        placed = made(entry, preset, 4, 2)
    where = {tensor.device for tensor in [*placed.parameters(), *placed.buffers()]}
    require(where == {_CPU}, "everything is made on the device that is asked for")
    if entry.facts is not None:
        _, numbers, words = _read(entry, preset)
        declared = entry.facts(*numbers, **{word: word in words for word in entry.words})
        built = InspectedModel(made(entry, preset, 3, 4), _CPU)
        require(declared.batch_norm == built.batch_norm, "`facts` say whether there is a BatchNorm")
        shape = (3, side, side)
        require(declared.stage_sizes(shape) == built.stage_sizes(shape), "`facts` say how large the stages' maps are")
        if declared.numbers is not None:
            count = sum(value.numel() for value in made(entry, preset, 3, 4).state_dict().values())
            require(declared.numbers(3, 4) == count, "`facts` say how many numbers the weights are")


def made(entry: Model, preset: str, in_features: int, classes: int) -> Any:
    """A fresh model of an entry that need not be in the catalogue."""
    _, numbers, words = _read(entry, preset)
    said = {word: word in words for word in entry.words}
    with Streams(3, _CPU).fork("student"):
        return build(
            entry, numbers, said, in_features=in_features, classes=classes, of_graphs={"pooling": "sum"}, device=_CPU
        )


def _read(entry: Model, preset: str) -> tuple[Model, tuple[int, ...], tuple[str, ...]]:
    if preset.split("-")[0] in MODELS:
        return parse_preset(preset)
    rest = preset.split("-")[1:]
    count = len(entry.numbers)
    return entry, tuple(map(int, rest[:count])), tuple(rest[count:])
