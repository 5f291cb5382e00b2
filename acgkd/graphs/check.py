"""Does a module satisfy the teacher protocol of graphs? Tried on a tiny batch, law by law."""

import logging
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from acgkd.errors import TeacherError
from acgkd.graphs.batch import GraphBatch
from acgkd.modules.columns import as_numbers, random_kinds
from acgkd.modules.cost import at_rest, model_device
from acgkd.modules.encoding import encoded, takes_edge_features
from acgkd.modules.gradient_cuts import BLOCKS, Cuts
from acgkd.modules.readout import pooled
from acgkd.modules.score_difference import require_sound, score_difference
from acgkd.modules.teacher_protocol import graph_parts
from acgkd.priors import GraphPrior
from acgkd.runtime import warn_once

logger = logging.getLogger(__name__)

_GRAPHS = 3


def _help(model: nn.Module) -> str:
    """Advice where it helps: to who has plain layers of torch_geometric and has not wrapped them."""
    wrapped = callable(getattr(model, "whole", None))
    if wrapped or not any(hasattr(part, "register_message_forward_hook") for part in model.modules()):
        return ""
    return " `acgkd.adapt(module, encode=..., readout=..., classifier=...)` helps a plain module to satisfy it."


def _reads_edges(model: nn.Module, prior: GraphPrior) -> None:
    if prior.edge_columns and not takes_edge_features(graph_parts(model).encode):
        raise TeacherError(
            f"The prior says that edges have features (`edge_columns`), but `encode` of {type(model).__name__} has no "
            "`edge_attr`. Leave `edge_columns` out."
        )


def check_graph_teacher(model: nn.Module, prior: GraphPrior) -> None:
    """Checks attributes, shapes, and what edge weights do: None counts 1, 0 is absent, gradients reach them.

    Args:
        model: may be in any mode, which is put back.
        prior: says columns, classes and how large graphs are.

    Raises:
        TeacherError: the first law that does not hold.
    """
    for name in ("encode", "readout", "classifier"):
        if not callable(getattr(model, name, None)):
            raise TeacherError(
                f"A graph teacher must have `{name}`, but {type(model).__name__} has none.{_help(model)}"
            )
    _reads_edges(model, prior)
    width = getattr(model, "width", None)
    if not isinstance(width, int):
        raise TeacherError(f"A graph teacher must say its `width`, an int, but {type(model).__name__} has {width!r}.")
    batch = _tiny_batch(prior, model_device(model))
    assert batch.edge_weight is not None, "made with weights"
    with at_rest(model):
        unweighted = _try(model, batch, None, width, prior.classes)
        require_sound(model, unweighted, _try(model, batch, None, width, prior.classes))
        whole = _try(model, batch, torch.ones_like(batch.edge_weight), width, prior.classes)
        _same(model, unweighted, whole, "edge weights of 1 must mean the same as no weights")
        kept = batch.edge_weight > 0
        faded = _try(model, batch, batch.edge_weight, width, prior.classes)
        absent = _try(model, batch.with_edges(kept), batch.edge_weight[kept], width, prior.classes)
        _same(model, faded, absent, "an edge of weight 0 must be as good as absent")
        _check_gradient(model, batch, width, prior)
        _check_whole(model, batch, unweighted, prior)


def _check_gradient(model: nn.Module, batch: GraphBatch, width: int, prior: GraphPrior) -> None:
    assert batch.edge_weight is not None, "made with weights"
    # Uneven weights: on a regular graph with equal features the symmetric norm of a GCN cancels its own gradient.
    weight = (0.5 + 0.5 * batch.edge_weight).requires_grad_()
    x = batch.x.clone().requires_grad_(prior.features in ("categorical", "continuous"))
    kinds = None if batch.edge_attr is None else batch.edge_attr.clone().requires_grad_()
    soft = replace(batch, x=x, edge_attr=kinds)
    with torch.enable_grad():
        with Cuts() as cuts:
            logits = _try(model, soft, weight, width, prior.classes)
        wanted = [("edge weights", weight), *([("node features", x)] if x.requires_grad else [])]
        wanted += [] if kinds is None else [("edge features", kinds)]
        for name, leaf in wanted:
            gradient = None
            if logits.requires_grad:
                (gradient,) = torch.autograd.grad((logits**2).sum(), leaf, allow_unused=True, retain_graph=True)
            if gradient is not None and bool((gradient != 0).any()):
                continue
            unused = "edge_weight" if leaf is weight else "x" if leaf is x else "edge_attr"
            why = f"{type(model).__name__} leaves `{unused}` unused"
            out = " Leave `edge_columns` out of the prior." if leaf is kinds else _help(model)
            if bool((logits == logits[0]).all()):
                why, out = f"{type(model).__name__} says the same of all graphs that were tried", ""
            elif cuts.first:
                why = f"`{cuts.first}` cuts them off"
                out = f" {cuts.way_out}"
            raise TeacherError(f"Gradients must reach the {name} through a graph teacher, but none did: {why}.{out}")


def _answer(ask: Callable[..., Tensor | None], batch: GraphBatch, prior: GraphPrior) -> Tensor | None:
    """What the module says by itself, of one-hot blocks, or of whole numbers where it looks those up."""
    named: dict[str, object] = {"classes": prior.classes}
    named |= {} if batch.edge_attr is None else {"edge_attr": batch.edge_attr}
    try:
        return ask(batch.x, batch.edge_index, batch.batch, **named)
    except Exception:
        if prior.features != "categorical":
            raise
    x = as_numbers(batch.x, prior.node_columns or (prior.feature_count,))
    if batch.edge_attr is not None:
        named["edge_attr"] = as_numbers(batch.edge_attr, prior.edge_columns)
    return ask(x, batch.edge_index, batch.batch, **named)


def _check_whole(model: nn.Module, batch: GraphBatch, own: Tensor, prior: GraphPrior) -> None:
    """A wrapped module must say what it says by itself."""
    ask = getattr(model, "whole", None)
    if not callable(ask):
        return
    try:
        answer = _answer(ask, batch, prior)
    except Exception as error:
        warn_once(
            logger,
            f"The adapted {type(getattr(model, 'module', model)).__name__} could not be compared with its own "
            f"`forward`, which raised {type(error).__name__}: {error}.",
        )
        return
    if answer is None:
        return
    apart = score_difference(own, answer)
    if not apart <= 1e-3 * max(1.0, float(own.abs().max())):
        again = _answer(ask, batch, prior)
        require_sound(getattr(model, "module", model), answer, answer if again is None else again)
        raise TeacherError(
            "An adapted teacher must give the class scores of its module's `forward`, but they differ by up to "
            f"{apart:.3g}: `encode`, `readout` and `classifier` leave out something that "
            f"{type(getattr(model, 'module', model)).__name__} does otherwise or between them. Leave the three out, "
            "and `acgkd.adapt` looks for the wiring; put all that follows the pooling into one module, named as "
            "`classifier`."
        )


def _try(model: nn.Module, batch: GraphBatch, weight: Tensor | None, width: int, classes: int) -> Tensor:
    parts = graph_parts(model)
    nodes = _call(
        "encode", model, batch, lambda: encoded(model, batch.x, batch.edge_index, weight, batch.batch, batch.edge_attr)
    )
    # A readout may change the width: two poolings side by side, Set2Set.
    columns = int(nodes.shape[1]) if isinstance(nodes, Tensor) and nodes.dim() == 2 else width
    _shape("encode", nodes, (batch.x.shape[0], columns), "[nodes, width of the nodes]")
    graphs = _call("readout", model, batch, lambda: pooled(parts.readout, nodes, batch.batch, batch.graphs))
    _shape("readout", graphs, (batch.graphs, width), "[graphs, width]")
    logits = _call("classifier", model, batch, lambda: parts.classifier(graphs))
    _shape("classifier", logits, (batch.graphs, classes), "[graphs, classes]")
    return logits


def _call(name: str, model: nn.Module, batch: GraphBatch, call: Callable[[], Tensor]) -> Tensor:
    try:
        return call()
    except TeacherError:
        raise
    except Exception as error:
        raise TeacherError(
            f"A graph teacher must read graphs as the prior describes them, but `{name}` of {type(model).__name__} "
            f"raised {type(error).__name__}: {str(error).rstrip('.')}.{_hint(model, batch, error) or _help(model)}"
        ) from error


def _hint(model: nn.Module, batch: GraphBatch, error: Exception) -> str:
    """What is likely to be missing, by what a model has: embeddings to be looked up, edge features."""
    if batch.edge_attr is None and "edge_attr" in str(error):
        return " It reads edge features: say of how many kinds in the prior, `edge_columns: [4]`."
    if any(isinstance(part, nn.Embedding) for part in model.modules()):
        return f" {BLOCKS}"
    return ""


def _shape(name: str, got: object, wanted: tuple[int, int], words: str) -> None:
    shape = tuple(got.shape) if isinstance(got, Tensor) else type(got).__name__
    if shape != wanted:
        raise TeacherError(f"`{name}` of a graph teacher must return {words} = {list(wanted)}, but gave {shape}.")


def _same(model: nn.Module, left: Tensor, right: Tensor, law: str) -> None:
    if not torch.allclose(left, right, rtol=1e-3, atol=1e-3 * float(left.abs().max().clamp(min=1))):
        worst = float((left - right).abs().max())
        raise TeacherError(f"In a graph teacher {law}, but the class scores differ by up to {worst:.3g}.{_help(model)}")


def _tiny_batch(prior: GraphPrior, device: torch.device) -> GraphBatch:
    """Three rings with random features, every third edge of weight 0."""
    nodes = max(4, min(prior.min_nodes, 12))
    generator = torch.Generator(device="cpu").manual_seed(0)
    ring = torch.arange(nodes, device="cpu")
    around = torch.stack([ring, (ring + 1) % nodes])
    shift = (torch.arange(_GRAPHS, device="cpu") * nodes).repeat_interleave(nodes)
    pairs = around.repeat(1, _GRAPHS) + shift
    weight = (torch.arange(pairs.shape[1], device="cpu") % 3 > 0).float()
    total = nodes * _GRAPHS
    if prior.features == "continuous":
        x = torch.randn(total, prior.feature_count, generator=generator, device="cpu")
    else:
        x = random_kinds(total, prior.node_columns or (prior.feature_count,), generator)
    kinds = random_kinds(pairs.shape[1], prior.edge_columns, generator) if prior.edge_columns else None
    return GraphBatch(
        x=x,
        edge_index=torch.cat([pairs, pairs.flip(0)], dim=1),
        edge_weight=torch.cat([weight, weight]),
        batch=torch.arange(_GRAPHS, device="cpu").repeat_interleave(nodes),
        graphs=_GRAPHS,
        edge_attr=None if kinds is None else torch.cat([kinds, kinds]),
    ).to(device)
