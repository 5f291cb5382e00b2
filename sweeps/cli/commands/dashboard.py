"""`acgkd dashboard`: a sweep in a browser, while it runs."""

from typing import Annotated

import typer

from sweeps.cli.commands._in_browser import PORT_HELP, Browser, show
from sweeps.cli.commands._options import SweepFolderPath, examples, require_sweep
from sweeps.cli.console import print_note

EPILOG = examples("acgkd dashboard runs/mutag", "acgkd dashboard runs/mutag --port 0 --no-browser")


def dashboard(
    folder: SweepFolderPath,
    port: Annotated[int, typer.Option(help=PORT_HELP, min=0, max=65535)] = 8080,
    browser: Browser = True,
) -> None:
    """Show a sweep in a browser with optuna-dashboard, and follow it while it runs.

    What is shown is a copy in memory, brought up to date every few seconds; nothing that is clicked there changes the
    sweep. It can be reached from this machine alone; from another one through `ssh -L 8080:localhost:8080`. Ctrl-C ends
    it. Needs `pip install "acgkd[dashboard]"`.
    """
    from sweeps.interchange.dashboard_server import DashboardServer

    require_sweep(folder)
    show(DashboardServer(folder, port, print_note), folder, browser)
