"""How large the cache is and may grow: its entries, its limit, and what is removed first."""

import os
import re
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from acgkd.cache import KINDS
from acgkd.errors import ConfigError

LIMIT = "ACGKD_CACHE_LIMIT"
DEFAULT_LIMIT = "20GB"
# Read from files that are fetched once and may not be there again: counted and removed only where they are named.
DATA = "datasets"
# Whoever has just used an entry may be about to read it again.
GRACE_S = 3600.0
_LEFTOVER_S = 86_400.0
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@dataclass(frozen=True)
class Entry:
    """One file of the cache.

    Args:
        kind: teachers, pools, synthesis, verdicts or datasets.
        path: the file.
        size: in bytes.
        used: when it was last used, in seconds since 1970.
    """

    kind: str
    path: Path
    size: int
    used: float


@dataclass(frozen=True)
class Removed:
    """What was removed.

    Args:
        entries: how many.
        size: of all, in bytes.
        in_use: entries that should have been removed too, but are used by a running sweep.
    """

    entries: int = 0
    size: int = 0
    in_use: int = 0


def limit() -> int | None:
    """The limit in bytes that ``$ACGKD_CACHE_LIMIT`` sets, 20 GB if it is not set; None where there is none.

    Raises:
        ConfigError: it is no size.
    """
    return parse(os.environ.get(LIMIT) or DEFAULT_LIMIT, LIMIT)


def parse(text: str, what: str) -> int | None:
    """Bytes from ``20GB``, ``1.5 TB``, ``500MB`` or ``0``; None from ``none``.

    Args:
        text: the size.
        what: how the message calls it.

    Raises:
        ConfigError: it is none of these.
    """
    if text.strip().lower() == "none":
        return None
    found = re.fullmatch(r"\s*(\d{1,12}(?:\.\d{1,6})?)\s*([kmgt]?)b?\s*", text, re.IGNORECASE | re.ASCII)
    if found is None:
        raise ConfigError(f"`{what}` must be a size such as 20GB or 500MB, or `none`, but got '{text}'.")
    return round(float(found[1]) * _UNITS[found[2].lower()])


def age_s(then: float) -> float:
    """Seconds since a time of a file."""
    return time.time() - then


def entries(root: Path, kinds: Iterable[str] = (*KINDS, DATA)) -> list[Entry]:
    """The files of these kinds, least recently used first."""
    found = []
    for kind in kinds:
        for path in (root / kind).glob("*"):
            if path.suffix == ".lock" or path.name.startswith("."):
                continue
            with suppress(FileNotFoundError):  # removed meanwhile
                status = path.stat()
                found.append(Entry(kind, path, status.st_size, max(status.st_atime, status.st_mtime)))
    return sorted(found, key=lambda entry: (entry.used, entry.path))


def trim(
    root: Path, most: int | None, *, since: float | None, kinds: Collection[str] = KINDS, grace_s: float = GRACE_S
) -> Removed:
    """Removes what was not used for longest, until the rest takes at most so many bytes.

    Never removed is what was used since `since`, or within the last `grace_s` seconds: more than `most` may be left.
    Of what a killed process left half written, what is older than a day is removed too.

    Args:
        root: the cache.
        most: bytes that may be left; None removes nothing.
        since: when the sweep began that has used the cache for longest, of those that use it now.
        kinds: which entries count, and may be removed.
        grace_s: seconds after a use for which an entry is safe.
    """
    if most is None:
        return Removed()
    _remove_leftovers(root, kinds)
    safe = min(time.time() - grace_s, time.time() if since is None else since)
    found = entries(root, kinds)
    left = sum(entry.size for entry in found)
    removed = size = in_use = 0
    for entry in found:
        if left <= most:
            break
        if entry.used >= safe:
            in_use += 1
            continue
        with suppress(OSError):
            entry.path.unlink()
            removed, size, left = removed + 1, size + entry.size, left - entry.size
    return Removed(removed, size, in_use)


def clear(root: Path, kinds: Collection[str], *, since: float | None) -> Removed:
    """Removes all entries of these kinds but those that were used since `since`; see `trim`."""
    return trim(root, -1, since=since, kinds=kinds, grace_s=0.0)


def _remove_leftovers(root: Path, kinds: Collection[str]) -> None:
    for kind in kinds:
        for path in (root / kind).glob(".*"):
            with suppress(OSError):
                if path.is_file() and age_s(path.stat().st_mtime) > _LEFTOVER_S:
                    path.unlink()
