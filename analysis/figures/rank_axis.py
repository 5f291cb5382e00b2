"""The critical-difference diagram: average ranks on an axis, bars over methods between which none is shown."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.figures.canvas import BLUE, INK, MUTED
from analysis.figures.drawing import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def paint_ranks(
    names: Sequence[str], average: Sequence[float], groups: Sequence[Sequence[int]], reach: float, marked: str = ""
) -> "Figure":
    """Draws the diagram after Demšar (2006).

    Args:
        names: of the methods.
        average: their average ranks; 1 is best.
        groups: positions of methods between which no difference is shown.
        reach: the critical difference.
        marked: the name in another colour.
    """
    order = sorted(range(len(names)), key=average.__getitem__)
    half = (len(order) + 1) // 2
    bars = 0.28 * len(groups)
    bottom = -(0.5 + bars + 0.42 * half)

    def paint(drawn: "Figure") -> None:
        axes = drawn.subplots()
        low, high = 1.0, float(len(names))
        axes.set_xlim(low - 0.38 * (high - low), high + 0.38 * (high - low))
        axes.set_ylim(bottom, 1.5)
        axes.plot([low, high], [0, 0], color=INK, linewidth=1.2)
        for tick in range(1, len(names) + 1):
            axes.plot([tick, tick], [0, 0.14], color=INK, linewidth=1)
            axes.text(tick, 0.22, str(tick), ha="center", va="bottom", fontsize=8.5)
        end = min(low + reach, high)
        axes.plot([low, end], [1.0, 1.0], color=MUTED, linewidth=1.6)
        for place in (low, end):
            axes.plot([place, place], [0.92, 1.08], color=MUTED, linewidth=1.6)
        more = "" if low + reach <= high else " (wider than the axis)"
        axes.text(
            low, 1.14, f"critical difference {reach:.2f}{more}", ha="left", va="bottom", fontsize=8.5, color=MUTED
        )
        for level, group in enumerate(groups):
            ranks = [average[index] for index in group]
            y = -0.22 - 0.28 * level
            axes.plot([min(ranks) - 0.04, max(ranks) + 0.04], [y, y], color=INK, linewidth=3, solid_capstyle="round")
        for place, index in enumerate(order):
            left = place < half
            step = place if left else len(order) - 1 - place
            y = -(0.42 + bars + 0.42 * step)
            side = low - 0.04 * (high - low) if left else high + 0.04 * (high - low)
            colour = BLUE if names[index] == marked else INK
            axes.plot([average[index], average[index], side], [0, y, y], color=colour, linewidth=0.9)
            text = f"{names[index]}  {average[index]:.2f}"
            axes.text(
                side, y, f"{text} " if left else f" {text}", ha="right" if left else "left", va="center",
                fontsize=9, color=colour, fontweight="bold" if names[index] == marked else "normal",
            )  # fmt: skip
        axes.set_axis_off()

    return figure((7.6, 1.0 + 0.42 * (1.5 - bottom)), paint)
