"""The best trials: accuracy with its interval, shares, costs, how the trial was chosen, and its settings."""

import pandas as pd

from analysis import formatting
from analysis.page.render import Block, Column, Fact, Note, Table
from analysis.records.cell_values import shown
from analysis.reports._columns import (
    accuracy_columns,
    chosen_rows,
    code_column,
    cost_columns,
    method_column,
    notes_of,
    outcome_columns,
)
from analysis.statistics.trust.outcome_bounds import NOTE
from analysis.statistics.view import View

_SHOWN = 10


def best(view: View) -> list[Block]:
    """Ranked trials with reference lines, the selection, unranked trials, settings."""
    blocks: list[Block] = [Note(_selection(view))]
    ranked = view.ranked
    if len(ranked) or view.references:
        blocks.append(_best_trials(view, ranked))
    if len(ranked) > _SHOWN or len(view.trials):
        blocks.append(_all_trials(view))
    if view.frame.parameters() and len(ranked):
        blocks.append(_settings(view, ranked.head(5)))
    return blocks


def _best_trials(view: View, ranked: pd.DataFrame) -> Table:
    top = ranked.head(_SHOWN).assign(on_front=view.own_front[ranked.index])
    table = view.with_references(top)
    first, *others = accuracy_columns(view)
    mark = Column("", lambda row: "●" if row["on_front"] is True else "", numeric=False)
    remarked = outcome_columns(view.trials, view.controls)
    columns = (first, mark, *code_column(view), *method_column(view), *others, *remarked, *cost_columns(view))
    costs = f"{NOTE} {notes_of(columns)}" if remarked else notes_of(columns)
    return Table(
        "best-trials",
        f"Complete trials by {view.objectives[0].name.replace('_', ' ')}" if view.objective else "Complete trials",
        table,
        columns,
        _best_note(view, len(ranked), costs, bool(top["on_front"].any())),
        marked=chosen_rows(view, table),
        most=len(table),
    )


def _best_note(view: View, ranked: int, costs: str, marked: bool) -> str:
    parts = [
        f"Mean ± standard deviation over replicates; {formatting.plural(ranked, 'complete trial')} ranked"
        + (f", the first {_SHOWN} shown." if ranked > _SHOWN else "."),
    ]
    if bool(
        view.complete["test_accuracy_low"].notna().any() and view.rows["vary"].fillna("").str.contains("split").any()
    ):
        parts.append(
            "Intervals are corrected for random re-splits (Nadeau and Bengio), whose test accuracies are correlated; "
            "with few replicates they are wide. A dash: all replicates have exactly the same accuracy, which is "
            "chance, not certainty."
        )
    if view.planned == 1:
        parts.append("There is one replicate per trial: the spread is unknown, and there is no interval.")
    parts.append(
        "Recovered share: (student − majority class) / (teacher − majority class), pooled over seeds, with a bootstrap "
        "interval; blank where the gap between teacher and majority class is not clearly above 0."
    )
    blank = sorted({str(reason) for reason in view.complete["share_reason"] if reason})
    if blank:
        parts.append(f"Blank here: {blank[0]}.")
    parts.append(costs)
    if marked:
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
                f"{formatting.plural(choice.among, 'complete trial')}. {real} Selection never uses the test split."
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
                f"Oracle gap: {choice.oracle_gap:.3f}. Trial {choice.oracle} is best on test; this diagnoses "
                "the selection, is optimistic as any maximum is, and is not a result."
            )
    return " ".join(parts)


def _all_trials(view: View) -> Table:
    rest, files = view.unranked, view.metadata.trials
    everything = pd.concat([part for part in (view.ranked, rest) if len(part)], ignore_index=True)
    numbers = everything["trial"].astype("int64").tolist()
    states = [files[number].state if number in files else "unknown" for number in numbers]
    table = view.with_references(everything.assign(on_front=False)).drop(columns="on_front")
    table["state"] = pd.Series([*states, *([""] * (len(table) - len(states)))], dtype="string")
    name = view.objective
    first, *others = accuracy_columns(view)[: 4 if name else 3]
    columns = (
        first,
        *code_column(view),
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
    return Table("trials", title, table, columns, note, most=200, folded=True, paged=True)


def _settings(view: View, rows: pd.DataFrame) -> Table:
    names = view.frame.parameters()
    data = pd.DataFrame({"parameter": [name.removeprefix("param/") for name in names]})
    columns = [Column("hyper-parameter", lambda row: str(row["parameter"]), numeric=False)]
    for _, row in rows.iterrows():
        label = str(row["label"])
        data[label] = [shown(row[name]) if formatting.known(row[name]) else formatting.DASH for name in names]
        columns.append(Column(label, lambda cell, label=label: str(cell[label])))  # type: ignore[misc]
    inactive = bool(rows[names].isna().to_numpy().any())
    note = "A dash: not active in that trial." if inactive else ""
    return Table("settings", "Settings of the best trials", data, tuple(columns), note, most=60)


def facts(view: View) -> tuple[Fact, ...]:
    """The headline figures."""
    total = len(view.trials)
    done = len(view.complete)
    found = []
    row = view.chosen
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
            f"recovered share {row['share']:.2f}, 95 % interval {row['share_low']:.2f} to {row['share_high']:.2f}"
            if formatting.known(row["share_low"])
            else f"no recovered share: {row['share_reason']}"
        )
        found.append(Fact("Ratio to the teacher", formatting.share(row["ratio"]), share_detail))
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
                f"{_cpu(row['cpu_s'])}{formatting.count(row['multiply_adds'])} multiply-adds",
            )
        )
    found.append(Fact("Trials", f"{done} of {total}", "complete, with all replicates"))
    return tuple(found)


def _cpu(value: object) -> str:
    return f"{formatting.seconds(value)} of CPU time, " if formatting.known(value) else ""
