"""The generator's convolutions, against torch's layers written out."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.images.convolutions import DoublingConv2d, ThinConv2d
from acgkd.modules.cost import counting
from acgkd.runtime import Streams

CPU = torch.device("cpu")
Layer = DoublingConv2d | ThinConv2d
KINDS = (DoublingConv2d, ThinConv2d)


def made(kind: type[Layer], before: int = 3, after: int = 2) -> Layer:
    with Streams(0, CPU).fork("layer"):
        return kind(before, after, device=CPU)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator(device=CPU).manual_seed(1), device=CPU, dtype=torch.float64)


def written_out(layer: Layer, x: Tensor) -> Tensor:
    """Doubled by nearest neighbours where that is what the layer does, padded with zeros, then convolved."""
    doubled = F.interpolate(x, scale_factor=2.0) if isinstance(layer, DoublingConv2d) else x
    return F.conv2d(doubled, layer.weight, layer.bias, padding=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sides", [(1, 1), (2, 5), (8, 8)])
def test_values_and_derivatives_are_those_of_the_layers_written_out(kind: type[Layer], sides: tuple[int, int]) -> None:
    layer = made(kind).double()
    x = drawn(4, 3, *sides).requires_grad_()
    found, expected = layer(x), written_out(layer, x)
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    direction, inputs = drawn(*expected.shape), [x, *layer.parameters()]
    pairs = zip(*(torch.autograd.grad(out, inputs, direction) for out in (found, expected)), strict=True)
    for ours, theirs in pairs:
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_in_single_precision_they_differ_by_rounding(kind: type[Layer]) -> None:
    layer, x = made(kind, 16), drawn(4, 16, 8, 8).float()
    assert torch.allclose(layer(x), written_out(layer, x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_they_begin_with_the_weights_of_a_plain_convolution_and_count_as_one(kind: type[Layer]) -> None:
    layer = made(kind)
    with Streams(0, CPU).fork("layer"):
        plain = nn.Conv2d(3, 2, 3, padding=1, device=CPU)
    assert layer.state_dict().keys() == plain.state_dict().keys()
    assert all(torch.equal(layer.state_dict()[name], value) for name, value in plain.state_dict().items())
    with counting(layer) as counts:
        pixels = layer(drawn(1, 3, 4, 6).float())[0, 0].numel()
    assert counts == [9 * 3 * 2 * pixels]


@pytest.mark.parametrize(("kind", "factor"), [(DoublingConv2d, 2), (ThinConv2d, 1)])
def test_elsewhere_than_on_a_cpu_torchs_own_layers_run(
    monkeypatch: pytest.MonkeyPatch, kind: type[Layer], factor: int
) -> None:
    def never(*_: Tensor, **__: int) -> Tensor:
        raise AssertionError("the quick way is for a CPU")

    monkeypatch.setattr(F, "conv_transpose2d", never)
    monkeypatch.setattr(F, "fold", never)
    elsewhere = kind(3, 2, device=torch.device("meta"))
    assert elsewhere(torch.empty(2, 3, 4, 6, device="meta")).shape == (2, 2, 4 * factor, 6 * factor)
    with pytest.raises(AssertionError, match="the quick way"):
        made(kind)(drawn(1, 3, 4, 6).float())
