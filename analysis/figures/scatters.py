"""Each hyper-parameter against accuracy and against cost, in small multiples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from acgkd.errors import NothingToShowError
from analysis.figures.canvas import BLUE, INK, MUTED, VERMILLION, plain_log
from analysis.figures.drawing import figure
from analysis.figures.marked_trials import MOST_POINTS, trial_marks
from analysis.records.cell_values import as_text, shown
from analysis.records.distribution import Distribution
from analysis.statistics.importance import guessed, is_numeric
from analysis.statistics.view import View

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
    numbers: tuple[int, ...]
    categories: tuple[str, ...]
    logarithmic: bool
    active: int
    trials: int
    chosen: tuple[float, float] | None


def scatter(
    trials: pd.DataFrame, parameter: str, quantity: str, chosen: int | None, drawn: Distribution | None = None
) -> Scatter:
    """Computes a scatter over the trials in which the parameter was active and the quantity is known.

    Args:
        trials: complete trials of a summary.
        parameter: column of the hyper-parameter; null is one of its categories.
        quantity: column of what it is drawn against.
        chosen: number of the chosen trial.
        drawn: what the parameter was drawn from, for its scale and the order of its categories; guessed if left out.
    """
    kept = trials[trials[parameter].notna() & trials[quantity].notna()]
    values, y = kept[parameter], kept[quantity].astype("float64").to_numpy()
    drawn = drawn or guessed(values)
    categories: tuple[str, ...] = ()
    if is_numeric(values):
        x = values.astype("float64").to_numpy()
    else:
        cells = [value if isinstance(value, str) else as_text(bool(value)) for value in values]
        order = list(dict.fromkeys([*(cell for cell in drawn.cells if cell in cells), *sorted(cells)]))
        categories = tuple(shown(cell) for cell in order)
        # A fixed, even spread within a category: random jitter would change from report to report.
        x = np.array([order.index(cell) for cell in cells], dtype=float) + (np.argsort(np.argsort(y)) % 5 - 2) * 0.07
    mark = kept["trial"].astype("Int64") == chosen if chosen is not None else pd.Series(False, index=kept.index)
    where = np.flatnonzero(mark.to_numpy(dtype=bool))
    return Scatter(
        parameter=parameter,
        x=tuple(x.tolist()),
        y=tuple(y.tolist()),
        numbers=tuple(int(number) for number in kept["trial"]),
        categories=categories,
        # A few numbers to choose from have no scale of their own.
        logarithmic=not categories and (guessed(values) if drawn.kind == "categorical" else drawn).log,
        active=int(trials[parameter].notna().sum()),
        trials=len(trials),
        chosen=(float(x[where[0]]), float(y[where[0]])) if len(where) else None,
    )


@dataclass(frozen=True)
class Scatters:
    """Hyper-parameters, the most important first, each against what the sweep optimised and against seconds.

    Args:
        pairs: of one parameter each.
        labels: what is drawn above and below.
        left_out: how many parameters there is no room for.
    """

    pairs: tuple[tuple[Scatter, Scatter], ...]
    labels: tuple[str, str]
    left_out: int


def scatters(view: View) -> Scatters:
    """Computes the scatters of a sweep's complete trials.

    Raises:
        NothingToShowError: no hyper-parameter was searched, or no trial is complete.
    """
    names, shown_trials = view.frame.parameters(), view.complete
    if not names:
        raise NothingToShowError("The sweep searched no hyper-parameter.")
    if shown_trials.empty:
        raise NothingToShowError("No trial is complete: the effect of the hyper-parameters is not known.")
    column, _ = view.measure
    order = list(dict.fromkeys([*(item.parameter for item in view.importance[0].items), *names]))
    distributions = view.distributions
    pairs = tuple(
        (
            scatter(shown_trials, name, column, view.choice.trial, distributions.get(name)),
            scatter(shown_trials, name, "seconds", view.choice.trial, distributions.get(name)),
        )
        for name in order[:MOST_PANELS]
    )
    return Scatters(pairs, (view.measured, "seconds"), len(order) - len(pairs))


def paint_scatters(pairs: Sequence[tuple[Scatter, Scatter]], labels: tuple[str, str]) -> "Figure":
    """Draws pairs of scatters, accuracy above cost, four hyper-parameters to a band."""
    across = min(_across(len(pairs)), len(pairs))
    bands = math.ceil(len(pairs) / across)

    def paint(drawn: "Figure") -> None:
        grid = _grid(drawn, bands, across)
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

    return figure((_WIDTH if across > 2 else 3.6 * across, _BAND * bands), paint, layout=None)


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
    axes.plot(
        x, y, "o", ms=4.2, mfc=colour, mec="white", mew=0.5, alpha=0.85, zorder=3,
        gid=trial_marks(content.numbers), rasterized=len(x) > MOST_POINTS,
    )  # fmt: skip
    if content.chosen is not None:
        axes.plot(*([value] for value in content.chosen), "o", ms=9, mfc="none", mec=VERMILLION, mew=1.6, zorder=5)


def _short(name: str) -> str:
    return name if len(name) <= 12 else name[:11] + "…"
