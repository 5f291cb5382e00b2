"""The data sets, one to a file. Teachers are trained on them and students judged by them; methods never see them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError
from torch import Tensor

from acgkd.catalog import Catalog
from acgkd.config import Config, DatasetConfig, PriorConfig
from acgkd.errors import ConfigError, nearest


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


class NoOptions(Config):
    """The options of a data set that has none."""


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
        options: what `dataset.options` may say, as a config.
        known_with: corrects `known` for options that change it; None where none does.
        locate: looks for its files without fetching or reading them, so that a spec can be checked; raises DataError
            where a place that was named does not hold them. None where there is nothing to look for.
    """

    modality: Literal["graphs", "images"]
    known: PriorConfig
    load: Callable[[DatasetConfig], Samples]
    pooling: Literal["sum", "mean"]
    source: str
    needs_files: bool = True
    options: type[Config] = NoOptions
    known_with: Callable[[Any], PriorConfig] | None = None
    locate: Callable[[DatasetConfig], object] | None = None

    def read_options(self, config: DatasetConfig) -> Any:
        """`config.options`, checked.

        Raises:
            ConfigError: an option that the set does not have, or a value that it cannot take.
        """
        fields = self.options.model_fields
        for key in config.options:
            if key not in fields:
                has = f"Known: {', '.join(fields)}." if fields else "It has none."
                raise ConfigError(f"The data set '{config.name}' has no option '{key}'. {nearest(key, fields)}{has}")
        try:
            return self.options(**config.options)
        except ValidationError as error:
            faults = "; ".join(f"`{'/'.join(map(str, e['loc']))}`: {e['msg']}" for e in error.errors())
            raise ConfigError(f"The options of the data set '{config.name}' do not hold: {faults}.") from None

    def known_for(self, config: DatasetConfig) -> PriorConfig:
        """What is known of the set as `config` loads it; loads nothing."""
        options = self.read_options(config)
        return self.known if self.known_with is None else self.known_with(options)


DATASETS: Catalog[Dataset] = Catalog("acgkd.datasets", "DATASET", "data set")
