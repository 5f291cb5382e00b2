"""Every spec that is shipped passes `acgkd check`, and the schema for editors is up to date."""

import json
from pathlib import Path

import jsonschema
import pytest

from acgkd.datasets import DATASETS
from acgkd.methods import parse_method
from sweeps.cli.app import main
from sweeps.spec import schema, strict_yaml
from sweeps.spec.advisories import notes
from sweeps.spec.loading import load
from sweeps.spec.space_survey import draw, survey
from sweeps.spec.sweep_spec import SweepSpec

pytestmark = pytest.mark.usefixtures("data_at_hand")

HOME = Path(__file__).resolve().parents[2]
NAMES_OF_SUITES = ("cross-architecture", "graph-methods", "image-methods", "image-methods-published", "suite-small")
SUITES = [HOME / "specs" / f"{name}.yaml" for name in (*NAMES_OF_SUITES, "benchmarks/graph-methods-next")]
SPECS = sorted(set((HOME / "specs").rglob("*.yaml")) - set(SUITES))


def test_specs_are_found():
    mine = [path.stem for path in SPECS if path.parent.name == "specs"]
    assert mine == ["cifar10", "digits", "mnist", "mutag", "quickstart"]
    others = {path.stem for path in SPECS if path.parent.name == "benchmarks"}
    assert {"ablation-mutag", "pilot-mnist", "tuned"} <= others


@pytest.mark.parametrize("path", SPECS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_it_passes_check(path, capsys):
    assert main(["check", str(path)]) == 0
    assert f"{path} is valid." in capsys.readouterr().out.replace("\n", "")


@pytest.mark.parametrize("path", SPECS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_it_is_commented_and_points_editors_to_the_schema(path):
    lines = path.read_text().splitlines()
    up = "../" * len(path.relative_to(HOME / "specs").parts)
    assert lines[0] == f"# yaml-language-server: $schema={up}sweeps/spec.schema.json"
    assert (path.parent / f"{up}sweeps/spec.schema.json").is_file()
    sections = [line for line in lines if line and line[0].isalpha()]
    assert sum(line.startswith("#") for line in lines) >= len(sections)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_schema_admits_it(path):
    jsonschema.validate(strict_yaml.read(path)[1].value, schema.schema())


@pytest.mark.parametrize(
    "name", ["unknown_key", "unknown_key_inside", "zero_trials", "number_as_text", "unknown_sampler"]
)
def test_the_schema_refuses_what_it_can_see(name):
    value = strict_yaml.read(HOME / "tests" / "bad_specs" / f"{name}.yaml")[1].value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, schema.schema())


def test_the_shipped_schema_is_up_to_date():
    assert schema.FILE.read_text() == schema.text(), (
        "sweeps/spec.schema.json is not what the spec's models say. Accept the change with:\n"
        "    acgkd check --schema > sweeps/spec.schema.json"
    )
    assert json.loads(schema.text())["$schema"].startswith("https://json-schema.org/")


def test_mutag_is_the_sweep_that_was_promised():
    spec = load(HOME / "specs" / "mutag.yaml")
    assert spec.budget.trials == 24
    assert len(spec.replicates.seeds) == 3
    assert min(spec.replicates.seeds) >= 100  # seeds 0 to 9 are kept for the tables
    assert spec.scheduler.name == "halving"
    assert [objective.name for objective in spec.objectives] == ["validation_divergence", "multiply_adds"]
    assert spec.space == "acgkd_default"
    assert [control.label for control in spec.controls] == ["random_graphs", "real_data"]


@pytest.mark.parametrize(
    ("name", "pair", "space"),
    [
        ("digits", ("lenet5", "lenet5-half"), "its own"),
        ("mnist", ("lenet5", "lenet5-half"), "rdskd_default"),
        ("cifar10", ("wrn-40-2", "wrn-16-1"), "image_methods"),
    ],
)
def test_sweeps_on_images_are_those_that_were_promised(name, pair, space):
    spec = load(HOME / "specs" / f"{name}.yaml")
    assert spec.name == spec.dataset.name == name
    assert (spec.teacher.preset, spec.student.preset) == pair
    assert (spec.space if isinstance(spec.space, str) else "its own") == space
    assert len(spec.replicates.seeds) == 3
    assert min(spec.replicates.seeds) >= 100
    assert spec.floor_control() == "noise"
    assert spec.device == ("cuda" if name == "cifar10" else "auto")
    assert not any("is searched" in note for note in notes(spec) if "`method/name`" not in note)


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_controls_are_taught_as_the_method_is(name):
    spec = load(HOME / "specs" / f"{name}.yaml")
    shared = ("steps", "batch_size", "rate", "decay", "temperature")

    def taught(method):
        transfer = parse_method(method)[1].transfer.model_dump()
        return {key: transfer[key] for key in shared}

    labels = [control.label for control in spec.controls]
    assert labels == ["noise", "dafl", "real_data"]
    for label in labels:
        assert taught(spec.control_config(label).method) == taught(spec.method)


def test_the_quickstarts_need_no_files():
    for name in ("quickstart", "digits"):
        assert not DATASETS[load(HOME / "specs" / f"{name}.yaml").dataset.name].needs_files


def test_every_shipped_spec_can_be_written_out_and_drawn_from():
    for path in SPECS:
        spec = load(path)
        assert SweepSpec.model_validate_json(spec.model_dump_json()) == spec
        assert spec.space is None or len(survey(spec.suggest).points) >= 6
        assert isinstance(notes(spec), list)
        spec.run_config(draw(spec.suggest, 0))
        for control in spec.controls:
            assert spec.control_config(control.label).method.name == control.name
