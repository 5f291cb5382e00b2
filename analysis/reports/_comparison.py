"""The methods of a sweep side by side: its trial and its controls, with paired differences."""

from collections.abc import Sequence

import pandas as pd

from analysis import formatting
from analysis.page.render import Block, Column, Fact, Note, Table
from analysis.reports._columns import accuracy_columns, code_column, cost_columns, notes_of, outcome_columns
from analysis.statistics.paired import TO_DECIDE, decided_by, paired
from analysis.statistics.trust.outcome_bounds import NOTE
from analysis.statistics.view import View


def methods(view: View, stem: str = "") -> list[Block]:
    """One row per method, then what the trial gains over each control.

    Args:
        view: the sweep; where it searched, its chosen trial stands for the method.
        stem: what the names of the tables end with.
    """
    chosen = view.chosen
    rows = view.trials[view.trials["trial"] == view.choice.trial] if chosen is not None else view.trials.iloc[:0]
    if view.searched:
        rows = rows.assign(label=rows["method"].astype("string") + " (" + rows["label"].astype("string") + ")")
    else:
        rows = view.trials.assign(label=view.trials["method"].astype("string"))
    table = view.with_references(rows)
    blocks: list[Block] = []
    if chosen is None and view.searched:
        blocks.append(Note(f"No trial is chosen: {view.choice.reason}."))
    if table.empty:
        blocks.append(Note("There is no trial, no control and no teacher to compare."))
        return blocks
    first, *others = accuracy_columns(view)
    remarked = outcome_columns(rows, view.controls)
    columns = (first, *code_column(view), *others, *remarked, *cost_columns(view, inference=False))
    note = f"{NOTE} " if remarked else ""
    note += f"Recovered share as in the report of the sweep. {notes_of(columns)}"
    blocks.append(Table(f"methods{stem}", "Methods and controls", table, columns, note, most=100))
    differences = _differences(view)
    if len(differences):
        shown = (
            Column(
                "chosen trial against" if view.searched else f"{rows['label'].iloc[0]} against",
                lambda row: str(row["against"]),
                numeric=False,
            ),
            Column("seeds", lambda row: str(row["pairs"])),
            Column("difference in test accuracy", lambda row: _signed(row["difference"])),
            Column("95 % interval", lambda row: formatting.interval(row["low"], row["high"])),
            Column("better / equal / worse", lambda row: f"{row['wins']} / {row['ties']} / {row['losses']}"),
            Column(
                "seeds to decide", lambda row: decided_by(row["to_decide"], row["low"], row["high"]) or formatting.DASH
            ),
        )
        note = (
            "Paired by seed, completed replicates only; intervals are corrected where the seed varied the split. "
            f"{TO_DECIDE} A dash: it is decided, or there is no interval."
        )
        blocks.append(Table(f"differences{stem}", "Paired differences", differences, shown, note, most=100))
    return blocks


def facts(views: Sequence[View]) -> tuple[Fact, ...]:
    """The figure of each sweep's method."""
    chosen = [(view, view.chosen) for view in views]
    return tuple(
        Fact(
            f"{row['method']} on {formatting.words(row['dataset'])}",
            formatting.mean_sd(row["test_accuracy"], row["test_accuracy_sd"]),
            f"recovered share {formatting.significant(row['share'], 2)}"
            + (f", trial {row['trial']} of `{view.metadata.source}`" if view.searched else ""),
        )
        for view, row in chosen
        if row is not None
    )


def _differences(view: View) -> pd.DataFrame:
    if view.choice.trial is None:
        return pd.DataFrame()
    rows = view.rows
    mine = rows[(rows["kind"] == "trial") & (rows["trial"] == view.choice.trial)]
    found = []
    for label in view.controls["label"]:
        control = rows[(rows["kind"] == "control") & (rows["label"] == label)]
        pair = paired(mine, control)
        if pair.difference.n:
            spread = pair.difference
            found.append(
                {
                    "against": label,
                    "pairs": spread.n,
                    "difference": spread.mean,
                    "low": spread.low,
                    "high": spread.high,
                    "p_value": pair.p_value,
                    "wins": pair.wins,
                    "ties": pair.ties,
                    "losses": pair.losses,
                    "to_decide": pair.to_decide,
                }
            )
    return pd.DataFrame(found)


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−") if formatting.known(value) else formatting.DASH
