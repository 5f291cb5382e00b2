"""Rungs in synthesis: where no student has learned, trials are ranked by what is known without data."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sweeps.engine.trials.halving import Halving, compared
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.interchange.study_trials import exported
from sweeps.store.folder import SweepFolder
from sweeps.store.progress.status import status_of

SCHEDULER = {"name": "halving", "reduction": 2, "fractions": (0.5,), "synthesis": (0.5,)}


def go(lab: ModuleType, folder: Path, trials: int = 16, **changes: Any) -> list[dict[str, Any]]:
    spec = lab.make_spec(trials=trials, sampler={"name": "random"}, **{"scheduler": SCHEDULER, **changes})
    run_sweep(spec, folder, InProcess(), experiments=lab.FakeExperiments())
    found: list[dict[str, Any]] = lab.trials(folder)
    return found


def test_trials_are_ranked_by_distance_and_cost_and_never_by_what_no_student_has(
    lab: ModuleType, tmp_path: Path
) -> None:
    trials = go(lab, tmp_path)
    rule, seen = Halving(2, ("minimize", "minimize"), (None, None)), dict[int, tuple[float | None, ...]]()
    for trial in trials:
        rung = trial["rungs"]["-0.5"]
        rate, width = (trial["parameters"][f"method/synthesis/{name}"] for name in ("rate", "width"))
        assert rung["statistics"] == pytest.approx(abs(rate - 0.4) + 0.005)
        assert rung["values"] == [None, 5 * width]  # 5 of 20 steps
        values = (rung["statistics"], rung["values"][1])
        assert rung["promoted"] == rule.promotes(trial["number"], values, seen)
        seen[trial["number"]] = values
    stopped = [trial for trial in trials if not trial["rungs"]["-0.5"]["promoted"]]
    assert 3 < len(stopped) < 12
    assert {trial["state"] for trial in stopped} == {"pruned"}
    judged = {line.split()[2] for line in lab.events(tmp_path, "judged")}
    assert "0.250" in judged
    records = [row for row in lab.table(tmp_path) if row["outcome"] == "pruned"]
    assert len([row for row in records if row["cost"].get("transfer_steps") == 5]) == len(stopped)


def test_a_kill_after_a_rung_in_synthesis_changes_nothing(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path / "calm")
    for trials in (1, 2, 3, 5, 8, 13, 16):
        go(lab, tmp_path / "often", trials)
    assert lab.table(tmp_path / "often") == lab.table(tmp_path / "calm")
    promoted = [
        [{name: rung["promoted"] for name, rung in trial["rungs"].items()} for trial in lab.trials(tmp_path / name)]
        for name in ("calm", "often")
    ]
    assert promoted[0] == promoted[1]


def test_a_run_that_knows_no_distance_continues(lab: ModuleType, tmp_path: Path) -> None:
    trials = go(lab, tmp_path, trials=6, transfer={"remembers": False})
    assert all("-0.5" not in trial["rungs"] and "0.5" in trial["rungs"] for trial in trials)


def test_what_others_read_of_it_says_where_it_is(lab: ModuleType, tmp_path: Path) -> None:
    trials = go(lab, tmp_path)
    folder = SweepFolder(tmp_path)
    assert any(line == "ranked too low at rung 0.5 of synthesis" for line in status_of(folder).stopped)
    early = next(trial for trial in folder.trials() if not trial.rungs["-0.5"].promoted)
    shown = exported(folder, early, ("validation_divergence", "multiply_adds"), (0, 1))
    assert shown.frozen.intermediate_values == {}
    assert shown.attrs["rungs"]["-0.5"]["values"]["validation_divergence"] is None  # type: ignore[index]
    message = next(row for row in (tmp_path / "records").glob(f"trial-{early.number:04d}-*.json")).read_text()
    assert "stopped at rung 0.5 of synthesis: place" in message
    assert len(trials) == 16


def test_costs_keep_their_floors_and_quality_has_none() -> None:
    rule = Halving(2, ("maximize", "minimize"), (0.6, 9.0)).in_synthesis((False, True))
    assert (rule.directions, rule.floors) == (("minimize", "minimize"), (None, 9.0))
    assert compared((None, 3.0), 0.25) == (0.25, 3.0)
    assert compared((0.5, 3.0), None) == (0.5, 3.0)
    alone = Halving(2, ("maximize",), (0.6,)).in_synthesis((False,))
    assert (alone.directions, alone.floors) == (("minimize",), (None,))
