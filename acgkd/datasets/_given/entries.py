"""Entries for data that nobody has published: read once, measured, and from then on like those of the catalogue."""

import re
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field

from acgkd import cache
from acgkd.config import Config, DatasetConfig
from acgkd.datasets import DATASETS, Dataset, Samples
from acgkd.datasets._given.given_files import GivenFiles, files_at
from acgkd.datasets._given.measured import Features, Measured, kept
from acgkd.datasets._readers.source import Source, find_source
from acgkd.datasets._readers.tu import COLLECTION, HOME
from acgkd.errors import ConfigError, DataError

# Counted up when what is kept in the cache changes.
_VERSION = 2


class GraphOptions(Config):
    """Options of graphs.

    Args:
        features: what nodes get; left out: labels, where there are none attributes, else degrees.
        degree_cap: degrees from here on share the last column; None keeps all.
        edge_labels: whether edges have features: the kinds that the data say of them.
    """

    features: Features | None = None
    degree_cap: Annotated[int, Field(ge=1, le=100_000)] | None = None
    edge_labels: bool = False


class PictureOptions(Config):
    """Options of images.

    Args:
        size: height and width that all images are resized to; None leaves them as they are.
    """

    size: Annotated[int, Field(ge=4, le=256)] | None = None


class PartedOptions(PictureOptions):
    """Options of images with a test part of their own.

    Args:
        validation: share of the training part that judges and is not learned from.
    """

    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1


class FolderOptions(GraphOptions, PartedOptions):
    """All of these; which of them a path takes depends on what lies there."""


def tu_set(config: DatasetConfig) -> Dataset:
    """The entry for a set of the TU collection.

    Raises:
        DataError: it cannot be found or read.
        ConfigError: its name is none, or it does not have the features that were asked for.
    """
    name = config.set or ""
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise ConfigError(f"`set` is the name of a set in the TU collection, as in `NCI1`, but got '{name}'.")
    source = find_source(name, config, HOME)
    options: GraphOptions = DATASETS[config.name].read_options(config)
    read = partial(_read_tu, name, source, options.edge_labels)
    found, content = kept(f"{name}-measured-{_VERSION}-{source.key}{_as_read(options)}", read)
    return _graphs(name, found, content, options, f"{HOME}/{name}.zip; {COLLECTION}")


def data_at(config: DatasetConfig) -> Dataset:
    """The entry for what lies at a path.

    Raises:
        DataError: nothing, or nothing that can be read.
        ConfigError: the data do not have the features that were asked for.
    """
    options: FolderOptions = DATASETS[config.name].read_options(config)
    given = files_at(Path(config.path or ""))
    found, content = _measured(given, options)
    if given.modality == "graphs":
        own = GraphOptions(**{name: getattr(options, name) for name in GraphOptions.model_fields})
        return _graphs(str(given.path), found, content, own, str(given.path))
    return _images(found, content, options, str(given.path))


def digest_at(path: str) -> str:
    """Sixteen hex digits over what lies at a path, kept in the cache for as long as no file changes.

    Raises:
        DataError: nothing, or nothing that can be read.
    """
    given = files_at(Path(path))
    file = cache.folder() / "datasets" / f"folder-{given.key}.sha256"

    def write(part: Path) -> None:
        part.write_text(given.digest(), encoding="utf-8")

    cache.once(file, write)
    return file.read_text(encoding="utf-8")


def _measured(given: GivenFiles, options: FolderOptions) -> tuple[Measured, Path]:
    what = _as_read(options) if given.modality == "graphs" else "" if options.size is None else f"-{options.size}"
    return kept(f"folder-{_VERSION}-{given.key}{what}", partial(_read_given, given, options))


def _as_read(options: GraphOptions) -> str:
    """What the name of a file in the cache says of the options by which graphs are read."""
    return "-edges" if options.edge_labels else ""


def _read_tu(name: str, source: Source, edge_labels: bool, part: Path) -> Measured:
    from acgkd.datasets._given.graph_columns import measured_on
    from acgkd.datasets._readers.tu_graphs import process

    columns = process(name, source, part, edge_labels=edge_labels)
    try:
        return measured_on(columns)
    except DataError as error:
        raise DataError(f"{name} from {source.described} cannot be used. {error}") from None


def _read_given(given: GivenFiles, options: FolderOptions, part: Path) -> Measured:
    from acgkd import checkpoint

    try:
        if given.modality == "images":
            from acgkd.datasets._given.image_files import measured_on_images, read_images

            images = read_images(given, options.size)
            measured, content = measured_on_images(images), dict(images)
        else:
            from acgkd.datasets._given.graph_columns import columns_of, measured_on

            if given.kind == "tables":
                from acgkd.datasets._given.graph_tables import read_tables

                graphs = read_tables(given, edge_labels=options.edge_labels)
            else:
                from acgkd.datasets._given.saved_graphs import read_saved

                graphs = read_saved(given.files)
            columns = columns_of(graphs, edge_labels=options.edge_labels)
            measured, content = measured_on(columns), dict(columns)
    except DataError as error:
        said = str(error)
        raise error if str(given.path) in said else DataError(f"{given.path} cannot be used. {said}") from None
    checkpoint.save(content, part)
    return measured


def _graphs(name: str, found: Measured, content: Path, options: GraphOptions, source: str) -> Dataset:
    features = found.chosen_features(options.features, name)
    if options.edge_labels and not found.edge_columns:
        raise ConfigError(f"`options/edge_labels` needs kinds of edges, but {name} has none. Leave it out.")
    prior = found.graph_prior(features, options.degree_cap)

    def load(_: DatasetConfig) -> Samples:
        from acgkd import checkpoint
        from acgkd.datasets._readers.tu_graphs import cut

        columns = checkpoint.load(content)
        items = cut(name, columns, prior, labels_too=features == "both")
        return Samples(items=items, labels=columns["labels"], classes=len(found.counts))

    return Dataset(
        modality="graphs",
        known=prior,
        load=load,
        pooling="sum",
        source=source,
        options=GraphOptions,
        class_counts=lambda _: {"all": found.counts},
        labels=lambda _: _labels(content),
        measured=True,
    )


def _images(found: Measured, content: Path, options: FolderOptions, source: str) -> Dataset:
    parted = found.train is not None

    def load(_: DatasetConfig) -> Samples:
        import torch

        from acgkd import checkpoint
        from acgkd.datasets import Official
        from acgkd.pixels import Pixels

        kept_images = checkpoint.load(content)
        labels = kept_images["labels"]
        official = None
        if found.train is not None:
            official = Official(torch.arange(found.train, labels.numel(), device="cpu"), options.validation)
        return Samples(
            items=Pixels(kept_images["values"], labels, found.mean, found.std),
            labels=labels,
            classes=len(found.counts),
            official=official,
        )

    def counted(_: object) -> dict[str, tuple[int, ...]]:
        if found.train is None:
            return {"all": found.counts}
        labels = _labels(content)
        parts = {"train": labels[: found.train], "test": labels[found.train :]}
        return {name: tuple(part.count(number) for number in range(len(found.counts))) for name, part in parts.items()}

    return Dataset(
        modality="images",
        known=found.image_prior(),
        load=load,
        pooling="sum",  # of graphs only
        source=source,
        official_test=parted,
        options=PartedOptions if parted else PictureOptions,
        class_counts=counted,
        labels=lambda _: _labels(content),
        measured=True,
    )


def _labels(content: Path) -> list[int]:
    from acgkd.datasets._readers.image_bytes import kept_labels

    return kept_labels(content)
