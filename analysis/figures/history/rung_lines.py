"""Values of trials at their rungs: a line for each trial, with a cross where early stopping ended it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acgkd.errors import NothingToShowError
from analysis.figures.canvas import BLUE, INK, MUTED, ORANGE, VERMILLION, plain_log, spread_labels
from analysis.figures.drawing import figure
from analysis.figures.marked_trials import trial_marks
from analysis.statistics.history.rungs import Path, paths
from analysis.statistics.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LINES = 500
"""With more trials than these, those that did not complete are one picture instead of a line each."""
MOST_NUMBERS = 24
_FACTOR = 50
_COLOURS = {"completed": BLUE, "stopped": VERMILLION, "infeasible": ORANGE, "failed": INK, "under way": MUTED}
_MARKS = {"completed": "o", "stopped": "x", "infeasible": "s", "failed": "D", "under way": ">"}


@dataclass(frozen=True)
class RungLines:
    """What is drawn.

    Args:
        paths: of the trials that have a value.
        chosen: number of the chosen trial.
        label: of the values.
        minimize: whether less is better.
    """

    paths: tuple[Path, ...]
    chosen: int | None
    label: str
    minimize: bool


def rung_lines(view: View, every: Sequence[Path] | None = None) -> RungLines:
    """The values of a sweep's trials at their rungs.

    Args:
        view: the sweep.
        every: its paths, where they are known already.

    Raises:
        NothingToShowError: no trial has reached one.
    """
    found = tuple(path for path in every or paths(view) if any(math.isfinite(value) for value in path.values))
    if not found:
        raise NothingToShowError("No trial has reached a point at which it is judged.")
    first = view.objectives[0] if view.objectives else None
    label = "objective" if first is None else first.name.replace("_", " ")
    return RungLines(found, view.choice.trial, label, first is not None and first.sign < 0)


def paint_rungs(content: RungLines) -> "Figure":
    """Draws the lines; values that span more than a factor of 50 get a log scale."""

    def paint(drawn: "Figure") -> None:
        axes = drawn.subplots()
        order = sorted(content.paths, key=lambda path: (path.ended == "completed", path.trial == content.chosen))
        alone = order if len(order) <= MOST_LINES else order[-1:]
        _crowd(axes, order[: len(order) - len(alone)])
        for path in alone:
            _line(axes, path, path.trial == content.chosen)
        values = [value for path in content.paths for value in path.values if math.isfinite(value)]
        if min(values) > 0 and max(values) / min(values) > _FACTOR:
            axes.set_yscale("log")
            plain_log(axes.yaxis, min(values), max(values))
        _rungs(axes, content.paths)
        axes.set_ylabel(f"{content.label} ({'↓' if content.minimize else '↑'})")
        axes.set_xlabel("replicates done")
        if len(content.paths) <= MOST_NUMBERS:
            _numbers(axes, content.paths)
        _legend(axes, content)

    return figure((8.2, 4.0), paint)


def _known(path: Path) -> list[tuple[float, float]]:
    return [(x, y) for x, y in zip(path.positions, path.values, strict=True) if math.isfinite(y)]


def _filled(ended: str) -> str:
    return _COLOURS[ended] if ended in ("completed", "under way") else "none"


def _line(axes: "Axes", path: Path, chosen: bool) -> None:
    x, y = zip(*_known(path), strict=True)
    colour, strong = _COLOURS[path.ended], path.ended == "completed"
    (line,) = axes.plot(
        x, y, color=colour if strong else MUTED, lw=2.4 if chosen else 1.2, alpha=1.0 if strong else 0.45,
        zorder=4 if chosen else 3 if strong else 2,
    )  # fmt: skip
    (mark,) = axes.plot(x[-1:], y[-1:], _MARKS[path.ended], color=colour, ms=6.5, mew=1.6, mfc=_filled(path.ended))
    mark.set_zorder(5)
    line.set_gid(trial_marks([path.trial]))
    mark.set_gid(trial_marks([path.trial]))


def _crowd(axes: "Axes", paths: Sequence[Path]) -> None:
    """Very many trials, as one picture."""
    from matplotlib.collections import LineCollection

    for ended, colour in _COLOURS.items():
        there = [path for path in paths if path.ended == ended]
        if not there:
            continue
        ways = [_known(path) for path in there]
        lines = LineCollection(ways, colors=colour if ended == "completed" else MUTED, linewidths=0.8, alpha=0.35)
        lines.set_rasterized(True)
        lines.set_gid(trial_marks([path.trial for path in there]))
        axes.add_collection(lines)
        ends = [way[-1] for way in ways]
        axes.plot(
            [x for x, _ in ends], [y for _, y in ends], _MARKS[ended], color=colour, ms=4, mew=1.0, alpha=0.6,
            mfc=_filled(ended), rasterized=True,
        )  # fmt: skip


def _rungs(axes: "Axes", paths: Sequence[Path]) -> None:
    places = sorted({place for path in paths for place in path.positions})
    shown = (
        places if len(places) <= 12 else [place for place in places if place == int(place)][:: -(-len(places) // 12)]
    )
    axes.set_xticks(shown, [f"{place:g}" for place in shown])
    axes.margins(x=0.06)
    axes.grid(visible=True, axis="x")


def _numbers(axes: "Axes", paths: Sequence[Path]) -> None:
    """The number of each trial beside its end; those of ends that are close are moved apart."""
    low, high = (axes.transScale.transform((1, limit))[1] for limit in axes.get_ylim())
    ends: dict[float, list[tuple[float, int]]] = {}
    for path in paths:
        x, y = _known(path)[-1]
        height = (axes.transScale.transform((1, y))[1] - low) / (high - low)
        ends.setdefault(x, []).append((float(height), path.trial))
    for x, there in ends.items():
        heights = spread_labels([height for height, _ in there], 0.045, 0.0, 1.0)
        for (_, trial), height in zip(there, heights, strict=True):
            axes.annotate(
                str(trial), (x, height), xycoords=axes.get_xaxis_transform(), xytext=(8, 0), fontsize=8, color=INK,
                textcoords="offset points", va="center",
            )  # fmt: skip


def _legend(axes: "Axes", content: RungLines) -> None:
    present = [ended for ended in _COLOURS if any(path.ended == ended for path in content.paths)]
    for ended in present:
        axes.plot(
            [], [], _MARKS[ended], color=_COLOURS[ended], mew=1.6, label=ended,
            mfc=_filled(ended),
        )  # fmt: skip
    if any(path.trial == content.chosen for path in content.paths):
        axes.plot([], [], "-", color=BLUE, lw=2.4, label=f"chosen (trial {content.chosen})")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
