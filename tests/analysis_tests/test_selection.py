from types import ModuleType

import pytest

from analysis.records.frame import from_records
from analysis.records.sweep_file import Objective
from analysis.statistics.selection import choose, complete_by_state
from analysis.statistics.summary import groups


def trials_with(made_up: ModuleType, cells: list[tuple[float | None, float, int]]):
    """(objective, test accuracy, replicates that completed of two) per trial."""
    rows = []
    for number, (objective, accuracy, done) in enumerate(cells):
        for replicate in range(2):
            finished = replicate < done
            rows.append(
                made_up.record(
                    label=f"trial {number}",
                    trial=number,
                    replicate=replicate,
                    outcome="completed" if finished else "pruned",
                    quality={"test_accuracy": accuracy} if finished else {},
                    objectives={"goal": objective} if finished else {},
                )
            )
    return groups(from_records(rows), {"made-up": 2})


@pytest.mark.parametrize(("direction", "chosen"), [("maximize", 1), ("minimize", 0)])
def test_the_first_objective_and_its_direction_choose(made_up: ModuleType, direction: str, chosen: int) -> None:
    table = trials_with(made_up, [(0.2, 0.9, 2), (0.8, 0.7, 2), (0.5, 0.95, 2)])
    choice = choose(table, (Objective(name="goal", direction=direction), Objective(name="other", direction="minimize")))
    assert choice.trial == chosen
    assert choice.among == 3
    assert choice.oracle == 2
    assert choice.oracle_gap == pytest.approx(0.95 - [0.9, 0.7][chosen])


def test_incomplete_trials_are_neither_chosen_nor_oracles(made_up: ModuleType) -> None:
    table = trials_with(made_up, [(0.2, 0.6, 2), (0.9, 0.99, 1)])
    choice = choose(table, (Objective(name="goal", direction="maximize"),))
    assert (choice.trial, choice.oracle, choice.oracle_gap) == (0, 0, 0)


def test_equal_values_go_to_the_smaller_number(made_up: ModuleType) -> None:
    table = trials_with(made_up, [(0.5, 0.6, 2), (0.5, 0.9, 2)])
    assert choose(table, (Objective(name="goal", direction="minimize"),)).trial == 0


def test_the_test_split_never_chooses(made_up: ModuleType) -> None:
    table = trials_with(made_up, [(0.5, 0.6, 2)])
    choice = choose(table, (Objective(name="test_accuracy", direction="maximize"),))
    assert choice.trial is None
    assert "test split" in choice.reason


def test_it_says_why_nothing_is_chosen(made_up: ModuleType) -> None:
    goal = (Objective(name="goal", direction="maximize"),)
    assert "not known" in choose(trials_with(made_up, [(0.5, 0.6, 2)]), ()).reason
    assert "no trial has all" in choose(trials_with(made_up, [(0.5, 0.6, 1)]), goal).reason
    assert "has a value of goal" in choose(trials_with(made_up, [(None, 0.6, 2)]), goal).reason


def test_a_trial_not_reported_as_completed_is_not_complete(made_up: ModuleType) -> None:
    table = trials_with(made_up, [(0.5, 0.6, 2), (0.4, 0.6, 2), (0.3, 0.6, 1)])
    assert complete_by_state(table, {0: "infeasible", 2: "completed"})["complete"].tolist() == [False, True, False]
