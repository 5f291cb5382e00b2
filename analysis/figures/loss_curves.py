"""Loss curves of one trial: a panel per stage, a line per replicate."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from acgkd.errors import NothingToShowError
from analysis.figures.canvas import SERIES, plain_log
from analysis.figures.drawing import figure
from analysis.formatting import significant
from analysis.records.sweep_metadata import Curve
from analysis.statistics.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_POINTS = 400  # more cannot be distinguished at this size and would only make the file larger

Curves = Mapping[int, Mapping[str, Curve]]
"""Replicate to stage to curve."""


def thinned(steps: list[float], losses: list[float]) -> tuple[list[float], list[float]]:
    """At most `_MOST_POINTS` points, evenly picked, the first and the last among them; non-finite losses left out."""
    pairs = [(step, loss) for step, loss in zip(steps, losses, strict=True) if np.isfinite(loss)]
    picks = np.unique(np.linspace(0, len(pairs) - 1, min(len(pairs), _MOST_POINTS)).round().astype(int))
    return [pairs[i][0] for i in picks], [pairs[i][1] for i in picks]


def stages_of(curves: Curves) -> list[str]:
    """Stages in the order in which they appear."""
    return list(dict.fromkeys(stage for replicate in curves.values() for stage in replicate))


def curves_of(view: View, trial: int | None) -> Curves:
    """The loss curves of a trial; of the chosen one if left out.

    Raises:
        NothingToShowError: no trial is chosen, or none of its curves were kept.
    """
    number = view.choice.trial if trial is None else trial
    if number is None:
        raise NothingToShowError(f"No trial is chosen: {view.choice.reason}.")
    found = {replicate: stages for replicate, stages in view.metadata.curves(number).items() if stages}
    if not found:
        raise NothingToShowError(f"No loss curves of trial {number} were kept.")
    return found


def curve_sentence(content: Curves) -> str:
    """By how much the loss of each stage fell, and whether replicates end alike."""
    said = []
    for stage in stages_of(content):
        ends = [thinned(found[stage]["step"], found[stage]["loss"])[1] for found in content.values() if stage in found]
        known = [losses for losses in ends if losses]
        if not known:
            continue
        first, last = (float(np.median([losses[place] for losses in known])) for place in (0, -1))
        least, most = min(losses[-1] for losses in known), max(losses[-1] for losses in known)
        apart = f", from {significant(least)} to {significant(most)} between replicates" if len(known) > 1 else ""
        how = "fell" if last < first else "rose"
        said.append(f"In {stage} the loss {how} from {significant(first)} to {significant(last)}{apart}.")
    return " ".join(said)


def paint_curves(content: Curves) -> "Figure":
    """Draws the curves; a loss that spans more than a factor of 50 gets a log scale."""
    stages = stages_of(content)

    def paint(drawn: "Figure") -> None:
        for axes, stage in zip(drawn.subplots(1, len(stages), squeeze=False)[0], stages, strict=True):
            _paint_stage(axes, content, stage)

    return figure((4.6 * len(stages), 3.0), paint)


def _paint_stage(axes: "Axes", content: Curves, stage: str) -> None:
    drawn: list[float] = []
    for index, (replicate, of_stage) in enumerate(sorted(content.items())):
        if stage in of_stage:
            steps, losses = thinned(of_stage[stage]["step"], of_stage[stage]["loss"])
            drawn.extend(losses)
            colour = SERIES[index % len(SERIES)]
            axes.plot(steps, losses, color=colour, lw=1.3, alpha=0.9, label=f"replicate {replicate}")
    if drawn and min(drawn) > 0 and max(drawn) / min(drawn) > 50:
        axes.set_yscale("log")
        plain_log(axes.yaxis, min(drawn), max(drawn))
    axes.set_title(stage)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    if len(content) <= 6:
        axes.legend()
