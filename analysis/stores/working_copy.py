"""What this machine has of a sweep on an object store: a folder like any other, whose files come from there.

The store is the truth. A copy belongs to one process, or to the processes of one driver on one machine; what they write
goes to the store first, and what others may have written is fetched when it is asked for.
"""

import hashlib
import os
import threading
from pathlib import Path, PurePosixPath

from acgkd.files.whole import replaced
from analysis.stores.object_store import ObjectStore

# What is fetched as a whole: everything but weights and what is under way, which who needs them asks for.
_FILES = frozenset({"spec.yaml", "sweep.json", "epoch", "events.jsonl"})
_FOLDERS = frozenset({"records", "curves", "samples", "starts", "queue", "logs", "code"})


class WorkingCopy:
    """A folder of this machine that stands for one on an object store.

    Args:
        store: where the files are.
        root: the folder here.
    """

    def __init__(self, store: ObjectStore, root: Path) -> None:
        self.store, self.root = store, root
        self.others: list[str] = []
        self._known: dict[str, str] = {}
        self._mutex = threading.RLock()

    @property
    def address(self) -> str:
        """Where it comes from, as the user names it."""
        return self.store.address

    def key(self, path: Path) -> str:
        """The key of a file here."""
        return path.relative_to(self.root).as_posix()

    def refresh(self) -> None:
        """Fetches what has changed of all small files; what is gone there is removed here.

        Raises:
            FolderError: there is no such bucket.
            StorageError: the store cannot be read.
        """
        with self._mutex:
            there = self.store.listed()
            self.others = sorted({key.partition("/")[0] for key in there})
            wanted = {key: facts for key, facts in there.items() if _is_fetched(PurePosixPath(key))}
            stale = [key for key, facts in wanted.items() if self._known.get(key) != facts.version]
            for key, content in self.store.read_many(stale).items():
                self._place(key, content, wanted[key].written_at)
                self._known[key] = wanted[key].version
            for key in [key for key in self._known if key not in there]:
                del self._known[key]
                (self.root / key).unlink(missing_ok=True)

    def _place(self, key: str, content: bytes, written_at: float | None = None) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as part:
            part.write_bytes(content)
            if written_at is not None:
                os.utime(part, (written_at, written_at))

    def write(self, path: Path, content: bytes) -> None:
        """Replaces a file, there first.

        Raises:
            StorageError: it cannot be written.
        """
        with self._mutex:
            self.store.write(self.key(path), content)
            self._place(self.key(path), content)
            self._known[self.key(path)] = _version(content)

    def create(self, path: Path, content: bytes) -> bool:
        """Writes a file unless there is one, there first; whoever was first, its content is here afterwards.

        Returns:
            Whether it was this one.

        Raises:
            StorageError: it cannot be written.
        """
        with self._mutex:
            if not self.store.create(self.key(path), content):
                self.fetch(path)
                return False
            self._place(self.key(path), content)
            self._known[self.key(path)] = _version(content)
            return True

    def push(self, path: Path) -> None:
        """Copies a file to the store, or a folder with all that is in it; temporary files are left out.

        Raises:
            StorageError: it cannot be written.
        """
        if path.is_dir():
            for inner in sorted(path.iterdir()):
                self.push(inner)
        elif path.is_file() and not path.name.startswith("."):
            self.store.write_file(self.key(path), path)

    def fetch(self, path: Path) -> bool:
        """Fetches one file, if it is there.

        Returns:
            Whether it is.

        Raises:
            StorageError: the store cannot be read.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.store.read_file(self.key(path), path)
        except FileNotFoundError:
            return False
        return True

    def names(self, folder: Path, prefix: str = "") -> list[str]:
        """Names of the files that a folder has there, sorted.

        Raises:
            StorageError: the store cannot be read.
        """
        found = {self.root / key for key in self.store.listed(f"{self.key(folder)}/{prefix}")}
        return sorted(path.name for path in found if path.parent == folder)

    def remove(self, *paths: Path) -> None:
        """Removes files, there first.

        Raises:
            StorageError: the store cannot be written.
        """
        with self._mutex:
            self.store.remove([self.key(path) for path in paths])
            for path in paths:
                self._known.pop(self.key(path), None)
                path.unlink(missing_ok=True)


def _is_fetched(key: PurePosixPath) -> bool:
    parts = key.parts
    if parts[0] == "confirm" and len(parts) > 2:  # sweeps of their own
        parts = parts[2:]
    if parts[-1].startswith("."):
        return False
    if len(parts) == 1:
        return parts[0] in _FILES
    return parts[0] in _FOLDERS or (parts[0] == "trials" and parts[-1] == "trial.json")


def _version(content: bytes) -> str:
    """As stores that speak S3 call it; of others it is fetched once more, and no harm is done."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
