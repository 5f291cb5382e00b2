"""The canvas: one look for every picture, as SVG and PNG, through matplotlib's object interface."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from analysis.figures.marked_trials import Crowd, crowds_of, with_trials

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

INK, MUTED, GRID = "#1f2328", "#6b7280", "#e3e6ea"
BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY = "#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9"
"""Okabe and Ito's palette: distinct to colour-blind readers, and by lightness in print."""
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)

SETTINGS: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # nothing stands above the axes; to look for it takes a tenth of the time
    "axes.labelsize": 9.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.limits": [-3, 5],
    "axes.formatter.useoffset": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.dpi": 160,
    "svg.fonttype": "none",
    "svg.hashsalt": "acgkd",
    "text.parse_math": False,  # labels hold names of the user's, dollars included
}


@dataclass(frozen=True)
class Picture:
    """A drawn figure.

    Args:
        name: file stem.
        title: what it shows.
        caption: how to read it, and what it does not show.
        svg: a whole SVG document.
        png: the same as PNG.
        finding: what it shows here: a sentence computed from what is drawn.
        crowds: the marks of trials that are part of one picture, and where each is.
    """

    name: str
    title: str
    caption: str
    svg: str
    png: bytes
    finding: str = ""
    crowds: tuple[Crowd, ...] = ()


def picture(name: str, title: str, caption: str, drawn: "Figure", finding: str = "") -> Picture:
    """Renders a figure twice, for pages; it keeps no background afterwards, and its layout as it stands.

    The canvases are asked directly: `savefig` would draw everything twice for each file, and a report has a hundred
    axes.
    """
    from analysis.figures.drawing import png_of, svg_of

    png = png_of(drawn)
    crowds = crowds_of(drawn)
    return Picture(name, title, caption, with_trials(_tidy(svg_of(drawn))), png, finding, crowds)


def draw(
    name: str,
    title: str,
    caption: str,
    size: tuple[float, float],
    paint: Callable[["Figure"], None],
    layout: Literal["constrained"] | None = "constrained",
) -> Picture:
    """Makes a figure of `size` inches, lets `paint` fill it, and renders it."""
    from analysis.figures.drawing import figure

    return picture(name, title, caption, figure(size, paint, layout))


def _tidy(svg: str) -> str:
    """Leaves out the document type and the metadata block, which name hosts on the network."""
    svg = re.sub(r"<!DOCTYPE[^>]*>\s*", "", svg)
    return re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)


def spread_labels(positions: list[float], gap: float, low: float, high: float) -> list[float]:
    """Moves label positions apart until neighbours are `gap` apart, in order and inside ``[low, high]`` if they fit."""
    order = sorted(range(len(positions)), key=positions.__getitem__)
    placed: list[float] = []
    for index in order:
        wanted = min(max(positions[index], low), high)
        placed.append(max(wanted, placed[-1] + gap) if placed else wanted)
    overflow = max(0.0, placed[-1] - high) if placed else 0.0
    ceiling = placed[-1] - overflow if placed else high
    for rank in range(len(placed) - 1, -1, -1):
        placed[rank] = min(placed[rank], ceiling)
        ceiling = placed[rank] - gap
    result = [0.0] * len(positions)
    for rank, index in enumerate(order):
        result[index] = placed[rank]
    return result


def plain_log(axis: "Axis", low: float, high: float) -> None:
    """A log scale with plain numbers at 1, 2 and 5 of each decade (fewer over many decades)."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    decades = high / low
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades < 300 else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
