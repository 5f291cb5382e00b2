"""Two settings at a time: where in their plane trials lie, and how good each is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from acgkd.errors import NothingToShowError
from analysis.figures.canvas import VERMILLION, plain_log
from analysis.figures.drawing import figure
from analysis.figures.marked_trials import MOST_POINTS, trial_marks
from analysis.statistics.importance import guessed, is_numeric
from analysis.statistics.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

COLOURS = ("#b8bec6", "#56b4e9", "#0072b2")
"""From the least value to the largest: each is seen on a light and on a dark page."""
NAMED = ("/complexity/", "/temperature/", "/pace")
"""The settings of ACGKD whose interplay is asked for first: structure, softness, speed of the curriculum."""


@dataclass(frozen=True)
class Pair:
    """Two settings of the trials that have both.

    Args:
        names: of the settings.
        x: values of the first.
        y: values of the second.
        logarithmic: of either.
        worth: what fronts judge by, of each trial.
        numbers: of the trials.
        chosen: number of the chosen trial.
    """

    names: tuple[str, str]
    x: tuple[float, ...]
    y: tuple[float, ...]
    logarithmic: tuple[bool, bool]
    worth: tuple[float, ...]
    numbers: tuple[int, ...]
    chosen: int | None


def pairs(view: View) -> tuple[Pair, ...]:
    """The pairs of three numeric settings: one each of `NAMED` where searched, then the most important.

    Raises:
        NothingToShowError: fewer than two numeric settings took several values.
    """
    complete, (column, _) = view.complete[view.complete[view.measure[0]].notna()], view.measure
    varied = [name for name in view.frame.parameters() if is_numeric(complete[name]) and complete[name].nunique() > 1]
    ranked = [item.parameter for item in view.importance[0].items]
    order = sorted(varied, key=lambda name: ranked.index(name) if name in ranked else len(ranked))
    # Of a setting that has several forms, the one that most trials have.
    common = sorted(order, key=lambda name: complete[name].isna().sum())
    named = [next((name for name in common if part in f"{name}/" or name.endswith(part)), "") for part in NAMED]
    three = list(dict.fromkeys([*filter(None, named), *order]))[:3]
    found = []
    for first, second in ((one, other) for place, one in enumerate(three) for other in three[place + 1 :]):
        both = complete[complete[first].notna() & complete[second].notna()]
        if len(both):
            found.append(
                Pair(
                    names=(first, second),
                    x=tuple(both[first].astype("float64")),
                    y=tuple(both[second].astype("float64")),
                    logarithmic=(_log(view, first), _log(view, second)),
                    worth=tuple(both[column].astype("float64")),
                    numbers=tuple(int(number) for number in both["trial"]),
                    chosen=view.choice.trial,
                )
            )
    if not found:
        raise NothingToShowError("Fewer than two numeric settings took several values: there are no pairs.")
    return tuple(found)


def paint_pairs(content: Sequence[Pair], label: str) -> "Figure":
    """Draws the pairs beside each other, with one scale of colours."""
    everything = [value for pair in content for value in pair.worth]
    low, high = min(everything), max(everything)

    def paint(drawn: "Figure") -> None:
        scale = colours(low, high)
        panels = drawn.subplots(1, len(content), squeeze=False)[0]
        for axes, pair in zip(panels, content, strict=True):
            _one(axes, pair, scale.to_rgba(np.array(pair.worth)))
        drawn.colorbar(scale, ax=list(panels), label=label, shrink=0.85, aspect=24)

    return figure((0.9 + 3.9 * len(content), 3.6), paint)


def colours(low: float, high: float) -> "ScalarMappable":
    """The scale of `COLOURS` over some values."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    scale = LinearSegmentedColormap.from_list("quality", list(COLOURS))
    return ScalarMappable(Normalize(low, high if high > low else low + 1), scale)


def finding(view: View, content: Sequence[Pair]) -> str:
    """Where the best tenth of trials lies in the plane of the pair that narrows them most."""
    _, direction = view.measure
    best: tuple[float, str] = (2.0, "")
    for pair in content:
        worth = np.array(pair.worth) * (-1 if direction == "maximize" else 1)
        count = max(3, len(worth) // 10)
        if len(worth) < 2 * count:
            continue
        top = np.argsort(worth, kind="stable")[:count]
        spans, shares = [], []
        for values, log, name in zip((pair.x, pair.y), pair.logarithmic, pair.names, strict=True):
            plain = np.array(values)
            scaled = np.log(plain) if log else plain
            shares.append(float(np.ptp(scaled[top]) / np.ptp(scaled)))
            spans.append(f"{short(name)} {plain[top].min():.3g} to {plain[top].max():.3g}")
        area = shares[0] * shares[1]
        if area < best[0]:
            best = (area, f"The best {count} of {len(worth)} lie at {' and '.join(spans)}: {area:.0%} of the plane.")
    return best[1] or "There are too few trials to say where the best ones lie."


def short(name: str) -> str:
    """A parameter's name in a figure."""
    return name.removeprefix("param/").removeprefix("method/")


def _log(view: View, name: str) -> bool:
    drawn = view.distributions.get(name) or guessed(view.complete[name])
    return drawn.log


def _one(axes: "Axes", pair: Pair, shades: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> None:
    axes.scatter(
        pair.x, pair.y, s=26, c=shades, edgecolors="white", linewidths=0.5, zorder=3,
        gid=trial_marks(pair.numbers), rasterized=len(pair.x) > MOST_POINTS,
    )  # fmt: skip
    if pair.chosen in pair.numbers:
        place = pair.numbers.index(pair.chosen)
        axes.plot([pair.x[place]], [pair.y[place]], "o", ms=11, mfc="none", mec=VERMILLION, mew=1.8, zorder=5)
    for axis, values, log in ((axes.xaxis, pair.x, pair.logarithmic[0]), (axes.yaxis, pair.y, pair.logarithmic[1])):
        if log:
            (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
            plain_log(axis, min(values), max(values))
    axes.set_xlabel(short(pair.names[0]))
    axes.set_ylabel(short(pair.names[1]))
