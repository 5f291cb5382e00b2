"""How a search came to its results: the best so far, and the hypervolume of the front so far."""

from typing import TYPE_CHECKING

import numpy as np

from acgkd.errors import NothingToShowError
from analysis import formatting
from analysis.figures.canvas import BLUE, MUTED
from analysis.figures.drawing import figure
from analysis.statistics.search.search_progress import Numbers, Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AXES = {
    "trials": ("trials", "trials that have ended"),
    "seconds": ("seconds", "seconds of synthesis + transfer, all trials so far"),
    "multiply_adds": ("multiply-adds", "multiply-adds, all trials so far"),
}


def spent(content: Progress, axis: str) -> Numbers:
    """What had been spent after each trial.

    Raises:
        NothingToShowError: no trial is complete, or nothing of this kind was measured.
    """
    if not np.isfinite(content.best).any():
        raise NothingToShowError("No trial is complete: there is no best so far.")
    if axis == "trials":
        return np.arange(1.0, len(content.trials) + 1)
    amounts: Numbers = getattr(content, axis)
    if not amounts[-1] > 0:
        raise NothingToShowError(f"No {AXES[axis][0]} were measured.")
    return amounts


def paint_progress(content: Progress, axis: str, label: str) -> "Figure":
    """Draws the best so far with what it came to on test, and the hypervolume beside it.

    Args:
        content: the search.
        axis: a key of `AXES`.
        label: of what fronts judge by.

    Raises:
        NothingToShowError: as `spent`.
    """
    x = spent(content, axis)
    boxed = bool(np.isfinite(content.hypervolume).any())

    def paint(drawn: "Figure") -> None:
        panels = drawn.subplots(1, 1 + boxed, squeeze=False)[0]
        panels[0].step(x, content.best, where="post", color=BLUE, lw=1.8, label=label)
        # Beside a divergence or a loss an accuracy has no scale of its own.
        if label != "test accuracy" and label.endswith(("accuracy", "agreement", "overlap")):
            panels[0].step(x, content.tested, where="post", color=MUTED, lw=1.1, ls="--", label="its test accuracy")
        panels[0].set_title("The best so far")
        if boxed:
            panels[1].step(x, content.hypervolume, where="post", color=BLUE, lw=1.8)
            panels[1].set_title("Hypervolume of the front so far")
            panels[1].set_ylabel("share of the box")
            panels[1].set_ylim(0, 1.02)
        for axes in panels:
            axes.set_xlabel(AXES[axis][1])
            axes.set_xlim(left=0)
        drawn.legend(loc="outside lower left", ncols=2)

    return figure((0.6 + 5.2 * (1 + boxed), 3.4), paint)


def finding(content: Progress, axis: str, label: str) -> str:
    """When the best came, and how much of the hypervolume was there half-way."""
    x = spent(content, axis)
    last = int(np.flatnonzero(content.leader == content.leader[-1])[0])
    share = x[last] / x[-1]
    after = len(x) - 1 - last
    more = (
        "the last to end"
        if not after
        else f"the {formatting.plural(after, 'trial')} that ended later did not improve on it"
    )
    text = (
        f"The best {label}, {formatting.significant(content.best[-1])}, came with trial {content.leader[-1]}, after "
        f"{share:.0%} of the {AXES[axis][0]}: {more}."
    )
    if np.isfinite(content.hypervolume[-1]) and content.hypervolume[-1] > 0:
        half = content.hypervolume[np.searchsorted(x, x[-1] / 2, side="right") - 1] if x[0] <= x[-1] / 2 else 0.0
        ratio = float(np.nan_to_num(half) / content.hypervolume[-1])
        text += f" Half-way the front had {ratio:.0%} of its final hypervolume."
    return text
