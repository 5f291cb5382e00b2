"""Tables and the figure of studies of sensitivity, curves at equal seconds, and what runs took, for templates."""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from analysis import formatting, robustness
from analysis.comparison.templates.comparison_part import Part
from analysis.comparison.templates.markdown_words import fixed, table
from analysis.comparison.templates.row_cells import plain, signed
from analysis.figures.canvas import BLUE, INK, MUTED, ORANGE, VERMILLION, Picture, draw
from analysis.robustness.claim import FIGURES, Contrast, level
from analysis.robustness.perturbations import single_of
from analysis.robustness.perturbed_rows import Study
from analysis.robustness.setting_spread import REACHED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

JITTER = 0.16
"""How far points of one method are moved apart, in rows."""


def studies(part: Part) -> list[Study]:
    """The studies of sensitivity of a part, that of the baseline first."""
    return sorted(robustness.studies(part.frame), key=lambda study: study.label != part.baseline)


def claim_table(found: Sequence[Contrast], ours: str) -> str:
    """One row for each rival: both figures with their intervals, and what the rule says."""
    each = f"{100 * level(FIGURES * max(len(found), 1)):.4g} %"
    heads = ("rival", "draws", f"mean of `{ours}` minus its ({each})", f"its deviation minus that of `{ours}` ({each})",
             "the claim")  # fmt: skip
    return table(
        heads, [(item.rival, item.mean.n, signed(item.mean), signed(item.deviation), item.verdict) for item in found]
    )


def spread_table(studies: Iterable[Study], kind: Literal["draws", "singles"]) -> str:
    """One row for each method: what its settings come to."""
    heads = ("method", "defaults", "best", "settings", "mean (95 %)", "deviation from the median (95 %)", "sd", "worst",
             "within a point of its best", f"at {REACHED:g} of its teacher", "failed runs")  # fmt: skip
    rows = []
    for study in studies:
        values: Mapping[str, float] = getattr(study, kind)
        found = study.spread(values)
        row: list[object] = [study.label, fixed(study.default), fixed(study.best), len(values)]
        failed = sum(name in values for name in study.failed)
        if found is None:
            rows.append([*row, *[formatting.DASH] * 6, failed])
            continue
        cells = [plain(found.mean), plain(found.deviation), fixed(found.mean.sd), fixed(found.worst)]
        rows.append([*row, *cells, fixed(found.near, 2), fixed(found.reached, 2), failed])
    return table(heads, rows)


def single_table(studies: Iterable[Study]) -> str:
    """Accuracy with one hyper-parameter perturbed: a row for each of a method, a column for each factor."""
    found = [(study, single_of(label), value) for study in studies for label, value in study.singles.items()]
    cells = {(study.label, *one): value for study, one, value in found if one is not None}
    factors = sorted({factor for _, _, factor in cells})
    names = dict.fromkeys((label, name) for label, name, _ in cells)
    rows = [
        [label, name.replace("_", " "), *(fixed(cells.get((label, name, factor), math.nan)) for factor in factors)]
        for label, name in names
    ]
    return table(("method", "hyper-parameter", *(f"× {factor:g}" for factor in factors)), rows)


def hyper_parameter_table(studies: Iterable[Study]) -> str:
    """What was perturbed of each method, with the values that were multiplied."""
    rows = []
    for study in studies:
        said = (
            f"{name.replace('_', ' ')} {' and '.join(f'{value:g}' for value in dict.fromkeys(places.values()))}"
            for name, places in study.hyper_parameters.items()
        )
        rows.append([study.label, "; ".join(said)])
    return table(("method", "hyper-parameters, at their defaults"), rows)


def equal_seconds_table(part: Part, path: Path) -> str:
    """Validation accuracy of every row after the same seconds, from curves in a file."""
    found = robustness.equal_seconds(part.frame, robustness.read_curves(path), part.baseline)
    if found.empty:
        return "No curves yet."
    after = [name for name in found.columns if name.startswith("after ")]
    rows = []
    for line in found.to_dict("records"):
        cells = [
            "not begun" if math.isnan(line[name]) else fixed(line[name]) + " (ended)" * bool(line[f"ended {name[6:]}"])
            for name in after
        ]
        rows.append([line["row"], line["seeds"], f"{line['seconds']:.0f}", *cells])
    return table(("row", "seeds", "whole run, s", *(f"{name} s" for name in after)), rows)


def distribution(name: str, studies: Sequence[Study], lines: Iterable[tuple[str, float]]) -> Picture:
    """A row for each method: joint draws above, single hyper-parameters below, the defaults as a line.

    Args:
        name: file stem.
        studies: of the methods, in order from above.
        lines: what to read accuracies against: its name, and where it is.
    """

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        scatter = random.Random(0)
        for row, study in enumerate(studies):
            for found, colour, offset, label in (
                (study.draws, BLUE, -0.2, "all hyper-parameters at once"),
                (study.singles, ORANGE, 0.2, "one hyper-parameter"),
            ):
                values = sorted(found.values())
                if not values:
                    continue
                heights = [row + offset + scatter.uniform(-JITTER, JITTER) for _ in values]
                said = label if row == 0 else None
                axes.scatter(values, heights, s=14, color=colour, alpha=0.65, linewidths=0, label=said)
                low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
                axes.plot([low, high], [row + offset] * 2, color=INK, linewidth=3.5, solid_capstyle="butt", alpha=0.55)
                axes.plot([middle], [row + offset], marker="|", markersize=13, markeredgewidth=2, color=INK)
            if not math.isnan(study.default):
                said = "at its defaults" if row == 0 else None
                axes.plot([study.default] * 2, [row - 0.42, row + 0.42], color=VERMILLION, linewidth=1.4, label=said)
        for index, (text, value) in enumerate(lines):
            axes.axvline(value, color=MUTED, linestyle="--", linewidth=0.9)
            side: Literal["left", "right"] = "left" if index == 0 else "right"
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
    return draw(name, "Test accuracy of every setting, by method", caption, (7.2, 1.1 + 0.8 * len(studies)), paint)


def costs(parts: Mapping[str, Part]) -> str:
    """What each part took on the cores of its machine, and its longest run; a shared teacher is in the first part."""
    rows: list[list[object]] = []
    teachers, total = set[float](), 0.0
    for name, part in parts.items():
        every = part.frame.rows
        runs = every[every["kind"] != "teacher"].to_dict("records")
        made = set(every["teacher_s"].dropna().astype("float64")) - teachers
        teachers |= made
        hours = (sum(_seconds(run) * formatting.number(run["threads"]) for run in runs) + sum(made)) / 3600
        total += hours
        longest = max(runs, key=_seconds)
        method, label = str(longest["method"]), str(longest["label"])
        own = longest["kind"] == "trial" or label == method
        rows.append(
            [name, len(runs), f"{hours:.2f}", f"{_seconds(longest):.0f}", method if own else f"{method}, {label}"]
        )
    rows.append(["together", "", f"{total:.2f}", "", ""])
    return table(("part", "runs", "core-hours", "longest run, s", "which"), rows)


def _seconds(run: Mapping[object, object]) -> float:
    """What a run took: its clocks, or, where that is more, from the start of its last attempt to its end.

    Samples that were taken over from another run are in that one's.
    """
    stages = ["transfer_s", "joint_s", "evaluation_s", "lost_s"]
    if not (formatting.known(run["synthesis_cached"]) and run["synthesis_cached"]):
        stages.append("synthesis_s")
    clocks = sum(formatting.number(run[name]) for name in stages if formatting.known(run[name]))
    if not run["started_at"] or not run["finished_at"]:
        return clocks
    began, ended = (datetime.fromisoformat(str(run[name])) for name in ("started_at", "finished_at"))
    return max(clocks, (ended - began).total_seconds())
