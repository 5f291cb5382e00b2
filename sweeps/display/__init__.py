"""How a sweep is shown to people: its progress on a terminal, in a log or in a notebook, and its trials as a table."""

import os
import sys
from types import TracebackType
from typing import IO, Protocol

from sweeps.engine.snapshot import Snapshot

__all__ = ["Progress", "progress"]


class Progress(Protocol):
    """Shows a sweep while it runs; a context manager."""

    def __enter__(self) -> "Progress":
        """Begins."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends, also where the sweep was stopped."""
        ...

    def watch(self, snapshot: Snapshot) -> None:
        """Shows a snapshot; may be called from any thread."""
        ...


def progress(title: str, stream: IO[str] | None = None) -> Progress:
    """The display that fits: a live table on a terminal, an output that updates in a notebook, else plain lines.

    Args:
        title: what is running.
        stream: where to; left out, the notebook's cell or standard error.
    """
    if stream is None:
        from sweeps.display.notebook import NotebookProgress, in_notebook

        if in_notebook():
            return NotebookProgress(title)
    target = sys.stderr if stream is None else stream
    if not _is_terminal(target):
        from sweeps.display.log_lines import PlainProgress

        return PlainProgress(title, target)
    from sweeps.display.safe_console import SafeConsole
    from sweeps.display.terminal import TerminalProgress

    return TerminalProgress(title, SafeConsole(file=target))


def _is_terminal(stream: IO[str] | None) -> bool:
    """Whether a table can be redrawn there; a dumb terminal cannot move its cursor."""
    if stream is None or os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return False
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False
