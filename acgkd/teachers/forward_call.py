"""How a module of the user's is called as its author calls it, and where its class scores are in what it answers."""

import inspect
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

# Of several tables in a mapping, those under these keys are taken for class scores first.
_USUAL = ("logits", "scores", "out", "output", "outputs", "pred", "preds", "prediction", "y_hat", "y_pred")
_COUNTS = ("graphs", "num_graphs", "batch_size", "size", "n_graphs")


def unwrapped(module: nn.Module) -> nn.Module:
    """The module that a wrapper of torch's is around: for several devices, a compiled or an averaged one."""
    while True:
        inner = getattr(module, "_orig_mod", None)
        if inner is None and isinstance(module, (DataParallel, DistributedDataParallel, AveragedModel)):
            inner = module.module
        if not isinstance(inner, nn.Module):
            return module
        module = inner


def has_forward(module: nn.Module) -> bool:
    """Whether it can be called at all: some modules only hold others."""
    return type(module).forward is not nn.Module.forward and not isinstance(module, (nn.ModuleDict, nn.ModuleList))


def call_with_graphs(
    module: nn.Module, x: Tensor, edge_index: Tensor, batch: Tensor, edge_attr: Tensor | None = None
) -> object:
    """What a module's own `forward` answers; None where it has none, or cannot be called with graphs.

    It is called with what its parameters are named: `x`, `edge_index`, `batch`, `edge_attr`, a number of graphs and
    edge weights (None) in any order, or one `data`;
    where their names say nothing, in the usual order. It gets features of its own, which it may change in place.
    """
    if not has_forward(module):
        return None
    parameters = [
        parameter
        for parameter in inspect.signature(module.forward).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.POSITIONAL_ONLY, parameter.KEYWORD_ONLY)
    ]
    needed = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
    names = [parameter.name for parameter in parameters]
    # Whole numbers stay where they are: by that embeddings of them are known (`acgkd.modules.looked_up`).
    own = x.clone() if x.is_floating_point() else x
    known: dict[str, object] = {"x": own, "edge_index": edge_index, "batch": batch}
    if edge_attr is not None:
        known["edge_attr"] = edge_attr
    if len(needed) == 1 and needed[0] not in known:
        from torch_geometric.data import Batch

        return module(Batch(**known))
    if {"x", "edge_index"} <= set(names):
        known |= dict.fromkeys((name for name in names if "edge_weight" in name), None)
        known |= dict.fromkeys(_COUNTS, batch.max().item() + 1) if set(_COUNTS) & set(needed) else {}
        if "batch" not in names:
            known |= {name: batch for name in names if "batch" in name and "size" not in name}
        if all(name in known for name in needed):
            return module(**{name: known[name] for name in names if name in known})
    # Of one that takes whatever comes, the usual order.
    if len(needed) == 3 or not parameters:
        return module(known["x"], edge_index, batch)
    return None


def tables_in(answer: object, rows: int, classes: int | None = None) -> list[Tensor]:
    """What in an answer may be class scores, the likeliest first: a tensor, or some in a tuple, mapping or object.

    Args:
        answer: of a module.
        rows: samples that it was asked.
        classes: how many there are, where that is known; tables of so many columns come first.

    Shapes:
        returns: ``[rows, columns]`` each
    """
    found: list[object]
    if isinstance(answer, Mapping):
        found = sorted(answer.values(), key=lambda value: value is not _usual(answer))
    elif isinstance(answer, (tuple, list)):
        found = list(answer)
    elif isinstance(answer, Tensor):
        found = [answer]
    else:
        found = [value for name in _USUAL if (value := getattr(answer, name, None)) is not None]
    tables = [value for value in found if isinstance(value, Tensor) and value.dim() == 2 and value.shape[0] == rows]
    return sorted(tables, key=lambda table: table.shape[1] != classes) if classes is not None else tables


def one_score(answer: object, rows: int) -> bool:
    """Whether an answer is a single number for each sample."""
    first = answer[0] if isinstance(answer, (tuple, list)) and answer else answer
    return isinstance(first, Tensor) and first.numel() == rows and rows > 1


def _usual(answer: Mapping[object, object]) -> object:
    return next((answer[name] for name in _USUAL if name in answer), None)
