"""How replicates ended, by class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.canvas import BLUE, MUTED, ORANGE, PURPLE, SKY, VERMILLION, Picture, draw
from analysis.records.record import OUTCOMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {
    "completed": BLUE,
    "pruned": SKY,
    "diverged": VERMILLION,
    "out_of_memory": ORANGE,
    "timed_out": PURPLE,
    "failed": "#8c2d04",
}


@dataclass(frozen=True)
class Bar:
    """Number of replicates that ended one way."""

    outcome: str
    count: int


def bars(rows: pd.DataFrame) -> list[Bar]:
    """Counts replicates by outcome, in the order of `OUTCOMES`; outcomes that did not occur are left out."""
    counts = rows["outcome"].value_counts()
    return [Bar(name, int(counts[name])) for name in OUTCOMES if name in counts.index]


def outcomes(name: str, title: str, caption: str, content: Sequence[Bar]) -> Picture:
    """Draws horizontal bars, each with its number."""

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        counts = [bar.count for bar in content]
        colours = [_COLOURS.get(bar.outcome, MUTED) for bar in content]
        drawn = axes.barh([bar.outcome.replace("_", " ") for bar in content], counts, color=colours, height=0.62)
        axes.bar_label(drawn, padding=4, fontsize=9)
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(bottom=False, labelbottom=False, left=False)
        axes.margins(x=0.08)

    return draw(name, title, caption, (6.4, 0.7 + 0.36 * len(content)), paint)
