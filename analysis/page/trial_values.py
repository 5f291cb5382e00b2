"""What a page says of each trial under the pointer."""

from analysis import formatting
from analysis.page.blocks import TrialValues
from analysis.records.cell_values import shown
from analysis.statistics.view import View

_MOST_SETTINGS = 12


def trial_values(view: View, scope: str = "") -> TrialValues:
    """State, accuracies, costs and settings of every trial, as text.

    Args:
        view: the sweep.
        scope: of the sections that show it.
    """
    trials, files = view.trials, view.metadata.trials
    numbers = [int(number) for number in trials["trial"]]
    columns: list[tuple[str, list[str]]] = [
        ("trial", trials["label"].astype("string").tolist()),
        ("state", [_state(files[number].state) if number in files else "unknown" for number in numbers]),
        ("replicates", [f"{a} of {b}" for a, b in zip(trials["completed"], trials["planned"], strict=True)]),
    ]
    if view.objective:
        columns.append((view.objectives[0].name.replace("_", " "), _spread(view, view.objective)))
    if view.objective != "test_accuracy":
        columns.append(("test accuracy", _spread(view, "test_accuracy")))
    columns.append(("synthesis + transfer", [formatting.seconds(value) for value in trials["seconds"]]))
    columns.append(("multiply-adds", [formatting.count(value) for value in trials["multiply_adds"]]))
    columns.append(("inference per 1,000", [formatting.milliseconds(v) for v in trials["student_ms_per_1000"]]))
    for name in view.frame.parameters()[:_MOST_SETTINGS]:
        cells = [shown(value) if formatting.known(value) else "" for value in trials[name]]
        columns.append((name.removeprefix("param/").removeprefix("method/"), cells))
    known = [["" if text == formatting.DASH else text for text in texts] for _, texts in columns]
    rows = dict(zip(numbers, zip(*known, strict=True), strict=True))
    return TrialValues(tuple(name for name, _ in columns), rows, scope)


def _state(name: str) -> str:
    return name.replace("_", " ")


def _spread(view: View, column: str) -> list[str]:
    pairs = zip(view.trials[column], view.trials[f"{column}_sd"], strict=True)
    return [formatting.mean_sd(mean, sd) for mean, sd in pairs]
