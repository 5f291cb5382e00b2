"""Accuracy against cost: the fronts, as pictures and as tables, and how the search came to them."""

from acgkd.errors import NothingToShowError
from analysis import formatting
from analysis.figures.canvas import picture
from analysis.figures.cost_panels import COSTS, one_size, tradeoff_panels
from analysis.figures.panels import Panel, paint_panels
from analysis.figures.search.progress_curves import AXES, finding, paint_progress
from analysis.page.blocks import Alternatives, Block, Note, Table
from analysis.reports._columns import accuracy_columns, chosen_rows, cost_columns, notes_of
from analysis.statistics.search.search_progress import progress
from analysis.statistics.view import View

_STEMS = {
    "seconds": "seconds",
    "multiply_adds": "multiply-adds",
    "student_ms_per_1000": "inference",
    "student_parameters": "parameters",
    "peak_device_bytes": "memory",
    "peak_host_bytes": "memory",
}
_CALLED = {
    "seconds": "time",
    "multiply_adds": "multiply-adds",
    "student_ms_per_1000": "inference time",
    "student_parameters": "parameters",
    "peak_device_bytes": "device memory",
    "peak_host_bytes": "host memory",
}


def tradeoffs(view: View) -> list[Block]:
    """Accuracy against each cost that was measured, of which a page shows one at a time; then the progress."""
    trials = view.trials
    if not trials["test_accuracy"].notna().any():
        return [Note("No trial has a test accuracy: there is nothing to draw.")]
    on_device = bool(trials["peak_device_bytes"].notna().any())
    costs = [cost for cost in _STEMS if cost != ("peak_host_bytes" if on_device else "peak_device_bytes")]
    items: list[tuple[str, tuple[Block, ...]]] = []
    notes: list[Block] = []
    for cost in costs:
        values = view.complete[cost].dropna()
        if one_size(view, cost):
            notes.append(Note(_one_student(view)))
        elif cost != "seconds" and len(values) > 1 and values.nunique() == 1:
            notes.append(Note(f"{COSTS[cost].what} is the same in all complete trials."))
        elif trials[cost].notna().any():
            items.append((COSTS[cost].what.lower(), tuple(_one(view, cost))))
    missing = [_CALLED[cost] for cost in costs if not trials[cost].notna().any()]
    if missing:
        notes.append(Note(f"Not measured: {', '.join(missing)}."))
    return [Alternatives("Against", tuple(items)), *notes, *_progress(view)]


def _one_student(view: View) -> str:
    each = formatting.milliseconds(view.complete["student_ms_per_1000"].mean())
    return (
        f"All complete trials made a student of one size: inference takes {each} per 1,000 samples, and differences "
        "are the timer's, so no front is drawn."
    )


def _one(view: View, column: str) -> list[Block]:
    cost = COSTS[column]
    stem, title = _STEMS[column], f"Accuracy against {cost.what.lower()}"
    panels = tradeoff_panels(view, column)
    drawn = paint_panels(panels, cost.label)
    blocks: list[Block] = [
        picture(f"tradeoff-{stem}", title, _caption(view, column), drawn, front_finding(view, column, panels[0]))
    ]
    numbers = {point.trial for point in panels[0].points if point.on_front}
    on_front = view.trials[view.trials["trial"].isin(numbers)].sort_values(column)
    if len(on_front):
        table = view.with_references(on_front)
        columns = (*accuracy_columns(view), *cost_columns(view))
        heading = f"Pareto front: {title[0].lower()}{title[1:]}"
        marked = chosen_rows(view, table)
        blocks.append(Table(f"front-{stem}", heading, table, columns, notes_of(columns), marked=marked, most=40))
    return blocks


def front_finding(view: View, column: str, panel: Panel) -> str:
    """What the way along the front buys, from its cheapest point to its best."""
    points = sorted((point for point in panel.points if point.on_front), key=lambda point: point.x)
    if not points:
        return ""
    first, last = points[0], points[-1]
    if len(view.complete) == 1:
        return f"Trial {first.trial} alone is complete: there is nothing to compare it with."
    label = view.measured
    if len({(point.x, point.y) for point in points}) == 1:
        return f"Trial {first.trial} has the best {label} and costs least: no other trial is on the front."
    if not first.x > 0:
        return f"{len(points)} of {formatting.plural(len(view.complete), 'complete trial')} are on the front."
    return (
        f"{len(points)} of {formatting.plural(len(view.complete), 'complete trial')} are on the front: from trial "
        f"{first.trial} to trial {last.trial}, {label} goes from {formatting.significant(first.y)} to "
        f"{formatting.significant(last.y)} for {formatting.significant(last.x / first.x, 2)} times the "
        f"{_CALLED[column]}."
    )


def _caption(view: View, column: str) -> str:
    parts = ["Points are means over replicates, bars one standard deviation."]
    if view.planned == 1:
        parts = ["A point is a trial's one replicate."]
    if view.complete.empty:
        parts.append("There is no front: no trial is complete.")
    else:
        judged = (
            f"`{view.objectives[0].name}`"
            if view.objective
            else "test accuracy, as the sweep has no objective (a diagnosis only)"
        )
        parts.append(f"The front is that of {judged} and {_CALLED[column]}, among complete trials.")
    return " ".join(parts)


def _progress(view: View) -> list[Block]:
    if len(view.trials) < 2:
        return []
    content, label = progress(view), view.measured
    caption = "After each trial that ended, complete or not."
    if formatting.known(content.hypervolume[-1]):
        box = " and ".join(name.removeprefix("objective/").replace("_", " ") for name in content.spans)
        caption += (
            f" The hypervolume is that of {box}, as a share of the box between the worst and the best values of "
            "complete trials."
        )
    items: list[tuple[str, tuple[Block, ...]]] = []
    for axis, (name, _) in AXES.items():
        try:
            drawn = paint_progress(content, axis, label)
        except NothingToShowError:
            continue
        title = f"The search against {name}"
        stem = f"progress-{name}"
        items.append((name, (picture(stem, title, caption, drawn, finding(content, axis, label)),)))
    return [Alternatives("The search against", tuple(items))] if items else []
