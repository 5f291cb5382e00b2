"""Figures of what happened in a sweep, each as a function from a frame to a matplotlib figure."""

from typing import TYPE_CHECKING

from analysis.figures.history.rung_lines import paint_rungs, rung_lines
from analysis.figures.history.timeline import paint_timeline
from analysis.figures.history.timeline import timeline as timeline_of
from analysis.records.frame import Frame
from analysis.statistics.history.attempts import spans
from analysis.statistics.view import view_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def rungs(frame: Frame, *, source: str | None = None) -> "Figure":
    """Draws the values of trials at the points at which they are judged, with a cross where one was stopped.

    Args:
        frame: as `analysis.load` reads it, of a sweep folder.
        source: name of the sweep, where the frame holds several.

    Returns:
        A matplotlib figure.

    Raises:
        NothingToShowError: no trial has reached such a point, or the frame is of packed records, which keep none.
        SourceError: the sweep is not in the frame.

    Example:
        >>> analysis.figures.rungs(analysis.load("runs/mutag"))
    """
    return paint_rungs(rung_lines(view_of(frame, source)))


def timeline(frame: Frame, *, source: str | None = None) -> "Figure":
    """Draws the attempts of a sweep in time, a row for each worker, lost work marked at its end.

    Args:
        frame: as `analysis.load` reads it.
        source: name of the sweep, where the frame holds several.

    Returns:
        A matplotlib figure of at most 48 workers; times at which nothing ran are cut out.

    Raises:
        NothingToShowError: no attempt says when it began.
        SourceError: the sweep is not in the frame.

    Example:
        >>> analysis.figures.timeline(analysis.load("runs/mutag"))
    """
    return paint_timeline(timeline_of(spans(view_of(frame, source))))
