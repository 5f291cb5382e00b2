"""Which panels show accuracy against a cost, and what the costs are called."""

from dataclasses import dataclass

from acgkd.errors import NothingToShowError
from analysis.figures.panels import Panel, panel
from analysis.statistics.view import View


@dataclass(frozen=True)
class Cost:
    """What accuracy may be drawn against.

    Args:
        column: of the summary.
        what: its name in a title.
        label: of the axis.
    """

    column: str
    what: str
    label: str


COSTS = {
    cost.column: cost
    for cost in (
        Cost("seconds", "Synthesis + transfer time", "synthesis + transfer [s]"),
        Cost("multiply_adds", "Multiply-adds", "multiply-adds of synthesis + transfer"),
        Cost("student_ms_per_1000", "Student inference time", "inference [ms per 1,000 samples]"),
        Cost("student_multiply_adds", "Student multiply-adds", "multiply-adds per sample"),
        Cost("student_parameters", "Student size", "parameters of the student"),
        Cost("peak_host_bytes", "Peak host memory", "peak memory of the host [bytes]"),
        Cost("peak_device_bytes", "Peak device memory", "peak memory of the device [bytes]"),
    )
}


def one_size(view: View, cost: str) -> bool:
    """Whether differences in inference time are the timer's alone, as all complete trials made one size of student."""
    sizes = view.trials.loc[view.trials[cost].notna(), "student_multiply_adds"]
    return cost == "student_ms_per_1000" and bool(sizes.notna().all()) and sizes.nunique() == 1


def tradeoff_panels(view: View, cost: str) -> list[Panel]:
    """What the sweep could see, and what it came to on test, against a cost; the front is that of the first panel.

    Args:
        view: the sweep.
        cost: a key of `COSTS`.

    Raises:
        NothingToShowError: no trial has a test accuracy, or the cost was not measured.
    """
    trials, number = view.trials, view.choice.trial
    if not trials["test_accuracy"].notna().any():
        raise NothingToShowError("No trial has a test accuracy: there is nothing to draw.")
    if not trials[cost].notna().any():
        raise NothingToShowError(f"{COSTS[cost].what} was not measured.")
    marks = view.on_front([view.measure, (cost, "minimize")]) & (not one_size(view, cost))
    panels = []
    if view.objective:
        objective = view.objectives[0]
        arrow = "higher is better" if objective.sign > 0 else "lower is better"
        label = f"{objective.name.replace('_', ' ')} ({arrow})"
        title = "What the sweep optimised" if number is None else "What the sweep chose by"
        panels.append(panel(trials, cost, view.objective, marks, number, title=title, y_label=label))
    panels.append(
        panel(
            trials, cost, "test_accuracy", marks, number,
            title="What it came to on test", y_label="test accuracy",
            connect=not view.objective, lines=view.lines(),
        )
    )  # fmt: skip
    return panels
