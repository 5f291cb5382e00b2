"""Modules of torch and torch_geometric as plain values, and back: what a student's head is rebuilt from."""

import copy
import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import torch
from torch import nn

from acgkd.errors import CheckpointError
from acgkd.method import State

if TYPE_CHECKING:
    from torch_geometric.nn import MLP

# Where classes are looked for; nothing else is ever built from a file.
_HOMES = ("torch.nn", "torch_geometric.nn")
_PLACES = ("device", "dtype")


def recipe_of(module: nn.Module, width: int) -> State | None:
    """How to rebuild a head; None where that cannot be said, or another function would come out.

    Args:
        module: the head; it is left as it is.
        width: columns that it reads.
    """
    made = _recipe(module)
    if made is None:
        return None
    own = copy.deepcopy(module).to("cpu").eval()
    try:
        again = build(made)
        again.load_state_dict(own.state_dict())
        with torch.no_grad():
            seen = torch.linspace(-2, 2, 5 * width, device="cpu").view(5, width)
            same = torch.equal(again.eval()(seen), own(seen))
    except Exception:  # whatever a constructor or a forward pass raises: it is no recipe
        return None
    return made if same else None


def build(made: State) -> nn.Module:
    """The module that `recipe_of` described, freshly initialised, on the CPU.

    Raises:
        CheckpointError: it names no class of torch or torch_geometric, or arguments that are refused.
    """
    home, _, name = str(made.get("class")).rpartition(".")
    kind = getattr(import_module(home), name, None) if home in _HOMES else None
    if not isinstance(kind, type) or not issubclass(kind, nn.Module):
        raise CheckpointError(f"A head must be made of modules of {' and '.join(_HOMES)}, but got {home}.{name}.")
    try:
        if "parts" in made:
            sequence: nn.Module = kind()
            for part, inner in made["parts"].items():
                sequence.add_module(part, build(inner))
            return sequence
        module: nn.Module = kind(**made["arguments"])
    except (TypeError, ValueError, KeyError) as error:
        raise CheckpointError(f"A head cannot be rebuilt: {name} refuses its arguments ({error}).") from error
    return module


def _recipe(module: nn.Module) -> State | None:
    name = type(module).__name__
    home = next((home for home in _HOMES if getattr(import_module(home), name, None) is type(module)), None)
    if home is None:
        return None
    if isinstance(module, nn.Sequential):
        parts = {part: _recipe(inner) for part, inner in module.named_children()}
        known = all(inner is not None for inner in parts.values())
        return {"class": f"{home}.{name}", "parts": parts} if known else None
    arguments = _of_perceptron(module) if name == "MLP" else _arguments(module)
    return None if arguments is None else {"class": f"{home}.{name}", "arguments": arguments}


def _arguments(module: nn.Module) -> Mapping[str, object] | None:
    """What its constructor is called with, read off attributes of the same names."""
    found: dict[str, object] = {}
    for name, parameter in list(inspect.signature(type(module).__init__).parameters.items())[1:]:
        value: object = getattr(module, name, inspect.Parameter.empty)
        if name in _PLACES or parameter.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        if name == "bias":
            found[name] = value is not None and value is not False
        elif _plain(value):
            found[name] = value
        elif parameter.default is inspect.Parameter.empty:
            return None
    return found


def _of_perceptron(module: "MLP") -> Mapping[str, object]:
    """Of torch_geometric's `MLP`, which keeps what its arguments have become."""
    norm = next((type(layer).__name__ for layer in module.norms if not isinstance(layer, nn.Identity)), None)
    return {
        "channel_list": list(module.channel_list),
        "act": None if module.act is None else type(module.act).__name__,
        "act_first": bool(module.act_first),
        "norm": None if norm == "Identity" else norm,
        "plain_last": bool(module.plain_last),
        "dropout": [float(share) for share in module.dropout],
        "bias": [layer.bias is not None for layer in module.lins],
    }


def _plain(value: object) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))
