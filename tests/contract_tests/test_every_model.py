"""Every model of the catalogue keeps the teacher protocol and can be rebuilt."""

import pytest
import torch

from acgkd.graphs import GRAPHS, Prior
from acgkd.models import MODELS, build_model, check_preset
from acgkd.runtime import Streams
from acgkd.teacher import as_teacher

PRIOR = Prior(min_nodes=6, max_nodes=12, mean_degree=2.0, features="categorical", feature_count=5, classes=3)
GRAPH_MODELS = [name for name in MODELS if MODELS[name].modality == "graphs"]
PRESETS = [preset for name in MODELS for preset in MODELS[name].presets]


def test_the_catalogue_holds_two_graph_models() -> None:
    assert GRAPH_MODELS == ["gcn", "gin"]
    assert len(PRESETS) == len(set(PRESETS)) == 12


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_be_built_by_name(preset: str) -> None:
    check_preset(preset)
    assert preset.split("-")[0] in MODELS


@pytest.mark.parametrize("name", GRAPH_MODELS)
def test_every_graph_model_satisfies_the_teacher_protocol(name: str) -> None:
    model = build_model(MODELS[name].presets[-1], PRIOR.feature_count, PRIOR.classes)
    GRAPHS.check_teacher(as_teacher(model, torch.device("cpu")), PRIOR)


@pytest.mark.parametrize("name", GRAPH_MODELS)
def test_equal_streams_give_equal_parameters_and_leave_the_global_state(name: str) -> None:
    before = torch.get_rng_state()
    made = []
    for _ in range(2):
        with Streams(3, torch.device("cpu")).fork("student"):
            made.append(build_model(MODELS[name].presets[-1], 4, 2))
    assert all(torch.equal(a, b) for a, b in zip(made[0].parameters(), made[1].parameters(), strict=True))
    assert torch.equal(before, torch.get_rng_state())
