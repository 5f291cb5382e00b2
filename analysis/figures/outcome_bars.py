"""How replicates ended, by class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from acgkd.errors import NothingToShowError
from analysis.figures.canvas import BLUE, MUTED, ORANGE, PURPLE, SKY, VERMILLION
from analysis.figures.drawing import figure
from analysis.records.record import OUTCOMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {
    "completed": BLUE,
    "pruned": SKY,
    "diverged": VERMILLION,
    "out_of_memory": ORANGE,
    "timed_out": PURPLE,
    "crashed": "#4d004b",
    "failed": "#8c2d04",
}


@dataclass(frozen=True)
class Bar:
    """Number of replicates that ended one way."""

    outcome: str
    replicates: int


def bars(rows: pd.DataFrame) -> list[Bar]:
    """Counts replicates by outcome, in the order of `OUTCOMES`; outcomes that did not occur are left out.

    Raises:
        NothingToShowError: there is no replicate.
    """
    if rows.empty:
        raise NothingToShowError("No replicate has left a record.")
    counts = rows["outcome"].value_counts()
    return [Bar(name, int(counts[name])) for name in OUTCOMES if name in counts.index]


def paint_bars(content: Sequence[Bar]) -> "Figure":
    """Draws horizontal bars, each with its number."""

    def paint(drawn: "Figure") -> None:
        axes = drawn.subplots()
        counts = [bar.replicates for bar in content]
        colours = [_COLOURS.get(bar.outcome, MUTED) for bar in content]
        painted = axes.barh([bar.outcome.replace("_", " ") for bar in content], counts, color=colours, height=0.62)
        axes.bar_label(painted, padding=4, fontsize=9)
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(bottom=False, labelbottom=False, left=False)
        axes.margins(x=0.08)

    return figure((6.4, 0.7 + 0.36 * len(content)), paint)
