"""`acgkd list`: what there is to choose from."""

import ast
from pathlib import Path
from typing import Annotated

import typer

from acgkd import plugins
from acgkd.catalog import Catalog
from acgkd.errors import UnknownNameError, nearest
from acgkd.plugins.plugin_places import KINDS as KINDS_OF_ENTRIES
from sweeps import shipped
from sweeps.cli.commands._options import Json, Plugin, examples
from sweeps.cli.console import out, print_facts, print_text

EPILOG = examples("acgkd list", "acgkd list spaces", "acgkd list methods --json")

KINDS = (*KINDS_OF_ENTRIES, "specs")


def list_(
    kind: Annotated[
        str | None, typer.Argument(metavar="KIND", help="One of: " + ", ".join(KINDS) + ".", show_default=False)
    ] = None,
    plugin: Plugin = None,
    json: Json = False,
) -> None:
    """List methods, models, data sets, search spaces, reports, trackers and shipped specs.

    The names are those that a spec takes; of a spec, the name that `acgkd run` takes. Each is one file, and what it
    says of itself stands beside it. Models are families: their names end in numbers or words, as in `gin-5-64` and
    `lenet5-half`.
    """
    if kind is not None and kind not in KINDS:
        raise UnknownNameError(f"There is no kind '{kind}'. {nearest(kind, KINDS)}Known: {', '.join(KINDS)}.")
    plugins.use_plugins(*(plugin or ()))  # looked at, and not run
    found = {name: entries(name) for name in ([kind] if kind else KINDS)}
    if json:
        from json import dumps

        print_text(dumps(found, indent=2))
        return
    width = max(len(key) for group in found.values() for key in [*group, "-"])
    for name, group in found.items():
        out.print(name, style="bold")
        print_facts(((key.ljust(width), line) for key, line in group.items()), style="cyan", indent=2)


def entries(kind: str) -> dict[str, str]:
    """The names of one kind and the first sentence of each file, found without importing any."""
    if kind not in KINDS_OF_ENTRIES:
        return {name: shipped.summary(name) for name in shipped.names()}
    catalog: Catalog[None] = Catalog(*KINDS_OF_ENTRIES[kind], kind)
    return {name: _first_line(catalog.source(name)) for name in catalog.names()}


def _first_line(file: Path | None) -> str:
    text = None if file is None else ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    return " ".join((text or "").split("\n\n")[0].split())
