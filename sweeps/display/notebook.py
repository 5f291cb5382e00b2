"""Progress in a notebook: one output that is updated in place and keeps the last state.

IPython is no dependency: it is looked for only where it is loaded already, that is, inside a notebook's kernel.
"""

import sys
import time
from collections.abc import Callable, Sequence
from html import escape
from importlib import import_module
from types import TracebackType
from typing import Any

from sweeps.display.wording import clock, facts, label, plain_line
from sweeps.engine.snapshot import Snapshot

UPDATE_EVERY_S = 0.5
RUNNING_SHOWN = 8
NOTICES_SHOWN = 5


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook; IPython in a terminal is none."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


class NotebookProgress:
    """An HTML output under the cell.

    Args:
        title: what is running.
        now: the clock in seconds, for tests.
    """

    def __init__(self, title: str, now: Callable[[], float] = time.monotonic) -> None:
        self._title = title
        self._now = now
        self._handle: Any = None
        self._last: Snapshot | None = None
        self._shown_at = float("-inf")
        self._phase = "starting"

    def __enter__(self) -> "NotebookProgress":
        display = import_module("IPython.display").display
        self._handle = display(self._bundle("starting"), raw=True, display_id=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._show("finished" if kind is None else "stopped")

    def watch(self, snapshot: Snapshot) -> None:
        """Shows a snapshot: twice a second at most, and at every change of phase."""
        self._last = snapshot
        if snapshot.phase != self._phase or self._now() - self._shown_at >= UPDATE_EVERY_S:
            self._show(snapshot.phase)

    def _show(self, phase: str) -> None:
        self._phase, self._shown_at = phase, self._now()
        self._handle.update(self._bundle(phase), raw=True)

    def _bundle(self, phase: str) -> dict[str, str]:
        """The same in HTML and in one line of text, which a notebook turned into plain text shows."""
        head = f"{self._title}: {phase}"
        if self._last is None:
            return {"text/plain": head, "text/html": f"<b>{escape(head)}</b>"}
        return {"text/plain": f"{head} {plain_line(self._last)}", "text/html": to_html(self._last, head)}


def to_html(snapshot: Snapshot, title: str) -> str:
    """The table of one instant as HTML.

    Args:
        snapshot: the instant.
        title: stands above it.
    """
    rows = []
    for fact in facts(snapshot):
        bar = "" if fact.total is None else f'<progress value="{fact.done}" max="{max(fact.total, 1)}"></progress> '
        rows.append((escape(fact.label), bar + escape(fact.text)))
    notices = "".join(f"<div>{escape(line)}</div>" for line in snapshot.notices[-NOTICES_SHOWN:])
    return f"<div><b>{escape(title)}</b>{_table(rows)}{_running(snapshot)}{notices}</div>"


def _running(snapshot: Snapshot) -> str:
    rows = [("<i>running</i>", "<i>replicate</i>", "", "<i>for</i>")] if snapshot.running else []
    for trial in snapshot.running[:RUNNING_SHOWN]:
        bar = f'<progress value="{trial.progress:.3f}" max="1"></progress> {trial.progress:.0%}'
        rows.append((escape(label(trial)), str(trial.replicate), bar, escape(clock(trial.seconds))))
    more = len(snapshot.running) - RUNNING_SHOWN
    return (_table(rows) if rows else "") + (f"<div>and {more} more</div>" if more > 0 else "")


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    style = "text-align:left;padding:0 1em 0 0"
    cells = ["".join(f'<td style="{style}">{cell}</td>' for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"
