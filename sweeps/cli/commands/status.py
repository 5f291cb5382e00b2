"""`acgkd status`: how far a sweep is, read from its folder."""

from typing import Any

import typer

from sweeps.cli.commands._options import Json, SweepFolderPath, examples, require_sweep
from sweeps.cli.console import out

EPILOG = examples(
    "acgkd status runs/quickstart", "watch -n 10 acgkd status runs/mutag", "acgkd status runs/mutag --json"
)


def status(folder: SweepFolderPath, json: Json = False) -> None:
    """Show how far a sweep is: trials by state, records by outcome, what failed and why.

    Reads files only: it needs no running driver and disturbs none, and works on a copy of the folder.
    """
    from sweeps.store.folder import SweepFolder

    require_sweep(folder)
    found = SweepFolder(folder).status().to_json()
    if json:
        from json import dumps

        typer.echo(dumps(found, indent=2))
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in found.items():
        table.add_row(key.replace("_", " "), _text(value))
    out.print(table)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items()) or "none"
    if isinstance(value, list):
        return "\n".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)
