"""The best trials: accuracy with its interval, shares, costs, how the trial was chosen, and its settings."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis import formatting
from analysis.page.render import Block, Column, Fact, Note, Section, Table
from analysis.reports._view import View

_SHOWN = 10
COST_NOTE = "Time and multiply-adds: synthesis + transfer; per 1,000: the student's inference time for 1,000 samples."


def replicates(row: Mapping[str, Any]) -> str:
    """``2 of 3``."""
    return f"{row['completed']} of {row['planned']}"


def accuracy_columns(view: View) -> tuple[Column, ...]:
    """The columns that every table of accuracies has."""
    columns = [
        Column("", lambda row: row["label"], numeric=False),
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


def method_column(view: View) -> tuple[Column, ...]:
    """What each trial distilled with, where that was searched; else nothing, as it would be the same throughout."""
    if "param/method/name" not in view.frame.parameters():
        return ()
    return (Column("method", lambda row: formatting.words(row["method"]), numeric=False),)


def cost_columns() -> tuple[Column, ...]:
    """Seconds of the method's stages, counted work, and the student's inference time."""
    return (
        Column("time", lambda row: formatting.seconds(row["seconds"])),
        Column("multiply-adds", lambda row: formatting.count(row["multiply_adds"])),
        Column("per 1,000", lambda row: formatting.milliseconds(row["student_ms_per_1000"])),
    )


def best(view: View) -> Section:
    """The section: ranked trials with reference lines, the selection, unranked trials, settings."""
    blocks: list[Block] = [Note(_selection(view))]
    ranked = view.ranked()
    shown = ranked.assign(on_front=view.own_front()[ranked.index])
    table = view.with_references(shown.head(_SHOWN))
    chosen = frozenset(
        i for i, trial in enumerate(table["trial"]) if formatting.known(trial) and trial == view.choice.trial
    )
    if len(ranked) or view.references:
        first, *others = accuracy_columns(view)
        mark = Column("", lambda row: "●" if row["on_front"] is True else "", numeric=False)
        blocks.append(
            Table(
                "best-trials",
                f"Complete trials by {view.objectives[0].name.replace('_', ' ')}"
                if view.objective
                else "Complete trials",
                table,
                (first, mark, *method_column(view), *others, *cost_columns()),
                _best_note(view, len(ranked)),
                marked=chosen,
                most=len(table),
            )
        )
    if len(ranked) > _SHOWN or len(view.trials):
        blocks.append(_all_trials(view))
    if view.frame.parameters() and len(ranked):
        blocks.append(_settings(view, ranked.head(5)))
    return Section("Best trials", tuple(blocks))


def _share(row: Mapping[str, Any]) -> str:
    if not formatting.known(row["share"]):
        return formatting.DASH
    return f"{row['share']:.2f} ({row['share_low']:.2f} to {row['share_high']:.2f})".replace("-", "−")


def _best_note(view: View, ranked: int) -> str:
    parts = [
        f"Mean ± standard deviation over replicates; {formatting.plural(ranked, 'complete trial')} ranked"
        + (f", the first {_SHOWN} shown." if ranked > _SHOWN else "."),
    ]
    if bool(view.frame.rows["vary"].fillna("").str.contains("split").any()):
        parts.append(
            "Intervals are corrected for random re-splits (Nadeau and Bengio), whose test accuracies are correlated; "
            "with few replicates they are wide, and rightly so. A dash stands where all replicates agree to the last "
            "sample: that is chance, not certainty."
        )
    if view.planned == 1:
        parts.append("There is one replicate per trial: nothing is known of the spread, and no interval can be given.")
    parts.append(
        "Recovered share: (student − majority class) / (teacher − majority class), pooled over seeds, with a bootstrap "
        "interval; blank where the gap between teacher and majority class is not clearly above 0."
    )
    blank = sorted({str(reason) for reason in view.complete["share_reason"] if reason})
    if blank:
        parts.append(f"Blank here: {blank[0]}.")
    parts.append(COST_NOTE)
    parts.append("● is on the Pareto front of the sweep's own objectives.")
    return " ".join(parts)


def _selection(view: View) -> str:
    choice = view.choice
    parts = []
    if choice.objective is not None:
        better = "highest" if choice.objective.sign > 0 else "lowest"
        real = {
            True: "It uses real data (a validation split that neither teacher nor student was trained on), so this "
            "selection is not data-free.",
            False: "It uses no real data.",
            None: "Whether it uses real data is not recorded.",
        }[choice.objective.uses_real_data]
        if choice.trial is not None:
            parts.append(
                f"Trial {choice.trial} is chosen: the {better} mean `{choice.objective.name}` among "
                f"{formatting.plural(choice.among, 'complete trial')}. {real} The test split played no part."
            )
    if choice.trial is None:
        parts.append(f"No trial is chosen: {choice.reason}.")
    if choice.assumed:
        parts.append(f"{choice.assumed}.")
    if choice.oracle is not None and formatting.known(choice.oracle_gap):
        if choice.oracle == choice.trial:
            parts.append("It is also the best complete trial on test: the oracle gap is 0.000.")
        else:
            parts.append(
                f"Oracle gap: {choice.oracle_gap:.3f}. Trial {choice.oracle} is best on test; that is a diagnosis of "
                "the selection, optimistic as any maximum is, and not a result."
            )
    return " ".join(parts)


def _all_trials(view: View) -> Table:
    rest = view.unranked()
    everything = pd.concat([part for part in (view.ranked(), rest) if len(part)], ignore_index=True)
    states = [view.metadata.states.get(int(trial), "unknown") for trial in everything["trial"]]
    table = view.with_references(everything.assign(on_front=False)).drop(columns="on_front")
    table["state"] = pd.Series([*states, *([""] * (len(table) - len(states)))], dtype="string")
    name = view.objective
    first, *others = accuracy_columns(view)[: 4 if name else 3]
    columns = (
        first,
        *method_column(view),
        *others,
        Column("state", lambda row: formatting.words(row["state"]), numeric=False),
        Column("outcomes", lambda row: formatting.words(row["outcomes"]), numeric=False),
        Column("synthesis + transfer", lambda row: formatting.seconds(row["seconds"])),
    )
    note = (
        f"{formatting.plural(len(rest), 'trial')} with fewer completed replicates than planned: means over "
        "what completed, "
        "never ranked among the others."
        if len(rest)
        else "Every trial has all its replicates."
    )
    title = f"All trials, {formatting.plural(len(rest), 'unranked one')} among them" if len(rest) else "All trials"
    return Table("trials", title, table, columns, note, most=200, folded=True)


def _settings(view: View, rows: pd.DataFrame) -> Table:
    names = view.frame.parameters()
    data = pd.DataFrame({"parameter": [name.removeprefix("param/") for name in names]})
    columns = [Column("hyper-parameter", lambda row: row["parameter"], numeric=False)]
    for _, row in rows.iterrows():
        label = str(row["label"])
        data[label] = [formatting.words(row[name]) for name in names]
        columns.append(Column(label, lambda cell, label=label: cell[label]))  # type: ignore[misc]
    note = "A dash: not active in that trial."
    return Table("settings", "Settings of the best trials", data, tuple(columns), note, most=60)


def facts(view: View) -> tuple[Fact, ...]:
    """The headline figures."""
    total = len(view.trials)
    done = len(view.complete)
    found = []
    row = view.chosen()
    if row is not None and view.choice.objective is not None:
        found.append(
            Fact(
                f"Chosen by {view.choice.objective.name.replace('_', ' ')}",
                f"trial {view.choice.trial}",
                f"{formatting.significant(row[view.objective])}, best of "
                f"{formatting.plural(view.choice.among, 'complete trial')}",
            )
        )
        spread = formatting.share_interval(row["test_accuracy_low"], row["test_accuracy_high"])
        detail = (
            f"95 % interval {spread}" if spread != formatting.DASH else "no interval: too few replicates, or all equal"
        )
        found.append(
            Fact("Its test accuracy", formatting.mean_sd(row["test_accuracy"], row["test_accuracy_sd"]), detail)
        )
        share_detail = (
            f"95 % interval {row['share_low']:.2f} to {row['share_high']:.2f}"
            if formatting.known(row["share_low"])
            else str(row["share_reason"])
        )
        found.append(
            Fact("Recovered share", f"{row['share']:.2f}" if formatting.known(row["share"]) else "–", share_detail)
        )
    lines = {item.label: item for item in view.references}
    if "teacher" in lines:
        teacher = lines["teacher"].accuracy
        majority = lines.get("majority class")
        below = (
            f"majority class {formatting.share(majority.accuracy.mean)}" if majority else "majority class not recorded"
        )
        found.append(Fact("Teacher", formatting.mean_sd(teacher.mean, teacher.sd), below))
    if row is not None:
        found.append(
            Fact(
                "Synthesis + transfer",
                formatting.seconds(row["seconds"]),
                f"{formatting.count(row['multiply_adds'])} multiply-adds",
            )
        )
    found.append(Fact("Trials", f"{done} of {total}", "complete, with all replicates"))
    return tuple(found)


def terminal_table(view: View) -> pd.DataFrame:
    """See `analysis.reports.pareto_table`."""
    ranked, rest = view.ranked(), view.unranked()
    marks = view.own_front()
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
    return table
