"""Every model of the catalogue keeps the teacher protocol and can be rebuilt."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from acgkd import models
from acgkd.models import MODELS, build_model, check_preset, facts_of, numbers_in, parse_preset
from acgkd.models._networks.build import inspected
from acgkd.modules.inspected_model import InspectedModel
from acgkd.runtime import Streams
from acgkd.testing import check_model

CPU = torch.device("cpu")
NAMES = MODELS.names()
GRAPH_MODELS = [name for name in NAMES if MODELS[name].modality == "graphs"]
IMAGE_MODELS = [name for name in NAMES if MODELS[name].modality == "images"]
PRESETS = [preset for name in NAMES for preset in MODELS[name].presets]


def test_the_catalogue_holds_four_graph_models_and_three_image_models() -> None:
    assert GRAPH_MODELS == ["gat", "gcn", "gin", "sage"]
    assert IMAGE_MODELS == ["lenet5", "resnet", "wrn"]
    assert len(PRESETS) == len(set(PRESETS)) == 36


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_be_built_by_name(preset: str) -> None:
    check_preset(preset)
    assert preset.split("-")[0] in MODELS


def test_the_models_that_are_shipped_say_of_themselves_what_a_check_asks() -> None:
    assert {name for name in NAMES if MODELS[name].facts is not None} >= {
        "gat",
        "gcn",
        "gin",
        "lenet5",
        "resnet",
        "sage",
        "wrn",
    }


@pytest.mark.parametrize("preset", PRESETS)
def test_what_every_preset_declares_is_what_it_is(preset: str) -> None:
    """A spec is checked by what entries declare, a run by the models themselves: both must say the same."""
    entry, _, _ = parse_preset(preset)
    declared, built = facts_of(preset, 3, 4), inspected(preset, 3, 4)
    assert declared.batch_norm == built.batch_norm
    with torch.device("meta"):
        state = build_model(preset, 3, 4, device="meta").state_dict()
    assert numbers_in(preset, 3, 4) == sum(value.numel() for value in state.values())
    sides = ((entry.side, entry.side),) if entry.side else ((32, 32), (28, 28), (9, 14), (1, 1))
    for height, width in sides:
        assert declared.stage_sizes((3, height, width)) == built.stage_sizes((3, height, width))
    assert (declared.stage_sizes((3, *sides[0])) is None) == (entry.modality == "graphs")


@pytest.mark.parametrize(("preset", "batch_norm"), [("gin-2-8", True), ("lenet5", False), ("lenet5-bn", True)])
def test_a_model_that_declares_nothing_is_built_to_be_looked_at(
    preset: str, batch_norm: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = {name: replace(MODELS[name], facts=None) for name in NAMES}
    monkeypatch.setattr(models, "MODELS", silent)
    found = facts_of(preset, 3, 4)
    assert isinstance(found, InspectedModel)
    assert found.batch_norm == batch_norm
    assert found.stage_sizes((3, 32, 32)) == (None if preset == "gin-2-8" else ((14, 14), (5, 5), (1, 1)))


@pytest.mark.parametrize("name", NAMES)
def test_every_model_is_rebuilt_from_its_config(name: str) -> None:
    with Streams(3, CPU).fork("student"):
        made: Any = build_model(MODELS[name].presets[-1], 4, 2)
    again: Any = build_model(**made.config())
    assert again.config() == made.config()
    assert made.config()["preset"] == MODELS[name].presets[-1]
    again.load_state_dict(made.state_dict())


@pytest.mark.parametrize("name", NAMES)
def test_every_model_keeps_the_laws_that_others_hold_theirs_to(name: str) -> None:
    check_model(name)
