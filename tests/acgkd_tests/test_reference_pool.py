"""The reference pool: fixed by teacher and seed, and no place where a trivial student wins."""

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import acgkd.run.reference_pool as pools
from acgkd.graphs import GRAPHS
from acgkd.images import IMAGES
from acgkd.methods import METHODS
from acgkd.run.reference_pool import PRESETS, PoolJudge, reference_pool


@pytest.fixture(autouse=True)
def short_presets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The presets as they are, with fewer graphs and steps."""
    short = tuple((name, {**synthesis, "graphs": 12, "steps": 3}) for name, synthesis in PRESETS["graphs"])
    monkeypatch.setitem(PRESETS, "graphs", short)
    tiny = {"steps": 3, "batch_size": 8, "generator": {"latent": 6, "width": 8}}
    monkeypatch.setitem(PRESETS, "images", tuple((name, {**said, **tiny}) for name, said in PRESETS["images"]))


def pool(tiny: ModuleType, seed: int = 0, teacher_seed: int = 0) -> list[Any]:
    return reference_pool(tiny.teacher(teacher_seed), GRAPHS, tiny.prior(), seed, tiny.CPU)


def same(one: list[Any], other: list[Any]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(torch.equal(a.x, b.x) and torch.equal(a.edge_weight, b.edge_weight) for a, b in pairs)


def test_the_pool_follows_from_teacher_and_seed(tiny: ModuleType) -> None:
    assert same(pool(tiny), pool(tiny))
    assert not same(pool(tiny), pool(tiny, teacher_seed=1))
    sizes = [batch.x.shape[0] for batch in pool(tiny)]
    assert sizes != [batch.x.shape[0] for batch in pool(tiny, seed=1)]


def test_every_preset_is_drawn_and_labels_are_balanced(tiny: ModuleType) -> None:
    batches = pool(tiny)
    assert len(batches) == pools.DRAWS * len(PRESETS["graphs"]) == 4
    for batch in batches:
        assert batch.graphs == 12
        assert torch.bincount(batch.labels).tolist() == [6, 6]
        assert not batch.edge_weight.requires_grad


def test_presets_hold_against_their_methods() -> None:
    for presets in PRESETS.values():
        for name, synthesis in presets:
            assert METHODS[name].config.model_validate({"synthesis": synthesis})


def test_making_a_pool_leaves_the_global_random_state_alone(tiny: ModuleType) -> None:
    teacher, before = tiny.teacher(), torch.get_rng_state()
    reference_pool(teacher, GRAPHS, tiny.prior(), 0, tiny.CPU)
    assert torch.equal(torch.get_rng_state(), before)


class Says(nn.Module):
    """Gives fixed scores, whatever the graph."""

    def __init__(self, scores: list[float]) -> None:
        super().__init__()
        self.scores = torch.tensor(scores)
        self.classifier = nn.Identity()

    def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
        return x

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int) -> Tensor:
        return self.scores.expand(graphs, -1)


class Sizes(Says):
    """Says class 0 for graphs of up to 6 nodes, else class 1."""

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int) -> Tensor:
        small = torch.bincount(batch, minlength=graphs) <= 6
        return torch.stack([small.float(), 1 - small.float()], dim=1)


def test_always_saying_one_class_scores_one_share_of_the_classes(tiny: ModuleType) -> None:
    judge = PoolJudge(Sizes([0.0, 0.0]), GRAPHS, pool(tiny))
    assert judge.worth(Says([1.0, 0.0])).agreement == 0.5
    assert judge.worth(Says([0.0, 1.0])).agreement == 0.5
    assert judge.worth(Sizes([0.0, 0.0])).agreement == 1.0


def test_a_pool_of_images_follows_from_teacher_and_seed_too(tiny_images: ModuleType) -> None:
    context = tiny_images.context()

    def images(seed: int) -> list[Any]:
        return reference_pool(context.teacher, IMAGES, context.prior, seed, context.device)

    one = images(0)
    assert [batch.x.shape for batch in one] == [(pools.IMAGES_PER_DRAW, *tiny_images.SHAPE)] * 4
    assert all(torch.equal(a.x, b.x) for a, b in zip(one, images(0), strict=True))
    assert not torch.equal(one[0].x, images(1)[0].x)
    assert all(torch.equal(IMAGES.logits(context.teacher, batch).argmax(dim=1), batch.labels) for batch in one)
    assert reference_pool(context.teacher, IMAGES, replace(context.prior, shape=(1, 8, 10)), 0, context.device) == []


def test_a_modality_without_presets_has_no_pool(tiny: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(PRESETS, "images")
    assert reference_pool(nn.Identity(), IMAGES, None, 0, tiny.CPU) == []
    assert PoolJudge(nn.Identity(), IMAGES, []).worth(nn.Identity()).agreement is None


def test_agreement_of_a_teacher_with_itself_is_whole(tiny: ModuleType) -> None:
    teacher = tiny.teacher()
    assert PoolJudge(teacher, GRAPHS, pool(tiny)).worth(teacher).agreement == 1.0
