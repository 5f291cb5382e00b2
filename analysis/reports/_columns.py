"""The columns that tables of accuracies share, and the notes that explain those that are shown."""

from collections.abc import Sequence
from functools import partial

import pandas as pd

from analysis import formatting
from analysis.page.render import Column, Row
from analysis.statistics.trust.outcome_bounds import REMARKS
from analysis.statistics.view import View

_TIME = Column("time", lambda row: formatting.seconds(row["seconds"]))
_CPU = Column("CPU", lambda row: formatting.seconds(row["cpu_s"]))
_WORK = Column("multiply-adds", lambda row: formatting.count(row["multiply_adds"]))
_INFERENCE = Column("per 1,000", lambda row: formatting.milliseconds(row["student_ms_per_1000"]))


def replicates(row: Row) -> str:
    """``2 of 3``."""
    return f"{row['completed']} of {row['planned']}"


def accuracy_columns(view: View) -> tuple[Column, ...]:
    """The columns that every table of accuracies has."""
    columns = [
        Column("", lambda row: str(row["label"]), numeric=False),
        Column("replicates", replicates),
        Column("test accuracy", lambda row: formatting.mean_sd(row["test_accuracy"], row["test_accuracy_sd"])),
        Column(
            "95 % interval", lambda row: formatting.share_interval(row["test_accuracy_low"], row["test_accuracy_high"])
        ),
        Column("ratio to teacher", lambda row: formatting.share(row["ratio"])),
        Column("recovered share", _share),
    ]
    if view.objective:
        title = f"{view.objectives[0].name.replace('_', ' ')} ({'↑' if view.objectives[0].sign > 0 else '↓'})"
        name = view.objective
        columns.insert(2, Column(title, lambda row: formatting.mean_sd(row.get(name), row.get(f"{name}_sd"))))
    return tuple(columns)


def outcome_columns(*tables: pd.DataFrame) -> tuple[Column, ...]:
    """How many replicates are stuck, below the bound or collapsed; only those of which a table has any.

    Args:
        tables: summaries of trials and controls.
    """
    return tuple(
        Column(remark, partial(_counted, name))
        for name, remark in REMARKS.items()
        if any(bool((table[name] > 0).any()) for table in tables if len(table))
    )


def _counted(name: str, row: Row) -> str:
    return f"{int(row[name])} of {row['completed']}" if row["kind"] != "reference" else formatting.DASH


def method_column(view: View) -> tuple[Column, ...]:
    """What each trial distilled with, where that was searched; else nothing, as it would be the same throughout."""
    if "param/method/name" not in view.frame.parameters():
        return ()
    return (Column("method", lambda row: formatting.words(row["method"]), numeric=False),)


def code_column(view: View) -> tuple[Column, ...]:
    """The letter of the code that made each row, where there are several; else nothing."""
    if not view.codes.several:
        return ()
    return (Column("code", lambda row: view.codes.mark(row["trial"], row["label"]), numeric=False),)


def cost_columns(view: View, *, inference: bool = True) -> tuple[Column, ...]:
    """Seconds of the method's stages, CPU seconds where any were measured, counted work, the student's inference time.

    Args:
        view: the sweep.
        inference: whether the last of them is shown.
    """
    cpu = (_CPU,) if any(bool(table["cpu_s"].notna().any()) for table in (view.trials, view.controls)) else ()
    return (_TIME, *cpu, _WORK, *((_INFERENCE,) if inference else ()))


def notes_of(columns: Sequence[Column]) -> str:
    """What the cost columns among those shown mean."""
    timed = "Time, CPU time" if _CPU in columns else "Time"
    parts = [f"{timed} and multiply-adds: synthesis + transfer"] if _TIME in columns else []
    if _INFERENCE in columns:
        parts.append("per 1,000: the student's inference time for 1,000 samples")
    return "; ".join(parts) + "." if parts else ""


def chosen_rows(view: View, table: pd.DataFrame) -> frozenset[int]:
    """Positions of the chosen trial's row in a table."""
    number = view.choice.trial
    return frozenset(i for i, trial in enumerate(table["trial"]) if formatting.known(trial) and trial == number)


def _share(row: Row) -> str:
    if not formatting.known(row["share"]):
        return formatting.DASH
    return f"{row['share']:.2f} ({row['share_low']:.2f} to {row['share_high']:.2f})".replace("-", "−")
