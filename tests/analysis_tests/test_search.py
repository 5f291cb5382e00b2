"""How a search came to its results, and what its points are for, on planted data."""

import itertools
import json
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acgkd.errors import NothingToShowError
from analysis.figures.cost_panels import tradeoff_panels
from analysis.figures.importance_bars import finding as importance_finding
from analysis.figures.search.parallel_axes import finding as parallel_finding
from analysis.figures.search.parallel_axes import paint_parallel, parallel_axes
from analysis.figures.search.progress_curves import finding
from analysis.figures.search.setting_pairs import finding as pairs_finding
from analysis.figures.search.setting_pairs import paint_pairs, pairs, short
from analysis.records.frame import load
from analysis.reports._parameters import scatter_finding
from analysis.reports._tradeoffs import front_finding
from analysis.reports.questions.what_to_use import what_to_use
from analysis.statistics.intervals import rank_interval
from analysis.statistics.search.purposes import purposes
from analysis.statistics.search.search_progress import hypervolume, progress
from analysis.statistics.view import View, view_of


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=8))
def test_the_hypervolume_is_the_counted_one(points: list[tuple[int, int, int]]) -> None:
    """On whole numbers the volume is the number of unit boxes that some point dominates."""
    boxes = itertools.product(range(5), repeat=3)
    counted = sum(any(all(p <= b for p, b in zip(point, box, strict=True)) for point in points) for box in boxes)
    assert hypervolume(np.array(points, dtype=float), np.full(3, 5.0)) == pytest.approx(counted)


def sweep(made_up: ModuleType, folder: Path, trials: list[tuple[float, float, float]], ends: list[int]) -> View:
    """A sweep of one replicate: validation accuracy, seconds and parameters of each trial, and when it ended."""
    records = [
        made_up.record(
            label=f"trial {n}",
            trial=n,
            objectives={"validation_accuracy": accuracy},
            quality={"validation_accuracy": accuracy, "test_accuracy": accuracy - 0.05},
            cost={
                "synthesis_s": seconds, "transfer_s": 0.0, "multiply_adds": seconds * 1e6,
                "student_parameters": int(size), "student_multiply_adds": int(size) * 10,
            },
        )
        for n, (accuracy, seconds, size) in enumerate(trials)
    ]  # fmt: skip
    made_up.write_folder(folder, records, seeds=1, trials=len(trials))
    for number, minute in enumerate(ends):
        path = folder / "trials" / f"{number:04d}" / "trial.json"
        tree = json.loads(path.read_text())
        tree["attempts"][0]["finished_at"] = f"2025-05-01T09:{minute:02d}:00+00:00"
        path.write_text(json.dumps(tree))
    return view_of(load([folder]))


TRIALS = [(0.80, 10, 90), (0.90, 40, 90), (0.895, 20, 90), (0.893, 30, 30), (0.60, 5, 90)]


def test_the_progress_of_a_search_follows_the_order_in_which_trials_ended(made_up: ModuleType, tmp_path: Path) -> None:
    found = progress(sweep(made_up, tmp_path, TRIALS, [3, 4, 1, 5, 2]))
    assert found.trials.tolist() == [2, 4, 0, 1, 3]
    assert found.seconds.tolist() == pytest.approx([20, 25, 35, 75, 105])
    assert found.best.tolist() == pytest.approx([0.895, 0.895, 0.895, 0.9, 0.9])
    assert found.leader.tolist() == [2, 2, 2, 1, 1]
    assert found.tested[-1] == pytest.approx(0.85)
    # Accuracy from 0.6 to 0.9 and 5 to 40 million multiply-adds span the box; trial 2 dominates 0.295/0.3 of 20/35.
    assert found.spans == ("objective/validation_accuracy", "multiply_adds")
    assert found.hypervolume[0] == pytest.approx(0.295 / 0.3 * 20 / 35)
    assert (np.diff(found.hypervolume) >= 0).all()
    said = finding(found, "trials", "validation accuracy")
    assert "came with trial 1, after 80% of the trials: the 1 trial that ended later did not improve on it" in said


def test_each_point_of_the_front_is_for_something(made_up: ModuleType, tmp_path: Path) -> None:
    view = sweep(made_up, tmp_path, TRIALS, [1, 2, 3, 4, 5])
    uses = {item.trial: item.uses for item in purposes(view)}
    assert uses == {
        1: ("best validation accuracy",),
        2: ("quickest to make within 0.01 of the best", "fewest multiply-adds to make within 0.01 of the best"),
        3: ("smallest student within 0.01 of the best",),
        4: ("quickest to make of all",),
    }
    said = front_finding(view, "seconds", tradeoff_panels(view, "seconds")[0])
    assert said == (
        "4 of 5 complete trials are on the front: from trial 4 to trial 1, validation accuracy goes from 0.600 to "
        "0.900 for 8.0 times the time."
    )


def test_one_trial_that_is_best_and_cheapest_is_said_to_be(made_up: ModuleType, tmp_path: Path) -> None:
    view = sweep(made_up, tmp_path, [(0.9, 5, 90), (0.8, 10, 90)], [1, 2])
    said = front_finding(view, "seconds", tradeoff_panels(view, "seconds")[0])
    assert said == "Trial 0 has the best validation accuracy and costs least: no other trial is on the front."
    alone = sweep(made_up, tmp_path / "alone", [(0.9, 5, 90)], [1])
    said = front_finding(alone, "seconds", tradeoff_panels(alone, "seconds")[0])
    assert said == "Trial 0 alone is complete: there is nothing to compare it with."
    assert scatter_finding(view, "validation accuracy").startswith("2 complete trials: too few")


def test_the_chosen_trial_can_be_had_again_and_loaded(made_up: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "a sweep"
    view = sweep(made_up, folder, TRIALS, [1, 2, 3, 4, 5])
    text = str(what_to_use(view).blocks)
    assert "acgkd reproduce 'a sweep' --trial 1 --out 'a sweep'-again" in text
    assert "No student of trial 1 is kept" in text
    (folder / "students").mkdir()
    (folder / "students" / "trial-0001-00.pt").write_bytes(b"")
    text = str(what_to_use(view).blocks)
    assert "acgkd.load_student('a sweep/students/trial-0001-00.pt')" in text.replace("\\'", "'")
    assert "No student" not in text


def planted(made_up: ModuleType, folder: Path, trials: int = 60) -> View:
    """One setting decides, on a logarithmic scale, with a conditional and a categorical one beside it."""
    draw = np.random.default_rng(3)
    records = []
    for n in range(trials):
        rate = float(np.exp(draw.uniform(np.log(0.001), np.log(1))))
        parameters = {
            "method/synthesis/complexity/degree": float(draw.uniform(2, 8)),
            "method/transfer/temperature/value": float(draw.uniform(1, 10)),
            "method/transfer/curriculum/pace": rate,
            "method/mode": str(draw.choice(["plain", "own"])),
        }
        if parameters["method/mode"] == "own":
            parameters["method/depth"] = int(draw.integers(1, 5))
        records.append(
            made_up.record(
                label=f"trial {n}", trial=n, parameters=parameters,
                objectives={"validation_accuracy": 0.9 - 0.05 * abs(np.log10(rate) + 1.5) + draw.normal(0, 0.002)},
            )
        )  # fmt: skip
    return view_of(load([made_up.write_folder(folder, records, seeds=1, trials=trials)]))


def test_the_planted_setting_is_found_by_every_figure(made_up: ModuleType, tmp_path: Path) -> None:
    view = planted(made_up, tmp_path)
    first, second, *_ = view.importance[0].items
    assert first.parameter == "param/method/transfer/curriculum/pace"
    assert 0 < first.error < 0.3
    assert first.share - 2 * first.error > second.share
    said = importance_finding(view.importance[0])
    assert said.startswith("For validation accuracy, transfer/curriculum/pace matters most")
    assert said.endswith("the order of the two is clear.")
    lines = parallel_axes(view)
    assert lines.names[0] == "transfer/curriculum/pace"
    assert "lie closest together on transfer/curriculum/pace" in parallel_finding(lines)
    broken = lines.places[:, lines.names.index("depth")]
    assert np.isnan(broken).sum() == (view.complete["param/method/mode"] == "plain").sum()
    found = pairs(view)
    named = {"synthesis/complexity/degree", "transfer/temperature/value", "transfer/curriculum/pace"}
    assert {short(name) for pair in found for name in pair.names} == named
    assert len(found) == 3
    assert found[0].logarithmic[0] is False
    assert any(pair.logarithmic[1] for pair in found if pair.names[1].endswith("pace"))
    assert "transfer/curriculum/pace" in pairs_finding(view, found)
    assert [len(paint_pairs(found, "worth").axes), len(paint_parallel(lines).axes)] == [4, 1]


def test_where_nothing_decides_no_order_is_claimed(made_up: ModuleType, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    records = [
        made_up.record(
            label=f"trial {n}", trial=n, objectives={"validation_accuracy": float(draw.random())},
            parameters={"method/a": float(draw.random()), "method/b": float(draw.random())},
        )
        for n in range(40)
    ]  # fmt: skip
    view = view_of(load([made_up.write_folder(tmp_path, records, seeds=1, trials=40)]))
    said = importance_finding(view.importance[0])
    assert said.startswith("What matters for validation accuracy cannot be said yet")
    assert scatter_finding(view, "validation accuracy").endswith("which may be chance.")


def test_one_setting_has_no_pairs(made_up: ModuleType, tmp_path: Path) -> None:
    view = sweep(made_up, tmp_path, TRIALS, [1, 2, 3, 4, 5])
    for compute in (pairs, parallel_axes):
        with pytest.raises(NothingToShowError, match="Fewer than two"):
            compute(view)


def test_a_rank_interval_covers_at_its_rate() -> None:
    """Of pairs of normal numbers with a known correlation; Spearman's is 6/π asin(ρ/2)."""
    draw, truth = np.random.default_rng(1), 6 / math.pi * math.asin(0.3)
    covered = 0
    for _ in range(400):
        x = draw.normal(size=40)
        y = 0.6 * x + 0.8 * draw.normal(size=40)
        found = np.corrcoef(x.argsort().argsort(), y.argsort().argsort())[0, 1]
        low, high = rank_interval(float(found), 40)
        covered += low <= truth <= high
    assert 0.92 < covered / 400 < 0.98
