"""`acgkd doctor`: what this machine has, and whether a sweep could live here."""

import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from sweeps.cli.commands._options import Json, examples
from sweeps.cli.console import out, plural

EPILOG = examples(
    "acgkd doctor",
    "acgkd doctor --folder /shared/sweeps",
    "acgkd doctor --folder /shared/sweeps --address auto",
)

LIBRARIES = ("torch", "torch_geometric", "ray", "optuna", "pandas", "pydantic")


def doctor(
    folder: Annotated[
        Path, typer.Option(help="Where sweep folders are to be kept; tried for what they need of a filesystem.")
    ] = Path(),
    address: Annotated[
        str | None,
        typer.Option(
            help="Look at every node of the Ray cluster there, as for `acgkd run`, in place of this machine.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check whether this machine is ready: packages, devices, data, folders, Ray.

    The folder is tried for what a sweep needs of its filesystem: writing, locking, renaming over a file, creating a
    file exclusively. Anything wrong gives exit code 1.

    With `--address` every node of a Ray cluster is asked: versions and digest of its acgkd, devices, whether it sees
    the folder and can rename and exclusively create files there, free disk, and how far its clock is from this
    machine's. A node that does not answer within half a minute is named.
    """
    entries: Sequence[Mapping[str, object]]
    if address is None:
        rows = [(name, state, text) for name, check in CHECKS for state, text in _attempt(check, folder)]
        entries = [{"what": what, "state": state, "text": text} for what, state, text in rows]
    else:
        from sweeps.cli.commands._cluster import look

        nodes = look(address, folder)
        entries = nodes
        rows = [(entry["name"], item["state"], item["text"]) for entry in nodes for item in entry["findings"]]
    if json:
        from json import dumps

        typer.echo(dumps(entries, indent=2))
    else:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(style="bold", max_width=24, overflow="fold")
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        colours = {"ok": "green", "note": "yellow", "bad": "bold red"}
        last = ""
        for what, state, text in rows:
            table.add_row(what if what != last else "", Text(state, style=colours[state]), Text(text))
            last = what
        out.print(table)
    if any(state == "bad" for _, state, _ in rows):
        raise typer.Exit(1)


Finding = tuple[str, str]


def _attempt(check: Callable[[Path], Iterator[Finding]], folder: Path) -> list[Finding]:
    try:
        return list(check(folder))
    except Exception as error:  # a doctor that dies of the illness helps nobody
        return [("bad", f"{type(error).__name__}: {error}")]


def _packages(_: Path) -> Iterator[Finding]:
    import acgkd
    from acgkd.guard import PACKAGES, other_distributions, require_own_packages

    require_own_packages()
    home = Path(acgkd.__file__).resolve().parents[1]
    yield "ok", f"acgkd {acgkd.__version__} from {home}"
    for name in PACKAGES:
        listed = other_distributions(name)
        for title, folder in listed.items():
            yield "note", _namesake(name, title, folder, home / name)
        for stray in _strays(name, {home / name, *listed.values()}):
            yield "note", f"{stray} has the name of a package of ours, and comes first where Python looks there first"


def _strays(name: str, known: set[Path]) -> Iterator[Path]:
    """Packages and files of that name on the path that are not ours and belong to no distribution."""
    known = {path.resolve() for path in known}
    for entry in dict.fromkeys(map(Path, sys.path)):
        for place, code in ((entry / name, entry / name / "__init__.py"), (entry / f"{name}.py", entry / f"{name}.py")):
            if code.is_file() and place.resolve() not in known:
                yield place


def _namesake(name: str, title: str, folder: Path, ours: Path) -> str:
    known = f"`{title}` has a package `{name}` too"
    if folder != ours.resolve():
        return f"{known}, in {folder}: `import {name}` gives acgkd's"
    return (
        f"{known}, and acgkd's was installed over it: `{title.split()[0]}` no longer works here, and updating or "
        "removing it breaks acgkd. Give each an environment of its own"
    )


def _versions(_: Path) -> Iterator[Finding]:
    yield "ok", f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    for name in LIBRARIES:
        try:
            yield "ok", f"{name} {version(name)}"
        except PackageNotFoundError:
            yield "bad", f"{name} is not installed: `pip install acgkd` brings it"


def _devices(_: Path) -> Iterator[Finding]:
    import torch

    if not torch.cuda.is_available():
        yield "note", "no CUDA device: everything runs on the CPU"
    for index in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(index)
        yield "ok", f"cuda:{index} {facts.name}, {facts.total_memory / 2**30:.0f} GiB"
    cores, threads = len(os.sched_getaffinity(0)), torch.get_num_threads()
    yield "ok", f"{plural(cores, 'core')} for this process, torch uses {plural(threads, 'thread')}"


def _data(_: Path) -> Iterator[Finding]:
    root = os.environ.get("ACGKD_DATA")
    if root is None:
        yield (
            "note",
            "ACGKD_DATA is not set: benchmark sets are downloaded when first used (`motifs` and `digits` need none)",
        )
    elif Path(root).is_dir():
        yield "ok", f"ACGKD_DATA is {root}"
    else:
        yield "bad", f"ACGKD_DATA is {root}, but there is no such folder"
    if find_spec("sklearn") is None:
        yield "note", "scikit-learn is not installed: `pip install acgkd[images]` brings it, and with it `digits`"


def _cache(_: Path) -> Iterator[Finding]:
    from acgkd.cache import folder as cache_folder

    path = cache_folder()
    nearest = next(parent for parent in (path, *path.parents) if parent.exists())
    if os.access(nearest, os.W_OK):
        yield "ok", f"{path}" + ("" if path.exists() else " (made when first needed)")
    else:
        yield "bad", f"{path} cannot be written; set ACGKD_CACHE to a folder that can"


def _folder(folder: Path) -> Iterator[Finding]:
    import shutil
    import tempfile

    from acgkd.files.addresses import address_of
    from sweeps.store.atomic import Lock, create, write
    from sweeps.store.writable import place_for_run

    if (address := address_of(folder)) is not None:
        place_for_run(folder)
        yield "ok", f"{address} can be written, and of two writers of one object the first wins"
        return
    if not folder.is_dir():
        yield "bad", f"there is no folder {folder}"
        return
    with tempfile.TemporaryDirectory(prefix=".acgkd-doctor-", dir=folder) as name:
        trial = Path(name)
        write(trial / "file", "old")
        write(trial / "file", "new")
        replaced = (trial / "file").read_text() == "new"
        yield (
            ("ok", "a file can be replaced in one move") if replaced else ("bad", "a replaced file shows its old text")
        )
        made = [create(trial / "once", "first"), create(trial / "once", "second")]
        once = made == [True, False] and (trial / "once").read_text() == "first"
        yield (
            ("ok", "of two writers of one file the first wins") if once else ("bad", "two writers of one file both win")
        )
        with Lock(trial / "lock") as lock:
            held = lock.held()
        yield ("ok", "locks hold") if held else ("bad", "locks do not hold: two drivers would not notice each other")
    yield "ok", f"{shutil.disk_usage(folder).free / 2**30:,.0f} GiB free in {folder.resolve()}"


def _ray(_: Path) -> Iterator[Finding]:
    mode = os.environ.get("RAY_AUTH_MODE", "")
    token = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", Path.home() / ".ray" / "auth_token"))
    if os.environ.get("RAY_AUTH_TOKEN"):
        yield "ok", "a token is in RAY_AUTH_TOKEN"
    elif token.is_file():
        yield "ok", f"the token is in {token}"
    elif mode == "token":
        yield "bad", f"RAY_AUTH_MODE asks for a token, but there is none in RAY_AUTH_TOKEN nor in {token}"
    else:
        yield "note", f"no token in {token}: fine on one machine, a shared cluster may ask for one"
    if os.environ.get("RAY_ADDRESS"):
        yield "note", f"RAY_ADDRESS is {os.environ['RAY_ADDRESS']}; `--address auto` goes there"


CHECKS: tuple[tuple[str, Callable[[Path], Iterator[Finding]]], ...] = (
    ("packages", _packages),
    ("versions", _versions),
    ("devices", _devices),
    ("data", _data),
    ("cache", _cache),
    ("folder", _folder),
    ("ray", _ray),
)
