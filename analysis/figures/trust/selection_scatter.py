"""What chose the trial against its test accuracy: a point for each complete trial."""

from typing import TYPE_CHECKING

from analysis.figures.canvas import BLUE, INK, ORANGE, VERMILLION, plain_log
from analysis.figures.drawing import figure
from analysis.figures.marked_trials import MOST_POINTS, trial_marks
from analysis.statistics.trust.selected_by import SelectedBy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FACTOR = 50


def paint_selection(content: SelectedBy) -> "Figure":
    """Draws the points; the chosen trial and the best one on test have rings."""

    def paint(drawn: "Figure") -> None:
        axes = drawn.subplots()
        x, y = content.trials["chose"], content.trials["test_accuracy"]
        numbers = [int(number) for number in content.trials["trial"]]
        axes.plot(
            x, y, "o", ms=5, mfc=BLUE, mec="white", mew=0.5, alpha=0.85, zorder=3,
            gid=trial_marks(numbers), rasterized=len(numbers) > MOST_POINTS,
        )  # fmt: skip
        for trial, size, colour, label in (
            (content.chosen, 11, VERMILLION, f"chosen (trial {content.chosen})"),
            (content.oracle, 15, ORANGE, f"best on test (trial {content.oracle})"),
        ):
            if trial in numbers:
                place = numbers.index(trial)
                axes.plot(x.iloc[[place]], y.iloc[[place]], "o", ms=size, mfc="none", mec=colour, mew=1.8, label=label)
        if x.min() > 0 and x.max() / x.min() > _FACTOR:
            axes.set_xscale("log")
            plain_log(axes.xaxis, x.min(), x.max())
        axes.set_xlabel(f"{content.name} ({'↑' if content.sign > 0 else '↓'})", color=INK)
        axes.set_ylabel("test accuracy")
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

    return figure((7.4, 3.4), paint)
