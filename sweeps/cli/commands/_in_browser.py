"""Something of a sweep in a browser, until Ctrl-C."""

import webbrowser
from pathlib import Path
from typing import Annotated, Protocol

import typer

from sweeps.cli.console import print_line

Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")]
PORT_HELP = "Port of this machine; 0 takes any that is free."


class Server(Protocol):
    """What serves it."""

    @property
    def url(self) -> str:
        """Where."""

    def serve(self) -> None:
        """Answers until Ctrl-C."""


def show(server: Server, folder: Path, browser: bool) -> None:
    """Says where it is, opens a browser if asked to, and serves."""
    print_line(f"{folder} is at {server.url} until Ctrl-C.")
    if browser:
        webbrowser.open(server.url)
    server.serve()
    print_line("")
