"""What a method does without is reported before a run by `acgkd check`, kept in its record, and shown in the report."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from acgkd.errors import SpecError
from acgkd.facts import NO_BATCH_NORM
from acgkd.modules.inspected_model import InspectedModel
from acgkd.run.compatibility import Surroundings, absent, refused
from acgkd.run.distillation import Distillation
from analysis.records.frame import from_records
from analysis.records.parts.environment import Environment
from analysis.records.parts.run_identity import Identity
from analysis.records.record import Record
from analysis.reports import _health
from sweeps.spec.advisories import notes
from sweeps.spec.loading import load
from sweeps.spec.sweep_spec import SweepSpec
from tests.tiny_images import context, distillation

SPEC = """
dataset: {{name: digits, options: {{size: {size}}}}}
teacher: {teacher}
student: {student}
method: {method}
controls: {controls}
"""


def spec(folder: Path, more: str = "", **said: str) -> SweepSpec:
    path = folder / "spec.yaml"
    usual = {"size": "32", "teacher": "lenet5", "student": "lenet5-half", "method": "deepinversion", "controls": "[]"}
    path.write_text(SPEC.format(**{**usual, **said}) + more)
    return load(path)


def inactive(folder: Path, more: str = "", **said: str) -> list[str]:
    return [note for note in notes(spec(folder, more, **said)) if "is absent" in note]


def test_check_names_the_methods_that_do_without_statistics(tmp_path: Path) -> None:
    assert inactive(tmp_path) == [f"`deepinversion`: {NO_BATCH_NORM}"]
    assert inactive(tmp_path, teacher="lenet5-bn") == []
    assert inactive(tmp_path, method="{name: deepinversion, synthesis: {statistics_weight: 0.0}}") == []
    both = inactive(tmp_path, method="rdskd", controls="[{name: fast_meta, label: fast, synthesis: {}}, dafl, dfad]")
    assert both == [f"`fast`: {NO_BATCH_NORM}"]
    searched = inactive(tmp_path, "space: image_methods\nbudget: {trials: 1}\n", method="rdskd")
    assert searched == [f"`deepinversion`, `fast_meta`: {NO_BATCH_NORM}"]


def test_check_names_the_method_that_does_without_attention(tmp_path: Path) -> None:
    (note,) = inactive(tmp_path, method="zskt", student="wrn-10-1")
    assert note.startswith("`zskt`: The attention term of the student's loss is absent: The teacher's maps are of")
    assert inactive(tmp_path, method="zskt") == inactive(tmp_path, method="dfad", student="wrn-10-1") == []


def test_images_of_another_size_hide_no_other_fault(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as error:
        spec(
            tmp_path,
            "objectives: [accurasy]\n",
            teacher="lenet5",
            student="wrn-10-1",
            method="{name: zskt, transfer: {attention_weight: 1.0}}",
            size="8",
        )
    places = {fault.path for fault in error.value.faults}
    assert places >= {"teacher/preset", "method/transfer/attention_weight", "objectives/0/name"}


@pytest.mark.parametrize("name", ["deepinversion", "fast_meta", "dfad", "zskt"])
def test_a_run_knows_what_it_does_without(name: str) -> None:
    run = distillation(name)
    teacher, student = (
        InspectedModel(model, run.context.device) for model in (run.context.teacher, run.context.student)
    )
    around = Surroundings(teacher, student, run.context.prior)
    assert run.absent == absent(run.config, around)
    assert refused(run.config, around) is None
    assert NO_BATCH_NORM not in run.absent, "the small teacher has BatchNorm"


@pytest.mark.parametrize(
    ("name", "expected"), [("deepinversion", (NO_BATCH_NORM,)), ("fast_meta", (NO_BATCH_NORM,)), ("rdskd", ())]
)
def test_a_teacher_without_batch_norm_is_reported_by_runs_that_want_it(name: str, expected: tuple[str, ...]) -> None:
    plain = context()
    plain.teacher.norm = nn.Identity()
    small = distillation(name)
    assert Distillation(small.method, small.config, plain).absent == expected


def record(label: str, method: str, **more: Any) -> Record:
    identity = Identity(
        sweep="s", kind="control", label=label, replicate=0, seed=0, vary=["draws"], fingerprint=label, method=method,
        teacher="t",
    )  # fmt: skip
    return Record(identity=identity, outcome="completed", environment=Environment(device="cpu"), **more)


def test_a_record_keeps_it_and_one_without_is_written_as_ever() -> None:
    whole, without = record("dafl", "dafl"), record("fast", "fast_meta", absent=[NO_BATCH_NORM])
    assert "absent" not in json.loads(whole.model_dump_json())
    assert Record.model_validate_json(whole.model_dump_json()) == whole
    assert Record.model_validate_json(without.model_dump_json()).absent == [NO_BATCH_NORM]
    assert from_records([whole, without]).rows["absent"].tolist() == ["", NO_BATCH_NORM]


def test_the_report_says_it_before_the_first_number() -> None:
    frame = from_records([record("dafl", "dafl"), record("fast", "fast_meta", absent=[NO_BATCH_NORM])])
    view: Any = SimpleNamespace(frame=frame)
    assert _health._inactive_terms(view) == [f"`fast`: {NO_BATCH_NORM}"]
