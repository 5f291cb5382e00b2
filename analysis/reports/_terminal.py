"""The table that the terminal shows at the end of a sweep."""

import pandas as pd

from analysis.reports._health import remarked
from analysis.statistics.comparability import contention_in
from analysis.statistics.pool_worth import worth_to_say
from analysis.statistics.view import View


def terminal_table(view: View) -> pd.DataFrame:
    """See `analysis.reports.pareto_table`."""
    ranked, rest, marks = view.ranked, view.unranked, view.own_front
    rows = view.with_references(
        pd.concat([part for part in (ranked, rest) if len(part)]) if len(view.trials) else ranked
    )
    on_front = [*marks[ranked.index].tolist(), *([False] * (len(rows) - len(ranked)))]
    name = view.objectives[0].name if view.objectives else "objective"
    table = pd.DataFrame(
        {
            "label": rows["label"] if view.searched else rows["method"].where(rows["kind"] == "trial", rows["label"]),
            "trial": rows["trial"],
            "replicates": pd.Series(
                [f"{done} of {all_}" for done, all_ in zip(rows["completed"], rows["planned"], strict=True)],
                dtype="string",
            ),
            "test_accuracy": rows["test_accuracy"],
            "test_accuracy_sd": rows["test_accuracy_sd"],
            name if name != "test_accuracy" else "objective": rows[view.objective] if view.objective else float("nan"),
            "share": rows["share"],
            "seconds": rows["seconds"],
            "multiply_adds": rows["multiply_adds"],
            "outcomes": rows["outcomes"],
            "collapsed": rows["collapsed"].where(rows["kind"] != "reference", 0).astype("int64"),
            "on_front": pd.Series(on_front, dtype="bool"),
            "chosen": (rows["trial"] == view.choice.trial).fillna(False).astype("bool")
            if view.choice.trial is not None
            else pd.Series(False, index=rows.index),
        }
    )
    table.attrs.update(
        searched=view.searched,
        objective=name,
        direction="maximize" if view.objectives and view.objectives[0].sign > 0 else "minimize",
    )
    if view.code_warnings:
        table.attrs["codes"] = " ".join(view.code_warnings)
    table.attrs["students"] = " ".join(remarked(view))
    shared = contention_in(view.frame.rows)
    if shared:
        table.attrs["seconds"] = shared
    worth = worth_to_say(view)
    if worth is not None:
        table.attrs["agreement"] = worth.verdict
    return table
