"""The live table of a running sweep: trials done, running, best so far, time left.

On a terminal it redraws itself; in a pipe or a log file it is one plain line every ten seconds and at every change of
phase.
"""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from sweeps.engine.snapshot import Snapshot

LINE_EVERY_S = 10.0
RUNNING_SHOWN = 8
COLOURS = {"completed": "green", "pruned": "yellow", "infeasible": "magenta", "failed": "red", "running": "cyan"}


def clock(seconds: float | None) -> str:
    """`4 s`, `1 min 20 s`, `2 h 05 min`; a dash where it is not known."""
    if seconds is None:
        return "–"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def number(value: Any) -> str:
    """Four digits are enough to look at; large counts get a letter."""
    if value is None or value != value:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    for size, letter in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 1000 else f"{value:.4g}"


def finished(snapshot: Snapshot) -> int:
    """Trials that are over, however they ended."""
    return sum(count for state, count in snapshot.counts.items() if state not in ("waiting", "running"))


def phase(snapshot: Snapshot) -> str:
    """What the sweep is doing: `preparing`, `running` or `finishing`."""
    if snapshot.prepared < snapshot.to_prepare and not finished(snapshot):
        return "preparing"
    if snapshot.budget_trials is not None and finished(snapshot) >= snapshot.budget_trials:
        left = snapshot.running or snapshot.prepared < snapshot.to_prepare
        return "finishing" if left else "running"
    return "running"


def _counts(snapshot: Snapshot) -> Text:
    parts = Text()
    for state, count in snapshot.counts.items():
        if count:
            parts.append(", " if parts else "")
            parts.append(f"{count} {state}", style=COLOURS.get(state, ""))
    return parts if parts else Text("none yet")


def best_line(best: Mapping[str, Any] | None) -> str:
    """The best trial in one line."""
    if best is None:
        return "none yet"
    values = [f"{name} {number(value)}" for name, value in best.items() if name != "number" and value is not None]
    return f"trial {best.get('number', '?')}: {', '.join(values)}"


def plain_line(snapshot: Snapshot) -> str:
    """The sweep in one line, for logs."""
    of = "" if snapshot.budget_trials is None else f" of {snapshot.budget_trials}"
    parts = [f"[{clock(snapshot.elapsed_s)}] {phase(snapshot)}"]
    if snapshot.prepared < snapshot.to_prepare:
        parts.append(f"teachers and controls {snapshot.prepared} of {snapshot.to_prepare}")
    parts.append(f"trials {finished(snapshot)}{of} done ({_counts(snapshot).plain})")
    parts.append(f"best {best_line(snapshot.best)}")
    if snapshot.remaining_s is not None:
        parts.append(f"about {clock(snapshot.remaining_s)} left")
    if snapshot.message:
        parts.append(snapshot.message)
    return "; ".join(parts)


def render(snapshot: Snapshot, title: str, spinner: RenderableType | None = None) -> RenderableType:
    """The table of one instant."""
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0), expand=True)
    facts.add_column(style="bold", no_wrap=True, width=10)
    facts.add_column(ratio=1)
    if snapshot.to_prepare:
        facts.add_row("prepared", _bar(snapshot.prepared, snapshot.to_prepare, "teachers and controls"))
    if snapshot.budget_trials is None:
        facts.add_row("trials", Text(f"{finished(snapshot)} done"))
    else:
        facts.add_row("trials", _bar(finished(snapshot), snapshot.budget_trials, "done"))
    facts.add_row("", _counts(snapshot))
    facts.add_row("best", Text(best_line(snapshot.best), overflow="ellipsis", no_wrap=True))
    left = "" if snapshot.remaining_s is None else f", about {clock(snapshot.remaining_s)} left"
    facts.add_row("time", Text(f"{clock(snapshot.elapsed_s)}{left}"))
    if snapshot.message:
        facts.add_row("", Text(snapshot.message, style="dim"))
    head: RenderableType = Text(title, style="bold cyan")
    if spinner is not None:
        row = Table.grid(padding=(0, 1))
        row.add_row(spinner, head)
        head = row
    return Group(head, facts, *_running(snapshot))


def _bar(done: int, total: int, word: str) -> RenderableType:
    row = Table.grid(padding=(0, 2))
    row.add_column(width=40)
    row.add_column()
    row.add_row(ProgressBar(total=max(total, 1), completed=done, width=40), Text(f"{done} of {total} {word}"))
    return row


def _running(snapshot: Snapshot) -> list[RenderableType]:
    if not snapshot.running:
        return []
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("running", "replicate", "progress", "for"):
        table.add_column(column, no_wrap=True)
    for trial in snapshot.running[:RUNNING_SHOWN]:
        label = f"trial {trial.number}" if isinstance(trial.number, int) else str(trial.number)
        bar = Table.grid(padding=(0, 1))
        bar.add_row(ProgressBar(total=1.0, completed=trial.progress, width=30), Text(f"{trial.progress:4.0%}"))
        table.add_row(label, str(trial.replicate), bar, clock(trial.seconds))
    more = len(snapshot.running) - RUNNING_SHOWN
    return [table, Text(f"and {more} more", style="dim")] if more > 0 else [table]


class Display:
    """Shows a sweep while it runs; `watch` is what the executors call.

    Args:
        title: what is running.
        console: where to; a terminal gets the live table, anything else plain lines.
        now: the clock, for tests.
    """

    def __init__(self, title: str, console: Console, now: Callable[[], float] = time.monotonic) -> None:
        self.title = title
        self.console = console
        self._now = now
        self._live: Live | None = None
        self._spinner = Spinner("dots")
        self._last_line = float("-inf")
        self._last_phase = ""

    def __enter__(self) -> "Display":
        if self.console.is_terminal:
            self._live = Live(console=self.console, refresh_per_second=8, transient=True)
            self._live.start()
            self._live.update(Text(f"{self.title}: starting", style="bold cyan"))
        else:
            self._line(f"{self.title}: starting")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def watch(self, snapshot: Snapshot) -> None:
        """Shows a snapshot: at once on a terminal, at most every ten seconds in a log unless the phase changes."""
        if self._live is not None:
            self._live.update(render(snapshot, self.title, self._spinner))
            return
        now_in = phase(snapshot)
        if now_in != self._last_phase or self._now() - self._last_line >= LINE_EVERY_S:
            self._last_phase = now_in
            self._last_line = self._now()
            self._line(plain_line(snapshot))

    def _line(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)
