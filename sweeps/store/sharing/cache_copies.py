"""The cache of a sweep on an object store: what one machine has made, teachers above all, others take as it is."""

import contextlib
from pathlib import Path

from acgkd.cache import KINDS
from analysis.stores.copies import copy_of


def fetch(cache: Path) -> None:
    """Fetches what is missing here; before a job.

    Raises:
        StorageError: the store cannot be read.
    """
    copy = copy_of(cache)
    if copy is None:
        return
    for key in copy.store.listed(f"{copy.key(cache)}/"):
        path = copy.root / key
        if path.parent.name in KINDS and not path.exists():
            copy.fetch(path)


def keep(cache: Path) -> None:
    """Copies what is new here to the store; where another machine was faster, its file is taken. After a job.

    Raises:
        StorageError: it cannot be written.
    """
    copy = copy_of(cache)
    if copy is None:
        return
    there = copy.store.listed(f"{copy.key(cache)}/")
    for kind in KINDS:
        for path in sorted((cache / kind).glob("*.pt")):
            if path.name.startswith(".") or copy.key(path) in there:
                continue
            with contextlib.suppress(FileNotFoundError):
                if not copy.store.create(copy.key(path), path.read_bytes()):
                    copy.fetch(path)
