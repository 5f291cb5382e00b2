"""The report on methods: one row per method and control, over whatever folders are given."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from analysis import text
from analysis.compare import paired
from analysis.figures.canvas import Picture
from analysis.frame import Frame
from analysis.markup import slug
from analysis.render import Block, Column, Fact, Note, Report, Section, Table
from analysis.reports._best import COST_NOTE, accuracy_columns, cost_columns
from analysis.reports._health import outcome_section, unknowns, warnings
from analysis.reports._provenance import provenance
from analysis.reports._view import Context, View


def build(frame: Frame, context: Context) -> Report:
    """Makes the report: from each sweep its chosen trial, beside the controls, the teacher and the majority class."""
    views = context.views(frame)
    sections: list[Section] = []
    for view in views:
        suffix = f": {view.ledger.source}" if len(views) > 1 else ""
        stem = f"-{len(sections)}" if len(views) > 1 else ""
        sections.append(Section(f"Methods{suffix}", tuple(_methods(view, stem))))
    for view in views:
        suffix = f": {view.ledger.source}" if len(views) > 1 else ""
        for section in (outcome_section(view), unknowns(view), provenance(view)):
            tables = tuple(block for block in section.blocks if not isinstance(block, Picture))
            named = tuple(_named(block, view, len(views) > 1) for block in tables)
            sections.append(Section(section.title + suffix, named))
    notes = tuple(warning for view in views for warning in warnings(view))
    subtitle = (
        "One row per method: the trial that its sweep chose, never by the test split, beside what was run as control."
    )
    return Report("Methods", subtitle, _facts(views), notes, tuple(sections))


def _methods(view: View, stem: str) -> list[Block]:
    chosen = view.chosen()
    rows = view.trials[view.trials["trial"] == view.choice.trial] if chosen is not None else view.trials.iloc[:0]
    rows = rows.assign(label=rows["method"].astype("string") + " (" + rows["label"].astype("string") + ")")
    table = view.with_references(rows)
    blocks: list[Block] = []
    if chosen is None:
        blocks.append(Note(f"No trial is chosen: {view.choice.reason}."))
    if table.empty:
        blocks.append(Note("There is no trial, no control and no teacher to compare."))
        return blocks
    columns = (*accuracy_columns(view), Column("collapsed", _collapsed), *cost_columns()[:2])
    note = "Collapsed: replicates whose student predicts one class. Recovered share as in the report of the sweep. "
    note += COST_NOTE
    blocks.append(Table(f"methods{stem}", "Methods and controls", table, columns, note, most=100))
    differences = _differences(view)
    if len(differences):
        shown = (
            Column("chosen trial against", lambda row: row["against"], numeric=False),
            Column("seeds", lambda row: str(row["pairs"])),
            Column("difference in test accuracy", lambda row: _signed(row["difference"])),
            Column("95 % interval", lambda row: text.interval(row["low"], row["high"])),
            Column("better / equal / worse", lambda row: f"{row['wins']} / {row['ties']} / {row['losses']}"),
        )
        note = "Paired by seed, completed replicates only; intervals are corrected where the seed varied the split."
        blocks.append(Table(f"differences{stem}", "Paired differences", differences, shown, note, most=100))
    return blocks


def _differences(view: View) -> pd.DataFrame:
    if view.choice.trial is None:
        return pd.DataFrame()
    rows = view.frame.rows
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
                }
            )
    return pd.DataFrame(found)


def _facts(views: list[View]) -> tuple[Fact, ...]:
    chosen = [(view, view.chosen()) for view in views]
    return tuple(
        Fact(
            f"{row['method']} on {text.words(row['dataset'])}",
            text.mean_sd(row["test_accuracy"], row["test_accuracy_sd"]),
            f"recovered share {text.significant(row['share'], 2)}, trial {row['trial']} of `{view.ledger.source}`",
        )
        for view, row in chosen
        if row is not None
    )


def _named(block: Block, view: View, several: bool) -> Block:
    return (
        replace(block, name=f"{slug(view.ledger.source)}-{block.name}")
        if several and isinstance(block, Table)
        else block
    )


def _collapsed(row: Mapping[str, Any]) -> str:
    return f"{row['collapsed']} of {row['completed']}" if row["kind"] != "reference" else text.DASH


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−") if text.known(value) else text.DASH
