"""`acgkd report`: records become tables, figures and one HTML file."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from acgkd.errors import ConfigError
from acgkd.exit_codes import ExitCode
from sweeps.cli.commands._options import Plugin, TrustCode, examples, read_place, require_sweep
from sweeps.cli.console import err, print_line

EPILOG = examples(
    "acgkd report runs/quickstart",
    "acgkd report runs/mutag-gin runs/mutag-gcn --name methods --out comparison",
)


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...", help="Sweep folders, suite folders, and files of packed records.", show_default=False
        ),
    ],
    to: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the report.", show_default="DIR/report; of several or of a file: report"),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Which report; see `acgkd list reports`.", show_default="sweep; of a suite: methods"),
    ] = None,
    plugin: Plugin = None,
    trust_code: TrustCode = False,
) -> None:
    """Write the report of one or several sweeps, or of a suite.

    Writes `report.html` (one file that asks nothing of the network), `report.md`, the tables as CSV, Parquet, Markdown
    and LaTeX and the figures as SVG and PNG. Reads files only, so it may be called while the sweep runs, or on a copy
    of its folder. Files that are damaged are named, in the report too, and give exit code 1.
    """
    from acgkd import plugins
    from analysis import reports
    from analysis.records.frame import load
    from sweeps.cli.suite_commands import is_suite
    from sweeps.store.writable import require_writable

    folders = [read_place(folder) for folder in folders]
    for folder in folders:
        if is_suite(folder):
            continue
        if not os.path.isdir(folder / "records") and not (folder.suffix == ".parquet" and folder.is_file()):
            require_sweep(folder)
    alone = len(folders) == 1 and folders[0].is_dir()
    target = to or (folders[0] / "report" if alone else Path("report"))
    name = name or ("methods" if any(map(is_suite, folders)) else "sweep")
    if plugin and not trust_code:
        raise ConfigError("`--plugin` is Python code that a report runs. `--trust-code` allows it.")
    plugins.use_plugins(*(plugin or ()))
    _ = reports.REPORTS[name]  # refused before a folder is made
    require_writable(target)
    with few_collections():
        frame = load(folders)
        print_line(f"Report: {reports.write(frame, target, name)}")
    damaged = [f"{sweep.source}: {line}" for sweep in frame.sweeps for line in sweep.damaged]
    damaged += [f"{item.source}: `records/{item.file}` {item.reason}." for item in frame.unreadable]
    for line in damaged:
        err.print(line, markup=False, highlight=False)
    if damaged:
        raise typer.Exit(ExitCode.LOOK)


@contextmanager
def few_collections() -> Iterator[None]:
    """Looks for cycles of garbage more rarely: what is read stays until all is written, a tenth less time."""
    before = gc.get_threshold()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
