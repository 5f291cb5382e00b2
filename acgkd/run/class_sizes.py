"""How many samples of each class are in every part of a split: known without torch and without the data."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from acgkd.config import DatasetConfig
from acgkd.datasets import dataset_of
from acgkd.run.split_file import PARTS, split_numbers


def class_sizes(config: DatasetConfig) -> dict[str, list[int]]:
    """Samples of each class in every part, as the split will deal them out; loads no data.

    Returns:
        by part, as far as it is known: a split file needs the class of each sample.

    Raises:
        AcgkdError: there is no such data set, or something is wrong with its options or the split file.
    """
    entry = dataset_of(config)
    options = entry.read_options(config)
    if config.split_file is not None:
        labels = None if entry.labels is None else entry.labels(config)
        if labels is None:
            return {}
        dealt, classes = split_numbers(Path(config.split_file), len(labels)), max(labels) + 1
        members = {
            part: Counter(labels[number] for number in numbers) for part, numbers in zip(PARTS, dealt, strict=True)
        }
        return {part: [counts[number] for number in range(classes)] for part, counts in members.items()}
    known = {} if entry.class_counts is None else entry.class_counts(options)
    if "all" in known:
        return _parts(PARTS, known["all"], config.fractions)
    sizes = {"test": list(known["test"])} if "test" in known else {}
    if "train" in known:
        sizes |= _parts(PARTS[:2], known["train"], (1 - options.validation, options.validation))
    return sizes


def _parts(names: Sequence[str], counts: Sequence[int], fractions: Sequence[float]) -> dict[str, list[int]]:
    dealt = [shares(count, fractions) for count in counts]
    return {name: [sizes[place] for sizes in dealt] for place, name in enumerate(names)} if dealt else {}


def shares(count: int, fractions: Sequence[float]) -> list[int]:
    """Whole numbers that sum to `count`, by largest remainder; each part gets one before any gets two.

    Args:
        count: samples of one class.
        fractions: shares of the parts; positive, sum 1.
    """
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
