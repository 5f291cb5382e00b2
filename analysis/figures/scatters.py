"""Each hyper-parameter against accuracy and against cost, in small multiples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.figures.canvas import BLUE, INK, MUTED, VERMILLION, Picture, draw, plain_log
from analysis.statistics.ped_anova import is_logarithmic, is_numeric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 12
_WIDTH = 12.0
_BAND = 3.85


@dataclass(frozen=True)
class Scatter:
    """One hyper-parameter's values against one quantity; categories are numbered and named."""

    parameter: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    categories: tuple[str, ...]
    logarithmic: bool
    active: int
    trials: int
    chosen: tuple[float, float] | None


def scatter(trials: pd.DataFrame, parameter: str, quantity: str, chosen: int | None) -> Scatter:
    """Computes a scatter over the trials in which the parameter was active and the quantity is known."""
    shown = trials[trials[parameter].notna() & trials[quantity].notna()]
    values = shown[parameter]
    categories: tuple[str, ...] = ()
    if is_numeric(values):
        x = values.astype("float64").to_numpy()
    else:
        text = values.astype("string")
        categories = tuple(sorted(text.unique()))
        x = np.array([categories.index(value) for value in text], dtype=float)
    y = shown[quantity].astype("float64").to_numpy()
    if categories:
        # A fixed, even spread within a category: random jitter would change from report to report.
        x = x + (np.argsort(np.argsort(y)) % 5 - 2) * 0.07
    mark = shown["trial"].astype("Int64") == chosen if chosen is not None else pd.Series(False, index=shown.index)
    where = np.flatnonzero(mark.to_numpy(dtype=bool))
    return Scatter(
        parameter=parameter,
        x=tuple(x.tolist()),
        y=tuple(y.tolist()),
        categories=categories,
        logarithmic=not categories and len(x) > 0 and is_logarithmic(values),
        active=int(trials[parameter].notna().sum()),
        trials=len(trials),
        chosen=(float(x[where[0]]), float(y[where[0]])) if len(where) else None,
    )


def parameters(
    name: str, title: str, caption: str, pairs: Sequence[tuple[Scatter, Scatter]], labels: tuple[str, str]
) -> Picture:
    """Draws pairs of scatters, accuracy above cost, four hyper-parameters to a band."""
    across = min(_across(len(pairs)), len(pairs))
    bands = math.ceil(len(pairs) / across)

    def paint(figure: "Figure") -> None:
        grid = _grid(figure, bands, across)
        for index in range(bands * across):
            band, column = divmod(index, across)
            upper, lower = grid[2 * band][column], grid[2 * band + 1][column]
            if index >= len(pairs):
                upper.set_axis_off()
                lower.set_axis_off()
                continue
            above, below = pairs[index]
            _paint(upper, above, BLUE)
            _paint(lower, below, MUTED)
            upper.tick_params(labelbottom=False)
            upper.set_title(_title(above, 38 if across < 4 else 30), fontsize=8.8)
            if column == 0:
                upper.set_ylabel(labels[0])
                lower.set_ylabel(labels[1])

    return draw(name, title, caption, (_WIDTH if across > 2 else 3.6 * across, _BAND * bands), paint, layout=None)


def _grid(figure: "Figure", bands: int, across: int) -> list[list["Axes"]]:
    """Rows of axes at fixed places in inches: a band holds a title, the upper panel, the lower one and its ticks."""
    width, height = figure.get_size_inches()
    left, right, gap, upper, lower = 0.7, 0.1, 0.55, 1.5, 1.35
    panel = (width - left - right - gap * (across - 1)) / across
    rows = []
    for band in range(bands):
        top = height - _BAND * band - 0.45
        for bottom, tall in ((top - upper, upper), (top - upper - 0.15 - lower, lower)):
            places = [left + column * (panel + gap) for column in range(across)]
            rows.append([figure.add_axes((x / width, bottom / height, panel / width, tall / height)) for x in places])
    return rows


def _across(panels: int) -> int:
    """Four to a band, or three where that leaves fewer holes."""
    return 3 if -panels % 3 < -panels % 4 else 4


def _title(content: Scatter, longest: int) -> str:
    short = content.parameter.removeprefix("param/").removeprefix("method/")
    whole = short if len(short) <= longest else "…" + short[1 - longest :]
    return whole if content.active == content.trials else f"{whole}\nactive in {content.active} of {content.trials}"


def _paint(axes: "Axes", content: Scatter, colour: str) -> None:
    if not content.x:
        axes.text(0.5, 0.5, "no values", ha="center", va="center", transform=axes.transAxes, color=MUTED)
        return
    x, y = np.array(content.x), np.array(content.y)
    if content.categories:
        axes.set_xticks(range(len(content.categories)), [_short(name) for name in content.categories])
        axes.set_xlim(-0.6, len(content.categories) - 0.4)
        axes.grid(visible=False, axis="x")
        for number in range(len(content.categories)):
            if (x.round() == number).any():
                mean = y[x.round() == number].mean()
                axes.plot([number - 0.28, number + 0.28], [mean, mean], color=INK, lw=1.6, zorder=4)
        if sum(map(len, content.categories)) > 24:
            axes.tick_params(axis="x", labelrotation=30)
    elif content.logarithmic:
        axes.set_xscale("log")
        plain_log(axes.xaxis, x.min(), x.max())
    axes.locator_params(axis="y", nbins=4)
    axes.plot(x, y, "o", ms=4.2, mfc=colour, mec="white", mew=0.5, alpha=0.85, zorder=3)
    if content.chosen is not None:
        axes.plot(*([value] for value in content.chosen), "o", ms=9, mfc="none", mec=VERMILLION, mew=1.6, zorder=5)


def _short(name: str) -> str:
    return name if len(name) <= 12 else name[:11] + "…"
