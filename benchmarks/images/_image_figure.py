"""The picture of the robustness study: for each method, the accuracy of every setting that was tried."""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from analysis.figures.canvas import BLUE, INK, MUTED, ORANGE, VERMILLION, Picture, draw
from benchmarks.images._image_study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Side = Literal["left", "right"]
# How far points of one method are moved apart, in rows.
JITTER = 0.16


def distribution(name: str, title: str, studies: Sequence[Study], lines: Sequence[tuple[str, float, Side]]) -> Picture:
    """Draws a row for each method: joint draws above, single hyper-parameters below, the defaults as a line.

    Args:
        name: file stem.
        title: what it shows.
        studies: of the methods, in order from above.
        lines: what to read accuracies against: its name, where it is, and the side of it that the name ends at.
    """

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        scatter = random.Random(0)
        for row, study in enumerate(studies):
            for variants, colour, offset, label in (
                (study.together, BLUE, -0.2, "all hyper-parameters at once"),
                (study.single, ORANGE, 0.2, "one hyper-parameter"),
            ):
                values = sorted(study.values(variants).values())
                if not values:
                    continue
                heights = [row + offset + scatter.uniform(-JITTER, JITTER) for _ in values]
                axes.scatter(
                    values, heights, s=14, color=colour, alpha=0.65, linewidths=0, label=label if row == 0 else None
                )
                low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
                axes.plot([low, high], [row + offset] * 2, color=INK, linewidth=3.5, solid_capstyle="butt", alpha=0.55)
                axes.plot([middle], [row + offset], marker="|", markersize=13, markeredgewidth=2, color=INK)
            default = study.accuracies.get(study.label)
            if default is not None:
                label = "at its defaults" if row == 0 else None
                axes.plot([default] * 2, [row - 0.42, row + 0.42], color=VERMILLION, linewidth=1.4, label=label)
        for text, value, side in lines:
            axes.axvline(value, color=MUTED, linestyle="--", linewidth=0.9)
            axes.annotate(text, (value, -0.62), color=MUTED, fontsize=8, ha=side, va="bottom", annotation_clip=False)
        axes.set_yticks(range(len(studies)), [study.label for study in studies])
        axes.set_ylim(len(studies) - 0.45, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("test accuracy of one setting")
        figure.legend(loc="outside lower center", ncols=3)

    caption = (
        "Each point is one setting. Above each name all hyper-parameters are perturbed at once, below it one. Thick: "
        "the middle half of the settings, with their median."
    )
    return draw(name, title, caption, (7.2, 1.1 + 0.8 * len(studies)), paint)
