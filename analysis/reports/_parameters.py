"""Each hyper-parameter against accuracy and against cost, and which of them decide."""

import pandas as pd

from analysis import formatting
from analysis.figures.parameters import MOST_PANELS, parameters, scatter
from analysis.page.render import Block, Column, Note, Section, Table
from analysis.reports._view import View
from analysis.statistics.ped_anova import Importances, importances


def hyper_parameters(view: View) -> Section:
    """The section."""
    names = view.frame.parameters()
    shown = view.complete
    title = "Hyper-parameters"
    if not names:
        return Section(title, (Note("The sweep searched no hyper-parameter."),))
    if shown.empty:
        return Section(title, (Note("No trial is complete: the effect of the hyper-parameters is not known."),))
    column, direction = view.evaluate()
    quality = importances(shown, column, direction, names)
    cost = importances(shown, "seconds", "minimize", names)
    order = [item.parameter for item in quality.items]
    order += [name for name in names if name not in order]
    drawn = order[:MOST_PANELS]
    label = column.removeprefix("objective/").replace("_", " ")
    pairs = [
        (scatter(shown, name, column, view.choice.trial), scatter(shown, name, "seconds", view.choice.trial))
        for name in drawn
    ]
    caption = (
        f"{formatting.plural(len(shown), 'complete trial')}; above `{label}`, below seconds of synthesis + transfer. "
        "The ring is the chosen trial, bars are means of categories. "
        "Trials in which a hyper-parameter was not active are left out."
    )
    if len(order) > len(drawn):
        caption += f" {len(order) - len(drawn)} more hyper-parameters are in the tables only."
    blocks: list[Block] = [
        parameters(
            "hyper-parameters", "Each hyper-parameter against accuracy and cost", caption, pairs, (label, "seconds")
        )
    ]
    blocks.extend(_table(quality, cost, label))
    return Section(title, tuple(blocks))


def _table(quality: Importances, cost: Importances, label: str) -> list[Block]:
    if not quality.items and not cost.items:
        return [
            Note(f"No importances are given: {quality.reason} with a value of {label}, and there are {quality.trials}.")
        ]
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
        Column("hyper-parameter", lambda row: row["parameter"], numeric=False),
        Column(f"importance for {label}", lambda row: _percent(row["importance_quality"])),
        Column("rank correlation", lambda row: _signed(row["rank_correlation_quality"])),
        Column("best category", lambda row: formatting.words(row["best_category"]), numeric=False),
        Column("importance for seconds", lambda row: _percent(row["importance_seconds"])),
        Column("rank correlation", lambda row: _signed(row["rank_correlation_seconds"])),
        Column("active in", lambda row: f"{row['active']} trials"),
    )
    note = (
        f"PED-ANOVA: the part of each hyper-parameter in telling the best trials from the others, resting on "
        f"{formatting.plural(quality.trials or cost.trials, 'complete trial')}"
        + (": few, so read it as a hint. " if (quality.trials or cost.trials) < 50 else ". ")
        + "Rank correlation (Spearman) of value and result over the trials in which it was active. The search visits "
        "good regions more often, so neither is an experiment's answer."
    )
    return [Table("importance", "Which hyper-parameters decide", pd.DataFrame(rows), columns, note, most=40)]


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %" if formatting.known(value) else formatting.DASH


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−") if formatting.known(value) else formatting.DASH
