"""A sweep is observed, early stopping is replayed on it, and a real sweep stops the same trials at the same rungs."""

import gc
import weakref
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd.errors import AnalysisError
from acgkd.run.objectives import Direction
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.followups.observed_table import ObservedTable, with_expected_costs
from sweeps.followups.replay import (
    Outcome,
    Point,
    Stop,
    WholeTrials,
    hypervolumes,
    points_of,
    replayed,
    work_to,
)
from sweeps.interchange import packed_records

FRACTIONS = (0.1, 0.5)
DIRECTIONS: tuple[Direction, ...] = ("minimize", "minimize")


def go(lab: ModuleType, folder: Path, scheduler: dict[str, Any], trials: int = 24) -> None:
    spec = lab.make_spec(trials=trials, seeds=(0, 1, 2), sampler={"name": "random"}, scheduler=scheduler)
    run_sweep(spec, folder, InProcess(), experiments=lab.FakeExperiments())


@pytest.mark.parametrize(("error", "synthesis"), [(None, ()), (0.2, ()), (None, (0.5,))])
def test_a_real_sweep_does_what_the_replay_says(
    lab: ModuleType, tmp_path: Path, error: float | None, synthesis: tuple[float, ...]
) -> None:
    shares = {"fractions": FRACTIONS, "synthesis": synthesis}
    go(lab, tmp_path / "observed", {"name": "observe", **shares})
    observed = lab.trials(tmp_path / "observed")
    assert {trial["state"] for trial in observed} == {"completed"}
    rungs = ["-0.5", "0.1", "0.5", "1", "2"][0 if synthesis else 1 :]
    assert all(list(trial["rungs"]) == rungs for trial in observed)
    assert all(rung["promoted"] for trial in observed for rung in trial["rungs"].values())
    points = points_of(packed_records.pack(tmp_path / "observed"))
    table = ObservedTable(points, floor=9.0)
    rule = table.our_rule(3, map(str, FRACTIONS), error, map(str, synthesis))
    found = {item.trial: item.stopped_at for item in replayed(points, rule)}
    go(lab, tmp_path / "real", {"name": "halving", "reduction": 3, **shares, "error": error})
    real = lab.trials(tmp_path / "real")
    last = {trial["number"]: list(trial["rungs"])[-1] for trial in real if trial["state"] == "pruned"}
    assert found == {trial["number"]: last.get(trial["number"]) for trial in real}
    assert len(last) > 8
    assert sum(rung == "-0.5" for rung in last.values()) > 4 or not synthesis
    for trial in real:
        reasons = [rung.get("reason", "") for rung in trial["rungs"].values()]
        assert [bool(reason) for reason in reasons] == [not rung["promoted"] for rung in trial["rungs"].values()]


@pytest.mark.parametrize("synthesis", [(), (0.5,)])
def test_an_interrupted_race_resumes_as_it_would_have(
    lab: ModuleType, tmp_path: Path, synthesis: tuple[float, ...]
) -> None:
    scheduler = {"name": "halving", "reduction": 3, "fractions": FRACTIONS, "error": 0.2, "synthesis": synthesis}
    go(lab, tmp_path / "calm", scheduler)
    for trials in (5, 9, 14, 24):
        go(lab, tmp_path / "often", scheduler, trials)
    assert lab.table(tmp_path / "often") == lab.table(tmp_path / "calm")
    for one, other in zip(lab.trials(tmp_path / "often"), lab.trials(tmp_path / "calm"), strict=True):
        costs = [{k: v for k, v in rung.items() if k != "cost"} for rung in one["rungs"].values()]
        assert costs == [{k: v for k, v in rung.items() if k != "cost"} for rung in other["rungs"].values()]


def test_a_table_says_what_a_rule_saves_in_several_orders_and_whether_a_real_sweep_agrees(
    lab: ModuleType, tmp_path: Path
) -> None:
    go(lab, tmp_path / "observed", {"name": "observe", "fractions": FRACTIONS})
    go(lab, tmp_path / "real", {"name": "halving", "reduction": 3, "fractions": FRACTIONS})
    packed = packed_records.pack(tmp_path / "observed")
    table = ObservedTable(points_of(packed), floor=2.0)
    assert table.seeds == 3
    with pytest.raises(AnalysisError, match="`no such objective`"):
        ObservedTable.of(packed, "no such objective")
    rule = partial(table.our_rule, 3, map(str, FRACTIONS))
    whole = table.saved(WholeTrials, orders=range(3), workers=2)
    assert whole.work == whole.volume == [1.0] * 3
    assert whole.stopped == [0.0] * 3
    assert min(whole.ratio) == max(whole.ratio) == 1.0
    saved = table.saved(lambda: table.our_rule(3, map(str, FRACTIONS)), orders=range(3), workers=2)
    assert max(saved.work) < 0.8
    assert len(saved.ratio) == len(saved.ratio_95) == 3
    assert min(saved.stopped) > 0.3
    confirmed = table.confirmed(rule, packed_records.pack(tmp_path / "real"))
    assert confirmed.trials == confirmed.same == 24
    assert confirmed.stopped > 8
    assert [row.rung for row in table.predictive()] == ["0.1", "0.5", "1", "2"]
    ends = [point.values[0] for point in table.points]
    assert table.predicted_by(ends) == pytest.approx(1.0)


def test_costs_so_far_at_rungs_become_those_of_the_replicates_end() -> None:
    early = Point(0, {}, (Stop("0.5", (0.3, 2.0), 2.0), Stop("1", (0.2, 8.0), 8.0)))
    (stop, end) = with_expected_costs(early).stops
    assert (stop.values, stop.work, end) == ((0.3, 8.0), 2.0, early.stops[1])
    synthesis = Stop("-0.5", (0.7, 5.0), 1.0)
    known = with_expected_costs(replace(early, stops=(synthesis, *early.stops)))
    assert known.stops == (synthesis, stop, end)
    expected = replace(early, stops=(replace(early.stops[0], values=(0.3, 7.0)), early.stops[1]))
    assert with_expected_costs(expected) == expected


def point(number: int, quality: float, work: float) -> Point:
    stops = (Stop("0.5", (quality, work), work / 4), Stop("1", (quality, work), work / 2))
    return Point(number, {}, (*stops, Stop("2", (quality, work), work)))


def test_a_table_that_is_done_with_leaves_nothing_behind() -> None:
    points = [Point(number, {}, (Stop("1", (0.5 + number, 2.0), 2.0),)) for number in range(4)]
    table = ObservedTable(tuple(points), 9.0)
    assert table.saved(WholeTrials, orders=range(2)).work == [1.0, 1.0]
    left = weakref.ref(table)
    del table
    gc.collect()
    assert left() is None


def test_workers_share_the_work_and_stopped_trials_make_room() -> None:
    points = [point(0, 1.0, 8.0), point(1, 2.0, 4.0), point(2, 3.0, 4.0)]
    whole = replayed(points, WholeTrials(), slots=2)
    assert [item.trial for item in whole] == [1, 0, 2]
    assert whole[-1] == Outcome(2, None, 16.0)

    class First:
        def reached(self, point: Point, stop: Stop) -> bool:
            return point.number == 0

    early = replayed(points, First(), slots=2)
    assert [(item.trial, item.stopped_at, item.work) for item in early][:2] == [(1, "0.5", 1.0), (2, "0.5", 4.0)]
    assert early[-1] == Outcome(0, None, 10.0)


def test_hypervolume_is_of_completed_trials_alone() -> None:
    losses = {0: (0.5, 0.5), 1: (0.25, 0.75), 2: (0.1, 0.1), 3: (2.0, 0.0)}
    outcomes = [Outcome(0, None, 1.0), Outcome(2, "0.5", 2.0), Outcome(1, None, 3.0), Outcome(3, None, 4.0)]
    volumes = hypervolumes(outcomes, losses, (1.0, 1.0))
    assert volumes == pytest.approx([0.25, 0.25, 0.3125, 0.3125])
    assert work_to(outcomes, volumes, 0.25) == 1.0
    assert work_to(outcomes, volumes, 0.3125) == 3.0
    assert work_to(outcomes, volumes, 0.4) == float("inf")
