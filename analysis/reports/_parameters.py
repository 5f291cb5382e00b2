"""Each hyper-parameter against accuracy and against cost, and which of them decide."""

import pandas as pd

from acgkd.errors import NothingToShowError
from analysis import formatting
from analysis.figures.canvas import picture
from analysis.figures.importance_bars import finding as importance_bars_finding
from analysis.figures.importance_bars import importance_bars, paint_importance
from analysis.figures.scatters import Scatters, paint_scatters, scatters
from analysis.figures.search.parallel_axes import finding as parallel_finding
from analysis.figures.search.parallel_axes import paint_parallel, parallel_axes
from analysis.figures.search.setting_pairs import finding as pairs_finding
from analysis.figures.search.setting_pairs import paint_pairs, pairs
from analysis.page.render import Block, Column, Note, Table
from analysis.statistics.importance import Importances
from analysis.statistics.intervals import rank_interval
from analysis.statistics.view import View


def hyper_parameters(view: View) -> list[Block]:
    """Importance and its table, all settings at once, pairs of settings, and each against accuracy and cost."""
    try:
        content = scatters(view)
    except NothingToShowError as reason:
        return [Note(str(reason))]
    label = content.labels[0]
    blocks: list[Block] = []
    try:
        bars = importance_bars(view)
    except NothingToShowError as reason:
        blocks.append(Note(str(reason)))
    else:
        quality, cost = view.importance
        rests = (
            f"How far results differ between the values of each, over "
            f"{formatting.plural(quality.trials or cost.trials, 'complete trial')}; shares add up to 100 %, lines are "
            "standard errors, from a bootstrap over trials."
        )
        title = "Importance of each hyper-parameter"
        said = importance_bars_finding(quality)
        blocks.append(picture("importance", title, rests, paint_importance(bars), said))
        blocks.append(_table(quality, cost, label))
    heading = "Each hyper-parameter against accuracy and cost"
    drawn = paint_scatters(content.pairs, content.labels)
    blocks.append(picture("hyper-parameters", heading, _caption(view, content), drawn, scatter_finding(view, label)))
    return [*blocks, *_at_once(view), *_pairs(view, label)]


def _at_once(view: View) -> list[Block]:
    try:
        content = parallel_axes(view)
    except NothingToShowError:
        return []
    caption = "A line is a complete trial, coloured by the last axis; it is broken where a setting was not active."
    if content.left_out:
        caption += f" {formatting.plural(content.left_out, 'less important setting')} left out."
    drawn = paint_parallel(content)
    return [picture("all-settings", "All settings at once", caption, drawn, parallel_finding(content))]


def _pairs(view: View, label: str) -> list[Block]:
    try:
        content = pairs(view)
    except NothingToShowError:
        return []
    caption = "A point is a complete trial in which both settings were active. The ring is the chosen trial."
    drawn = paint_pairs(content, label)
    return [picture("setting-pairs", "Settings two at a time", caption, drawn, pairs_finding(view, content))]


def scatter_finding(view: View, label: str) -> str:
    """The strongest rank correlation of a setting with what the sweep is judged by."""
    known = [item for item in view.importance[0].items if formatting.known(item.rank_correlation)]
    if not known:
        return f"{formatting.plural(len(view.complete), 'complete trial')}: too few to say what any setting does."
    item = max(known, key=lambda item: abs(item.rank_correlation))
    name = item.parameter.removeprefix("param/").removeprefix("method/")
    way = "more" if item.rank_correlation > 0 else "less"
    low, high = rank_interval(item.rank_correlation, item.active)
    clear = "" if low > 0 or high < 0 else ", which may be chance"
    return (
        f"With more {name} comes {way} {label}: of all settings this rank correlation is the strongest, "
        f"{_signed(item.rank_correlation)} ({_signed(low)} to {_signed(high)}){clear}."
    )


def _caption(view: View, content: Scatters) -> str:
    """What the panels show, and nothing of what none of them does."""
    above = [pair[0] for pair in content.pairs]
    parts = [
        f"{formatting.plural(len(view.complete), 'complete trial')}; above `{content.labels[0]}`, below seconds of "
        "synthesis + transfer."
    ]
    if any(item.chosen for item in above):
        parts.append("The ring is the chosen trial.")
    if any(item.categories for item in above):
        parts.append("Bars are means of categories.")
    if any(item.active < item.trials for item in above):
        parts.append("Trials in which a hyper-parameter was not active are left out.")
    if content.left_out:
        parts.append(f"{content.left_out} more hyper-parameters are in the tables only.")
    return " ".join(parts)


def _table(quality: Importances, cost: Importances, label: str) -> Table:
    by_cost = {item.parameter: item for item in cost.items}
    rows = []
    for item in quality.items or cost.items:
        beside = by_cost.get(item.parameter)
        rows.append(
            {
                "parameter": item.parameter.removeprefix("param/"),
                "importance_quality": item.share if quality.items else float("nan"),
                "importance_quality_error": item.error if quality.items else float("nan"),
                "rank_correlation_quality": item.rank_correlation if quality.items else float("nan"),
                "best_category": item.best if quality.items else "",
                "importance_seconds": beside.share if beside else float("nan"),
                "importance_seconds_error": beside.error if beside else float("nan"),
                "rank_correlation_seconds": beside.rank_correlation if beside else float("nan"),
                "active": item.active,
            }
        )
    columns = (
        Column("hyper-parameter", lambda row: str(row["parameter"]), numeric=False),
        Column(
            f"importance for {label}", lambda row: _percent(row["importance_quality"], row["importance_quality_error"])
        ),
        Column("rank correlation", lambda row: _signed(row["rank_correlation_quality"])),
        Column("best category", lambda row: formatting.words(row["best_category"]), numeric=False),
        Column(
            "importance for seconds", lambda row: _percent(row["importance_seconds"], row["importance_seconds_error"])
        ),
        Column("rank correlation", lambda row: _signed(row["rank_correlation_seconds"])),
        Column("active in", lambda row: f"{row['active']} trials"),
    )
    note = (
        "How far the distribution of results differs between the values of a hyper-parameter by itself (the "
        "Cramér-von Mises index, as a share of all of them; categories and ranges weigh alike), over "
        f"{formatting.plural(quality.trials or cost.trials, 'complete trial')}"
        + (": few, so read it as a hint. " if (quality.trials or cost.trials) < 50 else ". ")
        + "± is a standard error, from a bootstrap over trials. "
        "Rank correlation (Spearman) of value and result over the trials in which it was active. The search visits "
        "good regions more often, so neither is an experiment's answer."
    )
    return Table("importance", "Which hyper-parameters decide", pd.DataFrame(rows), columns, note, most=40)


def _percent(value: float, error: float) -> str:
    return f"{100 * value:.0f} ± {100 * error:.0f} %" if formatting.known(value) else formatting.DASH


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−") if formatting.known(value) else formatting.DASH
