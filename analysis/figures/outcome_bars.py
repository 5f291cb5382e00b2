"""How attempts ended, and whose fault it was where they failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from acgkd.errors import NothingToShowError
from analysis.figures.canvas import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, VERMILLION
from analysis.figures.drawing import figure
from analysis.records.record import OUTCOMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {
    "": BLUE,
    "trial": VERMILLION,
    "machine": ORANGE,
    "node": PURPLE,
    "cache": GREEN,
    "platform": INK,
    "not recorded": MUTED,
}


@dataclass(frozen=True)
class Bar:
    """Number of attempts that ended one way, by whose fault it was."""

    outcome: str
    causes: tuple[tuple[str, int], ...]

    @property
    def attempts(self) -> int:
        """Of all causes together."""
        return sum(number for _, number in self.causes)


def bars(counted: pd.DataFrame) -> list[Bar]:
    """Bars in the order of `OUTCOMES`, those under way last; outcomes that did not occur are left out.

    Args:
        counted: columns ``outcome``, ``cause`` and ``attempts``.

    Raises:
        NothingToShowError: there is no attempt.
    """
    if counted.empty:
        raise NothingToShowError("No replicate has been tried.")
    order = [*_COLOURS]
    found = []
    for outcome in (*OUTCOMES, "under way"):
        there = counted[counted["outcome"] == outcome]
        if len(there):
            causes = sorted(zip(there["cause"], there["attempts"], strict=True), key=lambda item: order.index(item[0]))
            found.append(Bar(outcome, tuple((str(cause), int(number)) for cause, number in causes)))
    return found


def paint_bars(content: Sequence[Bar]) -> "Figure":
    """Draws horizontal bars, a colour for each cause, each bar with its number."""

    def paint(drawn: "Figure") -> None:
        axes = drawn.subplots()
        for row, bar in enumerate(content):
            left = 0
            for cause, number in bar.causes:
                colour = MUTED if bar.outcome == "under way" else _COLOURS[cause]
                axes.barh(row, number, left=left, color=colour, height=0.62)
                left += number
            axes.annotate(f"{left:,}", (left, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
        axes.set_yticks(range(len(content)), [bar.outcome.replace("_", " ") for bar in content])
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(bottom=False, labelbottom=False, left=False)
        axes.margins(x=0.1)
        present = {cause for bar in content for cause, _ in bar.causes if cause}
        for cause, colour in _COLOURS.items():
            if cause in present:
                axes.barh([0], [0], color=colour, label=f"fault of the {cause}" if cause != "not recorded" else cause)
        if present:
            axes.legend(loc="lower right")

    return figure((6.4, 0.7 + 0.36 * len(content)), paint)
