"""The files of a sweep on an object store, as far as this machine has them; those of a folder are all here."""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from acgkd.errors import NodeError, SweepError
from analysis.stores import copies
from analysis.stores.copies import copy_of
from sweeps.store.sharing import cache_copies
from sweeps.store.sharing.generations import Generations
from sweeps.store.sharing.shared_files import remove

FOLDERS = ("trials", "records", "curves", "students", "starts", "work", "logs")


class FetchedFiles(Generations):
    """What is fetched before it is read, and put there once it is written. Nothing of it does anything to a folder."""

    _sizes: Mapping[Path, int] = MappingProxyType({})

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        copy = copy_of(self.path)
        if copy is None:
            return _reopened, (type(self), "", self.path, "", self.cache)
        return _reopened, (type(self), copy.address, copy.root, os.path.relpath(self.path, copy.root), self.cache)

    @property
    def shown(self) -> str:
        """Where it lies, as the user named it."""
        return copies.shown(str(self.path))

    @property
    def looks_every_s(self) -> float:
        """How often a driver may look around."""
        return 1.0 if copy_of(self.path) is None else 3.0

    def make(self) -> None:
        """Makes the folders that every sweep has."""
        for name in FOLDERS:
            (self.path / name).mkdir(parents=True, exist_ok=True)
        self.cache.mkdir(parents=True, exist_ok=True)  # its own, or one that sweeps share

    def top_names(self) -> list[str]:
        """What the folder holds, of any kind; it is there."""
        copy = copy_of(self.path)
        if copy is not None and copy.root == self.path:
            return copy.others
        return sorted(os.listdir(self.path))

    def refresh(self) -> None:
        """Fetches what others have written meanwhile, but for weights."""
        copy = copy_of(self.path)
        if copy is not None:
            copy.refresh()

    def require_visible(self) -> None:
        """Makes sure that this machine sees the sweep.

        Raises:
            NodeError: it does not.
        """
        copy, host = copy_of(self.path), os.uname().nodename
        if copy is not None:
            try:
                there = copy.fetch(self.sweep)
            except SweepError as error:
                raise NodeError(f"Every node must reach {copy.address}, but {host} does not: {error}") from error
            if there:
                return
            raise NodeError(f"Every node must reach the same {copy.address}, but {host} finds no `sweep.json` there.")
        if not self.sweep.is_file():
            raise NodeError(
                f"Every node must see the sweep folder under the same path, but {host} has no {self.path}. Put it on a "
                "filesystem that all nodes share."
            )

    def has_record(self, name: str, replicate: int) -> bool:
        """Whether a replicate has its record, whoever wrote it."""
        path = self.record_file(name, replicate)
        copy = copy_of(path)
        return path.exists() or (copy is not None and copy.fetch(path))

    def keep_logs(self) -> None:
        """Puts there what was added here to files that grow; an error is nobody's, since the next call tries again."""
        copy = copy_of(self.path)
        if copy is None:
            return
        for path in (self.events, self.driver_log, self.ray_log, self.on_end_log):
            with suppress(OSError, SweepError):
                size = path.stat().st_size
                if self._sizes.get(path) != size:
                    copy.push(path)
                    self._sizes = {**self._sizes, path: size}

    def fetch(self, path: Path) -> None:
        """Fetches a file, if it is there."""
        copy = copy_of(path)
        if copy is not None:
            copy.fetch(path)

    def keep(self, path: Path) -> None:
        """Puts a file or a folder, written here, where it belongs."""
        copies.keep(path)

    def fetch_weights(self) -> None:
        """Fetches all students, and what runs share."""
        copy = copy_of(self.path)
        for name in [] if copy is None else copy.names(self.students):
            self.fetch(self.students / name)
        self.fetch_cache()

    # ---- what is under way

    def fetch_work(self, name: str, replicate: int) -> None:
        """Fetches the checkpoints of a replicate, and its clock where another machine has been at it since."""
        copy, work = copy_of(self.path), self.work(name)
        if copy is None:
            return
        there = {item for item in copy.names(work, f"{replicate:02d}-") if item.endswith(".ckpt")}
        for path in work.glob(f"{replicate:02d}-*.ckpt"):
            if path.name not in there:
                path.unlink(missing_ok=True)
        for item in sorted(there):
            if not (work / item).exists():
                copy.fetch(work / item)
        clock = work / f"{replicate:02d}.clock.json"
        with suppress(FileNotFoundError):
            newer = copy.store.read(copy.key(clock))
            if _attempt(newer) > _attempt(clock.read_bytes() if clock.exists() else b""):
                clock.write_bytes(newer)

    def clear_work(self, name: str, replicate: int) -> None:
        """Removes what is only needed while a replicate is at work."""
        work, copy, begins = self.work(name), copy_of(self.path), f"{replicate:02d}"
        found = {*work.glob(f"{begins}[-.]*"), *work.glob(f".{begins}[-.]*")}
        if copy is not None:
            there = copy.names(work, begins)
            found |= {work / item for item in there if item.removeprefix(begins)[:1] in ("-", ".")}
        remove(*sorted(found))

    def forget_checkpoints(self) -> None:
        """Removes the checkpoints of all that is under way."""
        copy = copy_of(self.path)
        found = {path for place in (self.trials_folder, self.path / "work") for path in place.glob("*/*.ckpt")}
        if copy is not None:
            keys = copy.store.listed()
            found |= {copy.root / key for key in keys if key.endswith(".ckpt")}
        remove(*sorted(path for path in found if path.is_relative_to(self.path)))

    # ---- what runs share

    def fetch_cache(self) -> None:
        """Fetches teachers and the like that other machines have made."""
        cache_copies.fetch(self.cache)

    def keep_cache(self) -> None:
        """Puts there what this machine has made."""
        cache_copies.keep(self.cache)


def _attempt(clock: bytes) -> int:
    try:
        return int(json.loads(clock)["attempt"])
    except (ValueError, KeyError, TypeError):
        return -1


def _reopened(kind: type[FetchedFiles], address: str, root: Path, inside: str, cache: Path) -> FetchedFiles:
    """The folder in another process, maybe on another machine."""
    if not address:
        folder = kind(root)
        folder.cache = cache
        return folder
    folder = kind(Path(os.path.normpath(copies.attached(address, root).root / inside)))
    folder.make()
    return folder
