"""Image models: their published sizes, their stages, and the names that are no model."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from acgkd.errors import ConfigError
from acgkd.models import build_model, check_preset
from acgkd.runtime import Streams

CPU = torch.device("cpu")


def built(preset: str, channels: int = 3, classes: int = 10) -> Any:
    with Streams(0, CPU).fork("teacher"):
        return build_model(preset, channels, classes)


@pytest.mark.parametrize(
    ("preset", "channels", "parameters"),
    [
        ("lenet5", 1, 61_706),
        ("lenet5-half", 1, 15_738),
        # Two numbers for each map: 6 + 16 + 120, and 3 + 8 + 60.
        ("lenet5-bn", 1, 61_706 + 284),
        ("lenet5-half-bn", 1, 15_738 + 142),
        ("resnet-34", 3, 21_282_122),
        ("resnet-18", 3, 11_173_962),
        # With shortcuts that pad instead of projecting the paper's has 269,722; two projections cost 576 and 2,176.
        ("resnet-20", 3, 269_722 + 576 + 2_176),
        ("resnet-8", 3, 78_042),
        ("wrn-40-2", 3, 2_243_546),
        ("wrn-16-2", 3, 691_674),
        ("wrn-16-1", 3, 175_066),
        ("wrn-10-1", 3, 77_850),
    ],
)
def test_models_have_as_many_parameters_as_published(preset: str, channels: int, parameters: int) -> None:
    model = build_model(preset, channels, 10, device="meta")
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


@pytest.mark.parametrize(
    ("preset", "side", "shapes"),
    [
        ("lenet5", 32, [(6, 14), (16, 5), (120, 1)]),
        ("lenet5-half-bn", 32, [(3, 14), (8, 5), (60, 1)]),
        ("resnet-8", 8, [(16, 8), (32, 4), (64, 2)]),
        ("resnet-18", 32, [(64, 32), (128, 16), (256, 8), (512, 4)]),
        ("wrn-10-2", 8, [(32, 8), (64, 4), (128, 2)]),
        ("wrn-10-1", 28, [(16, 28), (32, 14), (64, 7)]),
    ],
)
def test_one_pass_gives_stages_and_features(preset: str, side: int, shapes: list[tuple[int, int]]) -> None:
    model, x = built(preset).eval(), torch.randn(2, 3, side, side)
    with torch.no_grad():
        stages = model.stages(x)
        assert [tuple(stage.shape) for stage in stages] == [(2, maps, size, size) for maps, size in shapes]
        features = model.pool(stages[-1])
        assert features.shape == (2, model.width)
        assert torch.equal(features, model.encode(x))
        assert torch.equal(model.classifier(features), model(x))


def test_a_lenet_is_the_published_one_step_by_step() -> None:
    model, x = built("lenet5", 1), torch.randn(3, 1, 32, 32)
    first, second, third = model.convolutions
    slow = F.max_pool2d(F.relu(first(x)), 2)
    slow = F.relu(third(F.max_pool2d(F.relu(second(slow)), 2))).view(3, 120)
    assert torch.allclose(model(x), model.classifier(F.relu(model.linear(slow))))


def test_a_lenet_refuses_other_sizes_and_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"reads images of 32 x 32, but got 8 x 8.*options/size: 32"):
        built("lenet5-half", 1)(torch.zeros(1, 1, 8, 8))


def test_the_word_bn_puts_a_norm_after_every_convolution() -> None:
    counts = {
        preset: sum(isinstance(module, nn.BatchNorm2d) for module in built(preset).modules())
        for preset in ("lenet5", "lenet5-bn", "lenet5-half-bn")
    }
    assert counts == {"lenet5": 0, "lenet5-bn": 3, "lenet5-half-bn": 3}


def test_a_wide_block_normalises_before_its_shortcut_only_where_the_shape_changes() -> None:
    model, x = built("wrn-16-1").eval(), torch.randn(2, 16, 8, 8)
    changes, stays = model.groups[1][0], model.groups[1][1]
    for parameter in [*changes.second.parameters(), *stays.second.parameters()]:
        parameter.data.zero_()
    assert torch.allclose(changes(x), changes.shortcut(F.relu(changes.first_norm(x))))
    assert torch.equal(stays(changes(x)), changes(x))


def test_gradients_reach_every_parameter_and_the_image() -> None:
    for preset, side in (("lenet5-half-bn", 32), ("resnet-8", 8), ("wrn-10-1", 8)):
        model = built(preset, 1)
        x = torch.randn(4, 1, side, side, requires_grad=True)
        model(x).square().sum().backward()
        assert x.grad is not None
        assert float(x.grad.abs().sum()) > 0
        assert all(parameter.grad is not None for parameter in model.parameters()), preset


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        ("lenet5-bn-half", r"named `lenet5\[-half\]\[-bn\]`, but got 'lenet5-bn-half'"),
        ("lenet5-half-half", r"named `lenet5\[-half\]\[-bn\]`"),
        ("lenet5-5", r"named `lenet5\[-half\]\[-bn\]`"),
        ("lenet5-", r"named `lenet5\[-half\]\[-bn\]`"),
        ("resnet", "named `resnet-DEPTH`, as in `resnet-34`"),
        ("resnet-18-bn", "named `resnet-DEPTH`"),
        ("resnet-51", r"depth of a `resnet` must be 18, 34 or 6n \+ 2 .* but got 51"),
        ("resnet-50", "plain blocks, but 50 is known with bottlenecks. Take 44 or 56"),
        ("resnet-2", "`8 <= depth <= 1202` must hold, but got 2"),
        ("wrn-16", "named `wrn-DEPTH-FACTOR`, as in `wrn-40-2`"),
        ("wrn-18-1", r"depth of a `wrn` must be 6n \+ 4 .* but got 18"),
        ("wrn-16-0", "`1 <= factor <= 64` must hold, but got 0"),
    ],
)
def test_bad_names_are_refused(preset: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_preset(preset)


@pytest.mark.parametrize("preset", ["lenet5", "lenet5-half-bn", "resnet-8", "wrn-10-1"])
def test_on_a_cpu_maps_are_channels_last_and_say_the_same(preset: str) -> None:
    # At rest: where BatchNorm takes out the mean, a bias has no derivative but rounding error.
    shipped, plain = built(preset).eval(), built(preset).eval().to(memory_format=torch.contiguous_format)
    x = torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    found = []
    for model in (shipped, plain):
        images = x.clone().requires_grad_()
        logits = model(images)
        logits.square().sum().backward()
        found.append([logits.detach(), images.grad, *(parameter.grad for parameter in model.parameters())])
    assert shipped.stages(x)[0].is_contiguous(memory_format=torch.channels_last)
    assert plain.stages(x)[0].is_contiguous()
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4 * float(other.abs().max()))
