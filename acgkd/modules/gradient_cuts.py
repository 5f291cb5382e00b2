"""Which operations keep gradients from what is learned, by their names, and what to write instead."""

from collections.abc import Callable, Iterable, Mapping

from torch import Tensor
from torch.overrides import TorchFunctionMode

# They ask how a tensor is, or make one like it.
_HARMLESS = frozenset(
    "new_zeros new_ones new_full new_empty zeros_like ones_like empty_like expand_as view_as reshape_as".split()  # noqa: SIM905
)
# Their gradient is 0 everywhere.
_FLAT = frozenset({"round", "floor", "ceil", "trunc", "sign"})
BLOCKS = (
    "Categorical features reach a teacher as one-hot blocks that are learned: what looks rows of embeddings up is "
    "`x @ embedding.weight`, or `acgkd.embed_kinds(x, embeddings)` of several columns."
)
_WAY_OUT = {
    "argmax": "An embedding of one-hot rows is the product `x @ embedding.weight`.",
    "detach": "Leave it out.",
    **dict.fromkeys(("long", "int", "to", "type", "short", "byte"), BLOCKS),
}


class Cuts(TorchFunctionMode):
    """Notes the operations that read something with a gradient and hand on something without."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[object],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        result, name = func(*args, **(kwargs or {})), getattr(func, "__name__", str(func))
        cut = isinstance(result, Tensor) and not result.requires_grad and result.numel() > 0
        heard = any(isinstance(given, Tensor) and given.requires_grad for given in args)
        if heard and name not in _HARMLESS and (cut or name in _FLAT):
            self.names.append(name.strip("_"))
        return result

    @property
    def first(self) -> str:
        """The one that is most likely to blame; nothing where none was heard of."""
        known = [name for name in self.names if name in _WAY_OUT or name in _FLAT]
        return next(iter([*known, *self.names]), "")

    @property
    def way_out(self) -> str:
        """What to write instead."""
        return _WAY_OUT.get(self.first, "Write it with operations that have a gradient.")
