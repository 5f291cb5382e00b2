"""`acgkd report`: records become tables, figures and one HTML file."""

import os
from pathlib import Path
from typing import Annotated

import typer

from sweeps.cli.commands._options import examples, require_sweep
from sweeps.cli.console import print_line

EPILOG = examples(
    "acgkd report runs/quickstart",
    "acgkd report runs/mutag-gin runs/mutag-gcn --name methods --out comparison",
)


def report(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Sweep folders.", show_default=False)],
    to: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the report.", show_default="DIR/report; of several: report"),
    ] = None,
    name: Annotated[str, typer.Option(help="Which report; see `acgkd list reports`.")] = "sweep",
) -> None:
    """Write the report of one or several sweeps.

    Writes `report.html` (one file that asks nothing of the network), `report.md`, the tables as CSV and Parquet and
    the figures as SVG and PNG. Reads files only, so it may be called while the sweep runs, or on a copy of its folder.
    """
    from analysis import reports
    from sweeps.store.writable import require_writable

    for folder in folders:
        if not os.path.isdir(folder / "records"):
            require_sweep(folder)
    target = to or (folders[0] / "report" if len(folders) == 1 else Path("report"))
    _ = reports.REPORTS[name]  # refused before a folder is made
    require_writable(target)
    print_line(f"Report: {reports.write(folders, target, name)}")
