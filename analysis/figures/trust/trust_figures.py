"""Figures of what a result rests on, each as a function from a frame to a matplotlib figure."""

from typing import TYPE_CHECKING

from acgkd.errors import NothingToShowError
from analysis.figures.trust.seed_lines import paint_seeds, seed_lines
from analysis.figures.trust.selection_scatter import paint_selection
from analysis.records.frame import Frame
from analysis.statistics.trust.selected_by import selected_by
from analysis.statistics.view import view_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def seeds(frame: Frame, *, source: str | None = None) -> "Figure":
    """Draws replicates one by one: a column for each seed, a line for each of the best trials, controls, the teacher.

    Args:
        frame: as `analysis.load` reads it.
        source: name of the sweep, where the frame holds several.

    Returns:
        A matplotlib figure.

    Raises:
        NothingToShowError: no complete trial has a value.
        SourceError: the sweep is not in the frame.

    Example:
        >>> analysis.figures.seeds(analysis.load("runs/mutag"))
    """
    return paint_seeds(seed_lines(view_of(frame, source)))


def selection(frame: Frame, *, source: str | None = None) -> "Figure":
    """Draws what chose the trial against its test accuracy, a point for each complete trial.

    Args:
        frame: as `analysis.load` reads it.
        source: name of the sweep, where the frame holds several.

    Returns:
        A matplotlib figure.

    Raises:
        NothingToShowError: no trial has both, or the sweep's objective is the test itself.
        SourceError: the sweep is not in the frame.

    Example:
        >>> analysis.figures.selection(analysis.load("runs/mutag"))
    """
    found = selected_by(view_of(frame, source))
    if found is None:
        raise NothingToShowError("No complete trial has a test accuracy and an objective other than the test.")
    return paint_selection(found)
