"""Accuracy against cost: the fronts, as pictures and as tables."""

from analysis import formatting
from analysis.figures.tradeoff import panel, tradeoff
from analysis.page.render import Block, Note, Section, Table
from analysis.reports._best import COST_NOTE, accuracy_columns, cost_columns
from analysis.reports._view import View

_TIMER_NOISE = (
    "All complete trials made a student of one size, so differences in inference time are the timer's, and no front is "
    "drawn."
)


def tradeoffs(view: View) -> Section:
    """The section: synthesis + transfer seconds first, the student's inference time second."""
    blocks: list[Block] = []
    if not len(view.trials[view.trials["test_accuracy"].notna()]):
        return Section("Accuracy against cost", (Note("No trial has a test accuracy: there is nothing to draw."),))
    blocks.extend(_one(view, "seconds", "tradeoff-seconds", "Synthesis + transfer time", "synthesis + transfer [s]"))
    blocks.extend(
        _one(
            view,
            "student_ms_per_1000",
            "tradeoff-inference",
            "Student inference time",
            "inference [ms per 1,000 samples]",
        )
    )
    return Section("Accuracy against cost", tuple(blocks))


def _one(view: View, cost: str, name: str, what: str, x_label: str) -> list[Block]:
    known = view.trials[view.trials[cost].notna()]
    if known.empty:
        return [Note(f"{what} was not measured.")]
    sizes = known["student_multiply_adds"]
    same_students = cost == "student_ms_per_1000" and sizes.notna().all() and sizes.nunique() == 1
    column, direction = view.evaluate()
    marks = view.on_front([(column, direction), (cost, "minimize")])
    if same_students:
        marks = marks & False
    panels = []
    if view.objective:
        objective = view.objectives[0]
        arrow = "higher is better" if objective.sign > 0 else "lower is better"
        panels.append(
            panel(
                view.trials, cost, view.objective, marks, view.choice.trial,
                title="What the sweep chose by", y_label=f"{objective.name.replace('_', ' ')} ({arrow})",
            )
        )  # fmt: skip
    panels.append(
        panel(
            view.trials, cost, "test_accuracy", marks, view.choice.trial,
            title="What it came to on test",
            connect=not view.objective, y_label="test accuracy", lines=view.lines(),
        )
    )  # fmt: skip
    judged = (
        f"`{view.objectives[0].name}`" if view.objective else "test accuracy, for want of another (a diagnosis only)"
    )
    caption = "Points are means over replicates, bars one standard deviation. "
    caption += _TIMER_NOISE if same_students else f"The front is that of {judged} and time, among complete trials."
    blocks: list[Block] = [tradeoff(name, f"Accuracy against {what.lower()}", caption, x_label, panels)]
    on_front = view.trials[marks].sort_values(cost)
    if len(on_front):
        table = view.with_references(on_front)
        chosen = frozenset(
            i for i, trial in enumerate(table["trial"]) if formatting.known(trial) and trial == view.choice.trial
        )
        blocks.append(
            Table(
                f"front-{'seconds' if cost == 'seconds' else 'inference'}",
                f"Pareto front: accuracy against {what.lower()}",
                table,
                (*accuracy_columns(view), *cost_columns()),
                COST_NOTE,
                marked=chosen,
                most=40,
            )
        )
    return blocks
