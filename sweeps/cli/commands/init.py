"""`acgkd init`: writes a commented spec to start from."""

import os
import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

from acgkd.errors import FolderError, UnknownNameError, nearest
from sweeps import shipped
from sweeps.cli.commands._options import examples, local_place
from sweeps.cli.console import out

EPILOG = examples("acgkd init", "acgkd init suite", "acgkd init mutag --out mine.yaml", "acgkd init own-teacher")

OWN_TEACHER = "own-teacher"
MODULE = "my_teacher.py"
_TEMPLATES = Path(__file__).parents[1] / "templates"
_SCHEMAS = Path(__file__).parents[2]
SUITE, SMALL_SUITE = "suite", "suite-small"


def init(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help=f"A shipped spec (see `acgkd list specs`), `{SUITE}` for the smallest suite, or `{OWN_TEACHER}`.",
        ),
    ] = "quickstart",
    path: Annotated[
        Path | None,
        typer.Option(
            "--out", callback=local_place, metavar="FILE", help="Where to write it.", show_default="KIND.yaml"
        ),
    ] = None,
) -> None:
    """Write a commented spec to edit.

    It is a copy of a shipped spec, named after the file that it is written to. `own-teacher` is a sweep over a model
    of your own, with a small Python module beside it that builds the model. A file that exists is never overwritten.
    """
    kind = SMALL_SUITE if kind == SUITE else kind
    kinds = (*shipped.names(), SUITE, OWN_TEACHER)
    if kind not in kinds:
        raise UnknownNameError(f"There is no spec '{kind}' to copy. {nearest(kind, kinds)}Known: {', '.join(kinds)}.")
    target = path or Path(f"{kind}.yaml")
    files = {target: _spec(kind, target)}
    if kind == OWN_TEACHER:
        files[target.with_name(MODULE)] = (_TEMPLATES / f"{MODULE}.txt").read_text(encoding="utf-8")
    _write(files)
    out.print(f"Written: {', '.join(map(str, files))}", markup=False, highlight=False, soft_wrap=True)
    for line in _next_steps(kind, target):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _spec(kind: str, target: Path) -> str:
    """The text of a spec, with its own name, its own path in the comments, and the schema where it is installed."""
    source = _TEMPLATES / f"{OWN_TEACHER}.yaml" if kind == OWN_TEACHER else shipped.find(kind)
    text = source.read_text(encoding="utf-8")
    text = re.sub(r"(?<=\$schema=).*?([\w.]+)$", lambda found: _schema(found[1]), text, count=1, flags=re.M)
    text = re.sub(rf"(?<= )(specs/)?{re.escape(source.name)}(?=\s)", lambda _: shlex.quote(str(target)), text)
    return re.sub(r"^name: .*$", lambda _: f"name: {_name(target)}", text, count=1, flags=re.M)


def _schema(name: str) -> str:
    return (_SCHEMAS / name).resolve().as_posix()


def _name(target: Path) -> str:
    """The name of a sweep that is kept in that file: what may not stand in a folder's name becomes a hyphen.

    It is quoted where YAML would take it for a number or a truth value.
    """
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", target.stem).strip("-._")[:100] or "sweep"
    return name if re.match(r"[A-Za-z]", name) and name.lower() not in _WORDS else f'"{name}"'


_WORDS = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")


def _write(files: dict[Path, str]) -> None:
    """Writes the files, unless one of them exists already.

    Raises:
        FolderError: one exists already, or cannot be written.
    """
    taken = [str(path) for path in files if os.path.lexists(path)]
    if taken:
        raise FolderError(
            f"`acgkd init` never overwrites a file, but {' and '.join(taken)} exist{'s' if len(taken) == 1 else ''}. "
            "Choose another place with `--out`."
        )
    for path, text in files.items():
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise FolderError(
                f"{path} must be writable, but: {error.strerror}. Choose another with `--out`."
            ) from error


def _next_steps(kind: str, target: Path) -> list[str]:
    file, trust = shlex.quote(str(target)), ""
    first, lines = "Edit it, then:", []
    if kind == OWN_TEACHER:
        file, trust = shlex.quote(target.name), " --trust-code"
        first = f"Put your network into {MODULE}, its weights beside it as my_teacher.pt, and edit the spec; then:"
        lines = [] if target.parent == Path() else [f"  cd {shlex.quote(str(target.parent))}"]
    return [
        first,
        *lines,
        f"  acgkd check {file}{trust}      what is wrong with it, or what it would run",
        f"  acgkd run {file}{trust}        run it; run it again to resume",
    ]
