"""Accuracy against cost: the fronts, as pictures and as tables."""

from acgkd.errors import NothingToShowError
from analysis.figures.canvas import picture
from analysis.figures.cost_panels import COSTS, one_size, tradeoff_panels
from analysis.figures.panels import paint_panels
from analysis.page.render import Block, Note, Section, Table
from analysis.reports._columns import accuracy_columns, chosen_rows, cost_columns, notes_of
from analysis.statistics.view import View

_TIMER_NOISE = (
    "All complete trials made a student of one size, so differences in inference time are the timer's, and no front is "
    "drawn."
)


def tradeoffs(view: View) -> Section:
    """The section: synthesis + transfer seconds first, the student's inference time second."""
    title = "Accuracy against cost"
    if not view.trials["test_accuracy"].notna().any():
        return Section(title, (Note("No trial has a test accuracy: there is nothing to draw."),))
    parts = (("seconds", "seconds"), ("student_ms_per_1000", "inference"))
    return Section(title, tuple(block for cost, stem in parts for block in _one(view, cost, stem)))


def _one(view: View, column: str, stem: str) -> list[Block]:
    cost = COSTS[column]
    try:
        panels = tradeoff_panels(view, column)
    except NothingToShowError as reason:
        return [Note(str(reason))]
    title = f"Accuracy against {cost.what.lower()}"
    drawn = paint_panels(panels, cost.label)
    blocks: list[Block] = [picture(f"tradeoff-{stem}", title, _caption(view, column), drawn)]
    numbers = {point.trial for point in panels[0].points if point.on_front}
    on_front = view.trials[view.trials["trial"].isin(numbers)].sort_values(column)
    if len(on_front):
        table = view.with_references(on_front)
        columns = (*accuracy_columns(view), *cost_columns())
        heading = f"Pareto front: {title[0].lower()}{title[1:]}"
        marked = chosen_rows(view, table)
        blocks.append(Table(f"front-{stem}", heading, table, columns, notes_of(columns), marked=marked, most=40))
    return blocks


def _caption(view: View, column: str) -> str:
    parts = ["Points are means over replicates, bars one standard deviation."]
    if view.planned == 1:
        parts = ["A point is a trial's one replicate."]
    if one_size(view, column):
        parts.append(_TIMER_NOISE)
    elif view.complete.empty:
        parts.append("There is no front: no trial is complete.")
    else:
        judged = (
            f"`{view.objectives[0].name}`"
            if view.objective
            else "test accuracy, as the sweep has no objective (a diagnosis only)"
        )
        parts.append(f"The front is that of {judged} and {_CALLED[column]}, among complete trials.")
    return " ".join(parts)


_CALLED = {"seconds": "time", "student_ms_per_1000": "inference time"}
