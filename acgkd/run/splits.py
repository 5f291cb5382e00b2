"""Who trains the teacher, who judges: seeded, stratified parts of a data set."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from acgkd.config import DatasetConfig
from acgkd.datasets import DATASETS, Official
from acgkd.errors import DataError
from acgkd.runtime import derive_seed

_MAX_SPLIT_BYTES = 64_000_000
_PARTS = ("train", "validation", "test")


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
    return Split(*_deal(labels, fractions, seed, _PARTS))


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
    train, validation = _deal(labels[rest], shares, seed, _PARTS[:2])
    return Split(rest[train], rest[validation], official.test)


def _deal(labels: Tensor, fractions: Sequence[float], seed: int, names: Sequence[str]) -> list[Tensor]:
    """Sample numbers of each part, ascending."""
    parts: list[list[Tensor]] = [[] for _ in names]
    generator = torch.Generator(device="cpu").manual_seed(derive_seed(seed, "split"))
    for number in torch.unique(labels).tolist():
        members = (labels == number).nonzero().flatten()
        members = members[torch.randperm(members.numel(), generator=generator, device="cpu")]
        for part, chosen in zip(parts, members.split(_shares(members.numel(), fractions)), strict=True):
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


def _shares(count: int, fractions: Sequence[float]) -> list[int]:
    """Whole numbers that sum to `count`, by largest remainder; each part gets one before any gets two."""
    exact = [count * share for share in fractions]
    sizes = [int(value) for value in exact]
    parts = range(len(fractions))
    by_remainder = sorted(parts, key=lambda part: sizes[part] - exact[part])
    for part in by_remainder[: count - sum(sizes)]:
        sizes[part] += 1
    # Train first, then test, then validation: the order in which a rare class is missed most.
    for part in (0, *reversed(parts[1:])):
        donor = max(parts, key=lambda other: sizes[other])
        if sizes[part] == 0 and sizes[donor] > 1:
            sizes[part], sizes[donor] = 1, sizes[donor] - 1
    return sizes


def read_split_file(path: Path, size: int) -> Split:
    """Reads a split from JSON: an object with the lists `train`, `validation` and `test` of sample numbers.

    Args:
        path: the file.
        size: samples of the data set.

    Raises:
        DataError: unreadable, or the lists are not disjoint numbers below `size`.
    """
    try:
        if path.stat().st_size > _MAX_SPLIT_BYTES:
            raise DataError(f"A split file holds at most {_MAX_SPLIT_BYTES:,} bytes, but {path} is larger.")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"The split file {path} cannot be read: {error}. It must be JSON with {_form()}.") from None
    if not isinstance(content, dict) or set(content) != set(_PARTS):
        raise DataError(f"The split file {path} must hold {_form()} and nothing else.")
    seen: set[int] = set()
    tensors = []
    for name in _PARTS:
        numbers = content[name]
        if not isinstance(numbers, list) or not numbers or not all(type(number) is int for number in numbers):
            raise DataError(f"`{name}` in {path} must be a list of at least one sample number.")
        outside = [number for number in numbers if not 0 <= number < size]
        if outside:
            raise DataError(f"`0 <= number < {size}` must hold, but `{name}` in {path} has {outside[0]}.")
        twice = next((number for number in numbers if number in seen), None)
        if twice is not None or len(set(numbers)) != len(numbers):
            raise DataError(f"No sample may be named twice, but `{name}` in {path} repeats one{_which(twice)}.")
        seen.update(numbers)
        tensors.append(torch.tensor(sorted(numbers), dtype=torch.long, device="cpu"))
    return Split(*tensors)


def class_sizes(config: DatasetConfig) -> dict[str, list[int]]:
    """Samples of each class in every part, as the split will deal them out; loads no data.

    Returns:
        by part, as far as it is known: a split file needs the class of each sample.

    Raises:
        AcgkdError: there is no such data set, or something is wrong with its options or the split file.
    """
    entry = DATASETS[config.name]
    options = entry.read_options(config)
    if config.split_file is not None:
        labels = None if entry.labels is None else entry.labels(config)
        if labels is None:
            return {}
        dealt, classes = read_split_file(Path(config.split_file), len(labels)), max(labels) + 1
        members = {part: Counter(labels[number] for number in getattr(dealt, part).tolist()) for part in _PARTS}
        return {part: [counts[number] for number in range(classes)] for part, counts in members.items()}
    known = {} if entry.class_counts is None else entry.class_counts(options)
    if "all" in known:
        return _parts(_PARTS, known["all"], config.fractions)
    sizes = {"test": list(known["test"])} if "test" in known else {}
    if "train" in known:
        sizes |= _parts(_PARTS[:2], known["train"], (1 - options.validation, options.validation))
    return sizes


def _parts(names: Sequence[str], counts: Sequence[int], fractions: Sequence[float]) -> dict[str, list[int]]:
    shares = [_shares(count, fractions) for count in counts]
    return {name: [share[place] for share in shares] for place, name in enumerate(names)} if shares else {}


def _form() -> str:
    return "the lists `train`, `validation` and `test` of sample numbers"


def _which(number: int | None) -> str:
    return "" if number is None else f": {number}"
