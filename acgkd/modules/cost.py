"""Counted multiply-adds: the cost that does not depend on the machine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd


@contextmanager
def counting(model: nn.Module) -> Iterator[list[int]]:
    """Counts the multiply-adds of forward passes inside the block.

    Counted are linear layers and convolutions (inputs of each output), and messages of graph layers (one for each
    channel of each message, which is the weight it is multiplied by). Norms, activations and pooling are left out:
    they are of lower order in the width.

    Yields:
        a list of one number for each layer that was called.
    """
    counts: list[int] = []
    handles = []
    for module in model.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            handles.append(module.register_forward_hook(_convolution(counts)))
        elif isinstance(module, nn.Linear) or _is_graph_linear(module):
            handles.append(module.register_forward_hook(_linear(counts)))
        elif callable(listen := getattr(module, "register_message_forward_hook", None)):
            handles.append(listen(_message(counts)))
    try:
        yield counts
    finally:
        for handle in handles:
            handle.remove()


def _is_graph_linear(module: nn.Module) -> bool:
    """torch_geometric's `Linear`, which is no subclass of torch's; known by its name so that images need no graphs."""
    return type(module).__name__ == "Linear" and hasattr(module, "in_channels")


def _linear(counts: list[int]) -> Callable[..., None]:
    def hook(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        counts.append(output.numel() * int(inputs[0].shape[-1]))

    return hook


def _convolution(counts: list[int]) -> Callable[..., None]:
    def hook(layer: _ConvNd, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        counts.append(output.numel() * int(layer.weight[0].numel()))

    return hook


def _message(counts: list[int]) -> Callable[..., None]:
    def hook(layer: nn.Module, inputs: object, message: object) -> None:
        if isinstance(message, Tensor):
            counts.append(message.numel())

    return hook


@contextmanager
def at_rest(model: nn.Module) -> Iterator[None]:
    """Evaluation mode and no derivatives inside the block; every submodule's own mode is put back afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def model_device(model: nn.Module) -> torch.device:
    """Where a model's parameters (or buffers) live; the CPU where it has none."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")


@dataclass(frozen=True)
class UnitCost:
    """Multiply-adds of one forward pass, by what a batch is made of.

    Args:
        node, edge, graph: of each node, each listed edge (both directions count) and each graph.
    """

    node: float
    edge: float
    graph: float

    def total(self, nodes: int, edges: int, graphs: int) -> float:
        """Of a whole batch."""
        return self.node * nodes + self.edge * edges + self.graph * graphs


def solve_unit_cost(probe: Callable[[int, int, int], int]) -> UnitCost:
    """Finds the unit costs of a model from four passes over tiny batches.

    All that is counted is linear in nodes, edges and graphs, so differences between the batches tell the parts apart.

    Args:
        probe: multiply-adds of one pass over a batch of so many nodes, edges and graphs.
    """
    base = probe(6, 4, 2)
    return UnitCost(
        node=float(probe(7, 4, 2) - base), edge=(probe(6, 6, 2) - base) / 2, graph=float(probe(6, 4, 3) - base)
    )
