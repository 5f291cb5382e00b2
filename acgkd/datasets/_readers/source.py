"""Where the files of a data set come from: a folder on this machine, a mirror, or the set's own home."""

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from acgkd.config import DatasetConfig, fingerprint
from acgkd.errors import DataError

# The largest set unpacks to 0.4 GB; a zip that claims ten times that is not one of them.
_MAX_UNPACKED_BYTES = 4_000_000_000
_MAX_DOWNLOAD_BYTES = 1_000_000_000
# A host that does not answer for so long is not reached.
REACH_S = 20
HOME = "its own home"


@dataclass(frozen=True)
class Source:
    """One place that has the files.

    Args:
        described: how messages call it.
        key: hash that changes when the files do (by content for a zip; by address for a URL).
        unpack: puts the plain files into a folder.
        local: the zip or the folder of plain files; None where they are fetched.
        reach: makes sure that what is fetched could be, without fetching it.
    """

    described: str
    key: str
    unpack: Callable[[Path], None]
    local: Path | None = None
    reach: Callable[[], None] = lambda: None


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
        folder = Path(os.path.expanduser(config.root))
        found = _in_folder(name, folder)
        if found is None:
            raise missing(name, [f"{name}.zip"], [f"`dataset.root` ({config.root}): no {_looked_for(name, folder)}"])
        return found
    if config.mirror is not None:
        return _remote(name, config.mirror, "`dataset.mirror`")
    data = os.environ.get("ACGKD_DATA")
    found = _in_folder(name, Path(os.path.expanduser(data))) if data else None
    return found or _remote(name, home_url, HOME)


def missing(title: str, files: Sequence[str], looked: Sequence[str]) -> DataError:
    """The error that says where a set was looked for, and three ways to get it.

    Args:
        title: of the set.
        files: that it is published as.
        looked: places, each with what was not there.
    """
    listed, them = ", ".join(files), "it" if len(files) == 1 else "them"
    return DataError(
        f"The data set {title} was not found. Looked at {'; '.join(looked)}. Three ways to get it: put {listed} into a "
        f"folder and name that as `dataset.root` or $ACGKD_DATA; name a URL that holds {them} as `dataset.mirror` "
        "(https, file:// or an object store); or run once where the network reaches the set's own home."
    )


def unreachable(
    title: str, files: Sequence[str], address: str, called: str, looked_for: Callable[[Path], str], error: Exception
) -> DataError:
    """The error for a place outside of this machine that cannot be read.

    Args:
        title: of the set.
        files: that it is published as.
        address: what could not be read.
        called: how messages call the place: `dataset.mirror`, or `HOME`, which comes after ``$ACGKD_DATA``.
        looked_for: says what was looked for in a folder.
        error: the reason.
    """
    looked = [f"{called} ({address}): {type(error).__name__}: {error}".partition("\n")[0][:400]]
    if called == HOME:
        data = os.environ.get("ACGKD_DATA")
        looked.insert(0, f"$ACGKD_DATA ({data}): no {looked_for(Path(data))}" if data else "$ACGKD_DATA: not set")
    return missing(title, files, looked)


def _folders(name: str, folder: Path) -> list[Path]:
    """Where plain files are looked for."""
    return [folder / name / "raw", folder / name, folder / "tu" / name / "raw", folder / "tu" / name, folder]


def _looked_for(name: str, folder: Path) -> str:
    zips = [folder / "tu" / f"{name}.zip", folder / f"{name}.zip"]
    return " or ".join(map(str, [*zips, *(place / f"{name}_A.txt" for place in _folders(name, folder))]))


def _in_folder(name: str, folder: Path) -> Source | None:
    for path in (folder / "tu" / f"{name}.zip", folder / f"{name}.zip"):
        if os.path.isfile(path):
            return _zipped(name, path)
    for raw in _folders(name, folder):
        if os.path.isfile(raw / f"{name}_A.txt"):
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
    return Source(str(path), digest.hexdigest()[:16], lambda target: unzip(name, path, target), path)


def _unpacked(name: str, raw: Path) -> Source:
    files = sorted(raw.glob(f"{name}_*.txt"))
    key = fingerprint([(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files])

    def link(target: Path) -> None:
        for file in files:
            (target / file.name).symlink_to(file.resolve())

    return Source(str(raw), key, link, raw)


def _remote(name: str, url: str, called: str) -> Source:
    address = f"{url.rstrip('/')}/{name}.zip"

    def tried(action: Callable[[], None]) -> None:
        try:
            action()
        # fsspec raises whatever its backends do: there is no common kind.
        except Exception as error:
            said = partial(_looked_for, name)
            raise unreachable(name, [f"{name}.zip"], address, called, said, error) from error

    def fetch(target: Path) -> None:
        zipped = target / "download.zip"
        tried(lambda: download(address, zipped))
        unzip(name, zipped, target)
        zipped.unlink()

    described = f"{called} ({address})"
    return Source(described, fingerprint(address), fetch, reach=lambda: tried(lambda: reach(address)))


def reach(address: str) -> None:
    """Makes sure that a file is anywhere that fsspec reaches; raises whatever its backends raise."""
    import fsspec

    options: dict[str, object] = {}
    if address.startswith(("http://", "https://")):
        from aiohttp import ClientTimeout

        options = {"client_kwargs": {"timeout": ClientTimeout(total=REACH_S)}}
    with fsspec.open(address, "rb", **options):
        pass


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


def read_labels(name: str, source: Source) -> list[int] | None:
    """The class of each graph, as torch_geometric counts them; None where the files are elsewhere or unreadable."""
    if source.local is None:
        return None
    file = f"{name}_graph_labels.txt"
    try:
        if source.local.is_dir():
            text = (source.local / file).read_text()
        else:
            with zipfile.ZipFile(source.local) as archive:
                entry = next(entry for entry in archive.namelist() if Path(entry).name == file)
                text = archive.read(entry).decode()
        said = [float(line) for line in text.split()]
    # Loading says what is wrong with them.
    except Exception:
        return None
    places = {label: place for place, label in enumerate(sorted(set(said)))}
    return [places[label] for label in said]


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
