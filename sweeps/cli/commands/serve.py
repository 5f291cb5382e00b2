"""`acgkd serve`: the report of a sweep in a browser, while it runs."""

from typing import Annotated

import typer

from sweeps.cli.commands._in_browser import PORT_HELP, Browser, show
from sweeps.cli.commands._options import SweepFolderPath, examples, require_sweep
from sweeps.cli.console import print_note

EPILOG = examples("acgkd serve runs/mutag", "acgkd serve runs/mutag --port 0 --no-browser")


def serve(
    folder: SweepFolderPath,
    port: Annotated[int, typer.Option(help=PORT_HELP, min=0, max=65535)] = 8090,
    browser: Browser = True,
) -> None:
    """Show the report of a sweep in a browser, and follow the sweep while it runs.

    It is the page that `acgkd report` writes, made again when records have changed; an open page loads the new one by
    itself and stays where it was scrolled to. Links below its tables and figures lead to them as files. The sweep's
    files are only read, and nothing is written. It can be reached from this machine alone; from another one through
    `ssh -L 8090:localhost:8090`. Ctrl-C or SIGTERM ends it, with exit code 0.
    """
    from sweeps.interchange.report_server import ReportServer

    require_sweep(folder)
    show(ReportServer(folder, port, print_note), folder, browser)
