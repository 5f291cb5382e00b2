"""Graphs: batches, pseudo-graphs, and the modality object `GRAPHS`."""

from acgkd.graphs.batch import GraphBatch
from acgkd.graphs.modality import GRAPHS, Graphs
from acgkd.priors import GraphPrior

__all__ = ["GRAPHS", "GraphBatch", "GraphPrior", "Graphs"]
