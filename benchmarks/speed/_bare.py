"""A run of a method with nothing around it: random teacher, prior made up, no data, no sweep."""

from typing import Any

import torch
from torch import nn

from acgkd.method import GraphContext, MethodContext, MethodRun
from acgkd.methods import METHODS
from acgkd.models import build_model
from acgkd.priors import GraphPrior
from acgkd.runtime import Streams
from acgkd.settings.pseudo_graphs import PseudoGraphConfig
from acgkd.synthesis.graphs.graph_synthesis import Untrained
from acgkd.teachers.teacher import as_teacher

FEATURES, CLASSES, MEAN_DEGREE = 7, 2, 2.2


def bare_setting(
    nodes: tuple[int, int],
    teacher: str,
    student: str,
    device: torch.device,
    mean_degree: float = MEAN_DEGREE,
    seed: int = 100,
) -> GraphContext:
    """What a method is handed; the teacher's weights are random, its BatchNorm layers remember one pass.

    Args:
        nodes: fewest and most nodes of a graph.
        teacher: preset.
        student: preset.
        device: where it all lives.
        mean_degree: that the prior knows of.
        seed: of every draw.
    """
    prior = GraphPrior(*nodes, mean_degree, "categorical", FEATURES, CLASSES)
    streams = Streams(seed, device)
    with streams.fork("teacher"):
        model = build_model(teacher, FEATURES, CLASSES, device=device)
    with streams.fork("student"):
        pupil = build_model(student, FEATURES, CLASSES, device=device)
    untaught = MethodContext(teacher=model, student=pupil, prior=prior, streams=Streams(1, device), device=device)
    batch = Untrained(PseudoGraphConfig(graphs=16), untaught).samples(16)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = 1.0
    with torch.no_grad():
        model.train()(batch.x, batch.edge_index, batch.batch, edge_weight=batch.edge_weight, graphs=batch.graphs)
    return MethodContext(teacher=as_teacher(model, device), student=pupil, prior=prior, streams=streams, device=device)


def bare_run(
    method: str, setting: GraphContext, synthesis: dict[str, Any], transfer: dict[str, Any] | None = None
) -> MethodRun:
    """A run of `method`."""
    entry = METHODS[method]
    return entry.start(entry.config.model_validate({"synthesis": synthesis, "transfer": transfer or {}}), setting)
