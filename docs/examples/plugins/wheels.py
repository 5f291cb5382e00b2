"""Wheels and stars, made in memory: does a ring join the spokes?"""

from acgkd.config import DatasetConfig, PriorConfig
from acgkd.datasets import Dataset, Samples


def _load(config: DatasetConfig) -> Samples:
    import torch
    from torch_geometric.data import Data

    items = []
    for number in range(80):
        spokes = 4 + number // 2 % 6
        rim = torch.arange(1, spokes + 1)
        pairs = [torch.stack([torch.zeros_like(rim), rim])]
        if number % 2:
            pairs.append(torch.stack([rim, rim.roll(-1)]))
        edges = torch.cat([torch.cat([pair, pair.flip(0)], dim=1) for pair in pairs], dim=1)
        items.append(Data(x=torch.ones(spokes + 1, 1), edge_index=edges, y=torch.tensor([number % 2])))
    return Samples(items=items, labels=torch.tensor([number % 2 for number in range(80)]), classes=2)


DATASET = Dataset(
    modality="graphs",
    known=PriorConfig(nodes=(5, 10), mean_degree=2.6, features="constant", feature_count=1, classes=2),
    load=_load,
    pooling="sum",
    source="Made by this file.",
    needs_files=False,
    class_counts=lambda _: {"all": (40, 40)},
)
