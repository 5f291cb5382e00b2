"""Where the command line writes: results to standard output, everything else to standard error."""

import math
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.cells import cell_len
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from acgkd.errors import SpecError
from analysis.stores.copies import shown
from sweeps.display.safe_console import SafeConsole

LEAST_VALUE = 24  # columns; with less beside its name, a value stands below it
REASONS = 8  # so many are listed

out = SafeConsole()
err = SafeConsole(stderr=True)


def print_text(text: str) -> None:
    """Text as it is, never wrapped: JSON, a schema, a version."""
    if sys.stdout is not None:
        sys.stdout.write(f"{shown(text)}\n")


def print_line(text: str, style: str | None = None) -> None:
    """A line that may be longer than the terminal is wide, such as one that ends with a path to be copied."""
    out.print(shown(text), style=style, markup=False, highlight=False, soft_wrap=True)


def print_note(text: str) -> None:
    """A paragraph that readers should not miss, wrapped."""
    out.print(shown(text), style="yellow", markup=False, highlight=False)


def print_facts(facts: Iterable[tuple[str, str]], *, style: str = "bold", indent: int = 0) -> None:
    """Names and values: side by side where there is room for both, else each value below its name.

    Args:
        facts: an empty name continues the fact above it.
        style: of the names.
        indent: columns to the left of all.
    """
    rows = [(name, shown(value)) for name, value in facts]
    names = max((cell_len(name) for name, _ in rows), default=0)
    if out.width - indent - names - 2 >= LEAST_VALUE:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column(style=style, no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in rows:
            table.add_row(escape(name), escape(value))
        out.print(Padding(table, (0, 0, 0, indent)))
        return
    for name, value in rows:
        if name:
            out.print(Padding(Text(name.rstrip(), style=style, overflow="fold"), (0, 0, 0, indent)))
        out.print(Padding(Text(value, overflow="fold"), (0, 0, 0, indent + 2)))


def print_reasons(title: str, reasons: Mapping[str, int]) -> None:
    """What was left out, the most frequent reason first; nothing where nothing was.

    Args:
        title: stands above.
        reasons: how often each one holds.
    """
    if not reasons:
        return
    print_line(title, "bold")
    ordered = sorted(reasons.items(), key=lambda item: -item[1])
    lines = [(f"{count} x", reason) for reason, count in ordered[:REASONS]]
    lines += [("", f"and {plural(len(ordered) - REASONS, 'other reason')}")] if len(ordered) > REASONS else []
    print_facts(lines, indent=2, style="")


def print_run(spec: Path, folder: Path, overrides: Iterable[str], trust_code: bool) -> None:
    """How a sweep is run whose folder is there now."""
    options = [part for text in overrides for part in ("--set", text)] + (["--trust-code"] if trust_code else [])
    print_line(f"\nRun it: {shlex.join(['acgkd', 'run', str(spec), *options, '--out', str(folder)])}")


def print_error(message: str) -> None:
    """An error in one block; brackets in it are no markup."""
    err.print(Text.assemble(("Error: ", "bold red"), shown(message)))


def print_faults(error: SpecError) -> None:
    """All faults of a spec, each with a place that editors can jump to."""
    count = len(error.faults)
    title = f"{count} fault{'' if count == 1 else 's'}. Nothing was started."
    err.print(Text.assemble(("Error: ", "bold red"), f"{error.source} has {title}"), soft_wrap=True)
    for fault in error.faults:
        place = f"{error.source}:{fault.line}" if fault.line else error.source
        err.print(Text.assemble((place, "cyan"), "  ", (fault.path, "bold")), soft_wrap=True)
        err.print(Padding(Text(fault.message), (0, 0, 0, 4)))


def plural(count: float, noun: str) -> str:
    """`1 trial`, `2 trials`, `0.5 hours`."""
    said = f"{count:g}" if isinstance(count, float) else f"{count:,}"
    return f"{said} {noun}{'' if count == 1 else 's'}"


def bytes_in_words(count: float) -> str:
    """`17 B`, `1.2 kB`, `340.0 MB`, `13.5 GB`: powers of a thousand, as disks are sold."""
    if count < 1000:
        return f"{count:.0f} B"
    units = ("kB", "MB", "GB", "TB", "PB")
    power = min(int(math.log10(count) / 3 + 1e-9), len(units))
    return f"{count / 1000**power:,.1f} {units[power - 1]}"
