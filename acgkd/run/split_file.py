"""Who trains the teacher and who judges, as a file says: numbers of samples, read without torch."""

import json
from pathlib import Path

from acgkd.errors import DataError

PARTS = ("train", "validation", "test")
_MAX_SPLIT_BYTES = 64_000_000


def split_numbers(path: Path, size: int) -> tuple[list[int], ...]:
    """Reads a split from JSON: an object with the lists `train`, `validation` and `test` of sample numbers.

    Args:
        path: the file.
        size: samples of the data set.

    Returns:
        the numbers of each of `PARTS`, ascending.

    Raises:
        DataError: unreadable, or the lists are not disjoint numbers below `size`.
    """
    try:
        if path.stat().st_size > _MAX_SPLIT_BYTES:
            raise DataError(f"A split file holds at most {_MAX_SPLIT_BYTES:,} bytes, but {path} is larger.")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"The split file {path} cannot be read: {error}. It must be JSON with {_form()}.") from None
    if not isinstance(content, dict) or set(content) != set(PARTS):
        raise DataError(f"The split file {path} must hold {_form()} and nothing else.")
    seen: set[int] = set()
    parts = []
    for name in PARTS:
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
        parts.append(sorted(numbers))
    return tuple(parts)


def _form() -> str:
    return "the lists `train`, `validation` and `test` of sample numbers"


def _which(number: int | None) -> str:
    return "" if number is None else f": {number}"
