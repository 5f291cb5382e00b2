"""What several commands take, said once."""

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from acgkd.errors import ConfigError
from sweeps import shipped

SpecFile = Annotated[
    Path,
    typer.Argument(
        metavar="SPEC",
        help="The sweep: a YAML file, or the name of a shipped spec (see `acgkd list specs`).",
        callback=shipped.locate,
        readable=False,
        show_default=False,
    ),
]
SweepFolderPath = Annotated[Path, typer.Argument(metavar="DIR", help="A sweep folder.", show_default=False)]
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
TrustCode = Annotated[
    bool,
    typer.Option(
        "--trust-code",
        help="Let the spec run code: `teacher.preset` a Python function, `module:function`; `on_end` a command.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def require_sweep(folder: Path) -> None:
    """Refuses a path that is no sweep folder.

    Raises:
        ConfigError: it holds no `sweep.json`.
    """
    # `os.path` answers where `Path` raises: a name that is too long, a folder that may not be entered.
    if not os.path.isfile(folder / "sweep.json"):
        there = "there is no such folder" if not os.path.isdir(folder) else "this one does not"
        raise ConfigError(f"A sweep folder holds `sweep.json`, but {there}: {folder}. Is the path right?")


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\n".join(["Examples:", *(f"  {line.replace('[', chr(92) + '[')}" for line in lines)])


def paragraphs(function: Callable[..., None]) -> str:
    """A function's docstring with each paragraph on one line, so that it wraps as wide as the terminal is."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(function.__doc__ or "").split("\n\n"))
