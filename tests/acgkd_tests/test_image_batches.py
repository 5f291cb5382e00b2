"""A batch of images is of the size that is said, whatever pool and curriculum leave of it."""

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from acgkd.images import IMAGES, ImageBatch
from acgkd.settings.image_transfer import GeneratedTransferConfig, ImageTransferConfig
from acgkd.settings.transfer_stage import TransferConfig
from acgkd.transfer.image_student import PlayingStudent
from acgkd.transfer.transfer import Transfer

CPU = torch.device("cpu")
EASY: dict[str, Any] = {"curriculum": {"pacing": "linear", "start": 0.3, "pace": 0.9}}
POOL: dict[str, Any] = {"images": 6, "batch_size": 3, "steps": 1}
WAYS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "fresh": ("rdskd", {}, {"images": 4}),
    "fresh and easy": ("rdskd", {}, {"images": 4, **EASY}),
    "fixed and easy": ("rdskd", {}, {"images": 5, "samples": "fixed", **EASY}),
    "noise": ("noise", {}, {"images": 5, "samples": "fixed", **EASY}),
    "joint": ("dafl", {"joint": True, "batch_size": 4}, EASY),
    "impressions": ("zskd", POOL, EASY),
    "pixels": ("deepinversion", POOL, {"samples": "fixed"}),
    "growing": ("deepinversion", {**POOL, "adversarial_weight": 1.0}, EASY),
    "game of kept noise": ("zskt", {}, EASY),
    "game of fresh noise": ("dfad", {}, EASY),
    "rounds": ("fast_meta", {"warm_up": 1, "batch_size": 2, "reset_at": None}, {}),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_batch_is_whole(tiny_images: ModuleType, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    method, synthesis, transfer = WAYS[way]
    sizes: list[int] = []

    def watch(teaching: Any) -> None:
        loss = teaching._loss

        def watched(self: Any, batch: ImageBatch, temperature: Any) -> Any:
            sizes.append(batch.x.shape[0])
            return loss(self, batch, temperature)

        monkeypatch.setattr(teaching, "_loss", watched)

    watch(Transfer)
    watch(PlayingStudent)
    tiny_images.distillation(method, synthesis, {**transfer, "steps": 4, "batch_size": 8}).advance()
    assert sizes == [8] * 4


@pytest.mark.parametrize(("pacing", "least"), [("none", 8), ("linear", 27)])
def test_as_many_are_made_as_fill_a_batch_at_the_start(pacing: str, least: int) -> None:
    for images, made in ((None, least), (4, least), (100, 100)):
        config = {"batch_size": 8, "images": images, "curriculum": {"pacing": pacing, "start": 0.3}}
        assert GeneratedTransferConfig.model_validate(config).pool == made
    fixed = {"batch_size": 8, "images": 4, "samples": "fixed", "curriculum": {"pacing": pacing}}
    assert GeneratedTransferConfig.model_validate(fixed).pool == 4


def chosen(tiny_images: ModuleType, config: TransferConfig, share: float) -> list[int]:
    """What a step is taught with, of 14 samples of one class, the first the easiest."""
    transfer: Any = Transfer(config, tiny_images.context(), IMAGES)
    transfer._difficulty = torch.arange(14, device=CPU)
    source: Any = SimpleNamespace(labels=torch.zeros(14, dtype=torch.long, device=CPU))
    drawn: list[int] = transfer._choose(source, share).tolist()
    return drawn


HALF: dict[str, Any] = {"batch_size": 20, "curriculum": {"pacing": "linear", "start": 0.5}}


@pytest.mark.parametrize(("share", "times"), [(0.0, [2] + 6 * [3]), (1.0, 8 * [1] + 6 * [2])])
def test_too_few_come_again_each_as_often_as_any_other(tiny_images: ModuleType, share: float, times: list[int]) -> None:
    drawn = chosen(tiny_images, ImageTransferConfig.model_validate(HALF), share)
    assert len(drawn) == 20
    assert set(drawn) == set(range(len(times)))
    assert sorted(drawn.count(index) for index in set(drawn)) == times


def test_graphs_are_taught_in_the_batches_that_there_are(tiny_images: ModuleType) -> None:
    drawn = chosen(tiny_images, TransferConfig.model_validate(HALF), 0.0)
    assert sorted(drawn) == list(range(7))
