"""What `acgkd.distill` can do, a spec can, and the other way round: every setting of both, and the same student."""

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import acgkd
from acgkd.config import MethodChoice, PriorConfig, RunConfig, TeacherConfig, flatten
from acgkd.methods import METHODS, parse_method
from acgkd.run import reference_pool
from sweeps.cli.own_teacher import control_agreement
from sweeps.spec.loading import load
from sweeps.worker.experiments import AcgkdExperiments

PRIOR = {"nodes": [5, 8], "mean_degree": 2.0, "features": "categorical", "feature_count": 4, "classes": 2}
METHOD = {"name": "acgkd", "synthesis": {"graphs": 8, "steps": 2}, "transfer": {"steps": 3, "batch_size": 4}}
# Parameter of `distill`: where a spec says it.
IN_SPEC = {
    "teacher": "teacher",
    "student": "student",
    "prior": "prior",
    "method": "method",
    "seed": "replicates/seeds",
    "device": "device",
    "lower_control": "controls",
}
# Neither changes the student: commands show progress by themselves, and a spec asks for agreement by its objectives.
OF_THE_CALL = {"progress", "agreement"}
# What a run has and `distill` has not: real data, and how a teacher is trained on them.
DATA_ALONE = {"dataset", "vary"}
TRAINED_ON_DATA = {"epochs", "batch_size", "learning_rate", "weight_decay", "augment"}
CODE = """
import tiny_models

def teacher(prior):
    return tiny_models.teacher(7).requires_grad_(True)

def student(prior):
    return tiny_models.context(3).student
"""


@pytest.fixture
def files(tmp_path: Path, tiny: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A teacher's weights, a module that builds models, and short pools."""
    monkeypatch.setitem(reference_pool.PRESETS, "graphs", (("acgkd", {"graphs": 8, "steps": 2}),))  # type: ignore
    monkeypatch.setitem(__import__("sys").modules, "tiny_models", tiny)
    torch.save(tiny.teacher().state_dict(), tmp_path / "teacher.pt")
    torch.save(tiny.teacher(1).state_dict(), tmp_path / "other.pt")
    (tmp_path / "own_parity.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def by_spec(tmp_path: Path, tiny: ModuleType, seed: int = 0, **said: Any) -> tuple[bytes, float | None, float | None]:
    """The student, its agreement, and what the lower control reaches."""
    tree = {
        "name": "parity",
        "teacher": {"preset": "gin-2-8", "checkpoint": str(tmp_path / "teacher.pt")},
        "student": "gin-2-8",
        "method": METHOD,
        "prior": PRIOR,
        "replicates": {"seeds": [seed]},
        **said,
    }
    spec = load(tree, trust_code=True)
    experiments = AcgkdExperiments.of(spec, trust_code=True)
    experiment: Any = experiments.experiment(spec.run_config({}), seed, tmp_path / "home")
    run = experiment.start()
    run.advance()
    reached = control_agreement(spec, experiments, experiment, seed, tmp_path / "home")
    return tiny.weight_bytes(run.student), experiment.judgement.agreement(run.student), reached


def by_distill(tmp_path: Path, tiny: ModuleType, **said: Any) -> tuple[bytes, float | None, float | None]:
    arguments: dict[str, Any] = {
        "teacher": {"preset": "gin-2-8", "checkpoint": str(tmp_path / "teacher.pt")},
        "student": "gin-2-8",
        "method": METHOD,
        "prior": PRIOR,
        **said,
    }
    found = acgkd.distill(arguments.pop("teacher"), arguments.pop("student"), **arguments)
    return tiny.weight_bytes(found.student), found.agreement, found.worth.control_agreement


def cases(tmp_path: Path, tiny: ModuleType) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """For each parameter of `distill` the same wish said to it and to a spec."""
    other = {"preset": "gin-2-8", "checkpoint": str(tmp_path / "other.pt")}
    random = {"name": "random_graphs", "transfer": METHOD["transfer"]}
    wider = {**PRIOR, "nodes": [6, 7], "mean_degree": "unknown"}
    return {
        "teacher": ({"teacher": other}, {"teacher": other}),
        "student": ({"student": "gin-3-4"}, {"student": "gin-3-4"}),
        "prior": ({"prior": wider}, {"prior": wider}),
        "method": ({"method": random}, {"method": random, "controls": []}),
        "seed": ({"seed": 3}, {"seed": 3}),
        "device": ({"device": "cpu"}, {"device": "cpu"}),
        "lower_control": ({"lower_control": False}, {"controls": []}),
    }


def test_every_parameter_of_distill_is_said_by_a_spec_and_makes_the_same_student(files: Path, tiny: ModuleType) -> None:
    assert set(inspect.signature(acgkd.distill).parameters) - OF_THE_CALL == set(IN_SPEC) == set(cases(files, tiny))
    plain = by_distill(files, tiny)
    assert by_distill(files, tiny, progress=True) == plain
    assert by_distill(files, tiny, agreement=False)[0] == plain[0]
    assert by_spec(files, tiny) == plain
    assert plain[2] is not None
    for name, (to_distill, to_spec) in cases(files, tiny).items():
        one, other = by_distill(files, tiny, **to_distill), by_spec(files, tiny, **to_spec)
        assert one == other, name
        assert (one != plain) == (name != "device"), name


def test_modules_of_ones_own_are_said_by_a_spec_too(files: Path, tiny: ModuleType) -> None:
    given = {"module": "own_parity:teacher", "checkpoint": str(files / "other.pt")}
    own = by_spec(files, tiny, teacher=given, student={"module": "own_parity:student"})
    assert own == by_distill(files, tiny, teacher=tiny.teacher(1), student=tiny.context(3).student)


def test_every_part_of_a_run_is_a_parameter_of_distill_unless_it_needs_data() -> None:
    said = {path.split("/")[0] for path in IN_SPEC.values()}
    assert set(RunConfig.model_fields) - DATA_ALONE <= said
    assert set(TeacherConfig.model_fields) - TRAINED_ON_DATA == {"module", "preset", "checkpoint", "checkpoint_key"}


@pytest.mark.parametrize("name", [name for name in METHODS if not METHODS[name].needs_data])
def test_every_setting_of_a_method_is_read_alike(name: str) -> None:
    """All at once, each as its default says, and then what a spec made of it."""
    defaults = METHODS[name].config().model_dump(mode="json")
    assert flatten(defaults)
    known = {"shape": [1, 8, 8], "classes": 3} if METHODS[name].modality == "images" else PRIOR
    models = ("lenet5", "lenet5-half") if METHODS[name].modality == "images" else ("gin-2-8", "gin-2-8")
    choice = MethodChoice(name=name, **defaults)
    run = RunConfig.model_validate(
        {"teacher": {"preset": models[0], "checkpoint": "t.pt"}, "student": models[1], "method": choice, "prior": known}
    )
    assert parse_method(run.method) == parse_method(choice)
    assert run.prior == PriorConfig.model_validate(known)
