"""The data sets, one to a file. Teachers are trained on them and students judged by them; methods never see them.

An entry says what is known of a set without having it; what reads the set is imported when it is loaded. Of data that
nobody has published, `tu` and `folder` measure it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from acgkd.catalog import Catalog
from acgkd.config import Config, DatasetConfig, PriorConfig
from acgkd.errors import ConfigError, nearest
from acgkd.method import Items
from acgkd.priors import ModalityName

if TYPE_CHECKING:
    from torch import Tensor

Origin = Literal["given", "published", "measured"]


@dataclass(frozen=True)
class Official:
    """The test part that a set was published with; train and validation are cut from the rest.

    Args:
        test: numbers of its samples.
        validation: share of the rest that judges.

    Shapes:
        test: ``[test samples]`` on the CPU
    """

    test: Tensor
    validation: float


@dataclass(frozen=True)
class Samples:
    """A loaded data set.

    Args:
        items: one object per sample; graphs are torch_geometric `Data` with `x`, `edge_index`, `y`, images `Pixels`.
        labels: class of each sample.
        classes: how many there are.
        official: the test part, where the set has one of its own.

    Shapes:
        labels: ``[samples]`` on the CPU
    """

    items: Items
    labels: Tensor
    classes: int
    official: Official | None = None

    def take(self, indices: Tensor) -> Items:
        """The items at `indices`, in that order."""
        from acgkd.pixels import Pixels

        if isinstance(self.items, Pixels):
            return self.items.select(indices)
        return [self.items[int(index)] for index in indices]


class NoOptions(Config):
    """The options of a data set that has none."""


@dataclass(frozen=True)
class Dataset:
    """An entry of the catalogue.

    Args:
        modality: what a sample is.
        known: what the entry publishes of itself: node range, mean degree, feature kind and count, classes.
        load: reads it; may unpack and process into the cache first, safe against a second process doing the same. Where
            it imports what it reads with, specs that name the set are checked without torch.
        pooling: how the literature pools node features for this set.
        source: where it comes from, and how to cite it.
        official_test: whether it has a test part of its own, so that `fractions` mean nothing.
        needs_files: False for sets that are made in memory.
        options: what `dataset.options` may say, as a config.
        known_with: corrects `known` for options that change it; None where none does.
        locate: looks for its files where `load` will, without fetching or reading them, so that a spec can be checked;
            raises DataError where `load` would not get them. None where there is nothing to look for.
        class_counts: ``class_counts(options)``: samples of each class, published or by construction, under ``all``; or
            under ``train`` and ``test`` where it has a test part of its own. Without what is not known.
        labels: the class of each sample, in the order of `load`, where that can be had without loading the set; gives
            None where not.
        takes: which of `set` and `path` of `DatasetConfig` it takes, and needs.
        resolve: the entry that a run's `set` or `path` makes of this one: what is known is then measured on the data.
        measured: whether `known` was measured on the data, and not published or so by construction.
    """

    modality: ModalityName
    known: PriorConfig
    load: Callable[[DatasetConfig], Samples]
    pooling: Literal["sum", "mean"]
    source: str
    needs_files: bool = True
    official_test: bool = False
    options: type[Config] = NoOptions
    known_with: Callable[[Any], PriorConfig] | None = None
    locate: Callable[[DatasetConfig], object] | None = None
    class_counts: Callable[[Any], Mapping[str, Sequence[int]]] | None = None
    labels: Callable[[DatasetConfig], Sequence[int] | None] | None = None
    takes: tuple[Literal["set", "path"], ...] = ()
    resolve: Callable[[DatasetConfig], Dataset] | None = None
    measured: bool = False

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

    def check_fractions(self, config: DatasetConfig) -> None:
        """Refuses shares that would not be used.

        Raises:
            ConfigError: `fractions` for a set with a test part of its own.
        """
        if self.official_test and config.fractions != DatasetConfig.model_fields["fractions"].default:
            raise ConfigError(
                f"`fractions` deal out a whole data set, but '{config.name}' has a test part of its own. Leave them "
                "out; `options/validation` is the share of its training part that judges (0.1 where left out)."
            )

    def check_prior(self, prior: PriorConfig, config: DatasetConfig) -> None:
        """Refuses a prior by which models are built that could not read these samples, or tell their classes apart.

        The sizes of images or graphs may be wrong, and a method then has to live with it.

        Raises:
            ConfigError: other channels, other columns of node features or other classes than the set has.
        """
        known = self.known_for(config)
        channels = [None if side.shape is None else side.shape[0] for side in (prior, known)]
        facts = (
            ("channels in `shape`", *channels),
            ("`feature_count`", prior.feature_count, known.feature_count),
            ("`classes`", prior.classes, known.classes),
        )
        for what, given, true in facts:
            if given is not None and true is not None and given != true:
                raise ConfigError(
                    f"A prior must have the {what} of the data that teacher and student are judged by: {true} in "
                    f"'{config.name}', but got {given}. Leave it out, and the data set says it."
                )
        if prior.edge_columns is not None and prior.edge_columns != known.edge_columns:
            has = "have no features" if known.edge_columns is None else f"have columns {list(known.edge_columns)}"
            out = " They are read by `options: {edge_labels: true}` of the data set, where it has them."
            raise ConfigError(
                f"`edge_columns` of a prior must be those of the data that teacher and student are judged by, but "
                f"edges of '{config.name}' {has}. Leave it out, and the data set says it."
                + (out if known.edge_columns is None and "edge_labels" in self.options.model_fields else "")
            )

    def known_for(self, config: DatasetConfig) -> PriorConfig:
        """What is known of the set as `config` loads it; loads nothing."""
        options = self.read_options(config)
        return self.known if self.known_with is None else self.known_with(options)


DATASETS: Catalog[Dataset] = Catalog("acgkd.datasets", "DATASET", "data set")


_PLACES: tuple[Literal["set", "path"], ...] = ("set", "path")


def dataset_of(config: DatasetConfig) -> Dataset:
    """The entry of a run's data set; where the catalogue's needs a `set` or a `path`, the one for these.

    Raises:
        UnknownNameError: there is no such set.
        ConfigError: it lacks `set` or `path`, or takes none; see `Dataset.read_options` too.
        DataError: what is to be measured cannot be read.
    """
    entry = DATASETS[config.name]
    for key in _PLACES:
        given = getattr(config, key)
        if given is not None and key not in entry.takes:
            others = [name for name in DATASETS if key in DATASETS[name].takes]
            raise ConfigError(f"The data set '{config.name}' takes no `{key}`. Those that do: {', '.join(others)}.")
        if given is None and key in entry.takes:
            raise ConfigError(f"The data set '{config.name}' needs `{key}`: `{{name: {config.name}, {key}: ...}}`.")
    return entry if entry.resolve is None else entry.resolve(config)


def known_of(dataset: DatasetConfig | None) -> PriorConfig:
    """What is known of a run's data: nothing where the run names no set.

    Raises:
        AcgkdError: see `dataset_of`.
    """
    return PriorConfig() if dataset is None else dataset_of(dataset).known_for(dataset)


def prior_origins(prior: PriorConfig, dataset: DatasetConfig | None) -> dict[str, Origin]:
    """Who says each part of a run's prior: the run, a publication (or the set's construction), or the data themselves.

    Args:
        prior: what the run says.
        dataset: its data set, if it names one.

    Returns:
        By key of the prior; without what nobody says.

    Raises:
        AcgkdError: see `dataset_of`.
    """
    known = known_of(dataset)
    measured = dataset is not None and dataset_of(dataset).measured
    found: dict[str, Origin] = {}
    for name in PriorConfig.model_fields:
        own, other = getattr(prior, name), getattr(known, name)
        if own is not None and own != "known":
            found[name] = "given"
        elif other is not None and other not in ("known", "unknown"):
            found[name] = "measured" if measured else "published"
    return found
