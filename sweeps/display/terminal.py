"""The live table of a running sweep on a terminal: trials done, running, best so far, time left."""

from types import TracebackType

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from sweeps.display.safe_console import SafeConsole
from sweeps.display.wording import COLOURS, Fact, clock, facts, label
from sweeps.engine.snapshot import Snapshot

RUNNING_SHOWN = 8
LABELS = 10  # columns
RUNNING_REST = 37  # columns of a running trial beside its label and bar: replicate, per cent, time, gaps
NARROW = 60
LEAST_BAR = 6  # columns; below it the numbers say more


class TerminalProgress:
    """A table that redraws itself and is gone at the end.

    Args:
        title: what is running.
        console: a terminal.
    """

    def __init__(self, title: str, console: SafeConsole) -> None:
        self._title = title
        self._console = console
        self._spinner = Spinner(console.spinner)
        self._live = Live(console=console, refresh_per_second=8, transient=True)
        self._noticed = 0

    def __enter__(self) -> "TerminalProgress":
        self._live.start()
        self._live.update(Text(f"{self._title}: starting", style="bold cyan"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def watch(self, snapshot: Snapshot) -> None:
        """Shows a snapshot; what is new stays above the table."""
        new, self._noticed = snapshot.notices[self._noticed :], max(self._noticed, len(snapshot.notices))
        for line in new:
            self._console.print(line, style="yellow", markup=False, highlight=False)
        self._live.update(render(snapshot, self._title, self._console, self._spinner))


def render(
    snapshot: Snapshot, title: str, console: SafeConsole, spinner: RenderableType | None = None
) -> RenderableType:
    """The table of one instant, as wide as the console is.

    Args:
        snapshot: the instant.
        title: what is running.
        console: where it will be printed.
        spinner: turns before the title.
    """
    width = console.width
    rows = Table(box=None, show_header=False, padding=(0, 2, 0, 0), expand=True)
    rows.add_column(style="bold", no_wrap=True, width=LABELS)
    rows.add_column(ratio=1)
    said = facts(snapshot)
    bars = _bar_width(said, width - LABELS - 2)
    for fact in said:
        if fact.label == "" and fact.text == snapshot.message:
            rows.add_row("", Text(fact.text, style="dim"))
        elif fact.label == "":
            rows.add_row("", _counts(snapshot))
        else:
            text = Text(fact.text, overflow="ellipsis", no_wrap=width >= NARROW)
            rows.add_row(fact.label, text if fact.total is None else _bar(fact, bars))
    head: RenderableType = Text(title, style="bold cyan")
    if spinner is not None:
        row = Table.grid(padding=(0, 1))
        row.add_row(spinner, head)
        head = row
    return Group(head, rows, *_running(snapshot, width))


def _counts(snapshot: Snapshot) -> Text:
    parts = Text()
    for state, count in snapshot.counts.items():
        if count:
            parts.append(", " if parts else "")
            parts.append(f"{count} {state}", style=COLOURS.get(state, ""))
    return parts if parts else Text("none yet")


def _bar_width(said: list[Fact], room: int) -> int:
    """Bars below each other are of one length; the longest text beside them decides."""
    return min(40, room - 4 - max((len(fact.text) for fact in said if fact.total is not None), default=0))


def _bar(fact: Fact, width: int) -> RenderableType:
    if width < LEAST_BAR:
        return Text(fact.text)
    row = Table.grid(padding=(0, 2))
    row.add_column(width=width)
    row.add_column()
    row.add_row(ProgressBar(total=max(fact.total or 0, 1), completed=fact.done, width=width), Text(fact.text))
    return row


def _running(snapshot: Snapshot, width: int) -> list[RenderableType]:
    if not snapshot.running:
        return []
    shown = snapshot.running[:RUNNING_SHOWN]
    labels = min(max(LABELS, width // 3), max(7, *(len(label(trial)) for trial in shown)))
    bars = min(30, width - labels - RUNNING_REST)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("running", no_wrap=True, max_width=labels, overflow="ellipsis")
    for column in ("replicate" if width >= NARROW else "rep", "progress", "for"):
        table.add_column(column, no_wrap=True)
    for trial in shown:
        share = Text(f"{trial.progress:4.0%}")
        bar = Table.grid(padding=(0, 1))
        if bars >= LEAST_BAR:
            bar.add_row(ProgressBar(total=1.0, completed=trial.progress, width=bars), share)
        else:
            bar.add_row(share)
        table.add_row(Text(label(trial)), str(trial.replicate), bar, clock(trial.seconds))
    more = len(snapshot.running) - RUNNING_SHOWN
    return [table, Text(f"and {more} more", style="dim")] if more > 0 else [table]
