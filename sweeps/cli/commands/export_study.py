"""`acgkd export-study`: a sweep's trials as an Optuna study, for Optuna's own tools."""

from typing import Annotated

import typer

from sweeps.cli.commands._options import SweepFolderPath, examples, require_sweep
from sweeps.cli.console import plural, print_line

EPILOG = examples(
    "acgkd export-study runs/mutag sqlite:///mutag.db",
    "acgkd export-study runs/mutag sqlite:///mutag.db --name first",
)


def export_study(
    folder: SweepFolderPath,
    url: Annotated[str, typer.Argument(metavar="URL", help="Any Optuna storage: sqlite:///study.db, for instance.")],
    name: Annotated[str | None, typer.Option(help="The study's name.", show_default="the sweep's name")] = None,
) -> None:
    """Copy a sweep's trials into an Optuna storage, for Optuna's own functions and other tools.

    It is a copy: the sweep never reads it back, and its folder stays the only truth. Typed again, also while the sweep
    runs, the copy is brought up to date. A study of that name that is not a copy of this sweep is refused.
    """
    from sweeps.interchange.optuna_export import export_study as export

    require_sweep(folder)
    count = export(folder, url, name)
    print_line(f"{plural(count, 'trial')} copied to {url}.")
