"""How the sweep went: outcomes, attempts and lost work, what is missing, and whether its seconds can be compared."""

from collections import Counter

import pandas as pd

from analysis import formatting
from analysis.figures.outcomes import bars, outcomes
from analysis.page.render import Block, Column, Note, Section, Table
from analysis.reports._view import View
from analysis.statistics.judged_parts import remark
from analysis.statistics.replicates import with_derived

_CALIBRATION_SPREAD = 1.25  # fastest to slowest run of the fixed kernel; more than this and the machine was not itself
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


def outcome_section(view: View) -> Section:
    """How replicates ended, with the messages of those that did not complete, and the history of attempts."""
    rows = view.frame.rows
    runs = rows[rows["kind"] != "teacher"]
    blocks: list[Block] = []
    if len(runs):
        caption = (
            f"{formatting.plural(len(runs), 'replicate')} of trials and controls that left a record. Means "
            "elsewhere are "
            "over completed replicates only, each with its count."
        )
        blocks.append(outcomes("outcomes", "Outcomes of replicates", caption, bars(runs)))
    else:
        blocks.append(Note("No replicate has left a record."))
    blocks.append(_counts(view))
    bad = runs[~runs["outcome"].isin(["completed", "pruned"])]
    if len(bad):
        blocks.append(_messages(bad))
    blocks.extend(_attempts(view))
    return Section("Outcomes", tuple(blocks))


def unknowns(view: View) -> Section:
    """What the report cannot say: gaps of the folder, unreadable files, missing values, seconds that do not compare."""
    blocks: list[Block] = [Note(gap) for gap in view.metadata.gaps]
    blocks.extend(_without_record(view))
    blocks.extend(Note(warning, warning=True) for warning in comparability(view))
    if view.metadata.planned() is None and len(view.trials):
        blocks.append(
            Note(
                f"The spec does not say how many replicates a trial has; {view.planned}, the most that any trial has, "
                "was taken."
            )
        )
    if view.frame.unreadable:
        data = pd.DataFrame([{"file": item.file, "reason": item.reason} for item in view.frame.unreadable])
        columns = tuple(Column(name, lambda row, name=name: row[name], numeric=False) for name in data.columns)  # type: ignore[misc]
        blocks.append(Table("unreadable", "Files among the records that are none", data, columns))
    missing = _missing(view)
    if missing is not None:
        blocks.append(missing)
    if not blocks:
        blocks.append(Note("Nothing is missing: every completed replicate has every value, and every file was read."))
    return Section("What is not known", tuple(blocks))


def comparability(view: View) -> list[str]:
    """Why the seconds of this sweep cannot be compared with each other; empty where they can."""
    runs = view.frame.rows[(view.frame.rows["kind"] != "teacher") & (view.frame.rows["outcome"] == "completed")]
    found = []
    for column, noun in (
        ("host", "hosts"),
        ("device_name", "devices"),
        ("device", "kinds of device"),
        ("threads", "numbers of threads"),
        ("trials_alongside", "numbers of trials alongside"),
        ("torch", "versions of torch"),
    ):
        values = sorted(str(value) for value in runs[column].dropna().unique() if str(value))
        if len(values) > 1:
            shown = ", ".join(values[:6]) + (" …" if len(values) > 6 else "")
            found.append(f"{noun} ({shown})")
    warnings = []
    if found:
        warnings.append(
            "Seconds are not comparable between trials: they ran on several "
            + "; ".join(found)
            + ". Compare multiply-adds instead."
        )
    kernel = runs["calibration_s"].dropna()
    if len(kernel) > 1 and kernel.min() > 0 and kernel.max() / kernel.min() > _CALIBRATION_SPREAD:
        warnings.append(
            f"The calibration kernel took {formatting.seconds(kernel.min())} to "
            f"{formatting.seconds(kernel.max())}: the machine "
            "was not equally fast for all trials, so small differences in seconds mean nothing."
        )
    cached = int(runs["synthesis_cached"].fillna(False).sum())
    if cached:
        warnings.append(
            f"{formatting.plural(cached, 'replicate')} took pseudo-samples from the "
            "cache; their synthesis seconds are those "
            "of the run that made them."
        )
    return warnings


def warnings(view: View) -> tuple[str, ...]:
    """What a reader must know before the first number."""
    found = comparability(view)
    if view.planned == 1:
        found.append("One replicate per trial: differences between trials may be chance, and no interval can be given.")
    elif 1 < view.planned < 5:
        found.append(f"{view.planned} replicates per trial: intervals are wide.")
    if view.frame.unreadable:
        found.append(
            f"{formatting.plural(len(view.frame.unreadable), 'file')} among the records could not be read; see below."
        )
    collapsed = view.complete[view.complete["collapsed"] > 0]
    if len(collapsed):
        found.append(
            f"{formatting.plural(len(collapsed), 'complete trial')} with a collapsed student "
            "(one class predicted) in at "
            "least one replicate."
        )
    found += _small_parts(view)
    found += _done_without(view)
    names = view.frame.rows["sweep"].dropna().unique()
    if len(names) > 1:
        found.append(f"The folder holds records of several sweeps: {', '.join(sorted(map(str, names)))}.")
    return tuple(found)


def _small_parts(view: View) -> list[str]:
    """Parts of the data that judge and are too small for it; the smallest over all seeds."""
    found = []
    for part in ("validation", "test"):
        known = view.frame.rows[[f"{part}_classes", f"{part}_rarest"]].dropna()
        if len(known):
            found.append(remark(part, *(int(smallest) for smallest in known.min())))
    return [said for said in found if said is not None]


def _done_without(view: View) -> list[str]:
    """The terms of losses that did nothing, with the methods that did without."""
    runs = view.frame.rows[view.frame.rows["absent"].fillna("") != ""]
    named = runs["label"].where(runs["kind"] == "control", runs["method"])
    return [
        f"{', '.join(f'`{name}`' for name in dict.fromkeys(named[runs['absent'] == told]))}: {told}"
        for told in dict.fromkeys(runs["absent"])
    ]


def _without_record(view: View) -> list[Block]:
    """Trials that the sweep knows of and that left no record: they are in no table of results."""
    recorded = {int(number) for number in view.trials["trial"]}
    rows = [
        {"trial": number, "state": state, "message": view.metadata.messages.get(number, "")}
        for number, state in sorted(view.metadata.states.items())
        if number not in recorded
    ]
    if not rows:
        return []
    columns = (
        Column("trial", lambda row: str(row["trial"])),
        Column("state", lambda row: row["state"], numeric=False),
        Column("message", lambda row: formatting.words(row["message"])[:300], numeric=False),
    )
    return [Table("without-record", "Trials without any record", pd.DataFrame(rows), columns)]


def _counts(view: View) -> Table:
    states = Counter(view.metadata.states.values())
    runs = view.frame.rows[view.frame.rows["kind"] == "trial"]
    ended = Counter(str(value) for value in runs["outcome"])
    lost = float(view.frame.rows["lost_s"].fillna(0).sum())
    rows = [
        ("trials with a record", str(len(view.trials))),
        ("… complete, with all replicates", str(len(view.complete))),
        *((f"trials in state {state.replace('_', ' ')}", str(number)) for state, number in sorted(states.items())),
        ("replicates per trial, planned", str(view.planned) if view.planned else formatting.DASH),
        ("replicates of trials with a record", str(len(runs))),
        *((f"… {outcome.replace('_', ' ')}", str(number)) for outcome, number in sorted(ended.items())),
        ("attempts recorded", str(len(view.metadata.attempts)) if view.metadata.states else formatting.DASH),
        ("work done and lost again", formatting.seconds(lost)),
    ]
    data = pd.DataFrame(rows, columns=["what", "number"])
    columns = (Column("", lambda row: row["what"], numeric=False), Column("", lambda row: row["number"]))
    return Table("counts", "Counts", data, columns, most=60)


def _messages(bad: pd.DataFrame) -> Table:
    data = bad[["label", "replicate", "attempt", "outcome", "progress", "message"]].reset_index(drop=True)
    columns = (
        Column("", lambda row: row["label"], numeric=False),
        Column("replicate", lambda row: formatting.whole(row["replicate"])),
        Column("outcome", lambda row: str(row["outcome"]).replace("_", " "), numeric=False),
        Column(
            "progress",
            lambda row: f"{100 * row['progress']:.0f} %" if formatting.known(row["progress"]) else formatting.DASH,
        ),
        Column("message", lambda row: formatting.words(row["message"])[:300], numeric=False),
    )
    return Table("failures", "Replicates that neither completed nor were pruned", data, columns, folded=len(data) > 12)


def _attempts(view: View) -> list[Block]:
    if not view.metadata.attempts:
        return []
    rows = []
    for epoch in sorted({item.epoch for item in view.metadata.attempts}):
        items = [item for item in view.metadata.attempts if item.epoch == epoch]
        ended = Counter(item.outcome for item in items)
        rows.append(
            {
                "start": epoch,
                "attempts": len(items),
                "outcomes": ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in sorted(ended.items())),
                "first": min((item.started_at for item in items if item.started_at), default=""),
                "last": max((item.finished_at for item in items if item.finished_at), default=""),
            }
        )
    again = len(view.metadata.attempts) - len({(item.trial, item.replicate) for item in view.metadata.attempts})
    columns = (
        Column("start", lambda row: str(row["start"])),
        Column("attempts", lambda row: str(row["attempts"])),
        Column("how they ended", lambda row: row["outcomes"], numeric=False),
        Column("first began", lambda row: formatting.words(row["first"])[:19].replace("T", " "), numeric=False),
        Column("last ended", lambda row: formatting.words(row["last"])[:19].replace("T", " "), numeric=False),
    )
    note = f"One line per start of the sweep; {formatting.plural(again, 'attempt')} repeated a replicate."
    return [Table("attempts", "Starts and attempts", pd.DataFrame(rows), columns, note)]


def _missing(view: View) -> Table | None:
    runs = view.frame.rows[(view.frame.rows["kind"] == "trial") & (view.frame.rows["outcome"] == "completed")]
    derived = with_derived(runs)
    objectives = [name for name in derived.columns if name.startswith("objective/")]
    rows = []
    for name in (*objectives, *_CHECKED):
        missing = int(derived[name].isna().sum())
        if missing:
            rows.append({"value": name.removeprefix("objective/"), "missing": missing, "of": len(derived)})
    if not rows:
        return None
    columns = (
        Column("value", lambda row: row["value"].replace("_", " "), numeric=False),
        Column("missing in", lambda row: f"{row['missing']} of {row['of']}"),
        Column("", lambda row: "not measured in this sweep" if row["missing"] == row["of"] else "", numeric=False),
    )
    note = "Completed replicates of trials. A missing value is left out of its mean, never taken as 0."
    return Table("missing", "Missing values", pd.DataFrame(rows), columns, note, most=60)
