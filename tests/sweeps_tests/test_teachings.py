"""Rows of a suite that are taught several times: which controls they are, what they share, how they are compared."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import analysis
from acgkd.methods import METHODS
from analysis.comparison.published import settings_apart
from analysis.comparison.trial_rows import rows_of_sweep
from analysis.statistics.view import views
from sweeps.cli.app import main
from sweeps.executors.inprocess import InProcess
from sweeps.interchange.method_defaults import published_methods
from sweeps.spaces import SPACES
from sweeps.spec.controls import Control
from sweeps.spec.inspection import Inspection
from sweeps.spec.loading import load
from sweeps.suites.suite import Suite, run_suite
from sweeps.suites.suite_loading import SuiteSpec, load_suite

TRANSFER = {"steps": 6, "batch_size": 8, "projection": "none"}
SUITE: dict[str, Any] = {
    "name": "again",
    "replicates": {"seeds": [0, 1]},
    "suite": {
        "methods": [
            {"name": "acgkd", "synthesis": {"graphs": 8, "steps": 4}, "transfer": TRANSFER, "teachings": 3},
            {"name": "dfad_gnn", "transfer": {"steps": 4, "batch_size": 8}},
            "random_graphs",
            "real_data",
        ],
        "datasets": [{"name": "motifs", "options": {"graphs": 40}}],
        "pairs": [{"teacher": {"preset": "gin-2-8", "epochs": 1}, "student": "gin-2-8"}],
    },
}
SWEEP = "again-motifs-gin-2-8-gin-2-8"
OURS = ["acgkd", "acgkd (teaching 2)", "acgkd (teaching 3)"]


def changed(**suite: Any) -> SuiteSpec:
    value = copy.deepcopy(SUITE)
    value["suite"] |= suite
    return load_suite(value)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    return run_suite(SUITE, tmp_path_factory.mktemp("suites") / "again", executor=InProcess(), on_progress=None)


def test_further_teachings_are_controls_with_the_settings_of_their_row() -> None:
    (member,) = load_suite(SUITE).members
    assert member.entry().rows == (*OURS, "dfad_gnn", "random_graphs", "real_data")
    assert member.entry().runs == 12
    spec = member.spec()
    assert [control.label for control in spec.controls] == [*OURS[1:], "dfad_gnn", "random_graphs", "real_data"]
    own = spec.run_config({}).method
    for draw, label in enumerate(OURS[1:], 1):
        found = spec.control_config(label).method
        assert found.synthesis == own.synthesis
        assert found.transfer == {**own.transfer, "draw": draw}


def test_a_row_says_it_before_its_data_set_and_that_before_the_suite() -> None:
    datasets = [
        {"name": "motifs", "options": {"graphs": 40}},
        {"name": "motifs", "label": "twice", "options": {"graphs": 40}, "teachings": 2},
    ]
    methods = [*SUITE["suite"]["methods"][:2], {"name": "random_graphs", "teachings": 1}]
    first, second = changed(datasets=datasets, methods=methods, teachings=4).members
    assert [row.teachings for row in first.rows] == [3, 4, 1]
    assert [row.teachings for row in second.rows] == [3, 2, 1]
    assert changed().members[0].rows[1].teachings == 1


def test_rows_that_take_over_settings_or_seconds_keep_them_when_they_are_taught_again() -> None:
    methods = [
        {**SUITE["suite"]["methods"][0], "teachings": 1},
        {"name": "gfkd", "synthesis": {"graphs": 8, "steps": 4}, "transfer": "reference", "teachings": 2},
        {"name": "random_graphs", "teachings": 2},
        {"name": "acgkd", "label": "slow", "teachings": 2, "prior": {"mean_degree": "unknown"}},
    ]
    (member,) = changed(methods=methods).members
    spec = member.spec()
    for label in ("gfkd", "random_graphs", "slow"):
        once, again = (spec.control_config(name) for name in (label, f"{label} (teaching 2)"))
        assert again.method.transfer == {**once.method.transfer, "draw": 1}
        assert (again.method.synthesis, again.prior) == (once.method.synthesis, once.prior)
    assert spec.control_config("gfkd (teaching 2)").method.transfer["steps"] == 6


def test_searches_and_perturbed_settings_are_taught_once() -> None:
    space = {"method/transfer/rate": {"type": "float", "low": 0.001, "high": 0.1}}
    row = SUITE["suite"]["methods"][0]
    value = copy.deepcopy(SUITE)
    value["budget"], sensitivity = {"trials": 2}, {"draws": 1, "one_at_a_time": False}
    value["suite"] |= {
        "teachings": 2,
        "methods": [{**row, "teachings": None}, {**row, "label": "search", "space": space, "teachings": None}],
        "datasets": [{"name": "motifs", "options": {"graphs": 40}, "sensitivity": sensitivity}],
    }
    members = {member.name: member for member in load_suite(value).members}
    assert members[SWEEP].entry().rows == tuple(OURS[:2])
    assert [row.teachings for row in members[f"{SWEEP}-search"].rows] == [1]
    assert {row.teachings for row in members[f"{SWEEP}-acgkd"].rows} == {1}


def test_a_row_of_chosen_settings_is_taught_again() -> None:
    control = {"name": "acgkd", "label": "acgkd (teaching 2)", "settings_from": "search", "draw": 1}
    said = Control.model_validate(control)
    assert said.model_dump() == control
    chosen = said.model_copy(update={"settings_from": None, "synthesis": {"steps": 3}, "transfer": {"steps": 5}})
    assert chosen.choice(load_suite(SUITE).members[0].reference.choice).transfer == {"steps": 5, "draw": 1}


def test_check_says_how_many_runs_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "again.yaml"
    file.write_text(yaml.safe_dump(SUITE, sort_keys=False))
    assert main(["check", str(file)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "1: 4 rows, 12 runs with all seeds" in said
    assert "acgkd (3 teachings); dfad_gnn; random_graphs; real_data" in said


def test_teachings_share_pseudo_samples_and_differ_in_the_student(suite: Suite) -> None:
    assert suite.outcome is not None
    assert suite.outcome.sound
    assert (suite.status().done, suite.status().runs) == (12, 12)
    for seed in (0, 1):
        found = _records(suite, seed)
        assert sorted(record["cost"]["synthesis_cached"] for record in found) == [False, True, True]
        assert len({record["cost"]["synthesis_s"] for record in found}) == 1
        assert len({record["quality"]["validation_divergence"] for record in found}) == 3


def _records(suite: Suite, seed: int) -> list[dict[str, Any]]:
    every = [json.loads(path.read_text()) for path in sorted((suite.sweeps[SWEEP] / "records").glob("*.json"))]
    kept = [each for each in every if each["identity"]["method"] == "acgkd" and each["identity"]["kind"] != "teacher"]
    return [each for each in kept if each["identity"]["seed"] == seed]


def test_compare_shows_one_row_with_means_over_teachings(suite: Suite) -> None:
    rows = suite.compare().rows.set_index("row")
    assert rows["teachings"].to_dict() == {"acgkd": 3, "dfad_gnn": 1, "random_graphs": 1, "real_data": 1}
    frame = analysis.load(suite.folder).rows
    ours = frame[(frame["method"] == "acgkd") & (frame["kind"] != "teacher")]
    table = ours.pivot(index="seed", columns="label", values="test_accuracy").to_numpy(dtype=float)
    assert table.shape == (2, 3)
    found = rows.loc["acgkd"]
    assert found["test_accuracy"] == pytest.approx(table.mean())
    variance = table.var(axis=1, ddof=1).mean()
    assert found["teaching_sd"] == pytest.approx(np.sqrt(variance))
    assert found["teaching_se"] == pytest.approx(np.sqrt(variance / 6))


def test_another_draw_is_as_published_as_the_first(suite: Suite) -> None:
    known = published_methods()
    assert all("transfer/draw" not in method.defaults for method in known.values())
    (view,) = views(analysis.load(suite.folder))
    rows = [row for row in rows_of_sweep(view, known) if row.method == "acgkd"]
    assert [row.label for row in rows] == OURS
    assert len({(row.provenance, row.published, row.reduced, row.steps) for row in rows}) == 1
    assert len({str(settings_apart(row.first, known["acgkd"])) for row in rows}) == 1


def test_more_teachings_extend_what_is_there(suite: Suite, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    shutil.copytree(suite.folder, folder)
    value = copy.deepcopy(SUITE)
    value["suite"]["methods"][0]["teachings"] = 4
    later = run_suite(value, folder, executor=InProcess(), on_progress=None)
    assert later.outcome is not None
    assert later.outcome.sound
    assert later.status().done == 14
    assert later.compare().rows.set_index("row").loc["acgkd", "teachings"] == 4


def test_a_control_of_a_plain_sweep_may_be_another_teaching() -> None:
    spec = load(
        {
            "name": "plain", "dataset": "motifs", "teacher": "gin-2-8", "student": "gin-2-8", "method": "acgkd",
            "controls": [{"name": "acgkd", "label": "again", "draw": 1}],
        }
    )  # fmt: skip
    assert spec.control_config("again").method.transfer == {"draw": 1}
    assert spec.model_dump(mode="json")["controls"] == [{"name": "acgkd", "label": "again", "draw": 1}]


def test_no_shipped_space_searches_the_draw() -> None:
    for name in SPACES:
        found = Inspection().survey(name)
        assert found is not None
        assert "method/transfer/draw" not in found.parameters
    assert all("draw" in METHODS[name].config.model_fields["transfer"].annotation.model_fields for name in METHODS)  # type: ignore[union-attr]
