"""Published files with known checksums: found in a folder of this machine, on a mirror, or at the set's own home."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from acgkd.config import DatasetConfig
from acgkd.datasets._readers.source import HOME, download, missing, reach, unreachable
from acgkd.errors import DataError


@dataclass(frozen=True)
class Layout:
    """One form in which a set may lie in a folder.

    Args:
        files: all that must be there.
        folders: where below the named folder they are looked for; ``.`` is the folder itself.
        others: ``md5:`` digests by file, by which files of these names are known to be another set's.
    """

    files: tuple[str, ...]
    folders: tuple[str, ...]
    others: Mapping[str, str] = field(default_factory=dict)

    def within(self, folder: Path) -> Path | None:
        """The first of the folders that holds all files."""
        places = (folder / name for name in self.folders)
        return next((place for place in places if all(os.path.isfile(place / file) for file in self.files)), None)

    def is_of_another(self, place: Path) -> bool:
        """Whether the files of a folder are known to be another set's."""
        return any(f"md5:{digest_of(place / file, 'md5')}" == digest for file, digest in self.others.items())

    def looked_for(self, folder: Path) -> str:
        """What was looked for where, for messages."""
        more = f", with {len(self.files) - 1} more beside it" if len(self.files) > 1 else ""
        return " or ".join(str(folder / name / self.files[0]) for name in self.folders) + more


@dataclass(frozen=True)
class Place:
    """Where the files of a set are.

    Args:
        title: of the set, for messages.
        layout: the form that they have there.
        folder: on this machine, or None.
        address: of the folder that they are fetched from, where `folder` is None.
        called: how messages call that.
    """

    title: str
    layout: Layout
    folder: Path | None = None
    address: str = ""
    called: str = ""

    def get(self, file: str, scratch: Path) -> Path:
        """The file on this machine, fetched into `scratch` if need be.

        Raises:
            DataError: it cannot be fetched.
        """
        if self.folder is not None:
            return self.folder / file
        target = scratch / file
        try:
            download(self._address(file), target)
        # fsspec raises whatever its backends do: there is no common kind.
        except Exception as error:
            raise self._unreachable(file, error) from error
        return target

    def reach(self) -> None:
        """Makes sure that the first file could be got, without getting it.

        Raises:
            DataError: it could not.
        """
        if self.folder is not None:
            return
        file = self.layout.files[0]
        try:
            reach(self._address(file))
        except Exception as error:
            raise self._unreachable(file, error) from error

    def _address(self, file: str) -> str:
        return f"{self.address.rstrip('/')}/{file}"

    def _unreachable(self, file: str, error: Exception) -> DataError:
        return unreachable(
            self.title, self.layout.files, self._address(file), self.called, self.layout.looked_for, error
        )


def find_place(title: str, layouts: tuple[Layout, ...], config: DatasetConfig, home: str) -> Place:
    """The first place that has a set's files: `dataset.root`, `dataset.mirror`, ``$ACGKD_DATA``, its own home.

    Mirrors and homes have the first layout. A `root` that is named and lacks the set is an error, not a reason to look
    elsewhere; so is a mirror. Nothing is fetched, and no data are read.

    Args:
        title: of the set, for messages.
        layouts: forms that are known, the published one first.
        config: what the run says.
        home: address of the folder that the set is published in.

    Raises:
        DataError: `root` does not hold the set.
    """
    if config.root is not None:
        folder = Path(os.path.expanduser(config.root))
        found = _in_folder(title, layouts, folder)
        if found is None:
            looked = "; no ".join(layout.looked_for(folder) for layout in layouts)
            raise missing(title, layouts[0].files, [f"`dataset.root` ({config.root}): no {looked}"])
        return found
    if config.mirror is not None:
        return Place(title, layouts[0], None, config.mirror, "`dataset.mirror`")
    data = os.environ.get("ACGKD_DATA")
    found = _in_folder(title, layouts, Path(os.path.expanduser(data))) if data else None
    # A folder of data may hold several sets: files of the right names may be another set's.
    mistaken = found is not None and found.folder is not None and found.layout.is_of_another(found.folder)
    return found if found is not None and not mistaken else Place(title, layouts[0], None, home, HOME)


def _in_folder(title: str, layouts: Sequence[Layout], folder: Path) -> Place | None:
    places = ((layout, layout.within(folder)) for layout in layouts)
    return next((Place(title, layout, place) for layout, place in places if place is not None), None)


def digest_of(path: Path, kind: str) -> str:
    """The digest of a file in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()


def verify(path: Path, digest: str, title: str) -> None:
    """Holds a file against the checksum that it was published with.

    Args:
        path: the file.
        digest: kind and hexadecimal digits, as in ``md5:9fb6...``.
        title: of the set, for messages.

    Raises:
        DataError: another file, a part of it, or unreadable.
    """
    kind, _, expected = digest.partition(":")
    try:
        found, size = digest_of(path, kind), path.stat().st_size
    except OSError as error:
        raise DataError(f"{title} cannot be read from {path}: {error.strerror}.") from None
    if found != expected:
        raise DataError(
            f"`{path.name}` of {title} must have the {kind} {expected}, but {path} ({size:,} bytes) has "
            f"{found}. It is torn or another file; get it again."
        )
