"""What health of a synthesis says of its student, on rows whose truth is known."""

import pandas as pd

from analysis.statistics.trust.health_prediction import FACTS, failures, health_prediction, is_stuck


def rows_of(sweep: str, seeds: range, hits: list[float], accuracies: list[float]) -> pd.DataFrame:
    known = {name: 0.5 for name in FACTS if name != "hit_rate_lowest"}
    frame = pd.DataFrame({"seed": list(seeds), "hit_rate_lowest": hits, "validation_accuracy": accuracies})
    same = {"sweep": sweep, "kind": "trial", "outcome": "completed", "dataset": "mutag", "teacher": "a", "student": "b"}
    return frame.assign(**same, **known, teacher_validation_accuracy=0.9)


def test_shares_and_areas_are_those_of_the_rows() -> None:
    first = rows_of("s", range(8), [0.1, 0.2, 0.9, 0.8, 0.1, 0.9, 0.9, 0.9], [0.3, 0.4, 0.9, 0.9, 0.9, 0.8, 0.9, 0.9])
    again = rows_of("s-restarts", range(2), [0.9, 0.2], [0.9, 0.4])
    found = health_prediction(pd.concat([first, again]), 4)
    assert (found.runs, found.pairs) == (8, 1)
    assert found.stuck.startswith("3 of 8 (")
    assert found.again.startswith("1 of 2 (")
    choosing, showing = found.lines
    assert choosing[:2] == ["mutag, a → b", "choosing"]
    assert [cell.partition(" (")[0] for cell in choosing[2:]] == ["2 of 4", "2 of 2", "0 of 2", "1 of 2", "1 of 2"]
    assert [cell.partition(" (")[0] for cell in showing[2:]] == ["1 of 4", "0 of 1", "0 of 3", "–", "–"]
    everywhere, chosen, shown = found.areas["hit_rate_lowest"]
    assert everywhere.startswith("0.88 ("), "of twelve pairs of a bad and another one, one is level and one is wrong"
    assert chosen.startswith("1.00 (")
    assert shown == "–", "none is bad"
    assert found.areas["likeness"][1].startswith("0.50 ("), "it is the same for all"


def test_rows_that_are_near_to_what_the_teacher_remembers_are_not_stuck() -> None:
    rows = rows_of("s", range(4), [0.1, 0.1, 0.1, 0.9], [0.9] * 4)
    rows["statistics_distance"], rows["degree_ratio"] = [0.2, 2.5, 0.2, 2.5], [1.0, 1.0, 0.5, 1.0]
    assert is_stuck(rows) == [False, True, True, False]


def test_failures_of_a_comparison_are_judged_on_the_test_part() -> None:
    rows = rows_of("s", range(4), [0.1, 0.1, 0.9, 0.9], [0.9] * 4)
    rows["statistics_distance"], rows["degree_ratio"] = [9.0, 2.0, 0.1, 0.1], [1.0] * 4
    rows["test_accuracy"], rows["teacher_test_accuracy"] = [0.5, 0.9, 0.9, 0.6], 0.9
    rows["majority_accuracy"] = [0.4, 0.4, 0.4, 0.6]
    untrained = rows.assign(kind="control", test_accuracy=0.3, statistics_distance=12.0, hit_rate_lowest=float("nan"))
    real = untrained.assign(statistics_distance=float("nan"))
    everything = pd.concat([rows, untrained, real], ignore_index=True)
    found = failures(everything, ["trial"])
    assert (found.runs, found.teachers) == (4, 4)
    assert found.failed.startswith("2 of 4 ("), "0.5 and 0.6 are below three quarters of 0.9"
    assert (found.failed_stuck[:6], found.failed_others[:6]) == ("1 of 2", "1 of 2")
    assert found.areas["statistics_distance"].startswith("0.62 (")
    both = failures(everything, ["trial", "control"])
    assert (both.runs, both.teachers) == (8, 4), "those of real data have no pseudo-graphs"
    assert both.failed.startswith("6 of 8 (")
    assert both.areas["hit_rate_lowest"].startswith("0.50 ("), "over those where it is known"
