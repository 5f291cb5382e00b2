"""What functions with a way back of their own are handed by autograd."""

from typing import Protocol

from torch import Tensor


class Context(Protocol):
    """Keeps tensors from the way forward to the way back; what else is kept are attributes, which a function names."""

    @property
    def saved_tensors(self) -> tuple[Tensor, ...]:
        """The tensors that were saved, in their order; None where None was."""

    @property
    def needs_input_grad(self) -> tuple[bool, ...]:
        """For each argument of the way forward, whether a gradient is asked for."""

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps arguments and results of the way forward."""
