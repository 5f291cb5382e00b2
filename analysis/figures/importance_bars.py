"""Which hyper-parameters decide: two bars each, for what the sweep optimised and for seconds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from acgkd.errors import NothingToShowError
from analysis.figures.canvas import BLUE, INK, MUTED
from analysis.figures.drawing import figure
from analysis.statistics.importance import FEWEST_TRIALS, Importances
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
        errors: standard errors of the shares.
    """

    parameters: tuple[str, ...]
    shares: Mapping[str, Sequence[float]]
    errors: Mapping[str, Sequence[float]]


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
    shares, errors = {}, {}
    for title, found in ((label, quality), ("seconds", cost)):
        if found.items:
            by_name = {item.parameter: item for item in found.items}
            shares[title] = [by_name[name].share if name in by_name else 0.0 for name in names]
            errors[title] = [by_name[name].error if name in by_name else 0.0 for name in names]
    return Bars(tuple(name.removeprefix("param/") for name in names), shares, errors)


def paint_importance(content: Bars) -> "Figure":
    """Draws the bars, each with its share."""

    def paint(drawn: "Figure") -> None:
        axes, count = drawn.subplots(), len(content.shares)
        places, height = np.arange(len(content.parameters)), 0.76 / count
        for index, (target, shares) in enumerate(content.shares.items()):
            offset = (index - (count - 1) / 2) * height
            colour = (BLUE, MUTED)[index]
            spread = np.array(content.errors[target])
            # A share is not below nothing.
            reach = np.stack([np.minimum(spread, shares), spread])
            axes.barh(
                places + offset, shares, color=colour, height=height * 0.9, label=f"for {target}", xerr=reach,
                error_kw={"ecolor": INK, "elinewidth": 0.9, "capsize": 1.5},
            )  # fmt: skip
            for place, share, error in zip(places, shares, spread, strict=True):
                axes.annotate(
                    f"{100 * share:.0f} %", (share + error, place + offset), xytext=(4, 0),
                    textcoords="offset points", va="center", fontsize=8,
                )  # fmt: skip
        axes.set_yticks(places, [name.removeprefix("method/") for name in content.parameters])
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(bottom=False, labelbottom=False, left=False)
        axes.margins(x=0.1)
        drawn.legend(loc="outside lower left", ncols=count)

    return figure((7.2, 0.9 + 0.44 * len(content.parameters)), paint)


def finding(quality: Importances) -> str:
    """Which hyper-parameter matters most, whether that is more than chance, and clear of the next one."""
    if not quality.items:
        return ""
    label = quality.target.removeprefix("objective/").replace("_", " ")
    first, *others = quality.items
    if quality.chance > 0.05:
        return (
            f"What matters for {label} cannot be said yet: with shuffled results some hyper-parameter stands out as "
            f"much as {_short(first.parameter)} does here (p = {quality.chance:.2f})."
        )
    text = f"For {label}, {_short(first.parameter)} matters most: {first.share:.0%} ± {first.error:.0%}"
    if not others:
        return f"{text}; it is the only one that varied."
    second = others[0]
    apart = first.share - second.share
    clear = apart > 2 * math.hypot(first.error, second.error)
    return (
        f"{text}; the next is {_short(second.parameter)} with {second.share:.0%} ± {second.error:.0%}, and the order "
        f"of the two is {'clear' if clear else 'not clear'}."
    )


def _short(name: str) -> str:
    return name.removeprefix("param/").removeprefix("method/")
