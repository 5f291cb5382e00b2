import math
from types import ModuleType

import pytest

from analysis.records.frame import from_records
from analysis.statistics.intervals import t_interval
from analysis.statistics.replicates import interval_of, with_derived
from analysis.statistics.summary import groups, references
from analysis.statistics.trust.outcome_bounds import below_bound, remarks


def test_a_failed_replicate_is_never_averaged_away(made_up: ModuleType) -> None:
    rows = [made_up.record(replicate=i, quality={"test_accuracy": 0.8 + i / 100}) for i in range(2)]
    rows.append(made_up.record(replicate=2, outcome="diverged", quality={"test_accuracy": 0.1}))
    summary = groups(from_records(rows), {"made-up": 3}).iloc[0]
    assert (summary["completed"], summary["planned"], summary["complete"]) == (2, 3, False)
    assert summary["outcomes"] == "2 completed, 1 diverged"
    assert summary["test_accuracy"] == pytest.approx(0.805)


def test_a_replicate_that_never_ran_counts_as_missing(made_up: ModuleType) -> None:
    rows = [made_up.record(label="trial 0", trial=0, replicate=i) for i in range(3)]
    rows.append(made_up.record(label="trial 1", trial=1, replicate=0))
    summary = groups(from_records(rows)).set_index("trial")
    assert summary["planned"].tolist() == [3, 3]
    assert summary["complete"].tolist() == [True, False]


def test_intervals_are_corrected_exactly_where_the_split_varied(made_up: ModuleType) -> None:
    values = [0.8, 0.84, 0.79]
    for vary, sizes in ((("split", "draws"), (56, 113)), (("draws",), (None, None))):
        rows = [made_up.record(replicate=i, vary=vary, quality={"test_accuracy": v}) for i, v in enumerate(values)]
        summary = groups(from_records(rows)).iloc[0]
        expected = t_interval(values, *sizes)
        assert (summary["test_accuracy_low"], summary["test_accuracy_high"]) == pytest.approx(
            (expected.low, expected.high)
        )


def test_resplits_of_unknown_size_get_no_interval(made_up: ModuleType) -> None:
    unknown = {"train_size": None, "test_size": None}
    rows = [made_up.record(replicate=i, quality={"test_accuracy": 0.8 + i / 50, **unknown}) for i in range(3)]
    summary = groups(from_records(rows)).iloc[0]
    assert summary["test_accuracy_sd"] > 0
    assert math.isnan(summary["test_accuracy_low"])
    assert "sizes" in summary["share_reason"]


def test_an_objective_that_one_replicate_lacks_is_missing(made_up: ModuleType) -> None:
    rows = [made_up.record(replicate=i, objectives={"agreement": v}) for i, v in enumerate([0.9, None])]
    assert math.isnan(groups(from_records(rows)).iloc[0]["objective/agreement"])


def test_collapsed_replicates_are_counted(made_up: ModuleType) -> None:
    rows = [made_up.record(replicate=i, quality={"predicted_classes": n}) for i, n in enumerate([1, 2, None])]
    assert groups(from_records(rows)).iloc[0]["collapsed"] == 1


@pytest.mark.parametrize(
    ("accuracy", "teacher", "majority", "below"),
    [
        (0.60, 0.8, 0.5, False),
        (0.59, 0.8, 0.5, True),
        (0.70, 0.8, 0.71, True),
        (0.70, 0.8, math.nan, False),
        (math.nan, 0.8, 0.5, None),
        (0.7, math.nan, 0.5, None),
    ],
)
def test_a_student_below_the_bound(accuracy: float, teacher: float, majority: float, below: bool | None) -> None:
    assert below_bound(accuracy, teacher, majority) == below


def test_replicates_that_stand_out_are_counted_and_those_of_old_records_are_not(made_up: ModuleType) -> None:
    bad = {"test_accuracy": 0.6, "predicted_classes": 1, "hit_rate": 0.5, "hit_rate_lowest": 0.2}
    rows = [made_up.record(replicate=i, quality=quality) for i, quality in enumerate([{}, bad, {**bad}])]
    summary = groups(from_records(rows)).iloc[0]
    assert [summary[name] for name in ("collapsed", "below_bound", "stuck")] == [2, 2, 2]
    assert remarks(rows[1].quality.model_dump()) == ["collapsed", "below the bound", "stuck"]
    assert remarks(rows[0].quality.model_dump()) == []


@pytest.mark.parametrize(
    ("cost", "seconds"),
    [
        ({"synthesis_s": 4.0, "transfer_s": 2.0}, 6.0),
        ({"synthesis_s": None, "transfer_s": 2.0}, 2.0),
        ({"synthesis_s": None, "transfer_s": 2.0, "synthesis_steps": 100}, math.nan),
        ({"synthesis_s": 4.0, "transfer_s": None}, math.nan),
        ({"synthesis_s": None, "transfer_s": None, "joint_s": 5.0}, 5.0),
        ({"synthesis_s": 1.0, "transfer_s": None, "joint_s": 5.0}, 6.0),
    ],
)
def test_seconds_are_of_all_stages_or_missing(made_up: ModuleType, cost: dict[str, float], seconds: float) -> None:
    found = with_derived(from_records([made_up.record(cost=cost)]).rows)["seconds"].iloc[0]
    assert found == pytest.approx(seconds, nan_ok=True)


def test_teacher_and_majority_count_once_per_seed(made_up: ModuleType) -> None:
    accuracies = [0.9, 0.8]
    rows = [
        made_up.record(label=f"trial {t}", trial=t, replicate=r, quality={"teacher_test_accuracy": accuracies[r]})
        for t in range(4)
        for r in range(2)
        if (t, r) != (3, 1)
    ]
    found = {item.label: item.accuracy for item in references(from_records(rows))}
    assert found["teacher"].n == 2
    assert found["teacher"].mean == pytest.approx(0.85)
    assert found["majority class"].mean == pytest.approx(0.66)


def test_controls_are_references_over_completed_replicates(made_up: ModuleType) -> None:
    rows = [made_up.record(kind="control", label="random_graphs", quality={"test_accuracy": 0.5})]
    rows.append(made_up.record(kind="control", label="random_graphs", replicate=1, outcome="failed"))
    control = next(item for item in references(from_records(rows)) if item.label == "random_graphs")
    assert (control.accuracy.mean, control.accuracy.n) == (0.5, 1)
    assert control.outcomes == "1 completed, 1 failed"


def test_an_empty_frame_has_an_empty_summary() -> None:
    frame = from_records([])
    assert groups(frame).empty
    assert references(frame) == []
    assert interval_of(frame.rows, "test_accuracy").n == 0
