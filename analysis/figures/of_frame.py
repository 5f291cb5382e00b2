"""The figures of a report, each as a function from a frame to a matplotlib figure."""

from typing import TYPE_CHECKING

from acgkd.errors import NothingToShowError, SourceError
from analysis.figures.cost_panels import COSTS, tradeoff_panels
from analysis.figures.importance_bars import importance_bars, paint_importance
from analysis.figures.loss_curves import curves_of, paint_curves
from analysis.figures.outcome_bars import bars, paint_bars
from analysis.figures.panels import paint_panels
from analysis.figures.sample_grid import kept_samples, kinds_of, paint_samples
from analysis.figures.scatters import paint_scatters, scatters
from analysis.records.frame import Frame
from analysis.statistics.history.attempt_accounts import causes
from analysis.statistics.history.attempts import every
from analysis.statistics.view import view_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def tradeoff(frame: Frame, cost: str = "seconds", *, source: str | None = None) -> "Figure":
    """Draws accuracy against a cost: beside what the sweep could see, what it came to on test.

    Args:
        frame: as `analysis.load` reads it.
        cost: ``seconds`` (of synthesis and transfer), ``multiply_adds``, ``student_ms_per_1000``,
            ``student_multiply_adds``, ``student_parameters``, ``peak_host_bytes`` or ``peak_device_bytes``.
        source: name of the sweep, where the frame holds several.

    Returns:
        A matplotlib figure; ``figure.savefig("tradeoff.pdf")`` keeps it, and a notebook shows it.

    Raises:
        NothingToShowError: no trial has a test accuracy, or the cost was not measured.
        SourceError: the sweep is not in the frame, or `cost` is none of those above.

    Example:
        >>> analysis.figures.tradeoff(analysis.load("runs/mutag")).savefig("tradeoff.pdf")
    """
    if cost not in COSTS:
        raise SourceError(f"A cost is one of {', '.join(COSTS)}, but got '{cost}'.")
    return paint_panels(tradeoff_panels(view_of(frame, source), cost), COSTS[cost].label)


def outcomes(frame: Frame, *, source: str | None = None) -> "Figure":
    """Draws how attempts at replicates of trials, controls and teachers ended, and whose fault failures were.

    Args:
        frame: as `analysis.load` reads it.
        source: name of the sweep, where the frame holds several.

    Returns:
        A matplotlib figure.

    Raises:
        NothingToShowError: none was tried.
        SourceError: the sweep is not in the frame.

    Example:
        >>> analysis.figures.outcomes(analysis.load("runs/mutag"))
    """
    return paint_bars(bars(causes(every(view_of(frame, source)))))


def hyperparameters(frame: Frame, *, source: str | None = None) -> "Figure":
    """Draws each hyper-parameter against what the sweep optimised and against seconds, the most important first.

    Args:
        frame: as `analysis.load` reads it.
        source: name of the sweep, where the frame holds several.

    Returns:
        A matplotlib figure of at most twelve hyper-parameters.

    Raises:
        NothingToShowError: none was searched, or no trial is complete.
        SourceError: the sweep is not in the frame.

    Example:
        >>> analysis.figures.hyperparameters(analysis.load("runs/mutag"))
    """
    content = scatters(view_of(frame, source))
    return paint_scatters(content.pairs, content.labels)


def importance(frame: Frame, *, source: str | None = None) -> "Figure":
    """Draws which hyper-parameters decide, for what the sweep optimised and for seconds.

    Args:
        frame: as `analysis.load` reads it.
        source: name of the sweep, where the frame holds several.

    Returns:
        A matplotlib figure.

    Raises:
        NothingToShowError: there are too few trials, or they do not differ.
        SourceError: the sweep is not in the frame.

    Example:
        >>> analysis.figures.importance(analysis.load("runs/mutag"))
    """
    return paint_importance(importance_bars(view_of(frame, source)))


def curves(frame: Frame, trial: int | None = None, *, source: str | None = None) -> "Figure":
    """Draws the loss curves of a trial, a panel for each stage and a line for each replicate.

    Args:
        frame: as `analysis.load` reads it, of a sweep folder.
        trial: its number; the chosen one if left out.
        source: name of the sweep, where the frame holds several.

    Returns:
        A matplotlib figure.

    Raises:
        NothingToShowError: no trial is chosen, or none of its curves were kept.
        SourceError: the sweep is not in the frame.

    Example:
        >>> analysis.figures.curves(analysis.load("runs/mutag"), trial=3)
    """
    return paint_curves(curves_of(view_of(frame, source), trial))


def samples(frame: Frame, label: str | None = None, *, source: str | None = None) -> "Figure":
    """Draws pseudo-samples that a replicate kept, a row for each class.

    Args:
        frame: as `analysis.load` reads it, of a sweep folder.
        label: ``trial 7`` or a control's; only the chosen trial and the controls are looked for. The first that kept
            samples if left out.
        source: name of the sweep, where the frame holds several.

    Returns:
        A matplotlib figure.

    Raises:
        NothingToShowError: none were kept (``artefacts: {samples: 4}`` in a spec keeps some).
        SourceError: the sweep is not in the frame.

    Example:
        >>> analysis.figures.samples(analysis.load("runs/mnist"), "noise")
    """
    kept = kept_samples(view_of(frame, source))
    shown = [item for item in kept if label in (None, item.label) and not item.content.absent]
    if not shown:
        why = next((item.content.absent for item in kept if label in (None, item.label)), "")
        raise NothingToShowError(
            f"No pseudo-samples{'' if label is None else f' of {label}'} were kept. "
            + (why or "`artefacts: {samples: 4}` in a spec keeps four of each class.")
        )
    return paint_samples(shown[0].content, kinds_of(item.content for item in shown))
