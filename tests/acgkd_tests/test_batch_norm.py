"""BatchNorm statistics against a plain twin that computes every layer's input again."""

from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from acgkd.graphs import GRAPHS
from acgkd.modules.batch_norm import DISTANCES, BatchNormStatistics
from acgkd.settings.choices import Statistic

CPU = torch.device("cpu")


def small_net() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2), nn.BatchNorm1d(2))
    return net.eval()


def plain_twin(net: nn.Sequential, x: Tensor, statistic: str) -> Tensor:
    """The distance with every input computed layer by layer, means and variances written out."""
    total = torch.zeros(())
    for layer in net:
        if isinstance(layer, nn.BatchNorm1d):
            mean = x.sum(0) / x.shape[0]
            var = ((x - mean) ** 2).sum(0) / x.shape[0]
            total = total + DISTANCES[statistic](mean, var, layer.running_mean, layer.running_var)
        x = layer(x)
    return total


@pytest.mark.fidelity
@pytest.mark.parametrize("statistic", sorted(DISTANCES))
def test_distance_equals_the_plain_twin(statistic: Statistic) -> None:
    net, x = small_net(), torch.randn(7, 3, generator=torch.Generator().manual_seed(4))
    listener = BatchNormStatistics(net, statistic)
    with listener.listening():
        net(x)
    assert listener.layers == 2
    torch.testing.assert_close(listener.distance(CPU), plain_twin(net, x, statistic))


@pytest.mark.fidelity
@pytest.mark.parametrize("statistic", sorted(DISTANCES))
def test_gradient_equals_the_plain_twins(statistic: Statistic) -> None:
    net, x = small_net(), torch.randn(7, 3, generator=torch.Generator().manual_seed(4)).requires_grad_()
    listener = BatchNormStatistics(net, statistic)
    with listener.listening():
        net(x)
    (ours,) = torch.autograd.grad(listener.distance(CPU), x)
    (theirs,) = torch.autograd.grad(plain_twin(net, x, statistic), x)
    torch.testing.assert_close(ours, theirs)
    assert ours.abs().sum() > 0


@pytest.mark.parametrize("statistic", sorted(DISTANCES))
def test_a_batch_that_equals_the_memory_is_at_distance_zero(statistic: Statistic) -> None:
    net, x = small_net(), torch.randn(9, 3, generator=torch.Generator().manual_seed(5))
    seen = x
    for layer in net:
        if isinstance(layer, nn.BatchNorm1d):
            layer.running_mean.copy_(seen.mean(0))
            layer.running_var.copy_(seen.var(0, unbiased=False))
        seen = layer(seen).detach()
    listener = BatchNormStatistics(net, statistic)
    with listener.listening():
        net(x)
    assert listener.distance(CPU).item() == pytest.approx(0.0, abs=1e-5)


def test_images_are_averaged_over_samples_and_places() -> None:
    layer = nn.BatchNorm2d(3).eval()
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(6))
    flat = x.permute(1, 0, 2, 3).reshape(3, -1)
    listener = BatchNormStatistics(layer, "squared")
    with listener.listening():
        layer(x)
    expected = (flat.mean(1) ** 2).sum() + ((flat.var(1, unbiased=False) - 1) ** 2).sum()
    torch.testing.assert_close(listener.distance(CPU), expected)


def test_only_the_last_block_counts_and_no_hook_is_left_behind() -> None:
    net, listener = small_net(), None
    listener = BatchNormStatistics(net, "squared")
    x = torch.ones(4, 3)
    with listener.listening():
        net(x)
    once = listener.distance(CPU)
    with listener.listening():
        net(x)
    net(5 * x)  # Outside: not heard.
    torch.testing.assert_close(listener.distance(CPU), once)
    with pytest.raises(ValueError, match="on purpose"), listener.listening():
        raise ValueError("on purpose")
    assert all(not layer._forward_pre_hooks for layer in net.modules())


def test_layers_without_memory_are_left_out() -> None:
    net = nn.Sequential(nn.BatchNorm1d(2, track_running_stats=False), nn.LayerNorm(2))
    listener = BatchNormStatistics(net, "norm")
    with listener.listening():
        net(torch.randn(3, 2, generator=torch.Generator().manual_seed(7)))
    assert listener.layers == 0
    assert listener.distance(CPU).item() == 0.0


def test_a_graph_teacher_has_two_norms_in_each_layer(tiny: ModuleType) -> None:
    teacher = tiny.teacher(preset="gin-3-8")
    listener = BatchNormStatistics(teacher, "gaussian_kl")
    assert listener.layers == 4
    before = tiny.weight_bytes(teacher)
    batch = tiny.distillation().method_run.samples(4)
    with listener.listening():
        GRAPHS.logits(teacher, batch)
    assert listener.distance(CPU).item() > 0
    assert tiny.weight_bytes(teacher) == before
