"""Step curves: performance profiles, and distributions of accuracy over settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.figures.canvas import MUTED, SERIES
from analysis.figures.drawing import figure

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DASHES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Curve:
    """One curve.

    Args:
        label: whose it is.
        x: thresholds or accuracies.
        y: shares.
        low: lower end of a pointwise band; empty for none.
        high: upper end.
        series: number of its colour, the same for one method in all panels.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    series: int = 0


@dataclass(frozen=True)
class CurvePanel:
    """Curves that share axes."""

    title: str
    curves: tuple[Curve, ...]


def paint_curve_panels(panels: Sequence[CurvePanel], x_label: str, y_label: str, across: int = 3) -> "Figure":
    """Draws the panels, at most `across` beside each other, with one legend."""
    columns = min(across, len(panels))
    lines = -(-len(panels) // columns)

    def paint(drawn: "Figure") -> None:
        grid = drawn.subplots(lines, columns, squeeze=False, sharey=True)
        handles: dict[str, Artist] = {}
        for index, axes in enumerate(grid.flat):
            if index >= len(panels):
                axes.set_axis_off()
                continue
            _one(axes, panels[index], handles)
            axes.set_title(panels[index].title if len(panels) > 1 else "")
            if index % columns == 0:
                axes.set_ylabel(y_label)
            if index >= len(panels) - columns:
                axes.set_xlabel(x_label)
        drawn.legend(list(handles.values()), list(handles), loc="outside lower left", ncols=3)

    return figure((max(6.6, 3.1 * columns), 1.0 + 2.6 * lines), paint)


def _one(axes: "Axes", panel: CurvePanel, handles: dict[str, "Artist"]) -> None:
    for curve in panel.curves:
        colour = SERIES[curve.series % len(SERIES)]
        dashes = _DASHES[curve.series // len(SERIES) % len(_DASHES)]
        (drawn,) = axes.step(curve.x, curve.y, where="post", color=colour, linestyle=dashes, linewidth=1.6)
        if len(curve.low):
            axes.fill_between(curve.x, curve.low, curve.high, step="post", color=colour, alpha=0.12, linewidth=0)
        handles.setdefault(curve.label, drawn)
    axes.set_ylim(-0.02, 1.02)
    axes.axhline(0.5, color=MUTED, linewidth=0.6, linestyle=":")
