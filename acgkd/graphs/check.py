"""Does a module satisfy the teacher protocol of graphs? Tried on a tiny batch, law by law."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from acgkd.errors import TeacherError
from acgkd.graphs.batch import GraphBatch
from acgkd.modules.cost import at_rest, model_device
from acgkd.modules.readout import pooled
from acgkd.modules.teacher_protocol import graph_parts
from acgkd.priors import GraphPrior

_GRAPHS = 3
_HELP = "`acgkd.adapt(module, encode=..., readout=..., classifier=...)` helps a plain module to satisfy it."


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
            raise TeacherError(f"A graph teacher must have `{name}`, but {type(model).__name__} has none. {_HELP}")
    width = getattr(model, "width", None)
    if not isinstance(width, int):
        raise TeacherError(f"A graph teacher must say its `width`, an int, but {type(model).__name__} has {width!r}.")
    batch = _tiny_batch(prior, model_device(model))
    assert batch.edge_weight is not None, "made with weights"
    with at_rest(model):
        unweighted = _try(model, batch, None, width, prior.classes)
        whole = _try(model, batch, torch.ones_like(batch.edge_weight), width, prior.classes)
        _same(unweighted, whole, "edge weights of 1 must mean the same as no weights")
        kept = batch.edge_weight > 0
        faded = _try(model, batch, batch.edge_weight, width, prior.classes)
        without = GraphBatch(batch.x, batch.edge_index[:, kept], None, batch.batch, batch.graphs)
        absent = _try(model, without, batch.edge_weight[kept], width, prior.classes)
        _same(faded, absent, "an edge of weight 0 must be as good as absent")
        _check_gradient(model, batch, width, prior.classes)


def _check_gradient(model: nn.Module, batch: GraphBatch, width: int, classes: int) -> None:
    assert batch.edge_weight is not None, "made with weights"
    # Uneven weights: on a regular graph with equal features the symmetric norm of a GCN cancels its own gradient.
    weight = (0.5 + 0.5 * batch.edge_weight).requires_grad_()
    with torch.enable_grad():
        logits = _try(model, batch, weight, width, classes)
        if logits.requires_grad:
            (gradient,) = torch.autograd.grad((logits**2).sum(), weight, allow_unused=True)
            if gradient is not None and bool((gradient != 0).any()):
                return
    raise TeacherError(
        "Gradients must reach the edge weights through a graph teacher, but none did: "
        f"{type(model).__name__} leaves `edge_weight` unused. {_HELP}"
    )


def _try(model: nn.Module, batch: GraphBatch, weight: Tensor | None, width: int, classes: int) -> Tensor:
    parts = graph_parts(model)
    nodes = _call("encode", model, lambda: parts.encode(batch.x, batch.edge_index, weight, batch.batch))
    _shape("encode", nodes, (batch.x.shape[0], width), "[nodes, width]")
    graphs = _call("readout", model, lambda: pooled(parts.readout, nodes, batch.batch, batch.graphs))
    _shape("readout", graphs, (batch.graphs, width), "[graphs, width]")
    logits = _call("classifier", model, lambda: parts.classifier(graphs))
    _shape("classifier", logits, (batch.graphs, classes), "[graphs, classes]")
    return logits


def _call(name: str, model: nn.Module, call: Callable[[], Tensor]) -> Tensor:
    try:
        return call()
    except TeacherError:
        raise
    except Exception as error:
        raise TeacherError(
            f"A graph teacher must read graphs as the prior describes them, but `{name}` of {type(model).__name__} "
            f"raised {type(error).__name__}: {error}. {_HELP}"
        ) from error


def _shape(name: str, got: object, wanted: tuple[int, int], words: str) -> None:
    shape = tuple(got.shape) if isinstance(got, Tensor) else type(got).__name__
    if shape != wanted:
        raise TeacherError(f"`{name}` of a graph teacher must return {words} = {list(wanted)}, but gave {shape}.")


def _same(left: Tensor, right: Tensor, law: str) -> None:
    if not torch.allclose(left, right, rtol=1e-3, atol=1e-3 * float(left.abs().max().clamp(min=1))):
        worst = float((left - right).abs().max())
        raise TeacherError(f"In a graph teacher {law}, but the class scores differ by up to {worst:.3g}. {_HELP}")


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
        chosen = torch.randint(prior.feature_count, (total, 1), generator=generator, device="cpu")
        x = torch.zeros(total, prior.feature_count, device="cpu").scatter_(1, chosen, 1.0)
    return GraphBatch(
        x=x,
        edge_index=torch.cat([pairs, pairs.flip(0)], dim=1),
        edge_weight=torch.cat([weight, weight]),
        batch=torch.arange(_GRAPHS, device="cpu").repeat_interleave(nodes),
        graphs=_GRAPHS,
    ).to(device)
