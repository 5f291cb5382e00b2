"""Every model of the catalogue keeps the teacher protocol and can be rebuilt."""

from typing import Any

import pytest
import torch

from acgkd.graphs import GRAPHS, Prior
from acgkd.images import IMAGES, ImagePrior
from acgkd.models import MODELS, build_model, check_preset, rebuild
from acgkd.runtime import Streams
from acgkd.teachers.teacher import as_teacher

CPU = torch.device("cpu")
GRAPH_PRIOR = Prior(min_nodes=6, max_nodes=12, mean_degree=2.0, features="categorical", feature_count=5, classes=3)
NAMES = MODELS.names()
GRAPH_MODELS = [name for name in NAMES if MODELS[name].modality == "graphs"]
IMAGE_MODELS = [name for name in NAMES if MODELS[name].modality == "images"]
PRESETS = [preset for name in NAMES for preset in MODELS[name].presets]


def facts(name: str) -> tuple[Any, Any]:
    """The modality of a model, and a prior of samples that it can read."""
    entry = MODELS[name]
    if entry.modality == "graphs":
        return GRAPHS, GRAPH_PRIOR
    side = entry.side or 8
    return IMAGES, ImagePrior((2, side, side), 3)


def test_the_catalogue_holds_two_graph_models_and_three_image_models() -> None:
    assert GRAPH_MODELS == ["gcn", "gin"]
    assert IMAGE_MODELS == ["lenet5", "resnet", "wrn"]
    assert len(PRESETS) == len(set(PRESETS)) == 24


def test_no_model_declares_what_nothing_makes_use_of() -> None:
    """Whoever declares the first one teaches `JobRunner` to run its replicates as one batch."""
    assert not [name for name in NAMES if MODELS[name].stacked]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_be_built_by_name(preset: str) -> None:
    check_preset(preset)
    assert preset.split("-")[0] in MODELS


@pytest.mark.parametrize("name", NAMES)
def test_every_model_satisfies_the_teacher_protocol(name: str) -> None:
    modality, prior = facts(name)
    model = build_model(MODELS[name].presets[-1], prior.feature_count, prior.classes)
    modality.check_teacher(as_teacher(model, CPU), prior)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_is_rebuilt_from_its_config(name: str) -> None:
    with Streams(3, CPU).fork("student"):
        made: Any = build_model(MODELS[name].presets[-1], 4, 2)
    again: Any = rebuild(made.config())
    assert again.config() == made.config()
    assert made.config()["preset"] == MODELS[name].presets[-1]
    again.load_state_dict(made.state_dict())


@pytest.mark.parametrize("name", NAMES)
def test_equal_streams_give_equal_parameters_and_leave_the_global_state(name: str) -> None:
    before = torch.get_rng_state()
    made = []
    for _ in range(2):
        with Streams(3, CPU).fork("student"):
            made.append(build_model(MODELS[name].presets[-1], 4, 2))
    assert all(torch.equal(a, b) for a, b in zip(made[0].parameters(), made[1].parameters(), strict=True))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", NAMES)
def test_every_model_is_made_where_it_is_told(name: str) -> None:
    with torch.device("meta"):
        model = build_model(MODELS[name].presets[-1], 4, 2, device=CPU)
    assert {tensor.device for tensor in [*model.parameters(), *model.buffers()]} == {CPU}
