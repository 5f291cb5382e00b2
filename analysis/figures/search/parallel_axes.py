"""All settings at once: an axis for each, a line for each complete trial (parallel coordinates)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from acgkd.errors import NothingToShowError
from analysis.figures.canvas import INK, MUTED, VERMILLION
from analysis.figures.drawing import figure
from analysis.figures.marked_trials import MOST_POINTS, trial_marks
from analysis.figures.search.setting_pairs import colours, short
from analysis.records.cell_values import as_text, shown
from analysis.statistics.importance import guessed, is_numeric
from analysis.statistics.view import View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_AXES = 8


@dataclass(frozen=True, eq=False)
class ParallelAxes:
    """Where each trial's line crosses each axis, from 0 (bottom) to 1; NaN where a setting was not active.

    Args:
        names: of the axes; the last is what fronts judge by.
        places: of the crossings.
        ticks: of each axis: place and text.
        numbers: of the trials.
        worth: what fronts judge by; trials are in its order, the best last, so that it lies on top.
        chosen: number of the chosen trial.
        left_out: how many settings there is no room for.

    Shapes:
        places: ``[trials, axes]``
    """

    names: tuple[str, ...]
    places: NDArray[np.float64]
    ticks: tuple[tuple[tuple[float, str], ...], ...]
    numbers: tuple[int, ...]
    worth: NDArray[np.float64]
    chosen: int | None
    left_out: int


def parallel_axes(view: View) -> ParallelAxes:
    """Computes the lines of complete trials, axes by importance.

    Raises:
        NothingToShowError: fewer than two settings took several values, or fewer than two trials are complete.
    """
    column, direction = view.measure
    complete = view.complete[view.complete[column].notna()]
    varied = [name for name in view.frame.parameters() if complete[name].nunique(dropna=False) > 1]
    if len(varied) < 2 or len(complete) < 2:
        raise NothingToShowError("Fewer than two settings took several values: there is nothing to draw side by side.")
    ranked = [item.parameter for item in view.importance[0].items]
    order = sorted(varied, key=lambda name: ranked.index(name) if name in ranked else len(ranked))
    sign = 1.0 if direction == "maximize" else -1.0
    complete = complete.assign(_worth=sign * complete[column]).sort_values("_worth")
    axes = [_axis(view, complete, name) for name in order[:MOST_AXES]]
    axes.append(_numbers(complete[column].to_numpy(dtype=float), log=False))
    return ParallelAxes(
        names=(*(short(name) for name in order[:MOST_AXES]), view.measured),
        places=np.column_stack([places for places, _ in axes]),
        ticks=tuple(ticks for _, ticks in axes),
        numbers=tuple(int(number) for number in complete["trial"]),
        worth=complete[column].to_numpy(dtype=float),
        chosen=view.choice.trial,
        left_out=max(0, len(order) - MOST_AXES),
    )


_Axis = tuple[NDArray[np.float64], tuple[tuple[float, str], ...]]


def _axis(view: View, trials: pd.DataFrame, name: str) -> _Axis:
    values = trials[name]
    drawn = view.distributions.get(name) or guessed(values)
    if is_numeric(values):
        return _numbers(values.to_numpy(dtype=float, na_value=np.nan), drawn.log)
    cells = ["" if pd.isna(value) else value if isinstance(value, str) else as_text(bool(value)) for value in values]
    known = list(dict.fromkeys([*(cell for cell in drawn.cells if cell in cells), *sorted(set(filter(None, cells)))]))
    step = 1 / max(1, len(known) - 1)
    places = np.array([known.index(cell) * step if cell else np.nan for cell in cells])
    return places, tuple((place * step, shown(cell)[:14]) for place, cell in enumerate(known))


def _numbers(values: NDArray[np.float64], log: bool) -> _Axis:
    scaled = np.log(values) if log else values
    low, high = float(np.nanmin(scaled)), float(np.nanmax(scaled))
    places = (scaled - low) / (high - low) if high > low else np.where(np.isnan(scaled), np.nan, 0.5)
    back = np.exp if log else np.asarray
    return places, tuple((place, f"{float(back(low + place * (high - low))):.3g}") for place in (0.0, 0.5, 1.0))


def paint_parallel(content: ParallelAxes) -> "Figure":
    """Draws the lines, coloured by what fronts judge by; a line is broken where a setting was not active."""

    def paint(drawn: "Figure") -> None:
        from matplotlib.collections import LineCollection

        axes = drawn.subplots()
        scale = colours(float(content.worth.min()), float(content.worth.max()))
        across = np.arange(len(content.names), dtype=float)
        lines = [np.column_stack([across, row]) for row in content.places]
        many = len(lines)
        axes.add_collection(
            LineCollection(
                lines, colors=scale.to_rgba(content.worth), linewidths=0.9, alpha=0.75 if many < 300 else 0.3,
                gid=trial_marks(content.numbers), rasterized=many > MOST_POINTS,
            )
        )  # fmt: skip
        if content.chosen in content.numbers:
            row = content.places[content.numbers.index(content.chosen)]
            axes.plot(
                across, row, color=VERMILLION, lw=2.4, marker="o", ms=3.5, label=f"trial {content.chosen}, chosen"
            )
            drawn.legend(loc="outside lower left")
        for place, ticks in enumerate(content.ticks):
            axes.axvline(place, color=MUTED, lw=0.9, zorder=0)
            for height, text in ticks:
                axes.text(
                    place + 0.03, height, text, fontsize=7.5, color=INK, va="center",
                    bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.6},
                )  # fmt: skip
        axes.set_xlim(-0.1, len(content.names) - 0.6)
        axes.set_ylim(-0.04, 1.04)
        names = [name.replace("/", "/\n", name.count("/")) for name in content.names]
        axes.set_xticks(across, names, fontsize=8)
        axes.set_yticks([])
        axes.grid(visible=False)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)

    return figure((12.0, 4.4), paint)


def finding(content: ParallelAxes) -> str:
    """On which axis the best tenth of the lines lies closest together, compared with all lines."""
    count = max(3, len(content.numbers) // 10)
    if len(content.numbers) < 2 * count:
        return "There are too few complete trials to say on which axis the best ones lie together."
    # The lines are in order, the best last.
    ratios: dict[str, float] = {}
    for axis, name in enumerate(content.names[:-1]):
        crossings = content.places[:, axis]
        best = crossings[-count:]
        if np.isfinite(best).all() and np.nanstd(crossings) > 0:
            ratios[name] = float(np.nanstd(best) / np.nanstd(crossings))
    if not ratios:
        return ""
    name = min(ratios, key=ratios.__getitem__)
    return (
        f"The best {count} of {len(content.numbers)} lines lie closest together on {name}: their spread there is "
        f"{ratios[name]:.0%} of that of all lines."
    )
