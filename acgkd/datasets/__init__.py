"""The data sets, one to a file. Teachers are trained on them and students judged by them; methods never see them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from acgkd.catalog import Catalog
from acgkd.config import DatasetConfig, PriorConfig


@dataclass(frozen=True)
class Samples:
    """A loaded data set.

    Args:
        items: one object per sample; graphs are torch_geometric `Data` with `x`, `edge_index`, `y`.
        labels: class of each sample.
        classes: how many there are.

    Shapes:
        labels: ``[samples]`` on the CPU
    """

    items: Sequence[Any]
    labels: Tensor
    classes: int

    def take(self, indices: Tensor) -> list[Any]:
        """The items at `indices`, in that order."""
        return [self.items[int(index)] for index in indices]


@dataclass(frozen=True)
class Dataset:
    """An entry of the catalogue.

    Args:
        modality: what a sample is.
        known: what the entry publishes of itself: node range, mean degree, feature kind and count, classes.
        load: reads it; may unpack and process into the cache first, safe against a second process doing the same.
        pooling: how the literature pools node features for this set.
        source: where it comes from, and how to cite it.
        needs_files: False for sets that are made in memory.
    """

    modality: Literal["graphs", "images"]
    known: PriorConfig
    load: Callable[[DatasetConfig], Samples]
    pooling: Literal["sum", "mean"]
    source: str
    needs_files: bool = True


DATASETS: Catalog[Dataset] = Catalog("acgkd.datasets", "DATASET", "data set")
