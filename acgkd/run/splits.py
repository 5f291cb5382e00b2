"""Who trains the teacher, who judges: seeded, stratified parts of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from acgkd.datasets import Official
from acgkd.errors import DataError
from acgkd.run.class_sizes import shares
from acgkd.run.split_file import PARTS, split_numbers
from acgkd.runtime import derive_seed


@dataclass(frozen=True)
class Split:
    """Three disjoint sets of sample numbers, each ascending.

    Shapes:
        train, validation, test: ``[samples of the part]`` on the CPU
    """

    train: Tensor
    validation: Tensor
    test: Tensor


def split(labels: Tensor, fractions: Sequence[float], seed: int) -> Split:
    """Deals every class out over the three parts, as nearly in the given shares as whole samples allow.

    A class with at least three samples is in every part, one with two in train and test, one with one in train.
    The parts' sizes differ from their shares by less than one sample for each class.

    Args:
        labels: class of each sample.
        fractions: shares of train, validation and test; positive, sum 1.
        seed: any integer; equal seeds deal equally on every machine.

    Shapes:
        labels: ``[samples]`` on the CPU
    Raises:
        DataError: a part would be empty.
    """
    return Split(*_deal(labels, fractions, seed, PARTS))


def split_official(labels: Tensor, official: Official, seed: int) -> Split:
    """Leaves the published test part as it is and deals the rest out over train and validation, class by class.

    Args:
        labels: class of each sample.
        official: the test part, and the share of validation in the rest.
        seed: any integer.

    Shapes:
        labels: ``[samples]`` on the CPU
    Raises:
        DataError: a part would be empty.
    """
    outside = torch.ones(labels.numel(), dtype=torch.bool, device="cpu")
    outside[official.test] = False
    rest = outside.nonzero().flatten()
    shares = (1 - official.validation, official.validation)
    train, validation = _deal(labels[rest], shares, seed, PARTS[:2])
    return Split(rest[train], rest[validation], official.test)


def _deal(labels: Tensor, fractions: Sequence[float], seed: int, names: Sequence[str]) -> list[Tensor]:
    """Sample numbers of each part, ascending."""
    parts: list[list[Tensor]] = [[] for _ in names]
    generator = torch.Generator(device="cpu").manual_seed(derive_seed(seed, "split"))
    for number in torch.unique(labels).tolist():
        members = (labels == number).nonzero().flatten()
        members = members[torch.randperm(members.numel(), generator=generator, device="cpu")]
        for part, chosen in zip(parts, members.split(shares(members.numel(), fractions)), strict=True):
            part.append(chosen)
    joined = [
        torch.cat(part).sort().values if part else torch.empty(0, dtype=torch.long, device="cpu") for part in parts
    ]
    for name, share, indices in zip(names, fractions, joined, strict=True):
        if indices.numel() == 0:
            raise DataError(
                f"Every part of a split needs at least one sample, but {share:g} of {labels.numel()} samples leaves "
                f"`{name}` empty. Use larger `fractions` there, or a larger data set."
            )
    return joined


def read_split_file(path: Path, size: int) -> Split:
    """The split that a file says; see `acgkd.run.split_file`.

    Raises:
        DataError: see `split_numbers`.
    """
    return Split(*(torch.tensor(numbers, dtype=torch.long, device="cpu") for numbers in split_numbers(path, size)))
