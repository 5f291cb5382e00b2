"""A head of several separate layers with functions between them, as a `Sequential` of the module's own layers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

# What lies between two layers is found by trying these; dropout is none at rest.
_BETWEEN: tuple[Callable[[], nn.Module], ...] = (
    nn.ReLU,
    nn.ELU,
    nn.LeakyReLU,
    lambda: nn.LeakyReLU(0.2),
    lambda: nn.LeakyReLU(0.1),
    nn.Tanh,
    nn.Sigmoid,
    nn.GELU,
    lambda: nn.GELU("tanh"),
    nn.SiLU,
    nn.SELU,
    nn.Softplus,
    nn.ReLU6,
    nn.Mish,
    nn.Hardswish,
)


@dataclass(frozen=True)
class HeadChain:
    """Names of layers, and what is computed between them; it holds no layer of the module.

    Args:
        parts: in order.
    """

    parts: tuple[str | nn.Module, ...]

    def build(self, module: nn.Module) -> nn.Sequential:
        """The head, of the layers that `module` has now."""
        return nn.Sequential(
            *(module.get_submodule(part) if isinstance(part, str) else part for part in self.parts)
        ).train(module.training)

    @property
    def first(self) -> str:
        """The name of its first layer."""
        return next(part for part in self.parts if isinstance(part, str))

    def __repr__(self) -> str:
        return repr([part if isinstance(part, str) else type(part).__name__ for part in self.parts])


def between(made: Tensor, read: Tensor) -> Sequence[nn.Module] | None:
    """What makes that which one layer reads of that which another one made: nothing, an activation, or None of these.

    Shapes:
        made, read: ``[samples, width]``
    """
    if made.shape != read.shape:
        return None
    if torch.allclose(made, read, rtol=1e-4, atol=1e-6):
        return ()
    for build in _BETWEEN:
        activation = build().eval()
        if torch.allclose(activation(made), read, rtol=1e-4, atol=1e-6):
            return (activation,)
    return None
