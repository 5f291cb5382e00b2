"""Graphs as they would be drawn: who is tied to whom, and what each node is."""

import numpy as np

from acgkd.graphs.batch import GraphBatch
from acgkd.modality import Arrays
from acgkd.priors import GraphPrior

# Of one graph; nobody sees anything in a drawing of more.
MOST_NODES, MOST_EDGES = 600, 3000


def picture(batch: GraphBatch, prior: GraphPrior) -> Arrays:
    """The graphs without weights: an edge stands where its weight is a half or more, in either direction.

    Of graphs too large to be drawn the sizes alone are kept.

    Shapes:
        returns: `nodes` and `edges` ``[graphs]``, how many each graph has; `shown` ``[graphs]``, whether the others
        hold it; `feature` ``[nodes of shown graphs]``, the largest of each node's features; `ends`
        ``[2, edges of shown graphs]``, counted within each graph; `features`, the kind of features in a word
    """
    graph = batch.batch.to("cpu").numpy()
    nodes = np.bincount(graph, minlength=batch.graphs)
    ends = batch.edge_index.detach().to("cpu").numpy()
    if batch.edge_weight is not None:
        ends = ends[:, batch.edge_weight.detach().to("cpu").numpy() >= 0.5]
    ends = np.sort(ends, axis=0)
    ends = np.unique(ends[:, ends[0] < ends[1]], axis=1)  # in order of graph, since nodes are
    place = graph[ends[0]]
    edges = np.bincount(place, minlength=batch.graphs)
    shown = (nodes <= MOST_NODES) & (edges <= MOST_EDGES)
    within = ends - (nodes.cumsum() - nodes)[place]
    feature = batch.x.detach().argmax(dim=1).to("cpu").numpy()
    return {
        "nodes": nodes.astype(np.int32),
        "edges": edges.astype(np.int32),
        "shown": shown,
        "feature": feature[shown[graph]].astype(np.int16),
        "ends": within[:, shown[place]].astype(np.int16),
        "features": np.array(prior.features),
    }
