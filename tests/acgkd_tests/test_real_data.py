"""The upper control on images; on graphs it is tested with transfer."""

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch

from acgkd.errors import ConfigError
from acgkd.methods.real_data import METHOD
from acgkd.pixels import Pixels

CPU = torch.device("cpu")


def start(tiny_images: ModuleType, real: Any, **transfer: Any) -> Any:
    config = METHOD.config.model_validate({"transfer": {"steps": 3, "batch_size": 4, **transfer}})
    return METHOD.start(config, replace(tiny_images.context(), real=real))


def stored() -> Pixels:
    values = torch.arange(12, device=CPU).view(12, 1, 1, 1).expand(12, 1, 8, 8).to(torch.uint8)
    return Pixels(values, torch.arange(12, device=CPU) % 3, (0.5,), (0.25,))


def test_stored_images_are_normalised_as_the_teacher_reads_them(tiny_images: ModuleType) -> None:
    run = start(tiny_images, stored())
    batch = run.samples(5)
    assert torch.allclose(batch.x[:, 0, 0, 0], (torch.arange(5, device=CPU) / 255 - 0.5) / 0.25)
    assert batch.labels.tolist() == [0, 1, 2, 0, 1]
    assert run.samples(50).x.shape[0] == 12


def test_pairs_of_image_and_class_do_too(tiny_images: ModuleType) -> None:
    pairs = [stored()[index] for index in range(12)]
    one, other = start(tiny_images, stored()).samples(12), start(tiny_images, pairs).samples(12)
    assert torch.allclose(one.x, other.x)
    assert one.labels.tolist() == other.labels.tolist()


def test_easy_real_images_may_come_first(tiny_images: ModuleType) -> None:
    run = start(tiny_images, stored(), curriculum={"pacing": "linear", "start": 0.4}, batch_size=12)
    assert all(bool(torch.isfinite(value)) for _ in range(3) for value in run.step().values())


@pytest.mark.parametrize(
    ("transfer", "words"),
    [({"projection": "gat"}, "`projection: gat` is for graphs"), ({"feature_weight": 0.5}, "needs `projection: gat`")],
)
def test_what_graphs_alone_have_is_refused(tiny_images: ModuleType, transfer: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        start(tiny_images, stored(), **transfer).step()
