"""Where the command line writes: results to standard output, everything else to standard error."""

import os
import sys

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from acgkd.errors import SpecError

# Where nobody says how wide, as in a log file, tables get the width that they are made for.
_WIDTH = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 100

out = Console(width=_WIDTH)
err = Console(stderr=True, width=_WIDTH)


def print_error(message: str) -> None:
    """An error in one block; brackets in it are no markup."""
    err.print(Text.assemble(("Error: ", "bold red"), message))


def print_faults(error: SpecError) -> None:
    """All faults of a spec, each with a place that editors can jump to."""
    count = len(error.faults)
    title = f"{count} fault{'' if count == 1 else 's'}. Nothing was started."
    err.print(Text.assemble(("Error: ", "bold red"), f"{error.source} has {title}"), soft_wrap=True)
    for fault in error.faults:
        place = f"{error.source}:{fault.line}" if fault.line else error.source
        err.print(Text.assemble((place, "cyan"), "  ", (fault.path, "bold")), soft_wrap=True)
        err.print(Padding(Text(fault.message), (0, 0, 0, 4)))


def plural(count: int, noun: str) -> str:
    """`1 trial`, `2 trials`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
