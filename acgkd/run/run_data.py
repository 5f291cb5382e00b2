"""What a run is made of before anything is learned: device, data, split, prior."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from acgkd.config import RunConfig
from acgkd.datasets import Dataset, Samples, dataset_of, known_of
from acgkd.errors import ConfigError
from acgkd.method import Batch
from acgkd.modality import Modality
from acgkd.priors import Prior
from acgkd.run.splits import Split, read_split_file, split, split_official
from acgkd.runtime import resolve_device

EVALUATION_BATCH = 256


class RunData:
    """Everything is looked up when it is first asked for.

    Args:
        config: the run.
        split_seed: of the split.
        modality: of the method.
    """

    def __init__(self, config: RunConfig, split_seed: int, modality: Modality[Batch]) -> None:
        self.config = config
        self.split_seed = split_seed
        self.modality = modality

    @cached_property
    def device(self) -> torch.device:
        """Where everything happens."""
        return resolve_device(self.config.device)

    @cached_property
    def dataset(self) -> Dataset | None:
        """The data set's entry."""
        return None if self.config.dataset is None else dataset_of(self.config.dataset)

    @property
    def judged_by_data(self) -> bool:
        """Whether teacher and student are judged by real samples; see `data`."""
        chosen = self.config.dataset
        return chosen is not None and (self.config.teacher.checkpoint is None or chosen.split_file is not None)

    @cached_property
    def data(self) -> Samples | None:
        """The data set, or None where accuracy cannot honestly be measured.

        That is: there is none, or the teacher came from elsewhere and nobody said which samples trained it.
        """
        chosen = self.config.dataset
        if chosen is None or self.dataset is None or not self.judged_by_data:
            return None
        self.dataset.check_fractions(chosen)
        return self.dataset.load(chosen)

    @cached_property
    def split(self) -> Split:
        """Train, validation and test indices."""
        chosen = self.config.dataset
        if self.data is None or chosen is None:
            raise ConfigError("This run has no data set to split.")
        if chosen.split_file is not None:
            return read_split_file(Path(chosen.split_file), len(self.data.items))
        if self.data.official is not None:
            return split_official(self.data.labels, self.data.official, self.split_seed)
        return split(self.data.labels, chosen.fractions, self.split_seed)

    @cached_property
    def prior(self) -> Prior:
        """What methods know of the data.

        Raises:
            ConfigError: too little is known, or it contradicts the data that teacher and student are judged by.
        """
        chosen = self.config.dataset
        if chosen is not None and self.dataset is not None and self.judged_by_data:
            self.dataset.check_prior(self.config.prior, chosen)
        return self.modality.prior(self.config.prior, known_of(chosen))

    def batches(self, part: str) -> Iterator[Batch]:
        """The part `train`, `validation` or `test` as batches on the device, one at a time; none without data."""
        if self.data is None:
            return
        items = self.data.take(getattr(self.split, part))
        for start in range(0, len(items), EVALUATION_BATCH):
            yield self.modality.collate(items[start : start + EVALUATION_BATCH], self.device)

    @cached_property
    def validation(self) -> list[Batch]:
        """Batches that neither teacher nor student learns from."""
        return list(self.batches("validation"))

    @cached_property
    def test(self) -> list[Batch]:
        """Batches that are looked at once, at the end."""
        return list(self.batches("test"))

    def labels(self, part: str) -> Tensor:
        """The classes of one part, in the order of its batches.

        Shapes:
            returns: ``[samples of the part]`` on the device
        """
        assert self.data is not None, "callers look first"
        return self.data.labels[getattr(self.split, part)].to(self.device)

    def class_counts(self, part: str) -> list[int]:
        """How many samples of each class of the data one part has."""
        assert self.data is not None, "callers look first"
        counts: list[int] = torch.bincount(self.labels(part).cpu(), minlength=self.data.classes).tolist()
        return counts

    @property
    def in_features(self) -> int:
        """Columns of the node features."""
        return self.prior.feature_count

    @property
    def pooling(self) -> str:
        """How models pool the nodes of a graph."""
        return "sum" if self.dataset is None else self.dataset.pooling
