"""The graphs of `motifs`: rings and triangle pairs planted in random trees."""

import torch
from torch import Tensor
from torch_geometric.data import Data

from acgkd.datasets import Samples
from acgkd.datasets.motifs import KINDS
from acgkd.runtime import derive_seed

_MOTIF = 6
# Shares of the kinds in the tree, by class.
_TREE = ((0.70, 0.15, 0.15, *(0.0,) * 7), (0.56, 0.15, 0.15, *(0.02,) * 7))
_MOTIF_KINDS = (1, 2, 1, 2, 1, 2)
# Motif edges within nodes 0 to 5; nodes 0 and 1 (ring of six), 0 and 3 (rings of three) are hung into the tree.
_RINGS = (
    (((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)), (0, 1)),
    (((0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)), (0, 3)),
)


def load_motifs(seed: int, graphs: int) -> Samples:
    """The set; arguments as of `make`."""
    made = make(seed, graphs)
    return Samples(items=made, labels=torch.cat([graph.y for graph in made]), classes=2)


def make(seed: int, graphs: int) -> list[Data]:
    """Draws the set; graph 2k and 2k + 1 share a skeleton and differ in class.

    Args:
        seed: any integer.
        graphs: how many, both classes together.
    """
    generator = torch.Generator(device="cpu").manual_seed(derive_seed("motifs", seed))
    made = []
    for number in range(graphs):
        if number % 2 == 0:
            tree_nodes = int(torch.randint(6, 19, (), generator=generator, device="cpu"))
            # Each tree node is joined to a random earlier one; the last two draws are where the motif is attached.
            parents = [
                int(torch.randint(max(1, node), (), generator=generator, device="cpu")) for node in range(tree_nodes)
            ]
            hooks = torch.randperm(tree_nodes, generator=generator, device="cpu")[:2].tolist()
        made.append(_graph(number % 2, parents, hooks, generator))
    return made


def _graph(label: int, parents: list[int], hooks: list[int], generator: torch.Generator) -> Data:
    ring, hung = _RINGS[label]
    tree = [(node + _MOTIF, parent + _MOTIF) for node, parent in enumerate(parents) if node > 0]
    joints = [(node, hook + _MOTIF) for node, hook in zip(hung, hooks, strict=True)]
    edges = torch.tensor([*ring, *tree, *joints], device="cpu").t()
    shares = torch.tensor(_TREE[label], device="cpu")
    tree_kinds = torch.multinomial(shares, len(parents), replacement=True, generator=generator)
    kinds = torch.cat([torch.tensor(_MOTIF_KINDS, device="cpu"), tree_kinds])
    # Numbers of nodes must not tell where the motif is.
    order = torch.randperm(kinds.numel(), generator=generator, device="cpu")
    return Data(
        x=_one_hot(kinds)[torch.argsort(order)],
        edge_index=order[torch.cat([edges, edges.flip(0)], dim=1)],
        y=torch.tensor([label], device="cpu"),
    )


def _one_hot(kinds: Tensor) -> Tensor:
    return torch.zeros(kinds.numel(), KINDS, device="cpu").scatter_(1, kinds.unsqueeze(1), 1.0)
