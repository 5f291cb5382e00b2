"""What several commands take, said once."""

import inspect
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acgkd.errors import ConfigError
from sweeps import shipped

if TYPE_CHECKING:
    from sweeps.executors.job_server.client import JobServer as Server
    from sweeps.executors.job_server.client import ServerJob

SpecFile = Annotated[
    Path,
    typer.Argument(
        metavar="SPEC",
        help="The sweep or suite: a YAML file, or the name of a shipped spec (see `acgkd list specs`).",
        callback=shipped.locate,
        readable=False,
        show_default=False,
    ),
]
SweepFile = Annotated[
    Path,
    typer.Argument(
        metavar="SPEC",
        help="The sweep: a YAML file, or the name of a shipped spec (see `acgkd list specs`).",
        callback=shipped.locate,
        readable=False,
        show_default=False,
    ),
]


def read_place(folder: Path) -> Path:
    """The folder of a sweep to be read: of one on an object store the copy of this machine.

    Raises:
        FolderError: no such store can hold a sweep.
        StorageError: it cannot be read.
    """
    from acgkd.files.addresses import address_of

    if address_of(folder) is None:
        return folder
    from sweeps.store.writable import place_of

    return place_of(folder)


def local_place(path: Path | None) -> Path | None:
    """A file or folder to be written, which has to be on a filesystem.

    Raises:
        FolderError: it is an address of an object store.
    """
    if path is not None:
        from sweeps.store.writable import require_path

        require_path(path)
    return path


SweepFolderPath = Annotated[
    Path, typer.Argument(metavar="DIR", help="A sweep folder.", show_default=False, callback=read_place)
]
TrialsOption = Annotated[
    int | None, typer.Option("--trials", metavar="N", help="Short for --set budget/trials=N.", show_default=False)
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Override one setting of the file; may be given many times. The path takes slashes or dots, the value is "
        "read as it would be in the file.",
        show_default=False,
    ),
]
Plugin = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="PATH",
        help="A Python file, or a folder of them, that adds entries to the catalogues; may be given many times. Like "
        "`plugins:` in a spec, it needs `--trust-code` where it is run.",
        show_default=False,
    ),
]
TrustCode = Annotated[
    bool,
    typer.Option(
        "--trust-code",
        help="Let the spec run code: teacher and student may be Python functions, `module: my_models:build`; a class "
        "under `trackers`; a command under `on_end`; `plugins`.",
    ),
]
JobServer = Annotated[
    str,
    typer.Option("--address", metavar="URL", help="Ray's job server, as http://HOST:8265.", show_default=False),
]
SubmittedSweep = Annotated[
    str,
    typer.Argument(metavar="DIR|ID", help="The sweep folder as it was submitted, or a job.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def changes(overrides: list[str] | None, plugin: list[str] | None = None, trials: int | None = None) -> list[str]:
    """Overrides of a spec: those of `--set`, plug-ins beside those of its file, and the budget of trials."""
    plugins = (f"plugins+={json.dumps(path)}" for path in plugin or ())
    return [*(overrides or ()), *plugins, *([] if trials is None else [f"budget/trials={trials}"])]


def require_sweep(folder: Path) -> None:
    """Refuses a path that is no sweep folder.

    Raises:
        ConfigError: it holds no `sweep.json`.
    """
    # `os.path` answers where `Path` raises: a name that is too long, a folder that may not be entered.
    if not os.path.isfile(folder / "sweep.json"):
        from analysis.stores.copies import copy_of, shown

        copy = copy_of(folder)
        there = "there is no such folder" if not os.path.isdir(folder) else "this one does not"
        there = there if copy is None else "there is none"
        raise ConfigError(f"A sweep folder holds `sweep.json`, but {there}: {shown(str(folder))}. Is the path right?")


def submitted_job(server: "Server", sweep: str) -> "ServerJob":
    """The job that a folder or an identifier means: of several of one sweep, the latest.

    Raises:
        ConfigError: the server knows none.
    """
    from sweeps.launching.submission import name_of, number_of, place_of

    jobs = server.jobs()
    first = name_of(place_of(sweep))
    found = [job for job in jobs if job.id == sweep] or [job for job in jobs if number_of(job.id, first)]
    if not found:
        raise ConfigError(
            f"A job or the folder of a submitted sweep is needed, but the server knows none of {sweep}. Its jobs: "
            f"{', '.join(job.id for job in jobs if job.id.startswith('acgkd-')) or 'none of ours'}."
        )
    return found[-1]


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\n".join(["Examples:", *(f"  {line.replace('[', chr(92) + '[')}" for line in lines)])


def paragraphs(function: Callable[..., None]) -> str:
    """A function's docstring with each paragraph on one line, so that it wraps as wide as the terminal is."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(function.__doc__ or "").split("\n\n"))
