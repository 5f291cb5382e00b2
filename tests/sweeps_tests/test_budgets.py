"""When a sweep ends: trials, hours, a deadline, patience; and how that is said."""

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError

from acgkd.errors import SpecError
from sweeps.cli.app import main
from sweeps.engine.snapshot import Summary
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.spec.loading import load
from sweeps.spec.sections import Budget
from sweeps.store.budgets import idle_trials, way_on, work
from sweeps.store.folder import SweepFolder
from sweeps.store.trial import Trial
from sweeps.sweep import Sweep

SPEC = {
    "name": "tiny",
    "dataset": "motifs",
    "teacher": "gin-2-4",
    "student": "gin-2-4",
    "method": "acgkd",
    "space": "smoke",
}


def go(lab: ModuleType, folder: Path, budget: dict[str, Any], **changes: Any) -> Summary:
    spec = lab.make_spec(**{"seeds": (0,), "sampler": {"name": "random"}, **changes, "budget": budget})
    experiments = lab.FakeExperiments(hurry="transfer" not in changes)
    return run_sweep(spec, folder, InProcess(), experiments=experiments)


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


# ---- patience


def hypervolume(points: list[tuple[int, int]]) -> int:
    """Of points in two dimensions that are made small, against (10, 10): unit cells counted one by one."""
    return sum(any(x <= column and y <= row for x, y in points) for column in range(10) for row in range(10))


def ended(number: int, values: tuple[float, ...] | None, state: str = "completed") -> Trial:
    return Trial.model_validate({"number": number, "state": state, "values": values})


@pytest.mark.parametrize("seed", range(20))
def test_an_improvement_is_a_larger_hypervolume(seed: int) -> None:
    draw = random.Random(seed)
    points = [(draw.randrange(10), draw.randrange(10)) for _ in range(25)]
    trials = [ended(number, tuple(map(float, point))) for number, point in enumerate(points)]
    idle = 0
    for count in range(1, len(points) + 1):
        grown = hypervolume(points[:count]) > hypervolume(points[: count - 1])
        idle = 0 if grown else idle + 1
        assert idle_trials(trials[:count], ("minimize", "minimize")) == idle
        mirrored = [ended(trial.number, (-(trial.values or ())[0], (trial.values or ())[1])) for trial in trials]
        assert idle_trials(mirrored[:count], ("maximize", "minimize")) == idle


def test_what_is_an_ended_trial_without_improvement() -> None:
    trials = [ended(0, (2.0,)), ended(1, (1.0,)), ended(2, (1.0,)), ended(3, None, "failed"), ended(4, None, "pruned")]
    assert idle_trials(trials, ("minimize",)) == 3
    assert idle_trials(trials, ("maximize",)) == 4
    assert idle_trials([*trials, ended(5, None, "waiting")], ("minimize",)) == 3
    assert idle_trials(list(reversed(trials)), ("minimize",)) == 3
    assert idle_trials([*trials, ended(6, (0.5,))], ("minimize",)) == 0
    assert idle_trials([], ("minimize",)) == 0


@pytest.mark.parametrize("objectives", [["validation_divergence"], ["validation_divergence", "multiply_adds"]])
def test_a_sweep_ends_after_so_many_trials_without_improvement(
    lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], objectives: list[str]
) -> None:
    changes = {"objectives": [{"name": name, "floor": None} for name in objectives]}
    summary = go(lab, tmp_path, {"patience": 4}, **changes)
    assert summary.ended_by == "no trial of the last 4 improved on those before"
    assert not summary.interrupted
    values = [tuple(trial["values"]) for trial in lab.trials(tmp_path)]
    improved = [
        number
        for number, value in enumerate(values)
        if not any(all(a <= b for a, b in zip(other, value, strict=True)) for other in values[:number])
    ]
    assert len(values) == improved[-1] + 1 + 4
    assert all(second - first <= 4 for first, second in pairwise(improved))
    assert go(lab, tmp_path, {"patience": 4}, **changes).nothing_to_do
    assert SweepFolder(tmp_path).status().ended_by == summary.ended_by
    assert main(["status", str(tmp_path)]) == 0
    assert summary.ended_by in " ".join(capsys.readouterr().out.split())
    # With more patience it continues, and a point of the user's is run in any case.
    more = go(lab, tmp_path, {"patience": 7}, **changes)
    assert more.trials_started >= 3
    Sweep(tmp_path).enqueue({"method/synthesis/width": 8})
    assert SweepFolder(tmp_path).status().ended_by is None
    assert go(lab, tmp_path, {"patience": 7}, **changes).trials_started >= 1


def test_what_early_stopping_saves_buys_more_trials(lab: ModuleType, tmp_path: Path) -> None:
    budget: dict[str, Any] = {"replicates": 24}
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    for folder, scheduler in ((whole, "none"), (stopped, {"name": "halving", "fractions": ()})):
        summary = go(
            lab, folder, budget, scheduler=scheduler, seeds=(0, 1, 2), objectives=[{"name": "validation_divergence"}]
        )
        assert summary.ended_by == "the budget of 24 replicates is met"
        begun = sum(len({item["replicate"] for item in trial["attempts"]}) for trial in lab.trials(folder))
        assert 24 <= begun <= 26  # the last trial finishes
        assert SweepFolder(folder).status().ended_by == summary.ended_by
    assert len(lab.trials(whole)) == 8
    assert len(lab.trials(stopped)) > 8
    assert (
        go(
            lab, whole, {"replicates": 27}, seeds=(0, 1, 2), objectives=[{"name": "validation_divergence"}]
        ).trials_started
        == 1
    )


def test_a_budget_of_work_counts_what_was_stopped_and_buys_more_trials(lab: ModuleType, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"seeds": (0, 1, 2), "objectives": [{"name": "validation_divergence"}]}
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    for folder, scheduler in ((whole, "none"), (stopped, {"name": "halving", "fractions": (0.1, 0.5)})):
        summary = go(lab, folder, {"multiply_adds": 6000}, scheduler=scheduler, **changes)
        assert summary.ended_by == "the budget of 6000 multiply-adds is met"
        assert SweepFolder(folder).status().ended_by == summary.ended_by
        records = [json.loads(path.read_text()) for path in (folder / "records").glob("trial-*.json")]
        counted = sum(record["cost"]["multiply_adds"] or 0 for record in records)
        assert counted == sum(map(work, SweepFolder(folder).trials()))
        last = max(record["identity"]["trial"] for record in records)
        before = [record for record in records if record["identity"]["trial"] != last]
        assert counted >= 6000 > sum(record["cost"]["multiply_adds"] or 0 for record in before)
    assert len(lab.trials(stopped)) > len(lab.trials(whole))


def test_whatever_comes_first(lab: ModuleType, tmp_path: Path) -> None:
    budget = {"trials": 3, "hours": 1.0, "patience": 50, "deadline": soon(3600)}
    assert go(lab, tmp_path, budget).ended_by == "the budget of 3 trials is met"
    assert go(lab, tmp_path, {"hours": 1e-9, "trials": 9}).ended_by == "the budget of 1e-09 hours is met"


def test_a_grid_that_is_tried_whole_says_so(lab: ModuleType, tmp_path: Path) -> None:
    space = {"method/synthesis/kind": {"type": "categorical", "choices": ("a", "b")}}
    summary = go(lab, tmp_path, {"trials": 9}, space=space, sampler={"name": "grid"})
    assert summary.ended_by == "every point of the space has been tried"
    assert summary.counts == {"completed": 2}


# ---- the deadline


def test_at_the_deadline_all_stops_with_checkpoints(
    lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow: dict[str, Any] = {"transfer": {"steps": 60, "delay_s": 0.1}}
    summary = go(lab, tmp_path, {"trials": 5, "deadline": soon(3)}, **slow)
    assert not summary.interrupted
    assert "has come; 1 of 1 trials have not ended" in summary.ended_by
    assert summary.counts == {"waiting": 1}
    assert lab.events(tmp_path, "saved")
    assert "the deadline has come" in (tmp_path / "logs" / "driver.log").read_text()
    # Nothing runs after it, whatever waits; a later one resumes.
    Sweep(tmp_path).enqueue({"method/synthesis/width": 8})
    again = go(lab, tmp_path, {"trials": 2, "deadline": soon(-1)}, **slow)
    assert (again.nothing_to_do, again.trials_started) == (True, 0)
    assert main(["status", str(tmp_path)]) == 0
    assert "has come" in " ".join(capsys.readouterr().out.split())
    spec = lab.make_spec(seeds=(0,), sampler={"name": "random"}, budget={"trials": 2, "deadline": soon(600)}, **slow)
    later = run_sweep(spec, tmp_path, InProcess(), experiments=lab.FakeExperiments(hurry=True))
    assert later.counts == {"completed": 2}
    assert lab.events(tmp_path, "loaded")
    assert len(lab.events(tmp_path, "measured")) == 2


def test_the_time_that_is_left_ends_at_the_deadline(lab: ModuleType, tmp_path: Path) -> None:
    left: list[float] = []
    spec = lab.make_spec(trials=None, hours=None, budget={"trials": 2, "deadline": soon(600)})
    watch = lambda snapshot: left.append(snapshot.remaining_s)  # noqa: E731
    run_sweep(spec, tmp_path, InProcess(), experiments=lab.FakeExperiments(), watch=watch)
    assert 500 < left[0] <= 600


def test_a_deadline_is_of_this_machine_unless_it_names_a_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "America/Bogota")
    time.tzset()
    try:
        assert Budget(deadline="2026-12-01T08:00").deadline == "2026-12-01T08:00:00-05:00"
        assert Budget(deadline="2026-12-01 13:00Z").deadline == "2026-12-01T08:00:00-05:00"
    finally:
        monkeypatch.undo()
        time.tzset()
    known = Budget(deadline="2026-12-01T08:00+02:00")
    assert known.deadline is not None
    assert Budget(deadline=known.deadline) == known  # as a folder holds it
    moment = datetime(2026, 12, 1, 6, tzinfo=UTC)
    found = load({**SPEC, "budget": {"deadline": moment}}).budget.deadline
    assert found is not None
    assert datetime.fromisoformat(found) == datetime.fromisoformat(known.deadline) == moment


@pytest.mark.parametrize("wrong", ["tomorrow", "2026-13-01T08:00", "08:00", "0001-01-01T00:00+14:00"])
def test_what_is_no_deadline_is_refused(tmp_path: Path, wrong: str) -> None:
    law = "A deadline is a date and a time, such as 2026-12-01T08:00"
    with pytest.raises(ValidationError, match=law):
        Budget(deadline=wrong)
    with pytest.raises(SpecError) as caught:
        load({**SPEC, "budget": {"deadline": wrong}})
    path = tmp_path / "tiny.yaml"
    path.write_text(json.dumps({**SPEC, "budget": {"deadline": wrong}}))
    with pytest.raises(SpecError) as from_file:
        load(path)
    assert law in caught.value.faults[0].message
    assert caught.value.faults[0].message == from_file.value.faults[0].message


def test_check_says_when_it_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(json.dumps(SPEC))
    arguments = ["--set", "budget/trials=9", "--set", "budget/patience=4", "--set", "budget/deadline=2020-01-01T08:00Z"]
    until = datetime(2020, 1, 1, 8, tzinfo=UTC).astimezone().isoformat()
    assert main(["check", str(path), *arguments]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"9 trials of 1 replicate, at most 4 trials without improvement, until {until}; tpe" in shown
    assert "is over: nothing will run" in shown


def test_a_comparison_may_have_a_deadline_and_nothing_else() -> None:
    alone = {key: value for key, value in SPEC.items() if key != "space"}
    assert load({**alone, "budget": {"deadline": "2030-01-01T08:00"}}).trials == 1
    for budget in ({"patience": 3}, {"hours": 1.0}, {"trials": 2}, {"replicates": 4}, {"multiply_adds": 1e9}):
        with pytest.raises(SpecError, match=r"Leave `budget` out, or give a `deadline`"):
            load({**alone, "budget": budget})


@pytest.mark.parametrize(
    ("budget", "named"),
    [
        ({"trials": 2}, "--trials N"),
        ({"trials": 9, "hours": 1e-9}, "budget/hours=N"),
        ({"trials": 9, "patience": 1}, "budget/patience"),
        ({"trials": 9, "replicates": 3}, "budget/replicates=N"),
        ({"trials": 9, "multiply_adds": 1.0}, "budget/multiply_adds=N"),
        ({"trials": 9, "deadline": "2020-01-01T00:00:00"}, "budget/deadline"),
    ],
)
def test_what_extends_a_sweep_is_the_limit_that_ended_it(
    lab: ModuleType, tmp_path: Path, budget: dict[str, Any], named: str
) -> None:
    reason = go(lab, tmp_path, budget).ended_by
    assert reason
    assert named in way_on(reason)


def test_a_driver_that_ends_while_its_files_are_read_counts_as_at_work(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(lab, tmp_path, {"trials": 2})
    every = SweepFolder.trials
    with ExitStack() as driver:

        def then_ends(folder: SweepFolder, damaged: list[str] | None = None) -> Iterator[Trial]:
            yield from every(folder, damaged)
            driver.close()

        driver.enter_context(SweepFolder(tmp_path).lock())
        monkeypatch.setattr(SweepFolder, "trials", then_ends)
        during = SweepFolder(tmp_path).status()
        after = SweepFolder(tmp_path).status()
    assert (during.driver_alive, during.ended_by) == (True, None)
    assert (after.driver_alive, after.ended_by) == (False, "the budget of 2 trials is met")
