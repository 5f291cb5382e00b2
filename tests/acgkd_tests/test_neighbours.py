"""Sums over neighbours, BatchNorm at rest, and both models, against plain and dense twins."""

from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from acgkd.models import build_model
from acgkd.models._networks import neighbours as _neighbours
from acgkd.models._networks.neighbours import neighbours, weighted_sum
from acgkd.models._networks.resting_norm import BatchNorm

NODES, EDGES, WIDTH = 12, 40, 5


def drawn(seed: int = 0, edges: int = EDGES, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """Nodes, edges that point anywhere (some twice, some to themselves), weights."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(NODES, WIDTH, generator=generator, dtype=dtype)
    edge_index = torch.randint(NODES - 2, (2, edges), generator=generator)  # the last nodes have no neighbour
    return x, edge_index, torch.rand(edges, generator=generator, dtype=dtype)


def row_by_row(x: Tensor, edge_index: Tensor, edge_weight: Tensor | None) -> Tensor:
    weight = torch.ones(edge_index.shape[1], dtype=x.dtype) if edge_weight is None else edge_weight
    rows = [torch.zeros(x.shape[1], dtype=x.dtype) for _ in range(x.shape[0])]
    for number, (source, target) in enumerate(edge_index.T.tolist()):
        rows[target] = rows[target] + weight[number] * x[source]
    return torch.stack(rows)


@pytest.mark.parametrize("edges", [EDGES, 1, 0])
@pytest.mark.parametrize("weighted", [True, False])
def test_sums_equal_those_made_edge_by_edge(edges: int, weighted: bool) -> None:
    x, edge_index, weight = drawn(edges=edges)
    given = weight if weighted else None
    torch.testing.assert_close(weighted_sum(x, edge_index, given), row_by_row(x, edge_index, given))


@pytest.mark.parametrize(("of_nodes", "of_weights"), [(True, True), (True, False), (False, True)])
def test_gradients_are_those_of_the_plain_sum(of_nodes: bool, of_weights: bool) -> None:
    x, edge_index, weight = drawn(1)
    upstream = torch.randn(NODES, WIDTH, generator=torch.Generator().manual_seed(2))
    found = []
    for add in (weighted_sum, row_by_row):
        nodes, weights = x.clone().requires_grad_(of_nodes), weight.clone().requires_grad_(of_weights)
        # Not laid out row after row, as gradients of transposed products are.
        add(nodes, edge_index, weights).backward(upstream.T.contiguous().T)
        found.append((nodes.grad, weights.grad))
    for ours, theirs in zip(*found, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            torch.testing.assert_close(ours, theirs)


def test_gradients_are_derivatives() -> None:
    x, edge_index, weight = drawn(3, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda x, w: weighted_sum(x, edge_index, w), (x.requires_grad_(), weight.requires_grad_())
    )


def test_the_order_is_found_once_and_goes_with_its_edge_list() -> None:
    _, edge_index, _ = drawn()
    before = len(_neighbours._KEPT)
    around = neighbours(edge_index, NODES)
    assert neighbours(edge_index, NODES) is around
    assert neighbours(edge_index, NODES + 1) is not around
    assert len(_neighbours._KEPT) == before + 1
    del edge_index
    assert len(_neighbours._KEPT) == before


def test_an_edge_list_that_was_written_to_is_ordered_anew() -> None:
    x, edge_index, weight = drawn()
    weighted_sum(x, edge_index, weight)
    edge_index[1] = edge_index[1].flip(0)
    torch.testing.assert_close(weighted_sum(x, edge_index, weight), row_by_row(x, edge_index, weight))


def test_inference_mode_is_served() -> None:
    with torch.inference_mode():
        x, edge_index, weight = drawn()
        torch.testing.assert_close(weighted_sum(x, edge_index, weight), row_by_row(x, edge_index, weight))


def model_and_batch(preset: str) -> tuple[nn.Module, Tensor, Tensor, Tensor, Tensor]:
    """A model at rest that remembers something, and two graphs of which all pairs are edges."""
    generator = torch.Generator().manual_seed(4)
    model = build_model(preset, 4, 3).eval().requires_grad_(False)
    for tensor in [*model.parameters(), *model.buffers()]:
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) - 0.3 * (tensor.dim() == 2))
    pairs = torch.cat([torch.triu_indices(5, 5, 1), torch.triu_indices(6, 6, 1) + 5], dim=1)
    batch = torch.tensor([0] * 5 + [1] * 6)
    x = torch.rand(11, 4, generator=generator)
    return model, x, torch.cat([pairs, pairs.flip(0)], dim=1), torch.rand(pairs.shape[1], generator=generator), batch


def gradients_of(logits: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad((logits * torch.tensor([[1.0, -2.0, 0.5], [0.3, 1.0, 2.0]])).sum(), inputs)


@pytest.mark.parametrize("preset", ["gin-5-16", "gcn-5-16", "sage-5-16", "gat-5-16"])
def test_the_quick_way_equals_torch_geometrics(preset: str) -> None:
    """Somebody who listens to messages gets them, and the same results."""
    model, x, edge_index, half, batch = model_and_batch(preset)
    results, messages = [], []
    for listening in (False, True):
        nodes, weight = x.clone().requires_grad_(), half.clone().requires_grad_()
        layers: Any = model.layers
        handles = [
            layer.register_message_forward_hook(lambda layer, inputs, message: messages.append(message))
            for layer in layers
            if listening
        ]
        logits = model(nodes, edge_index, batch, edge_weight=torch.cat([weight, weight]), graphs=2)
        results.append((logits, *gradients_of(logits, nodes, weight)))
        for handle in handles:
            handle.remove()
    assert len(messages) == 4
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.fidelity
@pytest.mark.parametrize("preset", ["gin-5-16", "gcn-5-16", "sage-5-16", "gat-5-16"])
def test_all_pairs_as_candidates_are_the_dense_computation(tiny: ModuleType, preset: str) -> None:
    """Complexity 1 leaves nothing out: logits and gradients are those of dense matrices."""
    model, x, edge_index, half, batch = model_and_batch(preset)
    listed = half.clone().requires_grad_()
    ours = model(x, edge_index, batch, edge_weight=torch.cat([listed, listed]), graphs=2)
    (of_pairs,) = gradients_of(ours, listed)
    matrix = torch.zeros(11, 11).index_put((edge_index[1], edge_index[0]), torch.cat([half, half])).requires_grad_()
    theirs, _ = tiny.dense_logits(model, x, matrix, batch)
    (of_entries,) = gradients_of(theirs, matrix)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    # The derivative by a pair is that by its entry and the mirrored one together.
    i, j = edge_index[:, : half.numel()]
    torch.testing.assert_close(of_pairs, of_entries[i, j] + of_entries[j, i], rtol=1e-3, atol=1e-4)


def test_batchnorm_at_rest_equals_torchs_and_keeps_its_names() -> None:
    ours, theirs = BatchNorm(WIDTH, device="cpu"), nn.BatchNorm1d(WIDTH)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for tensor in [*theirs.parameters(), theirs.running_mean, theirs.running_var]:
            assert tensor is not None
            tensor.copy_(torch.rand(WIDTH, generator=generator) + 0.1)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(NODES, WIDTH, generator=generator)
    for training in (False, True):
        results = []
        for layer in (ours.train(training), theirs.train(training)):
            nodes = x.clone().requires_grad_()
            y = layer(nodes)
            learned = (nodes, *layer.parameters())
            results.append((y, *torch.autograd.grad((y**3).sum(), learned), layer.running_mean, layer.running_var))
        for one, other in zip(*results, strict=True):
            torch.testing.assert_close(one, other)
