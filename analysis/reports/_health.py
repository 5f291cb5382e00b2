"""The report's warnings, and what is missing from it."""

from collections.abc import Sequence

import pandas as pd

from analysis import formatting
from analysis.page.render import Block, Column, Note, Table
from analysis.statistics.judged_parts import remark
from analysis.statistics.pool_worth import worth_to_say
from analysis.statistics.view import View

_CHECKED = (
    "test_accuracy",
    "teacher_test_accuracy",
    "majority_accuracy",
    "validation_accuracy",
    "validation_divergence",
    "agreement",
    "test_agreement",
    "predicted_classes",
    "seconds",
    "multiply_adds",
    "student_ms_per_1000",
    "peak_host_bytes",
)


def unknowns(view: View) -> list[Block]:
    """What the report cannot say: gaps of the folder, unreadable files, missing values."""
    blocks: list[Block] = [Note(gap) for gap in view.metadata.gaps]
    if view.metadata.sweep.replicates is None and len(view.trials):
        blocks.append(
            Note(
                f"The spec does not say how many replicates a trial has; {view.planned}, the most that any trial has, "
                "is used."
            )
        )
    if view.frame.unreadable:
        data = pd.DataFrame([{"file": item.file, "reason": item.reason} for item in view.frame.unreadable])
        columns = tuple(Column(name, lambda row, name=name: str(row[name]), numeric=False) for name in data.columns)  # type: ignore[misc]
        blocks.append(Table("unreadable", "Files that are not records", data, columns))
    missing = _missing(view)
    if missing is not None:
        blocks.append(missing)
    if not blocks:
        blocks.append(Note("Nothing is missing: every completed replicate has every value, and every file was read."))
    return blocks


def warnings(view: View) -> tuple[str, ...]:
    """What a reader must know before the first number."""
    found = [*view.code_warnings, *_agreement(view), *_parts_that_judge(view), *view.caveats]
    if view.planned == 1:
        found.append("One replicate per trial: differences between trials may be chance, and no interval can be given.")
    elif 1 < view.planned < 5:
        found.append(f"{view.planned} replicates per trial: intervals are wide.")
    if view.frame.unreadable:
        found.append(
            f"{formatting.plural(len(view.frame.unreadable), 'file')} among the records could not be read; see below."
        )
    found += remarked(view)
    found += _inactive_terms(view)
    found += [f"{line}." for line in view.metadata.set_aside]
    names = view.frame.rows["sweep"].dropna().unique()
    if len(names) > 1:
        found.append(f"The folder holds records of several sweeps: {', '.join(sorted(map(str, names)))}.")
    return tuple(found)


def remarked(view: View) -> list[str]:
    """How many trials have a student or a synthesis that stands out, and which controls' students collapsed."""
    whats = {
        "collapsed": "a collapsed student (one class predicted)",
        "below_bound": "a student below the bound",
        "stuck": "a synthesis that was stuck",
    }
    counts = {what: int((view.complete[name] > 0).sum()) for name, what in whats.items()}
    found = [
        f"{formatting.plural(count, 'complete trial')} with {what} in at least one replicate."
        for what, count in counts.items()
        if count
    ]
    rows = view.controls[view.controls["collapsed"] > 0]
    labels = [f"`{label}` ({count})" for label, count in zip(rows["label"], rows["collapsed"], strict=True)]
    if labels:
        found.append(f"Replicates of controls with a collapsed student: {', '.join(labels)}.")
    return found


def warnings_of(views: Sequence[View]) -> tuple[str, ...]:
    """The warnings of several sweeps, each once: with the names of its sweeps, unless all sweeps have it."""
    sweeps: dict[str, list[str]] = {}
    for view in views:
        for warning in warnings(view):
            sweeps.setdefault(warning, []).append(f"`{view.metadata.source}`")
    return tuple(text if len(names) == len(views) else f"{', '.join(names)}: {text}" for text, names in sweeps.items())


def _agreement(view: View) -> list[str]:
    """What agreement is worth where it chose, or where nothing else says how good students are."""
    worth = worth_to_say(view)
    return [] if worth is None else [worth.verdict]


def _parts_that_judge(view: View) -> list[str]:
    """What is wrong with the parts of the data that the sweep is judged by, where records count their classes."""
    found = []
    for part in ("validation", "test"):
        if part == "validation" and view.objectives and not any(item.uses_real_data for item in view.objectives):
            continue
        counted = view.rows[[f"{part}_classes", f"{part}_smallest_class"]].dropna()
        if len(counted):
            found.append(remark(part, *(int(smallest) for smallest in counted.min())))
    return [text for text in found if text is not None]


def _inactive_terms(view: View) -> list[str]:
    """Inactive loss terms, with the methods that have them."""
    runs = view.frame.rows[view.frame.rows["absent"].fillna("") != ""]
    named = runs["label"].where(runs["kind"] == "control", runs["method"])
    return [
        f"{', '.join(f'`{name}`' for name in dict.fromkeys(named[runs['absent'] == text]))}: {text}"
        for text in dict.fromkeys(runs["absent"])
    ]


def _missing(view: View) -> Table | None:
    derived = view.rows[(view.rows["kind"] == "trial") & (view.rows["outcome"] == "completed")]
    objectives = [name for name in derived.columns if name.startswith("objective/")]
    rows = []
    for name in (*objectives, *_CHECKED):
        missing = int(derived[name].isna().sum())
        if missing:
            why = _why_missing(view, name) if missing == len(derived) else ""
            rows.append({"value": name.removeprefix("objective/"), "missing": missing, "of": len(derived), "why": why})
    if not rows:
        return None
    columns = (
        Column("value", lambda row: str(row["value"]).replace("_", " "), numeric=False),
        Column("missing in", lambda row: f"{row['missing']} of {row['of']}"),
        Column("", lambda row: str(row["why"]), numeric=False),
    )
    note = "Completed replicates of trials. A missing value is left out of its mean, never counted as 0."
    return Table("missing", "Missing values", pd.DataFrame(rows), columns, note, most=60)


def _why_missing(view: View, name: str) -> str:
    """Why no replicate has a value."""
    artefacts = view.metadata.sweep.spec.get("artefacts")
    judged_by_data = bool(view.rows["test_accuracy"].notna().any())  # without data it is always measured
    left_out = isinstance(artefacts, dict) and artefacts.get("agreement") is False
    if name == "agreement" and left_out and judged_by_data:
        return "no objective asks for it; `artefacts: {agreement: true}` measures it"
    return "not measured in this sweep"
