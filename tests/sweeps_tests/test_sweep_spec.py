"""Specs: read, filled in, checked whole, laid under a point of the space, compared."""

import json

import pytest
import torch
import yaml

from acgkd.datasets import DATASETS
from acgkd.errors import ConfigError, SpecError
from acgkd.methods import METHODS
from acgkd.models import build_model
from sweeps.spec.advisories import notes
from sweeps.spec.controls import lower_controls
from sweeps.spec.loading import load
from sweeps.spec.space_survey import survey
from sweeps.spec.sweep_spec import SweepSpec, differences

PLAIN = {
    "dataset": "motifs",
    "teacher": "gin-5-64",
    "student": "gin-3-32",
    "method": "acgkd",
    "space": "smoke",
    "budget": {"trials": 3},
}
KNOWN_PRIOR = {"nodes": [5, 8], "features": "categorical", "feature_count": 4, "classes": 2}


@pytest.fixture
def write(tmp_path):
    def write_(**changes):
        path = tmp_path / "mine.yaml"
        tree = {key: item for key, item in {**PLAIN, **changes}.items() if item is not ...}
        path.write_text(yaml.safe_dump(tree, sort_keys=False))
        return path

    return write_


def faults_of(path, overrides=(), **options):
    with pytest.raises(SpecError) as caught:
        load(path, overrides, **options)
    return {fault.path: fault.message for fault in caught.value.faults}


def test_what_is_left_out_follows_from_the_rest(write):
    spec = load(write())
    assert spec.name == "mine"
    assert [objective.name for objective in spec.objectives] == ["validation_divergence", "multiply_adds"]
    assert [objective.floor for objective in spec.objectives] == ["control", None]
    assert [objective.direction for objective in spec.objectives] == ["minimize", "minimize"]
    assert [objective.uses_real_data for objective in spec.objectives] == [True, False]
    assert spec.replicates.vary == ("split", "teacher", "draws")
    assert [control.label for control in spec.controls] == ["random_graphs"]
    assert spec.floor_control() == "random_graphs"


def test_short_forms_mean_the_long_ones(write):
    short = load(write(sampler="random", scheduler="halving", objectives=["agreement", "seconds"]))
    long = load(
        write(
            name="mine",
            dataset={"name": "motifs"},
            teacher={"preset": "gin-5-64"},
            student={"preset": "gin-3-32"},
            method={"name": "acgkd"},
            sampler={"name": "random"},
            scheduler={"name": "halving"},
            objectives=[{"name": "agreement"}, {"name": "seconds"}],
        )
    )
    assert short == long
    assert short.fingerprint() == long.fingerprint()


def test_a_given_teacher_varies_draws_only(write, tmp_path):
    weights(tmp_path / "teacher.pt")
    spec = load(
        write(teacher={"preset": "gin-5-64", "checkpoint": "teacher.pt"}, objectives=["agreement", "multiply_adds"])
    )
    assert spec.replicates.vary == ("draws",)
    assert spec.teacher.checkpoint == str(tmp_path / "teacher.pt")  # looked for beside the spec
    assert any("No accuracy is reported" in note for note in notes(spec))


def weights(path, preset="gin-5-64"):
    known = DATASETS["motifs"].known
    with torch.random.fork_rng():
        model = build_model(preset, known.feature_count, known.classes)
    torch.save(model.state_dict(), path)


def test_without_data_the_prior_must_be_whole(write, tmp_path):
    weights(tmp_path / "teacher.pt")
    given = {"preset": "gin-5-64", "checkpoint": "teacher.pt"}
    known = DATASETS["motifs"].known.feature_count
    assert "`nodes`" in faults_of(write(dataset=..., teacher=given))["prior"]
    spec = load(write(dataset=..., teacher=given, prior={**KNOWN_PRIOR, "feature_count": known}))
    assert spec.objectives[0].name == "agreement_overlap"
    assert spec.replicates.vary == ("draws",)


def test_a_run_is_the_fixed_settings_with_a_point_laid_over(write):
    spec = load(write(method={"name": "acgkd", "transfer": {"steps": 7, "temperature": {"high": 9.0}}}))
    config = spec.run_config({"method/transfer/temperature/value": 3.0, "student/preset": "gcn-2-8"})
    assert config.method.transfer == {"steps": 7, "temperature": {"high": 9.0, "value": 3.0}}
    assert config.student.preset == "gcn-2-8"
    assert config.vary == spec.replicates.vary
    assert spec.run_config({}).method.transfer == {"steps": 7, "temperature": {"high": 9.0}}
    with pytest.raises(ConfigError, match="Unknown key"):
        spec.run_config({"student/width": 3})


def test_a_control_takes_over_the_settings_that_it_knows(write):
    synthesis = {"graphs": 30, "steps": 9, "complexity": {"degree": 3.0}}
    transfer = {"steps": 7, "curriculum": {"pacing": "root"}}
    method = {"name": "acgkd", "synthesis": synthesis, "transfer": transfer}
    spec = load(write(method=method, controls=["random_graphs", "real_data"]))
    random = spec.control_config("random_graphs").method
    assert random.synthesis == {"graphs": 30, "complexity": {"degree": 3.0}}
    assert random.transfer == transfer
    real = spec.control_config("real_data").method
    assert real.synthesis == {}
    assert real.transfer == {"steps": 7}
    for choice in (random, real):
        METHODS[choice.name].config.model_validate({"synthesis": choice.synthesis, "transfer": choice.transfer})


def test_a_section_that_a_control_says_stands_whole(write):
    method = {"name": "acgkd", "synthesis": {"graphs": 30, "steps": 9}, "transfer": {"steps": 7}}
    controls = [
        {"name": "acgkd", "label": "the same"},
        {"name": "acgkd", "label": "its own synthesis", "synthesis": {"steps": 5}},
        {"name": "random_graphs", "label": "defaults", "synthesis": {}, "transfer": {}},
        {"name": "random_graphs", "label": "less known", "prior": {"mean_degree": "unknown"}},
    ]
    spec = load(write(method=method, controls=controls))
    same, own, defaults, less = (spec.control_config(control["label"]) for control in controls)
    assert same == spec.run_config({})
    assert own.method.synthesis == {"steps": 5}
    assert own.method.transfer == {"steps": 7}
    assert (defaults.method.synthesis, defaults.method.transfer) == ({}, {})
    assert less.method.synthesis == {"graphs": 30}
    assert less.prior.mean_degree == "unknown"
    assert [config.prior.mean_degree for config in (same, own, defaults)] == ["known"] * 3
    assert SweepSpec.model_validate_json(spec.model_dump_json()) == spec


def test_a_control_without_more_is_its_name_and_old_folders_stay_valid(write):
    plain = load(write(controls=["random_graphs", {"name": "real_data"}]))
    assert plain.model_dump(mode="json")["controls"] == ["random_graphs", "real_data"]
    labelled = load(write(controls=["random_graphs", {"name": "real_data", "label": "upper"}]))
    assert plain.fingerprint() != labelled.fingerprint()


def test_the_floor_is_the_first_lower_control_and_no_baseline(write):
    controls = [{"name": "acgkd", "label": "other"}, "real_data", {"name": "random_graphs", "label": "floor"}]
    assert load(write(controls=controls)).floor_control() == "floor"
    spec = load(write(controls=controls[:2]))
    assert spec.floor_control() is None
    assert any(
        "No lower control is configured, so there is no floor" in note
        and "`suite/methods`" in note
        and "`random_graphs`" in note
        for note in notes(spec)
    )


def test_left_out_controls_are_the_lower_control_of_the_modality(write):
    assert load(write(controls=...)).floor_control() == "random_graphs"
    assert load(write(controls=..., method="random_graphs", space=..., budget=...)).controls == ()
    assert lower_controls({"name": "nothing"}, "gin-3-32") == []
    images = {"dataset": "digits", "teacher": "resnet-8", "student": "wrn-10-1", "space": ..., "budget": ...}
    assert load(write(**images, method="rdskd", controls=...)).floor_control() == "noise"
    assert any("such as `noise`" in note for note in notes(load(write(**images, method="rdskd", controls=[]))))


def test_the_upper_control_is_of_the_students_kind(write):
    assert lower_controls("real_data", {"preset": "gin-3-32"}) == ["random_graphs"]
    assert lower_controls("real_data", "wrn-10-1") == ["noise"]
    assert lower_controls("real_data", "nothing-3") == lower_controls("real_data", None) == []
    images = {"dataset": "digits", "teacher": "resnet-8", "student": "wrn-10-1", "space": ..., "budget": ...}
    assert load(write(**images, method="rdskd", controls=["noise", "real_data"])).trials == 1
    assert load(write(**images, method="real_data", controls=["noise", "rdskd"])).trials == 1
    with pytest.raises(SpecError, match="'real_data' works on images, but 'motifs' is for graphs"):
        load(write(**{**images, "dataset": "motifs"}, method="real_data"))
    with pytest.raises(SpecError, match="'random_graphs' is for graphs, but 'real_data' is not"):
        load(write(**images, method="real_data", controls=["random_graphs"]))


def test_without_a_space_there_is_one_trial(write):
    spec = load(write(space=..., budget=...))
    assert spec.trials == 1
    assert survey(spec.suggest).parameters == {}
    assert load(write(space=..., budget={"trials": 1})).fingerprint() == spec.fingerprint()


def test_only_budget_resources_and_artefacts_may_change(write):
    spec = load(write())
    same = load(write(), ["budget/trials=9", "budget.hours=2", "resources/cpu=2", "artefacts/samples=4"])
    other = load(write(), ["sampler/seed=1", "method/transfer/steps=9"])
    assert spec.fingerprint() == same.fingerprint()
    assert spec.difference(same) == []
    assert spec.fingerprint() != other.fingerprint()
    assert spec.difference(other) == [
        "method/transfer: {} is now (not set)",
        "sampler/seed: 0 is now 1",
        "method/transfer/steps: (not set) is now 9",
    ]


def test_what_is_in_files_counts_and_where_they_lie_does_not(tmp_path):
    def spec(folder: str, weights: bytes) -> SweepSpec:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "teacher.pt").write_bytes(weights)
        (tmp_path / folder / "split.json").write_text("{}")
        tree = {
            "name": "own",
            "dataset": {
                "name": "mutag",
                "root": str(tmp_path / folder),
                "split_file": str(tmp_path / folder / "split.json"),
            },
            "teacher": {"preset": "gin-5-64", "checkpoint": str(tmp_path / folder / "teacher.pt")},
            "student": "gin-3-32",
            "method": "acgkd",
            "space": "smoke",
            "budget": {"trials": 3},
        }
        return SweepSpec.model_validate(tree)

    here, moved = spec("here", b"weights"), spec("moved", b"weights")
    assert here.fingerprint() == moved.fingerprint()
    assert here.difference(moved) == []
    before, files = here.fingerprint(), here.files()
    assert list(files) == ["dataset/split_file", "teacher/checkpoint"]
    replaced = spec("here", b"others")
    assert replaced.fingerprint() != before
    (line,) = differences(files, replaced.files())
    assert line.startswith("teacher/checkpoint: sha256 ")
    (tmp_path / "here" / "teacher.pt").unlink()
    with pytest.raises(ConfigError, match=r"teacher\.pt cannot be read"):
        here.fingerprint()


def test_a_spec_survives_json(write):
    spec = load(write(space={"method/transfer/rate": {"type": "float", "low": 0.001, "high": 0.1, "log": True}}))
    again = SweepSpec.model_validate(json.loads(spec.model_dump_json()))
    assert again == spec
    assert again.fingerprint() == spec.fingerprint()


def test_overrides_take_slashes_dots_lists_and_words(write):
    spec = load(
        write(space={"method/transfer/rate": {"type": "float", "low": 0.001, "high": 0.1}}),
        [
            "teacher=gcn-5-64",
            "teacher.epochs=5",
            "replicates/seeds=[3, 4]",
            "space/method/transfer/rate/low=1e-2",
            "method.transfer.steps=3",
        ],
    )
    assert (spec.teacher.preset, spec.teacher.epochs) == ("gcn-5-64", 5)
    assert spec.replicates.seeds == (3, 4)
    assert spec.space["method/transfer/rate"].low == 0.01
    assert spec.method.transfer == {"steps": 3}


def test_overrides_of_objectives_reach_into_the_list(write):
    spec = load(write(objectives=["agreement", "multiply_adds"]), ["objectives/0/floor=0.5"])
    assert spec.objectives[0].floor == 0.5
    assert (
        "no place in a list of 2"
        in faults_of(write(objectives=["agreement", "seconds"]), ["objectives/2/floor=1"])["objectives/2/floor"]
    )


def test_an_override_below_a_value_of_a_list_is_a_fault(write):
    found = faults_of(write(replicates={"seeds": [0, 1]}), ["replicates/seeds/1/x=3"])
    assert "'1' is a single value" in found["replicates/seeds/1/x"]


@pytest.mark.parametrize(
    ("override", "path", "fragment"),
    [
        ("budget/trials", "", "takes `path=value`"),
        ("=3", "", "takes `path=value`"),
        ("budget/trial=3", "budget/trial", "Did you mean 'trials'?"),
        ("budget/trials=many", "budget/trials", "a whole number"),
        ("budget/trials=[", "budget/trials", "ends too early"),
        ("name/first=x", "name/first", "single value"),
    ],
)
def test_bad_overrides_are_faults_like_others(write, override, path, fragment):
    assert fragment in faults_of(write(name="x"), [override])[path]


def test_faults_of_all_kinds_come_together_in_the_order_of_the_file(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(
        "dataset: motif\n"
        "teacher: {preset: gin-5-64, epochs: '12'}\n"
        "student: gin-3-32\n"
        "method: {name: acgkd, transfer: {rat: 1}}\n"
        "space: acgkd_cor\n"
        "objectives: [agreement, agreement]\n"
        "sampler: nsga2\n"
        "scheduler: halving\n"
        "replicates: {seed: [0]}\n"
        "budget: {trials: 1}\n"
        "budget: {trials: 2}\n"
        "timeout_s: 1e999\n"
    )
    with pytest.raises(SpecError) as caught:
        load(path)
    assert [(fault.line, fault.path) for fault in caught.value.faults] == [
        (1, "dataset/name"),
        (2, "teacher/epochs"),
        (4, "method/transfer/rat"),
        (5, "space"),
        (6, "objectives/1"),
        (7, "sampler/name"),
        (9, "replicates/seed"),
        (11, "budget"),
        (12, "timeout_s"),
    ]
    assert f"{path}:7: sampler/name: NSGA-II ignores stopped trials" in str(caught.value)


def test_a_fault_of_an_override_has_no_line(write):
    with pytest.raises(SpecError) as caught:
        load(write(), ["budget/trials=0"])
    (fault,) = caught.value.faults
    assert (fault.path, fault.line) == ("budget/trials", None)


def test_code_of_the_user_needs_the_command_line(write):
    path = write(teacher="my_models:build")
    assert "`--trust-code` allows it" in faults_of(path)["teacher/preset"]
    assert load(path, trust_code=True).teacher.preset == "my_models:build"


@pytest.mark.parametrize(
    ("name", "low", "high", "fragment"),
    [
        ("method/transfer/curriculum/pace", 0.1, 1.4, "`pace <= 1` must hold, but got 1.4"),
        ("method/transfer/rat", 0.1, 1.0, "Did you mean 'rate'?"),
        ("method/transfer/temperature/low", 1.0, 9.0, "`low < high` must hold"),
        ("teacher/learning_rate", 0.1, 1.0, "train teachers of its own"),
        ("transfer/rate", 0.1, 1.0, "Did you mean 'method/transfer/rate'?"),
        ("method/name", 0.1, 1.0, "is one of several names"),
        ("method/names", 0.1, 1.0, "below `method/synthesis/`"),
        ("student/preset", 0.1, 1.0, "must be text"),
    ],
)
def test_a_parameter_must_be_a_setting_that_takes_all_its_values(write, name, low, high, fragment):
    assert fragment in faults_of(write(space={name: {"type": "float", "low": low, "high": high}}))[f"space/{name}"]


def test_fixed_values_of_searched_settings_are_noted(write):
    method = {"name": "acgkd", "transfer": {"rate": 0.01}}

    def noted(*controls):
        spec = load(write(method=method, controls=list(controls)))
        return any("`method/transfer/rate` is searched" in note for note in notes(spec))

    assert noted()
    assert noted({"name": "random_graphs", "transfer": {"rate": 0.02}})
    assert not noted("random_graphs")  # which is run with it


def test_a_grid_needs_a_finite_space(write):
    steps = {"method/transfer/steps": {"type": "int", "low": 5, "high": 10, "step": 5}}
    spec = load(write(sampler="grid", space=steps))
    assert spec.inspection.survey(spec.space).size == 2
    assert "continuous" in faults_of(write(sampler="grid"))["sampler/name"]
    assert "conditions" in faults_of(write(sampler="grid", space="acgkd_default"))["sampler/name"]
    wide = {f"method/transfer/{key}": {"type": "int", "low": 2, "high": 999} for key in ("steps", "batch_size")}
    assert "this space has 996,004" in faults_of(write(sampler="grid", space=wide))["sampler/name"]
