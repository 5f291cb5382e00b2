"""Figures with their intervals, one below the other: differences to a baseline, probabilities of improvement."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.figures.canvas import BLUE, MUTED, VERMILLION
from analysis.figures.drawing import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Dot:
    """One figure.

    Args:
        label: of its line.
        value: where the dot is.
        low: lower end of the interval; NaN for none.
        high: upper end.
        group: lines of one group stand together under its name.
        hollow: whether it is of a row that decides nothing.
    """

    label: str
    value: float
    low: float
    high: float
    group: str = ""
    hollow: bool = False


def paint_dots(content: Sequence[Dot], x_label: str, reference: float) -> "Figure":
    """Draws the lines from top to bottom; blue right of the reference, red left of it, grey where it lies inside."""
    groups = list(dict.fromkeys(dot.group for dot in content))
    headed = len(groups) > 1
    places, ticks, labels, y = [], [], [], 0.0
    heads = []
    for group in groups:
        if headed:
            heads.append((y, group))
            y += 0.9
        for dot in (dot for dot in content if dot.group == group):
            places.append((y, dot))
            ticks.append(y)
            labels.append(dot.label)
            y += 0.8
        y += 0.3

    def paint(drawn: "Figure") -> None:
        axes = drawn.subplots()
        axes.axvline(reference, color=MUTED, linewidth=1)
        for place, dot in places:
            inside = not (dot.low > reference or dot.high < reference)
            colour = MUTED if inside else BLUE if dot.value > reference else VERMILLION
            if not math.isnan(dot.low):
                axes.plot([dot.low, dot.high], [place, place], color=colour, linewidth=1.8, solid_capstyle="butt")
            axes.plot(
                [dot.value], [place], "o", color=colour, markersize=6, markerfacecolor="white" if dot.hollow else colour
            )
        for place, group in heads:
            axes.annotate(
                group, (0, place), xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points",
                va="center", fontsize=8.5, fontweight="bold",
            )  # fmt: skip
        axes.set_yticks(ticks, labels)
        axes.set_ylim(y - 0.3, -0.7)
        axes.set_xlabel(x_label)
        axes.grid(axis="y", visible=False)

    return figure((7.2, 0.9 + 0.26 * y), paint)
