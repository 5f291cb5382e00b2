"""The comparison of image methods: what is perturbed, how students are taught, and where settings come from."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

import analysis
from acgkd.config import flatten
from acgkd.methods import parse_method
from analysis import robustness
from analysis.comparison.templates.chosen_rows import top
from analysis.comparison.templates.comparison_part import Part
from sweeps.cli.app import main
from sweeps.executors.inprocess import InProcess
from sweeps.spec.loading import load
from sweeps.suites.members import Member
from sweeps.suites.suite import run_suite
from sweeps.suites.suite_loading import load_suite

pytestmark = pytest.mark.usefixtures("data_at_hand")

ROOT = Path(__file__).resolve().parents[2]


@cache
def loaded() -> dict[str, Member]:
    return {member.name.removeprefix("image-methods-"): member for member in load_suite("image-methods").members}


@pytest.fixture
def members(data_at_hand: None) -> dict[str, Member]:
    """The sweeps of the suite, by what comes after its name."""
    return loaded()


def test_every_method_of_the_study_is_perturbed_by_one_rule(members: dict[str, Member]) -> None:
    shared, weights = {"synthesis rate", "transfer rate", "batch"}, {"one_hot_weight", "balance_weight", "latent"}
    own = {
        "rdskd": weights | {"diversity_weight"},
        "dafl": weights | {"activation_weight"},
        "mskd": weights | {"activation_weight", "mode_seeking_weight"},
        "zskd": {"concentration", "square_weight"},
        "deepinversion": {"statistics_weight", "variation_weight"},
    }
    found = {member.study: member.spec() for name, member in members.items() if name.startswith("robustness-")}
    assert set(found) == set(own)
    for name, spec in found.items():
        settings = flatten(parse_method(spec.method)[1].model_dump())
        assert set(robustness.hyper_parameters(settings)) == own[name] | shared
        labels = [control.label for control in spec.controls]
        assert labels[-1] == "draw 29"
        assert len(labels) == 4 * len(own[name] | shared) + 30
        assert spec.replicates.seeds == (0,)
    control = found["rdskd"].control_config("batch x 0.1").method
    before, after = (flatten(parse_method(each)[1].model_dump()) for each in (found["rdskd"].method, control))
    assert {path for path, value in after.items() if value != before[path]} == {
        "synthesis/batch_size", "transfer/batch_size",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["mnist", "robustness", "draws", "cifar10-small"])
def test_students_of_a_table_are_taught_alike(members: dict[str, Member], name: str) -> None:
    taught = [parse_method(choice)[1].model_dump()["transfer"] for choice in rows_of(members[name].spec()).values()]
    assert len({(each["steps"], each["batch_size"], each["rate"], each["decay"]) for each in taught}) == 1
    assert len(taught) > 1


def rows_of(spec: Any) -> dict[str, Any]:
    """Every row's method and settings, by label."""
    rows = {control.label: spec.control_config(control.label).method for control in spec.controls}
    return {spec.method.name: spec.method, **rows}


@pytest.mark.parametrize(("pilot", "table"), [("pilot-mnist", "mnist"), ("pilot-digits", "robustness")])
def test_tables_have_the_settings_that_validation_splits_chose(
    members: dict[str, Member], pilot: str, table: str
) -> None:
    spec = load(ROOT / "specs" / "benchmarks" / f"{pilot}.yaml")
    assert min(spec.replicates.seeds) >= 100, "seeds below are kept for results"
    place = ROOT / "docs" / "results" / "records" / "image-methods-pilot.parquet"
    part = Part(analysis.compare_methods([place]).part(pilot), str)
    chosen = {method: top(part, method) for method in ("rdskd", "dafl", "zskd", "deepinversion")}
    tried = rows_of(spec)
    stands = rows_of(members[table].spec())
    for method, label in chosen.items():
        assert parse_method(stands[method])[1] == parse_method(tried[label])[1]
    rows = [choice.name for choice in tried.values()]
    assert all(rows.count(method) == rows.count("rdskd") for method in chosen)
    rates = {name: stands[name].synthesis["rate"] for name in ("dafl", "mskd")}
    assert rates["mskd"] == rates["dafl"]


SMALL: dict[str, Any] = {"recipe": "compact", "batch_size": 8, "generator": {"latent": 10, "width": 8}}
TINY: dict[str, Any] = {
    "name": "tiny",
    "replicates": {"seeds": [0, 1], "vary": ["draws"]},
    "artefacts": {"validation_curves": True},
    "suite": {
        "methods": [
            {"name": "rdskd", "synthesis": {**SMALL, "steps": 2}, "transfer": {"steps": 4, "batch_size": 8}},
            {"name": "dafl", "synthesis": {**SMALL, "steps": 4}, "transfer": "reference"},
            "noise",
        ],
        "datasets": [{"name": "digits", "sensitivity": {"draws": 2, "one_at_a_time": False}}],
        "pairs": [{"teacher": {"preset": "wrn-10-1", "epochs": 1, "batch_size": 256}, "student": "wrn-10-1"}],
    },
}


@pytest.mark.slow
def test_a_suite_of_perturbed_settings_is_read_as_studies_and_its_curves_at_equal_seconds(tmp_path: Path) -> None:
    suite = run_suite(TINY, tmp_path / "tiny", executor=InProcess(), on_progress=None)
    assert suite.status().states == {"completed": 3}
    packed = tmp_path / "tiny.parquet"
    assert main(["pack", str(suite.folder), "--out", str(packed)]) == 0
    for frame, curves in (
        (analysis.load(suite.folder), robustness.read_curves(suite.folder)),
        (analysis.load(packed), robustness.read_curves(tmp_path / "tiny-curves.json")),
    ):
        studies = robustness.studies(frame)
        assert {study.label: len(study.draws) for study in studies} == {"rdskd": 2, "dafl": 2}
        assert robustness.contrasts(studies, "rdskd")
        table = robustness.equal_seconds(frame.of("tiny-digits-wrn-10-1-wrn-10-1"), curves, "rdskd")
        assert set(table["row"]) == {"rdskd", "dafl", "noise"}
        assert set(table["seeds"]) == {2}
