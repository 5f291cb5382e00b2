"""Accuracy against a cost: what the sweep could see, and what it came to on test, side by side."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.figures.canvas import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    plain_log,
    spread_labels,
)
from analysis.figures.drawing import figure
from analysis.figures.marked_trials import MOST_POINTS, trial_marks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = {
    "majority class": (MUTED, ":"),
    "teacher": (INK, "--"),
    "real_data": (GREEN, "-."),
    "random_graphs": (PURPLE, "-."),
    "noise": (PURPLE, "-."),
}
_OTHER_LINE = (SKY, "-.")


@dataclass(frozen=True)
class Point:
    """One trial in one panel; `error` is the standard deviation over replicates, NaN for a single one."""

    trial: int
    x: float
    y: float
    error: float
    complete: bool
    on_front: bool
    chosen: bool


@dataclass(frozen=True)
class Panel:
    """One set of axes: points, lines to read them against, and whether the front is connected."""

    title: str
    y_label: str
    points: tuple[Point, ...]
    lines: tuple[tuple[str, float], ...] = ()
    connect: bool = True


def panel(
    trials: pd.DataFrame,
    x: str,
    y: str,
    on_front: "pd.Series[bool]",
    chosen: int | None,
    *,
    title: str,
    y_label: str,
    lines: Sequence[tuple[str, float]] = (),
    connect: bool = True,
) -> Panel:
    """Computes a panel from the summary of trials; trials without both values are left out."""
    points = []
    for row, front in zip(trials.to_dict("records"), on_front, strict=True):
        if math.isfinite(row[x]) and math.isfinite(row[y]):
            points.append(
                Point(
                    trial=int(row["trial"]),
                    x=float(row[x]),
                    y=float(row[y]),
                    error=float(row.get(f"{y}_sd", math.nan)),
                    complete=bool(row["complete"]),
                    on_front=bool(front),
                    chosen=chosen is not None and int(row["trial"]) == chosen,
                )
            )
    kept = tuple((label, value) for label, value in lines if math.isfinite(value))
    return Panel(title, y_label, tuple(sorted(points, key=lambda point: point.x)), kept, connect)


def paint_panels(panels: Sequence[Panel], x_label: str) -> "Figure":
    """Draws one to three panels with a shared kind of x axis."""

    def paint(drawn: "Figure") -> None:
        for axes, content in zip(drawn.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            _paint_panel(axes, content)
            axes.set_xlabel(x_label)
        # One legend for all panels, below them: inside, it would cover points.
        handles = {
            label: line for axes in drawn.axes for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        if handles:
            drawn.legend(handles.values(), handles.keys(), loc="outside lower left", ncols=4, columnspacing=1.6)

    return figure((0.6 + 5.7 * len(panels), 4.3), paint)


def _paint_panel(axes: "Axes", content: Panel) -> None:
    axes.set_title(content.title)
    axes.set_ylabel(content.y_label)
    points = content.points
    flat = len(points) > MOST_POINTS
    partial = [point for point in points if not point.complete]
    off = [point for point in points if point.complete and not point.on_front]
    front = [point for point in points if point.complete and point.on_front]
    if partial:
        axes.plot(
            [p.x for p in partial],
            [p.y for p in partial],
            "o",
            ms=4.5,
            mfc="none",
            mec=MUTED,
            mew=0.9,
            label="stopped early or failed in part",
            zorder=2,
            gid=trial_marks([p.trial for p in partial]),
            rasterized=flat,
        )
    for group, colour, label in ((off, BLUE, "complete trial"), (front, VERMILLION, "on the front")):
        if not group:
            continue
        xs, ys = [p.x for p in group], [p.y for p in group]
        errors = np.nan_to_num([p.error for p in group])
        if errors.any():
            axes.errorbar(
                xs, ys, yerr=errors, fmt="none", ecolor=colour, elinewidth=0.9, alpha=0.35, zorder=1, rasterized=flat
            )
        axes.plot(
            xs, ys, "o", ms=5.5, mfc=colour, mec="white", mew=0.6, label=label, zorder=4,
            gid=trial_marks([p.trial for p in group]), rasterized=flat and group is off,
        )  # fmt: skip
    if content.connect and len(front) > 1:
        axes.plot([p.x for p in front], [p.y for p in front], "-", color=VERMILLION, lw=1.1, alpha=0.7, zorder=3)
    for point in points:
        if point.chosen:
            axes.plot([point.x], [point.y], "o", ms=12, mfc="none", mec=ORANGE, mew=2, label="chosen trial", zorder=5)
    xs = [point.x for point in points]
    if xs and min(xs) > 0 and max(xs) / min(xs) > 8:
        axes.set_xscale("log")
        plain_log(axes.xaxis, min(xs), max(xs))
    _name_chosen(axes, points)
    _paint_lines(axes, content)


def _name_chosen(axes: "Axes", points: Sequence[Point]) -> None:
    """The name of the chosen trial beside its ring; near the right edge on the left, out of the way of line names."""
    axes.autoscale_view()
    for point in points:
        if point.chosen:
            across = axes.transAxes.inverted().transform(axes.transData.transform((point.x, point.y)))[0]
            aside, side = (-9, "right") if across > 0.8 else (9, "left")
            axes.annotate(
                f"trial {point.trial}",
                (point.x, point.y),
                xytext=(aside, 7),
                textcoords="offset points",
                ha=side,
                fontsize=8.5,
                fontweight="bold",
                zorder=6,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.0},
            )


def _paint_lines(axes: "Axes", content: Panel) -> None:
    """Horizontal reference lines with their names at the right edge, moved apart where they would overlap."""
    if not content.lines:
        return
    for label, value in content.lines:
        colour, style = _LINES.get(label, _OTHER_LINE)
        axes.axhline(value, color=colour, ls=style, lw=1.1, zorder=0)
    low, high = axes.get_ylim()
    values = [value for _, value in content.lines]
    low, high = min(low, *values) - 0.02 * (high - low), max(high, *values) + 0.02 * (high - low)
    axes.set_ylim(low, high)
    places = spread_labels(values, 0.055 * (high - low), low, high)
    for (label, value), place in zip(content.lines, places, strict=True):
        colour, _ = _LINES.get(label, _OTHER_LINE)
        axes.annotate(
            f"{label.replace('_', ' ')} {value:.3f}",
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=colour,
            annotation_clip=False,
        )
