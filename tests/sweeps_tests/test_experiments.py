"""The real experiments: what a sweep's trials share."""

from pathlib import Path

import pytest

from analysis.records.record import Record
from sweeps.executors import inprocess
from sweeps.spec.loading import load
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.experiments import AcgkdExperiments

SPEC = """
name: share
dataset: {name: motifs, options: {graphs: 40}}
teacher: {preset: gin-2-8, epochs: 1}
student: gin-2-8
method: {name: acgkd, synthesis: {graphs: 4, steps: 3}, transfer: {steps: 3}}
space: {PATH: {type: float, low: 0.001, high: 0.03}}
objectives: [validation_divergence]
sampler: random
replicates: {seeds: [0]}
budget: {trials: 2}
controls: []
"""


def spec(folder: Path, path: str) -> SweepSpec:
    file = folder / "share.yaml"
    file.write_text(SPEC.replace("PATH", path))
    return load(file)


@pytest.mark.parametrize(("path", "shared"), [("method/transfer/rate", True), ("method/synthesis/rate", False)])
def test_pseudo_samples_are_kept_where_no_trial_makes_its_own_kind(tmp_path: Path, path: str, shared: bool) -> None:
    assert AcgkdExperiments.of(spec(tmp_path, path)).share_synthesis is shared


def test_trials_that_differ_in_transfer_alone_share_one_synthesis(tmp_path: Path) -> None:
    inprocess.run(spec(tmp_path, "method/transfer/rate"), tmp_path / "sweep")
    records = [
        Record.model_validate_json(path.read_text()) for path in sorted((tmp_path / "sweep/records").glob("trial-*"))
    ]
    assert [record.cost.synthesis_cached for record in records] == [False, True]
    assert records[0].cost.synthesis_s == records[1].cost.synthesis_s
    assert len(list((tmp_path / "sweep/cache/synthesis").glob("*.pt"))) == 1
