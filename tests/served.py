"""Commands that serve a sweep's folder to a browser, started and refused as users meet them."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sweeps.cli.app import main

ROOT = Path(__file__).parents[1]


@contextmanager
def serving(name: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command at work, and where it serves; it may be ended within.

    Args:
        name: of the command.
        folder: of the sweep.
    """
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may let its children ignore it
    process = subprocess.Popen(
        [sys.executable, "-m", "acgkd", name, str(folder), "--port", "0", "--no-browser"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "COLUMNS": "1000"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, heard)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found is not None, line + process.stdout.read()
        yield process, found.group()
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def refuses_a_taken_port_and_a_folder_of_no_sweep(
    name: str, folder: Path, empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What such a command says to either."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main([name, str(folder), "--no-browser", "--port", str(port)]) == 2
    assert f"Port {port} must be free" in " ".join(capsys.readouterr().err.split())
    assert main([name, str(empty), "--no-browser"]) == 2
    assert "`sweep.json`" in capsys.readouterr().err
