"""The figures of a comparison, each with one computed sentence that says what it shows here."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis import formatting
from analysis.comparison.joint import Comparison, Panel
from analysis.comparison.overall import complete, ranked, resplit_ratios, runs_of, score_of
from analysis.comparison.trial_rows import measure_in_words
from analysis.comparison.tried import tried
from analysis.figures.canvas import Picture, picture
from analysis.figures.interval_dots import Dot, paint_dots
from analysis.figures.rank_axis import paint_ranks
from analysis.figures.step_curves import Curve, CurvePanel, paint_curve_panels
from analysis.page.markup import slug
from analysis.statistics.aggregates.bootstrap import Floats, Runs
from analysis.statistics.aggregates.ranks import LEVEL
from analysis.statistics.aggregates.robust import profile, profile_band
from analysis.statistics.aggregates.sensitivity import NEAR
from analysis.statistics.intervals import CONFIDENCE

POINTS = 121


def stem(name: str, comparison: Comparison, panel: Panel) -> str:
    """The file stem of what belongs to a joint table."""
    return f"{name}-{slug(panel.title)}" if len(comparison.panels) > 1 else name


def titled(title: str, comparison: Comparison, panel: Panel) -> str:
    """The title of what belongs to a joint table."""
    return f"{title}, {panel.title}" if len(comparison.panels) > 1 and panel.title else title


def differences_picture(comparison: Comparison, panel: Panel) -> list[Picture]:
    """Differences to the baseline with their intervals."""
    rows = comparison.rows
    rows = rows[(rows["panel"] == panel.title) & rows["role"].isin(["best", "control"]) & rows["difference"].notna()]
    if rows.empty:
        return []
    dots = [
        Dot(
            f"{row['row']}{' (reduced)' if row['reduced'] else ''}",
            row["difference"], row["difference_low"], row["difference_high"], row["column"],
            row["reduced"] or not row["published"],
        )
        for row in rows.to_dict("records")
    ]  # fmt: skip
    above, below = _listed(rows, rows["difference_low"] > 0), _listed(rows, rows["difference_high"] < 0)
    sentence = (
        f"`{comparison.baseline}` has the higher mean in {int((rows['difference'] > 0).sum())} of {len(rows)} "
        f"comparisons; its interval lies above 0 against {above}, and below 0 against {below}. Hollow: a row that is "
        f"reduced or not published. Intervals are {_percent(CONFIDENCE)} each, not corrected for their number; the "
        "table has Holm's p-values."
    )
    drawn = paint_dots(
        dots, f"{measure_in_words(comparison.measure)} of {comparison.baseline} minus that of the row", 0.0
    )
    title = titled(f"What {comparison.baseline} has more", comparison, panel)
    return [picture(stem("differences", comparison, panel), title, sentence, drawn)]


def improvement_picture(comparison: Comparison, panel: Panel, table: pd.DataFrame) -> list[Picture]:
    """How probably a run of the baseline is better than one of each other method."""
    rows = table[table["improvement"].notna()]
    if rows.empty:
        return []
    dots = [
        Dot(
            row["contestant"],
            row["improvement"],
            row["improvement_low"],
            row["improvement_high"],
            hollow=bool(row["reduced_on"]),
        )
        for row in rows.to_dict("records")
    ]
    sure = [row["contestant"] for row in rows.to_dict("records") if row["improvement_low"] > 0.5]
    worse = [row["contestant"] for row in rows.to_dict("records") if row["improvement_high"] < 0.5]
    least = rows.sort_values("improvement").iloc[0]
    better = f"better than one of {_names(sure)} (interval above ½)" if sure else ""
    behind = f"worse than one of {_names(worse)} (interval below ½)" if worse else ""
    said = " and probably ".join(filter(None, (better, behind)))
    sentence = (
        (f"A run of `{comparison.baseline}` is probably {said}. " if said else "No interval lies above or below ½. ")
        + f"The lowest probability, {least['improvement']:.2f}, is against `{least['contestant']}`. Mean over the data "
        "sets that both have; equal runs count half."
    )
    drawn = paint_dots(dots, f"probability that a run of {comparison.baseline} is better", 0.5)
    title = titled("Probability of improvement", comparison, panel)
    return [picture(stem("improvement", comparison, panel), title, sentence, drawn)]


def profile_picture(comparison: Comparison, panel: Panel) -> list[Picture]:
    """Performance profiles of the methods that were run on all data sets."""
    names, columns = complete(panel), list(panel.cells)
    runs = [runs_of(panel, (name,), columns)[0] for name in names]
    if len(names) < 2:
        return []
    pooled = np.concatenate([values for own in runs for values in own])
    pad = 0.02 * float(np.ptp(pooled)) + 1e-6
    grid = np.linspace(pooled.min() - pad, pooled.max() + pad, POINTS)
    curves = [
        _profile_of(panel, name, own, grid, index) for index, (name, own) in enumerate(zip(names, runs, strict=True))
    ]
    middle = round(float(np.median(pooled)), 2)
    above = [(float(profile(own, [middle])[0]), name) for name, own in zip(names, runs, strict=True)]
    shares = sorted(above, key=lambda item: -item[0])
    what = measure_in_words(score_of(panel))
    listed = ", ".join(f"{_percent(share)} of `{name}`" for share, name in shares[:8])
    without = [curve.label for curve in curves if not len(curve.low)]
    bands = "Bands are 95 % at each point (stratified bootstrap)" + (
        f"; none of {_names(without)}." if without else "."
    )
    sentence = (
        f"Above {middle}, the median {what} of all runs, lie {listed}{' …' if len(shares) > 8 else ''}; "
        f"{formatting.plural(len(columns), 'data set')}, equal weight each. {bands}"
    )
    drawn = paint_curve_panels([CurvePanel("", tuple(curves))], what, "share of runs above", across=1)
    return [
        picture(stem("profiles", comparison, panel), titled("Performance profiles", comparison, panel), sentence, drawn)
    ]


def _profile_of(panel: Panel, name: str, runs: Runs, grid: Floats, index: int) -> Curve:
    """A method's profile, with a band where every data set has two seeds and known sizes of its splits."""
    counts, ratios = [len(values) for values in runs], resplit_ratios(panel, list(panel.cells))
    shares = profile(runs, grid).tolist()
    if min(counts) < 2 or any(map(math.isnan, ratios)):
        return Curve(name, grid.tolist(), shares, series=index)
    low, high = profile_band(runs, grid, ratios)
    return Curve(name, grid.tolist(), shares, low.tolist(), high.tolist(), index)


def rank_picture(comparison: Comparison, panel: Panel) -> list[Picture]:
    """The critical-difference diagram, from five data sets on."""
    found, names = ranked(panel), complete(panel)
    if found is None:
        return []
    order = sorted(range(len(names)), key=found.average.__getitem__)
    ours = next((cell.baseline.contestant for cell in panel.cells.values() if cell.baseline is not None), "")
    differs = "no difference is shown" if found.friedman_p >= LEVEL else "not all methods are equal"
    mine = {index for group in found.groups if ours in names and names.index(ours) in group for index in group}
    near = [names[index] for index in order if index in mine and names[index] != ours]
    sentence = (
        f"Over {found.sets} data sets {differs} (Friedman's test, Iman and Davenport's F: p "
        f"{p_text(found.friedman_p)}); `{names[order[0]]}` ranks best with {found.average[order[0]]:.2f}"
        + (f", and no difference is shown between `{ours}` and {_names(near)}" if near else "")
        + f". Bars join methods whose ranks are within Nemenyi's critical difference, {found.critical_difference:.2f}."
    )
    drawn = paint_ranks(names, found.average, found.groups, found.critical_difference, ours)
    return [picture(stem("ranks", comparison, panel), titled("Average ranks", comparison, panel), sentence, drawn)]


def sensitivity_pictures(comparison: Comparison, table: pd.DataFrame) -> list[Picture]:
    """The distribution of accuracy over all settings tried, one panel for each data set."""
    found = tried(comparison)
    pictures = []
    series = {name: index for index, name in enumerate(dict.fromkeys(item.contestant for item in found))}
    for panel in comparison.panels:
        mine = [item for item in found if item.panel == panel.title]
        if not mine:
            continue
        panels = []
        for column in dict.fromkeys(item.column for item in mine):
            curves = []
            for item in (item for item in mine if item.column == column):
                x = [item.accuracies[0], *item.accuracies, 1.0]
                y = [0.0, *((index + 1) / len(item.accuracies) for index in range(len(item.accuracies))), 1.0]
                curves.append(Curve(item.contestant, x, y, series=series[item.contestant]))
            panels.append(CurvePanel(column, tuple(curves)))
        rows = table[table["panel"] == panel.title]
        steady = rows.sort_values("near", ascending=False).iloc[0]
        worst = rows.sort_values("worst").iloc[0]
        sentence = (
            f"`{steady['contestant']}` on {steady['column']} has the largest share of settings within {NEAR} of its "
            f"best, {_percent(steady['near'])} of {steady['settings']}; the worst setting is one of "
            f"`{worst['contestant']}` on {worst['column']}, with {worst['worst']:.3f}. A curve further right is a "
            "method that does better at more of its settings; which settings were tried is each sweep's own choice."
        )
        drawn = paint_curve_panels(panels, "mean test accuracy of a setting", "share of settings at or below")
        title = titled("Accuracy over all settings tried", comparison, panel)
        pictures.append(picture(stem("sensitivity", comparison, panel), title, sentence, drawn))
    return pictures


def p_text(value: float) -> str:
    """``= 0.031`` or ``< 0.001``."""
    said = p_value(value)
    return said if said.startswith("<") else f"= {said}"


def p_value(value: float) -> str:
    """A p-value as readers see it."""
    return formatting.DASH if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _listed(rows: pd.DataFrame, which: "pd.Series[bool]") -> str:
    found = rows[which]
    return _names(
        [f"{row['row']} on {row['column']}" if row["column"] else row["row"] for row in found.to_dict("records")]
    )


def _names(names: Sequence[str], most: int = 8) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(f"`{name}`" for name in names[:most]) + more
