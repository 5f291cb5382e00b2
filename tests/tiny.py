"""Teachers, priors and runs that are small enough for unit tests: a whole distillation takes some 0.1 s."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from acgkd.config import MethodChoice, PriorConfig
from acgkd.graphs import GRAPHS
from acgkd.method import MethodContext
from acgkd.methods import parse_method
from acgkd.models import build_model
from acgkd.priors import GraphPrior
from acgkd.run.distillation import Distillation
from acgkd.runtime import Streams, derive_seed
from acgkd.teachers.teacher import as_teacher

CPU = torch.device("cpu")
# Byte for byte is promised on one thread.
torch.set_num_threads(1)

PRIOR_CONFIG = PriorConfig(nodes=(5, 8), mean_degree=2.0, features="categorical", feature_count=4, classes=2)
SYNTHESIS: dict[str, Any] = {"graphs": 8, "steps": 4}
TRANSFER: dict[str, Any] = {"steps": 6, "batch_size": 4, "projection": "none"}
CHOICES: dict[str, dict[str, Any]] = {
    "plain": {},
    "resumable": {
        "transfer": {
            **TRANSFER,
            "projection": "gat",
            "temperature": {"mode": "adversarial"},
            "curriculum": {"difficulty": "gap", "pacing": "linear", "pace": 0.9},
        }
    },
    "joint": {
        "synthesis": {**SYNTHESIS, "adversarial_weight": 0.5},
        "transfer": {**TRANSFER, "temperature": {"mode": "adversarial"}, "curriculum": {"difficulty": "gap"}},
    },
}


def prior(**changes: Any) -> GraphPrior:
    """Graphs of 5 to 8 nodes of 4 kinds."""
    return GRAPHS.prior(PriorConfig.model_validate({**PRIOR_CONFIG.model_dump(), **changes}), PriorConfig())


def generator(seed: int = 0) -> torch.Generator:
    """Of the CPU, whatever the default device is."""
    return torch.Generator(device="cpu").manual_seed(seed)


def teacher(seed: int = 0, preset: str = "gin-2-8", known: GraphPrior | None = None) -> nn.Module:
    """Untrained, but with a BatchNorm memory that is not the default one; frozen."""
    facts = known or prior()
    with Streams(seed, CPU).fork("teacher"):
        model = build_model(preset, facts.feature_count, facts.classes, edge_features=facts.edge_features)
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm1d):
                layer.running_mean.normal_()
                layer.running_var.uniform_(0.5, 2.0)
    return as_teacher(model, CPU)


def context(seed: int = 0, student: str = "gin-2-8", *, of: nn.Module | None = None, **changes: Any) -> MethodContext:
    """What a method is handed."""
    facts = prior(**changes)
    streams = Streams(derive_seed("draws", seed), CPU)
    with streams.fork("student"):
        made = build_model(student, facts.feature_count, facts.classes, edge_features=facts.edge_features)
    return MethodContext(of or teacher(known=facts), made, facts, streams, CPU)


def distillation(
    name: str = "acgkd",
    synthesis: dict[str, Any] | None = None,
    transfer: dict[str, Any] | None = None,
    *,
    seed: int = 0,
    student: str = "gin-2-8",
    keep: Path | None = None,
    **changes: Any,
) -> Distillation:
    """A fresh run, small by default."""
    choice = MethodChoice(name=name, synthesis=synthesis or SYNTHESIS, transfer=transfer or TRANSFER)
    method, config = parse_method(choice)
    return Distillation(method, config, context(seed, student, **changes), keep_synthesis=keep)


def chosen(kind: str, **options: Any) -> Distillation:
    """A fresh run of one of `CHOICES`."""
    return distillation(**CHOICES[kind], **options)


def weight_bytes(model: nn.Module) -> bytes:
    """All weights and buffers of a model, as bytes."""
    return b"".join(value.detach().cpu().contiguous().numpy().tobytes() for value in model.state_dict().values())


def assert_resumes_alike(fresh: Callable[[], Distillation], steps: Iterable[int], folder: Path) -> Distillation:
    """Saves a run after each of `steps`, resumes from each file, and wants the bytes of an undisturbed run.

    Returns:
        the undisturbed run.
    """
    whole = fresh()
    whole.advance()
    run = fresh()
    for step in sorted(steps):
        while run.steps_done < step:
            run.advance(until=run.progress + 1e-6)
        run.save(folder / "run.ckpt")
        resumed = fresh()
        resumed.load(folder / "run.ckpt")
        resumed.advance()
        assert weight_bytes(resumed.student) == weight_bytes(whole.student), step
        assert resumed.method_run.multiply_adds() == whole.method_run.multiply_adds(), step
        assert resumed.curves == whole.curves, step
    run.advance()
    assert weight_bytes(run.student) == weight_bytes(whole.student), "saving changes nothing"
    return whole


def dense(batch: Any) -> Tensor:
    """The weighted adjacency matrix of a batch, for slow twins."""
    nodes = batch.x.shape[0]
    matrix = torch.zeros(nodes, nodes)
    weight = torch.ones(batch.edge_index.shape[1]) if batch.edge_weight is None else batch.edge_weight.detach()
    return matrix.index_put((batch.edge_index[0], batch.edge_index[1]), weight, accumulate=True)


def dense_logits(
    model: Any, x: Tensor, adjacency: Tensor, batch: Tensor
) -> tuple[Tensor, list[tuple[nn.Module, Tensor]]]:
    """A graph model at rest with matrices of all nodes by all nodes, by the formulas.

    Returns:
        class scores, and each BatchNorm layer with the nodes that it is given.
    """
    given: list[tuple[nn.Module, Tensor]] = []

    def norm(layer: nn.Module, nodes: Tensor) -> Tensor:
        kept: Any = layer
        given.append((layer, nodes))
        return (nodes - kept.running_mean) / (kept.running_var + kept.eps).sqrt() * kept.weight + kept.bias

    with_self = adjacency + torch.eye(len(x), dtype=x.dtype)
    root = with_self.sum(1).rsqrt()
    for number, layer in enumerate(model.layers):
        if model.preset.startswith("gin"):
            first, inner, _, second = layer.nn
            after = second(torch.relu(norm(inner, first(adjacency @ x + (1 + layer.eps) * x))))
        elif model.preset.startswith("sage"):
            means = adjacency @ x / adjacency.sum(1, keepdim=True).clamp(min=1)
            after = means @ layer.lin_l.weight.T + layer.lin_l.bias + x @ layer.lin_r.weight.T
        elif model.preset.startswith("gat"):
            heads = (x @ layer.lift.weight.T).view(len(x), layer.heads, -1)
            source, target = ((heads * by).sum(-1) for by in (layer.attend_source, layer.attend_target))
            scores = torch.nn.functional.leaky_relu(target.unsqueeze(1) + source.unsqueeze(0), 0.2)
            pull = with_self.unsqueeze(-1) * (scores - scores.amax(1, keepdim=True)).exp()
            after = torch.einsum("ijh,jhc->ihc", pull / pull.sum(1, keepdim=True), heads).flatten(1)
        else:
            after = (root.unsqueeze(1) * with_self * root) @ (x @ layer.lin.weight.T) + layer.bias
        after = torch.relu(norm(model.norms[number], after))
        x = after + x if number else after
    sums = torch.stack([x[batch == graph].sum(0) for graph in range(int(batch.max()) + 1)])
    return sums @ model.classifier.weight.T + model.classifier.bias, given
