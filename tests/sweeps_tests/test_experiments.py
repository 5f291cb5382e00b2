"""The real experiments: what a sweep's trials share."""

from pathlib import Path
from typing import Any

import pytest

from acgkd.run import reference_pool
from analysis import load as load_frame
from analysis.page.render import Table
from analysis.records.record import Record
from analysis.reports._health import unknowns
from analysis.statistics.view import view_of
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
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


def test_trials_that_differ_in_transfer_alone_share_one_synthesis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACGKD_CACHE", str(tmp_path / "cache"))
    run_sweep(spec(tmp_path, "method/transfer/rate"), tmp_path / "sweep", InProcess())
    records = [
        Record.model_validate_json(path.read_text()) for path in sorted((tmp_path / "sweep/records").glob("trial-*"))
    ]
    assert [record.cost.synthesis_cached for record in records] == [False, True]
    assert records[0].cost.synthesis_s == records[1].cost.synthesis_s
    assert len(list((tmp_path / "cache/synthesis").glob("*.pt"))) == 1


def test_replicates_are_taught_together_where_the_spec_says_so_and_come_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACGKD_CACHE", str(tmp_path / "cache"))
    tree = spec(tmp_path, "method/transfer/rate").model_dump(mode="json") | {"budget": {"trials": 1}}
    # A bias before a BatchNorm moves by rounding alone, and its memory would still remember that after three steps.
    tree["method"]["transfer"]["recalibration"] = 3
    found = {}
    for name in ("off", "auto"):
        run_sweep(load(tree | {"replicates": {"seeds": [0, 1], "stacked": name}}), tmp_path / name, InProcess())
        files = sorted((tmp_path / name / "records").glob("trial-*"))
        found[name] = [Record.model_validate_json(path.read_text()) for path in files]
    together = {name: [record.cost.taught_together for record in records] for name, records in found.items()}
    assert together == {"off": [None, None], "auto": [2, 2]}
    for one, other in zip(found["off"], found["auto"], strict=True):
        assert one.cost.multiply_adds == other.cost.multiply_adds
        assert other.objectives == pytest.approx(one.objectives, rel=1e-3)
        assert one.identity.seed == other.identity.seed


@pytest.mark.parametrize(
    ("changes", "measured"),
    [
        ({}, False),
        ({"artefacts": {"agreement": True}}, True),
        ({"objectives": ["agreement", "multiply_adds"]}, True),
        ({"objectives": ["agreement_overlap"]}, True),
    ],
)
def test_a_reference_pool_is_made_where_something_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], measured: bool
) -> None:
    monkeypatch.setenv("ACGKD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(reference_pool.PRESETS, "graphs", (("acgkd", {"graphs": 8, "steps": 2}),))
    tree = spec(tmp_path, "method/transfer/rate").model_dump(mode="json") | {"replicates": {"seeds": [0, 1]}} | changes
    run_sweep(load(tree), tmp_path / "sweep", InProcess())
    rows = load_frame(tmp_path / "sweep").rows
    runs = rows[rows["kind"] == "trial"]
    assert len(runs) == 4
    assert runs["agreement"].notna().all() if measured else runs["agreement"].isna().all()
    assert runs["agreement_overlap"].between(0, 1).all() if measured else runs["agreement_overlap"].isna().all()
    assert runs["test_agreement"].notna().all(), "on the test split it needs no pool"
    assert len(list((tmp_path / "cache/pools").glob("*.pt"))) == (2 if measured else 0)
    tables = [block for block in unknowns(view_of(load_frame(tmp_path / "sweep"))) if isinstance(block, Table)]
    said = str([table.data.to_dict("records") for table in tables])
    assert ("`artefacts: {agreement: true}` measures it" in said) == (not measured)


def test_seeds_that_vary_the_draws_alone_share_one_teachers_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACGKD_CACHE", str(tmp_path / "cache"))
    tree = spec(tmp_path, "method/transfer/rate").model_dump(mode="json")
    run_sweep(load({**tree, "replicates": {"seeds": [0, 1], "vary": ["draws"]}}), tmp_path / "sweep", InProcess())
    assert [path.name for path in (tmp_path / "sweep/records").glob("teacher-*")] == ["teacher-00.json"]
    assert len(list((tmp_path / "cache/teachers").glob("*.pt"))) == 1


def test_gradients_that_a_broken_off_attempt_left_off_are_on_again(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "spec.yaml"
    text = (Path(__file__).parents[1] / "cases" / "tiny.yaml").read_text()
    path.write_text(text.replace("[0, 1]", "[0]").replace("trials: 4", "trials: 1"))
    torch.set_grad_enabled(False)
    try:
        summary = run_sweep(load(path), tmp_path / "sweep", InProcess())
        assert summary.counts == {"completed": 1}
        assert torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)
