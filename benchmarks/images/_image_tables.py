"""Tables of the comparison of image methods: accuracy after so many seconds, and what the parts took."""

import math
import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime

from acgkd.config import MethodChoice, flatten
from acgkd.methods import parse_method
from analysis.records.record import Record
from benchmarks._lib import tables
from benchmarks._lib.tables import Results
from benchmarks.images._curves import Curve, run_of

# Of the seconds that the first method takes.
TIMES = (0.25, 0.5, 1.0, 2.0)


def equal_time(result: Results, found: Sequence[Record], curves: Mapping[str, Curve]) -> list[str]:
    """Validation accuracy of every method after the same seconds, from the curves of the same runs.

    Args:
        result: of the sweep.
        found: its records.
        curves: by what `run_of` calls the record.
    """
    runs: dict[str, list[Curve]] = {}
    alongside: set[int] = set()
    for record in found:
        who = record.identity
        if who.sweep == result.spec.name and record.outcome == "completed" and run_of(record) in curves:
            label = who.method if who.kind == "trial" else who.label
            runs.setdefault(label, []).append(curves[run_of(record)])
            alongside.add(record.environment.trials_alongside)
    first = result.spec.method.name
    if first not in runs:
        return ["No curves yet.", ""]
    unit = statistics.median(curve.seconds[-1] for curve in runs[first])
    header = ("what", "seeds", "whole run, s", *(f"after {share * unit:.0f} s" for share in TIMES))
    rows = []
    for label in (label for label in result.labels if label in runs):
        whole = statistics.median(curve.seconds[-1] for curve in runs[label])
        rows.append([label, str(len(runs[label])), f"{whole:.0f}", *(_after(runs[label], t * unit) for t in TIMES)])
    most = max(alongside)
    shared = f"Up to {most} runs at a time shared the machine, and their seconds hold what that costs."
    return [shared if most > 1 else "Runs had the machine to themselves.", "", *tables.table(header, rows)]


def settings_table(result: Results) -> list[str]:
    """What is set of each method that is not its default, recipes written out; defaults are as released."""
    spec = result.spec
    choices = {spec.method.name: spec.method, **{c.label: spec.control_config(c.label).method for c in spec.controls}}
    rows = []
    for label, choice in choices.items():
        mine, plain = (flatten(parse_method(each)[1].model_dump()) for each in (choice, MethodChoice(name=choice.name)))
        other = {path: value for path, value in mine.items() if value is not None and value != plain.get(path)}
        each = [f"`{path}` {value}" for path, value in other.items() if not path.endswith("/recipe")]
        rows.append([label, "; ".join(each)])
    return tables.table(("what", "settings that are not the method's defaults"), rows)


def elsewhere_table(here: Results, pilot: Results, rows: Mapping[str, str]) -> list[str]:
    """Validation accuracy of methods with the teacher of a study, and with the teachers of its pilot.

    Args:
        here: the study's methods at their defaults.
        pilot: the same methods, each seed with a teacher of its own.
        rows: which of the pilot's rows has the study's settings, by method.
    """
    sides = ((here, {label: label for label in here.labels}), (pilot, rows))
    found = [
        [label]
        + [
            tables.mean_sd(*(side.value(names[label], f"validation_accuracy{end}") for end in ("", "_sd")))
            for side, names in sides
        ]
        for label in here.labels
        if label in rows
    ]
    several = "s" if pilot.planned > 1 else ""
    return tables.table(("method", "here, one teacher", f"the pilot, {pilot.planned} teacher{several}"), found)


def _after(curves: Sequence[Curve], seconds: float) -> str:
    values = [curve.at(seconds) for curve in curves]
    if any(math.isnan(value) for value in values):
        return "not begun"
    ended = all(curve.seconds[-1] <= seconds for curve in curves)
    return f"{statistics.fmean(values):.3f}" + (" (ended)" if ended else "")


def cost_table(parts: Mapping[str, Sequence[Record]]) -> list[str]:
    """What each part took on the cores of its machine, and its longest run.

    Args:
        parts: records by part; a teacher that several share counts in the first.
    """
    rows, teachers, total = [], set[float | None](), 0.0
    for part, found in parts.items():
        taught = [record for record in found if record.identity.kind != "teacher"]
        if not taught:
            rows.append([part, "0", "–", "–", ""])
            continue
        made = {record.cost.teacher_s for record in found if record.cost.teacher_s is not None} - teachers
        teachers |= made
        hours = (sum(_seconds(item) * item.environment.threads for item in taught) + sum(filter(None, made))) / 3600
        longest = max(taught, key=_seconds)
        total += hours
        who = longest.identity
        named = who.method if who.label == who.method else f"{who.method}, {who.label}"
        rows.append([part, str(len(taught)), f"{hours:.2f}", f"{_seconds(longest):.0f}", named])
    rows.append(["together", "", f"{total:.2f}", "", ""])
    return tables.table(("part", "runs", "core-hours", "longest run, s", "which"), rows)


def _seconds(record: Record) -> float:
    """What a run took: its clocks, or, where that is more, from the start of its last attempt to its end.

    Samples that were taken over from another run count there.
    """
    cost, times = record.cost, record.environment
    stages = [cost.transfer_s, cost.joint_s, cost.evaluation_s, cost.lost_s]
    clocks = sum(filter(None, stages if cost.synthesis_cached else [cost.synthesis_s, *stages]))
    if not times.started_at or not times.finished_at:
        return clocks
    began, ended = (datetime.fromisoformat(at) for at in (times.started_at, times.finished_at))
    return max(clocks, (ended - began).total_seconds())
