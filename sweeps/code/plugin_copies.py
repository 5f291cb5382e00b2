"""Copies of plug-ins in a sweep folder: what ran stays with its results, whatever becomes of the originals."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from acgkd import plugins
from acgkd.errors import AcgkdError, ConfigError
from analysis.records.file_names import as_text
from analysis.records.suites.suite_file import is_suite, sweep_folders
from analysis.records.sweep_file import SweepFile
from sweeps.store.atomic import write
from sweeps.store.folder import SweepFolder


def keep(folder: SweepFolder) -> dict[str, str]:
    """Copies the plug-ins that are in use, those that workers get, into the sweep folder.

    Args:
        folder: of the sweep; a copy lies at ``code/plugins/<digest>/<name of the file or folder>``.

    Returns:
        The digest of each, by path of the original.
    """
    kept = {}
    for place in plugins.places():
        digest = place.digest
        whole = place.path.name
        for name, content in place.files.items():
            path = folder.plugins / digest / (whole if name == whole else f"{whole}/{name}")
            if not path.is_file() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                write(path, content)
        kept[as_text(str(place.path))] = digest
    return kept


def copies(folder: SweepFolder, known: SweepFile) -> dict[str, Path]:
    """Where the copies are of the plug-ins of the last start, by path of the original.

    Raises:
        ConfigError: one of them is gone, or is not what it was.
    """
    found = {}
    for path, digest in known.plugins.items():
        copy = folder.plugins / digest / Path(path).name
        if plugins.place_at(copy).digest != digest:
            raise ConfigError(f"A copy of a plug-in stays as it was made, but {copy} was changed. Put it back.")
        found[path] = copy
    return found


def stand_in(folder: Path) -> None:
    """Lets the copies of a sweep, or of the sweeps of a suite, stand in for plug-ins that are gone.

    What cannot be read stands in for nothing: whoever needs it says what is wrong with it.
    """
    found: dict[str, Path] = {}
    for place in sweep_folders(folder) if is_suite(folder) else [folder]:
        with suppress(AcgkdError, OSError):
            files = SweepFolder(place)
            known = files.read_sweep()
            found |= {} if known is None else copies(files, known)
    plugins.stand_in(found)


def gone() -> Mapping[Path, Path]:
    """The plug-ins in use for which copies stand in, with the copies."""
    return {place.path: place.home for place in plugins.places() if place.home is not None}


def said_of_gone() -> list[str]:
    """What is said where copies stand in."""
    return [f"The plug-in {path} is not there any more: its copy is used, {copy}." for path, copy in gone().items()]


def use(folder: SweepFolder, known: SweepFile, named: Sequence[str], trust_code: bool) -> None:
    """Uses the plug-ins that a sweep ran with last, as they were, unless this process does.

    Args:
        folder: of the sweep.
        known: what it says of itself.
        named: paths of others to be used in their place.
        trust_code: whether that is allowed.

    Raises:
        ConfigError: it is not, or one of them cannot be used.
    """
    said = known.spec.get("plugins")
    before = [str(path) for path in said] if isinstance(said, list) else []  # of an earlier version, which kept none
    paths = list(named) or [str(copy) for copy in copies(folder, known).values()] or before
    used = {place.digest for place in plugins.places()}
    if not paths or (known.plugins and not named and used.issuperset(known.plugins.values())):
        return
    if not trust_code:
        raise ConfigError(
            f"The space of {folder.shown} is read by Python code, {', '.join(f'`{path}`' for path in paths)}, which is "
            "never run by itself. Add `--trust-code` to allow it."
        )
    plugins.activate(paths)
