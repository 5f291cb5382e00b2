"""Published files with known checksums: found in a folder of this machine, on a mirror, or at the set's own home."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from acgkd.config import DatasetConfig
from acgkd.datasets._readers.source import download
from acgkd.errors import DataError


@dataclass(frozen=True)
class Layout:
    """One form in which a set may lie in a folder.

    Args:
        files: all that must be there.
        folders: where below the named folder they are looked for; ``.`` is the folder itself.
    """

    files: tuple[str, ...]
    folders: tuple[str, ...]

    def within(self, folder: Path) -> Path | None:
        """The first of the folders that holds all files."""
        places = (folder / name for name in self.folders)
        return next((place for place in places if all((place / file).is_file() for file in self.files)), None)

    def __str__(self) -> str:
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        return f"{self.folders[0]}/{self.files[0]}{more}"


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
        address = f"{self.address.rstrip('/')}/{file}"
        target = scratch / file
        try:
            download(address, target)
        # fsspec raises whatever its backends do: there is no common kind.
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
            raise DataError(_missing(self.title, [self.layout], f"{self.called} ({address}): {reason}")) from error
        return target


def find_place(title: str, layouts: tuple[Layout, ...], config: DatasetConfig, home: str) -> Place:
    """The first place that has a set's files: `dataset.root`, `dataset.mirror`, ``$ACGKD_DATA``, its own home.

    Mirrors and homes have the first layout. A `root` that is named and lacks the set is an error, not a reason to look
    elsewhere. Nothing is fetched or read.

    Args:
        title: of the set, for messages.
        layouts: forms that are known, the published one first.
        config: what the run says.
        home: address of the folder that the set is published in.

    Raises:
        DataError: `root` does not hold the set.
    """
    data = os.environ.get("ACGKD_DATA")
    named = config.root if config.root is not None else None if config.mirror is not None else data
    if named:
        for layout in layouts:
            folder = layout.within(Path(named).expanduser())
            if folder is not None:
                return Place(title, layout, folder)
    if config.root is not None:
        raise DataError(_missing(title, layouts, f"`dataset.root` ({config.root}): {_none_of(layouts)}"))
    if config.mirror is not None:
        return Place(title, layouts[0], None, config.mirror, "`dataset.mirror`")
    return Place(title, layouts[0], None, home, "its own home")


def _none_of(layouts: tuple[Layout, ...] | list[Layout]) -> str:
    return "no " + ", no ".join(map(str, layouts))


def _missing(title: str, layouts: tuple[Layout, ...] | list[Layout], looked: str) -> str:
    data = os.environ.get("ACGKD_DATA")
    there = f"$ACGKD_DATA ({data})" if data else "$ACGKD_DATA: not set"
    return (
        f"The data set {title} was not found. Looked at {looked}; {there}. Three ways to get it: put "
        f"{', '.join(layouts[0].files)} into a folder and name that as `dataset.root` or $ACGKD_DATA; name a URL that "
        "holds them as `dataset.mirror` (https, file:// or an object store); or run once where the network reaches "
        "the set's own home."
    )


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
    found = hashlib.new(kind, usedforsecurity=False)
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                found.update(block)
            size = stream.tell()
    except OSError as error:
        raise DataError(f"{title} cannot be read from {path}: {error.strerror}.") from None
    if found.hexdigest() != expected:
        raise DataError(
            f"`{path.name}` of {title} must have the {kind} {expected}, but {path} ({size:,} bytes) has "
            f"{found.hexdigest()}. It is torn or another file; get it again."
        )
