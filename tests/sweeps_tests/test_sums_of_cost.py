"""What a sweep cost is the sum over its records, whatever became of its trials."""

import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from analysis import load
from analysis.records.trial_file import Rung, TrialFile, parse
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess


@pytest.fixture
def worked(lab: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Steps and multiply-adds of all runs, counted while they are done."""
    counted: Counter[str] = Counter()
    advance = lab.FakeRun.advance

    def watched(self, **limits) -> None:
        before, taken = self.steps_done, self.measure_cost()["multiply_adds"]
        try:
            advance(self, **limits)
        finally:
            counted["transfer_steps"] += self.steps_done - before
            counted["multiply_adds"] += self.measure_cost()["multiply_adds"] - taken

    monkeypatch.setattr(lab.FakeRun, "advance", watched)
    return counted


def sums(folder: Path) -> dict[str, float]:
    rows = load(folder).rows
    return {name: float(rows[name].sum()) for name in ("transfer_steps", "multiply_adds", "transfer_s")}


@pytest.mark.parametrize("fractions", [(0.2, 0.6), (0.5,)])
def test_with_halving_the_records_say_all_that_was_worked(
    lab: ModuleType, tmp_path: Path, worked: Counter[str], fractions: tuple[float, ...]
) -> None:
    halving = {"name": "halving", "fractions": fractions}
    spec = lab.make_spec(trials=14, seeds=(0, 1, 2), scheduler=halving)
    run_sweep(spec, tmp_path / "s", InProcess(), experiments=lab.FakeExperiments())
    rows = load(tmp_path / "s").rows
    pruned = rows[rows["outcome"] == "pruned"]
    within = pruned[pruned["progress"] > 0]
    assert len(within) > 2
    assert (within["transfer_steps"] == (within["progress"] * 20).round()).all()
    # Pruned by the mean over whole replicates: nothing of the next one was begun, and those before have rows.
    between = pruned[pruned["progress"] == 0]
    assert between["transfer_steps"].isna().all()
    found = sums(tmp_path / "s")
    assert found["transfer_steps"] == worked["transfer_steps"]
    assert found["multiply_adds"] == worked["multiply_adds"]
    assert found["transfer_s"] == worked["transfer_steps"] * lab.STEP_S


def test_what_breaks_says_what_it_took_until_then(lab: ModuleType, tmp_path: Path, worked: Counter[str]) -> None:
    transfer = {"fault": "diverge", "fault_step": 7}
    run_sweep(
        lab.make_spec(trials=3, transfer=transfer), tmp_path / "s", InProcess(), experiments=lab.FakeExperiments()
    )
    rows = load(tmp_path / "s").rows
    assert set(rows.loc[rows["kind"] == "trial", "outcome"]) == {"diverged"}
    found = sums(tmp_path / "s")
    assert found["transfer_steps"] == worked["transfer_steps"] == 3 * 2 * 7
    assert found["multiply_adds"] == worked["multiply_adds"]


def test_a_row_that_a_killed_driver_owed_has_its_cost_too(lab: ModuleType, tmp_path: Path) -> None:
    spec = lab.make_spec(trials=10, seeds=(0,), scheduler="halving")
    run_sweep(spec, tmp_path / "s", InProcess(), experiments=lab.FakeExperiments())
    before = lab.table(tmp_path / "s")
    owed = [row["file"] for row in before if row["outcome"] == "pruned"]
    assert owed
    for name in owed:
        (tmp_path / "s" / "records" / name).unlink()
    more = lab.make_spec(trials=11, seeds=(0,), scheduler="halving")
    said: list[str] = []
    run_sweep(more, tmp_path / "s", InProcess(), experiments=lab.FakeExperiments(), say=said.append)
    assert len(said) == len(owed)
    after = {row["file"]: row for row in lab.table(tmp_path / "s")}
    assert [after[row["file"]] for row in before] == before


def test_rungs_without_a_cost_are_read_and_written_as_before() -> None:
    text = json.dumps(
        {"schema_version": 2, "number": 0, "state": "pruned", "rungs": {"0.5": {"values": [0.5], "promoted": False}}}
    )
    read = parse(text, "trial.json", TrialFile)
    assert read.rungs["0.5"].cost is None
    assert json.loads(read.model_dump_json())["rungs"] == json.loads(text)["rungs"]
    known = Rung(values=(0.5,), promoted=True, cost={"transfer_steps": 3, "synthesis_cached": True, "lost_s": None})
    assert Rung.model_validate_json(known.model_dump_json()) == known
