"""Graphs: batches, pseudo-graphs, priors, and the modality object `GRAPHS`."""

from acgkd.graphs.batch import GraphBatch
from acgkd.graphs.modality import GRAPHS, Graphs
from acgkd.graphs.prior import Prior

__all__ = ["GRAPHS", "GraphBatch", "Graphs", "Prior"]
