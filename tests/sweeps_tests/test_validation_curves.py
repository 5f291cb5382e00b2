"""Validation accuracy on the way: it changes nothing else of a run, resumes with it, and is packed beside records."""

import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from acgkd.errors import SpecError
from analysis.robustness import read_curves
from sweeps.cli.app import main
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.spec.loading import load
from sweeps.worker.experiments import AcgkdExperiments
from sweeps.worker.validation_curves import STAGE, JudgedExperiment, JudgedRun
from tests.tiny_images import distillation


@pytest.mark.parametrize("name", ["rdskd", "dafl"])
def test_judging_on_the_way_changes_nothing_and_resumes_where_it_stopped(name: str, tmp_path: Path) -> None:
    asked: list[float] = []

    def evaluate(run: Any, objectives: list[str]) -> dict[str, float]:
        asked.append(run.progress)
        return {"validation_accuracy": run.progress}

    experiment, shares = SimpleNamespace(evaluate=evaluate), (0.4, 0.8, 1.0)
    plain = distillation(name)
    plain.advance()
    whole = JudgedRun(distillation(name), experiment, shares)
    whole.advance()
    kept = JudgedRun(distillation(name), experiment, shares)
    kept.advance(until=kept.judged_fractions_to_progress(0.5))
    kept.save(tmp_path / "state")
    again = JudgedRun(distillation(name), experiment, shares)
    again.load(tmp_path / "state")
    again.advance()
    for run in (whole, again):
        for weights, other in zip(plain.student.parameters(), run.student.parameters(), strict=True):
            assert torch.equal(weights, other)
        seen = run.curves[STAGE]
        assert seen["accuracy"] == pytest.approx([run.judged_fractions_to_progress(share) for share in shares])
        assert len(seen["step"]) == len(seen["seconds"]) == 3
    assert len(asked) == 6, "a point that was reached before the stop is not judged again"


SPEC = {
    "name": "judged",
    "dataset": "motifs",
    "teacher": "gin-2-8",
    "student": "gin-2-8",
    "method": "acgkd",
    "controls": ["random_graphs"],
    "artefacts": {"validation_curves": True},
}


def test_it_is_asked_for_in_the_spec_which_stays_the_same_sweep(tmp_path: Path) -> None:
    spec = load(SPEC)
    assert spec.fingerprint() == load(SPEC, {"artefacts/validation_curves": False}).fingerprint()
    made = AcgkdExperiments.of(spec).experiment(spec.run_config({}), 0, tmp_path)
    assert isinstance(made, JudgedExperiment)
    without = {**{key: value for key, value in SPEC.items() if key != "dataset"}, "controls": []}
    facts = {"nodes": [5, 8], "mean_degree": 2.0, "features": "categorical", "feature_count": 4, "classes": 2}
    with pytest.raises(SpecError, match="Validation curves need a validation split"):
        load({**without, "prior": facts})


class Judged:
    """The fake experiments, looked at on their way."""

    def __init__(self, fakes: Any) -> None:
        self._fakes = fakes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fakes, name)

    def experiment(self, config: Any, seed: int, home: Path) -> Any:
        return JudgedExperiment(self._fakes.experiment(config, seed, home))


def test_curves_are_read_from_folders_and_packed_beside_records(
    lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, folder = lab.make_spec(trials=2, seeds=(0, 1), sampler={"startup_trials": 1}), tmp_path / "fake"
    run_sweep(spec, folder, InProcess(), experiments=Judged(lab.FakeExperiments()))
    found = read_curves(folder)["fake"]
    assert len(found) == 4
    for curve in found.values():
        assert len(curve.seconds) == len(curve.accuracy) == 10, "every step of the later stage"
        assert list(curve.seconds) == sorted(curve.seconds)
    packed = tmp_path / "fake.parquet"
    assert main(["pack", str(folder), "--out", str(packed)]) == 0
    file = tmp_path / "fake-curves.json"
    assert f"Validation curves: {file}" in " ".join(capsys.readouterr().out.split())
    assert read_curves(file) == {"fake": found}
    # Of runs that were put back there are no curves: those that were packed before stay.
    (folder / "curves" / "trial-0000-00.json").unlink()
    assert main(["pack", str(folder), "--out", str(packed)]) == 0
    assert read_curves(file) == {"fake": found}
    # A run that is no longer packed has none either.
    gone = json.loads((folder / "records" / "trial-0000-00.json").read_text())["identity"]
    (folder / "records" / "trial-0000-00.json").unlink()
    assert main(["pack", str(folder), "--out", str(packed)]) == 0
    assert set(read_curves(file)["fake"]) == set(found) - {f"{gone['fingerprint']}-{gone['seed']}"}


def test_a_sweep_without_curves_gets_no_file(lab: ModuleType, tmp_path: Path) -> None:
    run_sweep(lab.make_spec(trials=1, seeds=(0,)), tmp_path / "fake", InProcess(), experiments=lab.FakeExperiments())
    assert main(["pack", str(tmp_path / "fake"), "--out", str(tmp_path / "fake.parquet")]) == 0
    assert not (tmp_path / "fake-curves.json").exists()
