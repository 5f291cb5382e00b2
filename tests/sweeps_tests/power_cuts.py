"""A disk that loses what was not synced: which files a power cut leaves, at any instant of a program.

`os.fsync` is watched, and does nothing else. Of a file the disk has what was in it at its last sync; of a folder the
entries that it had at its last sync. What only memory holds is gone, or is there by chance, whole or empty.
"""

import os
import random
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

Files = dict[str, bytes]


class Disk:
    """The disk below one folder, which is there itself.

    Args:
        root: the folder.
        chance: decides what of the unsynced is there all the same; nothing is if left out.
    """

    def __init__(self, root: Path, chance: random.Random | None = None) -> None:
        self.root, self.syncs = root, list[str]()
        self.cuts: list[Files] = []  # what a power cut would leave, at each instant
        self._chance = chance
        self._contents: dict[int, bytes] = {}
        self._entries: dict[int, dict[str, int]] = {}
        self._held: dict[int, int] = {}  # so that no number of a file is used twice

    def synced(self, handle: int) -> None:
        """A file or a folder is on the disk now."""
        facts = os.fstat(handle)
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        if not path.is_relative_to(self.root):
            return
        self._hold(facts.st_ino, handle)
        if stat.S_ISDIR(facts.st_mode):
            self._entries[facts.st_ino] = self._listed(path)
        else:
            self._contents[facts.st_ino] = path.read_bytes()
        self.syncs.append(str(path.relative_to(self.root)))

    def _hold(self, number: int, handle: int) -> None:
        if number not in self._held:
            self._held[number] = os.dup(handle)

    def _listed(self, folder: Path) -> dict[str, int]:
        found = {}
        for entry in os.scandir(folder):
            handle = os.open(entry.path, os.O_RDONLY)
            found[entry.name] = entry.inode()
            self._hold(entry.inode(), handle)
            os.close(handle)
        return found

    def cut(self) -> None:
        """Notes what a power cut now would leave."""
        left = dict(self._files(os.stat(self.root).st_ino, ""))
        if left not in self.cuts:
            self.cuts.append(left)

    def _files(self, number: int, prefix: str) -> Iterator[tuple[str, bytes]]:
        for name, inner in self._there(number, prefix).items():
            handle = self._held[inner]
            if stat.S_ISDIR(os.fstat(handle).st_mode):
                yield f"{prefix}{name}/", b""
                yield from self._files(inner, f"{prefix}{name}/")
            else:
                yield f"{prefix}{name}", self._content(inner)

    def _there(self, number: int, prefix: str) -> dict[str, int]:
        """The entries of a folder: those of its last sync, and by chance changes since."""
        known = self._entries.get(number, {})
        if self._chance is None:
            return known
        now = self._listed(self.root / prefix) if (self.root / prefix).is_dir() else known
        names = [*known, *(name for name in now if name not in known)]
        chosen = {name: (now if self._chance.random() < 0.5 else known).get(name) for name in names}
        return {name: inner for name, inner in chosen.items() if inner is not None}

    def _content(self, number: int) -> bytes:
        """What is in a file: what was at its last sync, and by chance what was written since, or nothing of it."""
        known = self._contents.get(number, b"")
        if self._chance is None:
            return known
        now = Path(f"/proc/self/fd/{self._held[number]}").read_bytes()
        return self._chance.choice([known, now])

    def close(self) -> None:
        """Lets go of all files."""
        for handle in self._held.values():
            os.close(handle)


@contextmanager
def watched(root: Path, monkeypatch: pytest.MonkeyPatch, chance: random.Random | None = None) -> Iterator[Disk]:
    """Watches what is synced below a folder, and notes what a power cut would leave.

    Without chance that changes with each sync alone; with it, also each time when a file gets a name or loses it.
    """
    disk = Disk(root, chance)

    def synced(handle: int) -> None:
        disk.synced(handle)
        disk.cut()

    def cutting(do: Callable[..., object]) -> Callable[..., object]:
        def done(*given: object, **named: object) -> object:
            result = do(*given, **named)
            disk.cut()
            return result

        return done

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", synced)
        if chance is not None:
            for name in ("replace", "link", "unlink"):
                patched.setattr(os, name, cutting(getattr(os, name)))
        try:
            disk.cut()
            yield disk
        finally:
            disk.close()


def restored(files: Files, root: Path) -> Path:
    """Puts down what a power cut has left."""
    for name, content in files.items():
        if name.endswith("/"):
            (root / name).mkdir(parents=True, exist_ok=True)
        else:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
    root.mkdir(exist_ok=True)
    return root
