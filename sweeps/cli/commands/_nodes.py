"""The nodes of a sweep as a table of the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from sweeps.cli.console import out, print_facts, print_line
from sweeps.display.wording import clock

if TYPE_CHECKING:
    from analysis.records.node_accounts import NodeAccount

WIDE = 64  # columns; with less, the id is left out


def print_nodes(nodes: "Sequence[NodeAccount]") -> None:
    """A row for each node; below the table why some of them get no work."""
    print_line("\nNodes", "bold")
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("node", overflow="fold")
    table.add_column("address", overflow="fold")
    if out.width >= WIDE:
        table.add_column("id", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for title in ("done", "at work", "lost work"):
        table.add_column(title, justify="right", no_wrap=True)
    for node in nodes:
        first = [node.name, node.address, *([node.id] if out.width >= WIDE else ()), node.state]
        table.add_row(*map(escape, first), str(node.jobs), clock(node.seconds), clock(node.lost_s))
    out.print(table)
    reasons = [(f"{node.name} ({node.address})", node.why) for node in nodes if node.why]
    if reasons:
        print_facts(reasons, style="")
