"""Where the files of a data set come from: a folder on this machine, a mirror, or the set's own home."""

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from acgkd.config import DatasetConfig, fingerprint
from acgkd.errors import DataError

# The largest set unpacks to 0.4 GB; a zip that claims ten times that is not one of them.
_MAX_UNPACKED_BYTES = 4_000_000_000
_MAX_DOWNLOAD_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Source:
    """One place that has the files.

    Args:
        described: how messages call it.
        key: hash that changes when the files do (by content for a zip; by address for a URL).
        unpack: puts the plain files into a folder.
    """

    described: str
    key: str
    unpack: Callable[[Path], None]


def find_source(name: str, config: DatasetConfig, home_url: str) -> Source:
    """Where a set's files come from: `dataset.root` or `dataset.mirror` if named, else ``$ACGKD_DATA``, else its home.

    A `root` that is named and lacks the set is an error, not a reason to look elsewhere.

    Args:
        name: as the TU collection calls it.
        config: what the run says.
        home_url: folder of zips that the set is published in.

    Raises:
        DataError: `root` does not hold the set.
    """
    if config.root is not None:
        found = _in_folder(name, Path(config.root).expanduser())
        if found is None:
            raise DataError(_missing(name, [f"`dataset.root` ({config.root}): {_layouts(name)}"]))
        return found
    if config.mirror is not None:
        return _remote(name, config.mirror, "`dataset.mirror`")
    data = os.environ.get("ACGKD_DATA")
    found = _in_folder(name, Path(data).expanduser()) if data else None
    return found or _remote(name, home_url, "its own home")


def _layouts(name: str) -> str:
    return f"no tu/{name}.zip, {name}.zip, {name}/raw/{name}_A.txt or {name}/{name}_A.txt"


def _missing(name: str, looked: list[str]) -> str:
    data = os.environ.get("ACGKD_DATA")
    if not any("ACGKD_DATA" in place for place in looked):
        looked = [*looked, f"$ACGKD_DATA ({data}): {_layouts(name)}" if data else "$ACGKD_DATA: not set"]
    return (
        f"The data set {name} was not found. Looked at {'; '.join(looked)}. Three ways to get it: put {name}.zip "
        f"into a folder and name that as `dataset.root` or $ACGKD_DATA; name a URL that holds it as `dataset.mirror` "
        "(https, file:// or an object store); or run once where the network reaches the set's own home."
    )


def _in_folder(name: str, folder: Path) -> Source | None:
    for path in (folder / "tu" / f"{name}.zip", folder / f"{name}.zip"):
        if path.is_file():
            return _zipped(name, path)
    for raw in (
        folder / name / "raw",
        folder / name,
        folder / "tu" / name / "raw",
        folder / "tu" / name,
        folder,
    ):
        if (raw / f"{name}_A.txt").is_file():
            return _unpacked(name, raw)
    return None


def _zipped(name: str, path: Path) -> Source:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise DataError(f"The data set {name} cannot be read from {path}: {error.strerror}.") from None
    return Source(str(path), digest.hexdigest()[:16], lambda target: unzip(name, path, target))


def _unpacked(name: str, raw: Path) -> Source:
    files = sorted(raw.glob(f"{name}_*.txt"))
    key = fingerprint([(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files])

    def link(target: Path) -> None:
        for file in files:
            (target / file.name).symlink_to(file.resolve())

    return Source(str(raw), key, link)


def _remote(name: str, url: str, called: str) -> Source:
    address = f"{url.rstrip('/')}/{name}.zip"

    def fetch(target: Path) -> None:
        zipped = target / "download.zip"
        try:
            download(address, zipped)
        # fsspec raises whatever its backends do: there is no common kind.
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
            raise DataError(_missing(name, [f"{called} ({address}): {reason}"])) from error
        unzip(name, zipped, target)
        zipped.unlink()

    return Source(f"{called} ({address})", fingerprint(address), fetch)


def download(address: str, target: Path) -> None:
    """Fetches a file from anywhere that fsspec reaches; raises whatever its backends raise."""
    import fsspec

    received = 0
    with fsspec.open(address, "rb") as remote, target.open("wb") as local:
        for block in _blocks(remote.read):
            received += len(block)
            if received > _MAX_DOWNLOAD_BYTES:
                raise ValueError(f"more than {_MAX_DOWNLOAD_BYTES:,} bytes")
            local.write(block)


def _blocks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while block := read(1 << 20):
        yield block


def unzip(name: str, path: Path, target: Path) -> None:
    """Unpacks the text files of a set, wherever in the zip they are, into one folder.

    Raises:
        DataError: not a zip, torn, of another set, or far too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            wanted = [
                entry
                for entry in archive.infolist()
                if Path(entry.filename).name.startswith(f"{name}_") and entry.filename.endswith(".txt")
            ]
            if f"{name}_A.txt" not in {Path(entry.filename).name for entry in wanted}:
                raise DataError(f"{path} does not hold the data set {name}: there is no {name}_A.txt in it.")
            if sum(entry.file_size for entry in wanted) > _MAX_UNPACKED_BYTES:
                raise DataError(f"{path} would unpack to more than {_MAX_UNPACKED_BYTES:,} bytes. It is not {name}.")
            for entry in wanted:
                # Only the file's own name is used: no entry can point out of the folder.
                with archive.open(entry) as packed, (target / Path(entry.filename).name).open("wb") as plain:
                    for block in _blocks(packed.read):
                        plain.write(block)
    except DataError:
        raise
    # Damage shows as BadZipFile, EOFError, zlib.error, LZMAError, NotImplementedError, RuntimeError ...
    except Exception as error:
        raise DataError(
            f"{path} is damaged or not a zip file ({type(error).__name__}). Get it again: {name} must unpack whole."
        ) from error
