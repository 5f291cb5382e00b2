"""Each hyper-parameter against accuracy and against cost, and which of them decide."""

import pandas as pd

from acgkd.errors import NothingToShowError
from analysis import formatting
from analysis.figures.canvas import picture
from analysis.figures.importance_bars import importance_bars, paint_importance
from analysis.figures.scatters import Scatters, paint_scatters, scatters
from analysis.page.render import Block, Column, Note, Section, Table
from analysis.statistics.ped_anova import Importances
from analysis.statistics.view import View


def hyper_parameters(view: View) -> Section:
    """The section."""
    title = "Hyper-parameters"
    try:
        content = scatters(view)
    except NothingToShowError as reason:
        return Section(title, (Note(str(reason)),))
    heading = "Each hyper-parameter against accuracy and cost"
    drawn = paint_scatters(content.pairs, content.labels)
    blocks: list[Block] = [picture("hyper-parameters", heading, _caption(view, content), drawn)]
    try:
        bars = importance_bars(view)
    except NothingToShowError as reason:
        blocks.append(Note(str(reason)))
    else:
        quality, cost = view.importance
        rests = f"PED-ANOVA over {formatting.plural(quality.trials or cost.trials, 'complete trial')}."
        blocks.append(picture("importance", "Importance of each hyper-parameter", rests, paint_importance(bars)))
        blocks.append(_table(quality, cost, content.labels[0]))
    return Section(title, tuple(blocks))


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
                "rank_correlation_quality": item.rank_correlation if quality.items else float("nan"),
                "best_category": item.best if quality.items else "",
                "importance_seconds": beside.share if beside else float("nan"),
                "rank_correlation_seconds": beside.rank_correlation if beside else float("nan"),
                "active": item.active,
            }
        )
    columns = (
        Column("hyper-parameter", lambda row: str(row["parameter"]), numeric=False),
        Column(f"importance for {label}", lambda row: _percent(row["importance_quality"])),
        Column("rank correlation", lambda row: _signed(row["rank_correlation_quality"])),
        Column("best category", lambda row: formatting.words(row["best_category"]), numeric=False),
        Column("importance for seconds", lambda row: _percent(row["importance_seconds"])),
        Column("rank correlation", lambda row: _signed(row["rank_correlation_seconds"])),
        Column("active in", lambda row: f"{row['active']} trials"),
    )
    note = (
        f"PED-ANOVA: how much each hyper-parameter separates the best trials from the others, over "
        f"{formatting.plural(quality.trials or cost.trials, 'complete trial')}"
        + (": few, so read it as a hint. " if (quality.trials or cost.trials) < 50 else ". ")
        + "Rank correlation (Spearman) of value and result over the trials in which it was active. The search visits "
        "good regions more often, so neither is an experiment's answer."
    )
    return Table("importance", "Which hyper-parameters decide", pd.DataFrame(rows), columns, note, most=40)


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %" if formatting.known(value) else formatting.DASH


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−") if formatting.known(value) else formatting.DASH
