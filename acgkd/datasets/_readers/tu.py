"""Entries for the TU collection: what is published of a set, and where its files are. Loading reads them."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from acgkd import cache
from acgkd.config import Config, DatasetConfig, PriorConfig
from acgkd.datasets import Dataset, NoOptions, Samples
from acgkd.datasets._readers.source import Source, find_source, read_labels

COLLECTION = "Morris et al. (2020), TUDataset: a collection of benchmark datasets for learning with graphs."
# Where torch_geometric fetches the collection from.
HOME = "https://www.chrsmrrs.com/graphkerneldatasets"
# Counted up when what is kept in the cache changes.
_VERSION = 2


class DegreeOptions(Config):
    """Options of a set whose node features are its degrees.

    Args:
        degree_cap: degrees from here on share the last column; None keeps all.
    """

    degree_cap: Annotated[int, Field(ge=1, le=100_000)] | None = None


def tu_dataset(
    name: str, *, graphs: int, known: PriorConfig, citation: str, class_counts: tuple[int, ...] = ()
) -> Dataset:
    """An entry of the catalogue for one set of the collection.

    Args:
        name: as the collection calls it.
        graphs: how many there are; a file with another number is refused.
        known: what is published of the set. Its feature kind says what nodes get: one-hot labels, one-hot degrees or
            a constant 1.
        citation: of the set.
        class_counts: graphs of each class, where they are published.
    """

    def known_with(options: DegreeOptions) -> PriorConfig:
        if options.degree_cap is None:
            return known
        return known.model_copy(update={"feature_count": options.degree_cap + 1})

    def load(config: DatasetConfig) -> Samples:
        from acgkd.datasets._readers.tu_graphs import load_tu

        return load_tu(name, find_source(name, config, HOME), graphs, entry.known_for(config))

    def locate(config: DatasetConfig) -> None:
        source = find_source(name, config, HOME)
        if not kept_in(name, source).exists():
            source.reach()

    by_degree = known.features == "degree"
    entry = Dataset(
        modality="graphs",
        known=known,
        load=load,
        # As in GFKD's released models. The GIN literature averages on social sets; over three splits the two
        # differed by less than the splits did.
        pooling="sum",
        source=f"{HOME}/{name}.zip; {citation} {COLLECTION}",
        options=DegreeOptions if by_degree else NoOptions,
        known_with=known_with if by_degree else None,
        locate=locate,
        class_counts=(lambda _: {"all": class_counts}) if class_counts else None,
        labels=lambda config: read_labels(name, find_source(name, config, HOME)),
    )
    return entry


def kept_in(name: str, source: Source) -> Path:
    """The file in the cache that a set is kept in, from such a source."""
    return cache.folder() / "datasets" / f"{name}-{_VERSION}-{source.key}.pt"
