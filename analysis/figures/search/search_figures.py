"""Figures of a search, each as a function from a frame to a matplotlib figure."""

from typing import TYPE_CHECKING

from acgkd.errors import SourceError
from analysis.figures.search.parallel_axes import paint_parallel, parallel_axes
from analysis.figures.search.progress_curves import AXES, paint_progress
from analysis.figures.search.setting_pairs import paint_pairs
from analysis.figures.search.setting_pairs import pairs as pairs_of
from analysis.records.frame import Frame
from analysis.statistics.search.search_progress import progress as progress_of
from analysis.statistics.view import view_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def parallel(frame: Frame, *, source: str | None = None) -> "Figure":
    """Draws all settings at once: a line for each complete trial across an axis for each hyper-parameter.

    Args:
        frame: as `analysis.load` reads it.
        source: name of the sweep, where the frame holds several.

    Returns:
        A matplotlib figure of at most eight hyper-parameters, the most important first; the last axis is what the sweep
        optimised, which also gives the colour.

    Raises:
        NothingToShowError: fewer than two hyper-parameters took several values, or fewer than two trials are
            complete.
        SourceError: the sweep is not in the frame.

    Example:
        >>> analysis.figures.parallel(analysis.load("runs/mutag"))
    """
    return paint_parallel(parallel_axes(view_of(frame, source)))


def pairs(frame: Frame, *, source: str | None = None) -> "Figure":
    """Draws hyper-parameters two at a time: where in their plane trials lie, coloured by what the sweep optimised.

    Args:
        frame: as `analysis.load` reads it.
        source: name of the sweep, where the frame holds several.

    Returns:
        A matplotlib figure of at most three pairs.

    Raises:
        NothingToShowError: fewer than two numeric hyper-parameters took several values.
        SourceError: the sweep is not in the frame.

    Example:
        >>> analysis.figures.pairs(analysis.load("runs/mutag"))
    """
    view = view_of(frame, source)
    return paint_pairs(pairs_of(view), view.measured)


def progress(frame: Frame, against: str = "trials", *, source: str | None = None) -> "Figure":
    """Draws how a search came to its result: the best so far, and the hypervolume of the front so far.

    Args:
        frame: as `analysis.load` reads it.
        against: ``trials``, ``seconds`` (of synthesis and transfer) or ``multiply_adds``, all trials so far.
        source: name of the sweep, where the frame holds several.

    Returns:
        A matplotlib figure; without the hypervolume where there is no box that it could be a share of.

    Raises:
        NothingToShowError: no trial is complete, or what was spent was not measured.
        SourceError: the sweep is not in the frame, or `against` is none of those above.

    Example:
        >>> analysis.figures.progress(analysis.load("runs/mutag"), "seconds")
    """
    if against not in AXES:
        raise SourceError(f"Progress is drawn against {', '.join(AXES)}, but got '{against}'.")
    view = view_of(frame, source)
    return paint_progress(progress_of(view), against, view.measured)
