"""Which hyper-parameters decide: two bars each, for what the sweep optimised and for seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from acgkd.errors import NothingToShowError
from analysis.figures.canvas import BLUE, MUTED
from analysis.figures.drawing import figure
from analysis.statistics.ped_anova import FEWEST_TRIALS
from analysis.statistics.view import View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BARS = 20


@dataclass(frozen=True)
class Bars:
    """Importances of hyper-parameters, the most important first.

    Args:
        parameters: their names.
        shares: by what they are for, one for each parameter; those for one target sum to at most 1.
    """

    parameters: tuple[str, ...]
    shares: Mapping[str, Sequence[float]]


def importance_bars(view: View) -> Bars:
    """The importances that could be computed.

    Raises:
        NothingToShowError: none could; the message says why.
    """
    quality, cost = view.importance
    label = quality.target.removeprefix("objective/").replace("_", " ")
    if not quality.items and not cost.items:
        few = f" with a value of {label}, and there are {quality.trials}" if quality.trials < FEWEST_TRIALS else ""
        raise NothingToShowError(f"No importances are given: {quality.reason}{few}.")
    names = list(dict.fromkeys(item.parameter for found in (quality, cost) for item in found.items))[:MOST_BARS]
    shares = {}
    for title, found in ((label, quality), ("seconds", cost)):
        if found.items:
            by_name = {item.parameter: item.share for item in found.items}
            shares[title] = [by_name.get(name, 0.0) for name in names]
    return Bars(tuple(name.removeprefix("param/") for name in names), shares)


def paint_importance(content: Bars) -> "Figure":
    """Draws the bars, each with its share."""

    def paint(drawn: "Figure") -> None:
        axes, count = drawn.subplots(), len(content.shares)
        places, height = np.arange(len(content.parameters)), 0.76 / count
        for index, (target, shares) in enumerate(content.shares.items()):
            offset = (index - (count - 1) / 2) * height
            colour = (BLUE, MUTED)[index]
            painted = axes.barh(places + offset, shares, color=colour, height=height * 0.9, label=f"for {target}")
            axes.bar_label(painted, [f"{100 * share:.0f} %" for share in shares], padding=3, fontsize=8)
        axes.set_yticks(places, [name.removeprefix("method/") for name in content.parameters])
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(bottom=False, labelbottom=False, left=False)
        axes.margins(x=0.1)
        drawn.legend(loc="outside lower left", ncols=count)

    return figure((7.2, 0.9 + 0.44 * len(content.parameters)), paint)
