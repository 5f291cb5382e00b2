"""Every suite that is shipped passes `acgkd check`, and the schema for editors is up to date."""

import json
from pathlib import Path

import jsonschema
import pytest

from acgkd.methods import METHODS, parse_method
from analysis.records import record_file
from sweeps.cli.app import main
from sweeps.interchange.fitting import Today
from sweeps.interchange.merging import read_packed
from sweeps.spec import strict_yaml
from sweeps.suites.calibration import by_row, calibrated, known_rows, timed_rows
from sweeps.suites.spec import suite_schema
from sweeps.suites.suite_loading import load_suite
from sweeps.worker.experiments import AcgkdExperiments

pytestmark = pytest.mark.usefixtures("data_at_hand")

SPECS = Path(__file__).resolve().parents[2] / "specs"
NAMES = ("cross-architecture", "graph-methods", "image-methods", "image-methods-published", "suite-small")
RECORDS = Path(__file__).resolve().parents[2] / "docs" / "results" / "records"

# Rows that are to be run again, or for the first time, before the page is made anew (docs/plan.md).
WAITING = {
    "graph-methods": {"gfkd (as released)", "gfkd (released steps)", "dfad_gnn (500 steps)"},
    "image-methods": {"zskd"},
}


@pytest.mark.parametrize("name", NAMES)
def test_it_passes_check_by_its_name(name, capsys):
    assert main(["check", name]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "is valid." in said
    assert f"{len(load_suite(name).members)}: " in said


def test_the_next_suite_of_graph_methods_passes_check_with_its_steps_given(capsys):
    file = SPECS / "benchmarks" / "graph-methods-next.yaml"
    assert main(["check", str(file)]) == 0
    assert "measured at the start" not in " ".join(capsys.readouterr().out.split())
    jsonschema.validate(strict_yaml.read(file)[1].value, suite_schema.schema())


@pytest.mark.parametrize("name", NAMES)
def test_it_points_editors_to_the_schema_which_admits_it(name):
    file = SPECS / f"{name}.yaml"
    assert file.read_text().splitlines()[0] == "# yaml-language-server: $schema=../sweeps/suite.schema.json"
    jsonschema.validate(strict_yaml.read(file)[1].value, suite_schema.schema())


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"suite": {"methods": []}},
        {"suite": {"methods": ["acgkd"], "method": "gfkd"}},
        {"suite": {"methods": ["acgkd"], "budgets": ["fast"]}},
        {"suite": {"methods": ["acgkd"]}, "space": "acgkd_core"},
    ],
)
def test_the_schema_refuses_what_it_can_see(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, suite_schema.schema())


def test_the_shipped_schema_is_up_to_date():
    assert suite_schema.FILE.read_text() == suite_schema.text(), (
        "sweeps/suite.schema.json is not what the models of suites say. Accept the change with:\n"
        "    acgkd check --suite-schema > sweeps/suite.schema.json"
    )
    assert json.loads(suite_schema.text())["$schema"].startswith("https://json-schema.org/")


@pytest.mark.parametrize("name", ["graph-methods", "image-methods"])
def test_its_runs_are_those_of_its_page_to_the_last_setting(name):
    suite, packs, apart = load_suite(name), read_packed(RECORDS / f"{name}.parquet"), set()
    assert {member.name for member in suite.members} == set(packs)
    for member in suite.members:
        known = known_rows(member, suite.section.calibrated, {})
        assert len(known) == len(timed_rows(member)), "every step is given: nothing is measured"
        spec = calibrated(member, by_row(known)).spec()
        today = Today(spec, AcgkdExperiments.of(spec))
        files = packs[member.name].files
        records = [record_file.parse(text, file) for file, text in files.items() if file.startswith("records/")]
        fitting = [each.identity for each in records if not today.misfit(each)]
        wanted = {(row.label, seed) for row in member.rows[1:] for seed in spec.replicates.seeds or ()}
        trials = {(each.label, each.seed) for each in fitting if each.kind == "trial"}
        assert len(trials) + len(wanted) == member.entry().runs, "and none is missing"
        rows = {(each.identity.label, each.identity.seed) for each in records if each.identity.kind == "control"}
        fit = {(each.label, each.seed) for each in fitting if each.kind == "control"}
        apart |= {label for label, _ in (rows - fit) | (wanted ^ rows)}
    assert apart == WAITING[name]
    plan = (RECORDS.parents[1] / "plan.md").read_text()
    assert all(f"`{label}`" in plan for label in apart), "what is missing is in the plan"


def test_steps_at_equal_seconds_are_those_of_the_recorded_calibration():
    recorded = json.loads((RECORDS / "graph-methods-calibration.json").read_text())["datasets"]
    given = load_suite("graph-methods").section.calibrated
    assert set(given) == set(recorded)
    for dataset, steps in given.items():
        for label, count in steps.items():
            known = recorded[dataset]["methods"].get(label)
            # Where features are constant it has nothing to learn, and was not timed.
            assert (dataset, label) == ("reddit_binary", "deepinv_graphs") if known is None else known["steps"] == count


def test_graph_methods_writes_out_the_settings_that_other_rows_take_over():
    (earlier,) = [one for one in METHODS["acgkd"].variants if one.name == "led by classes"]
    for member in load_suite("graph-methods").members:
        choice = member.reference.choice
        declared = parse_method(choice.model_copy(update={"transfer": dict(earlier.settings["transfer"])}))[1]
        assert parse_method(choice)[1].transfer == declared.transfer


def test_the_published_schedules_are_the_methods_defaults_and_ask_for_a_gpu():
    (member,) = load_suite("image-methods-published").members
    spec = member.spec()
    assert spec.device == "cuda"
    for row in member.rows:
        if not row.is_control:
            assert not row.synthesis
            assert not row.transfer
    own, upper = (parse_method(choice)[1] for choice in (spec.method, spec.control_config("real_data").method))
    assert own.transfer.steps == upper.transfer.steps
