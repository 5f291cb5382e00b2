"""One distillation: stopped and resumed anywhere, the same bytes; faults are reported, not learned from."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import acgkd
from acgkd import checkpoint
from acgkd.config import MethodChoice
from acgkd.errors import CheckpointError, ConfigError, DivergedError, TeacherError, UnknownNameError
from acgkd.methods import parse_method
from acgkd.run.distillation import Distillation
from acgkd.students.saving import load_student

KINDS = ["plain", "resumable", "joint"]
PRIOR = {"nodes": (5, 8), "mean_degree": 2.0, "features": "categorical", "feature_count": 4, "classes": 2}


@pytest.fixture(scope="module")
def undisturbed(tiny: ModuleType) -> dict[str, Distillation]:
    """Each kind of run, from beginning to end without a stop."""
    runs = {kind: tiny.chosen(kind) for kind in KINDS}
    for run in runs.values():
        run.advance()
    return runs


def stepped(run: Distillation, steps: int) -> Distillation:
    run.advance(until=progress_after(run, steps))
    assert run.steps_done == steps
    return run


def progress_after(run: Distillation, steps: int) -> float:
    left = steps
    for index, stage in enumerate(run.stages):
        if left <= stage.steps:
            return (index + left / stage.steps) / len(run.stages)
        left -= stage.steps
    return 1.0


def equal(one: Distillation, other: Distillation, tiny: ModuleType) -> None:
    assert tiny.weight_bytes(one.student) == tiny.weight_bytes(other.student)
    assert one.curves == other.curves
    assert one.method_run.multiply_adds() == other.method_run.multiply_adds()
    left, right = (run.context.streams.state_dict() for run in (one, other))
    assert {name: state.tolist() for name, state in left.items()} == {
        name: state.tolist() for name, state in right.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_resumed_at_any_step_gives_the_same_bytes(
    tiny: ModuleType, undisturbed: dict[str, Distillation], tmp_path: Path, kind: str
) -> None:
    whole = undisturbed[kind]
    # Every step of every stage, the first and the last included.
    for steps in range(whole.total_steps + 1):
        path = tmp_path / f"{steps}.ckpt"
        stepped(tiny.chosen(kind), steps).save(path)
        resumed = tiny.chosen(kind)
        resumed.load(path)
        assert resumed.steps_done == steps
        resumed.advance()
        equal(resumed, whole, tiny)


def test_a_run_resumed_in_another_process_gives_the_same_bytes(
    tiny: ModuleType, undisturbed: dict[str, Distillation], tmp_path: Path
) -> None:
    for kind, steps in (("resumable", 7), ("joint", 3)):
        stepped(tiny.chosen(kind), steps).save(tmp_path / f"{kind}.ckpt")
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import tiny
for kind in ("resumable", "joint"):
    run = tiny.chosen(kind)
    run.load(tiny.Path({str(tmp_path)!r}) / (kind + ".ckpt"))
    run.advance()
    run.export(tiny.Path({str(tmp_path)!r}) / (kind + ".pt"))
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    for kind in ("resumable", "joint"):
        loaded = load_student(tmp_path / f"{kind}.pt")
        assert tiny.weight_bytes(loaded) == tiny.weight_bytes(undisturbed[kind].student)


@settings(max_examples=8, deadline=None)
@given(kind=st.sampled_from(KINDS), stops=st.lists(st.floats(0, 1), max_size=5))
def test_stops_do_not_change_the_result(
    tiny: ModuleType, undisturbed: dict[str, Distillation], kind: str, stops: list[float]
) -> None:
    run = tiny.chosen(kind)
    for stop in sorted(stops):
        run.advance(until=stop)
        assert run.progress >= stop - 1e-9
    run.advance()
    equal(run, undisturbed[kind], tiny)


@pytest.mark.parametrize("kind", KINDS)
def test_time_slices_do_not_change_the_result_and_progress_grows(
    tiny: ModuleType, undisturbed: dict[str, Distillation], kind: str
) -> None:
    run, seen = tiny.chosen(kind), [0.0]
    assert run.progress == 0.0
    while not run.done:
        run.advance(seconds=1e-9)
        if run.progress == seen[-1]:  # The slice was over before it began.
            run.advance(seconds=1e-3)
        seen.append(run.progress)
    assert all(earlier <= later for earlier, later in pairwise(seen))
    assert run.progress == 1.0
    assert len(seen) > 3
    equal(run, undisturbed[kind], tiny)


def test_each_stage_takes_an_equal_share_of_progress(tiny: ModuleType) -> None:
    run = tiny.chosen("plain")
    run.advance(until=0.25)
    assert (run.steps_done, run.progress) == (2, 0.25)  # 2 of 4 steps of synthesis.
    run.advance(until=0.5)
    assert (run.steps_done, run.progress) == (4, 0.5)
    run.advance(until=run.judged_fractions_to_progress(0.5))
    assert (run.steps_done, run.progress) == (7, 0.75)  # 3 of 6 steps of transfer.
    joint = tiny.chosen("joint")
    joint.advance(until=joint.judged_fractions_to_progress(0.5))
    assert (joint.steps_done, joint.progress) == (3, 0.5)


def test_a_stop_between_two_steps_is_made_at_the_later_one(tiny: ModuleType) -> None:
    run = tiny.chosen("plain")
    run.advance(until=0.3)
    assert run.steps_done == 3
    run.advance(until=0.3)
    assert run.steps_done == 3
    run.advance(until=7.0)
    assert run.done
    run.advance()
    assert run.steps_done == run.total_steps == 10


def test_curves_clocks_and_costs(tiny: ModuleType, undisturbed: dict[str, Distillation]) -> None:
    run = undisturbed["plain"]
    assert run.curves["synthesis"]["step"] == [1, 2, 3, 4]
    assert run.curves["transfer"]["step"] == [1, 2, 3, 4, 5, 6]
    assert {len(values) for values in run.curves["synthesis"].values()} == {4}
    assert {"loss", "cross_entropy", "statistics", "entropy"} <= set(run.curves["synthesis"])
    assert {"loss", "temperature"} <= set(run.curves["transfer"])
    assert set(run.seconds) == {"synthesis", "transfer"}
    cost = run.measure_cost()
    assert (cost["synthesis_steps"], cost["transfer_steps"]) == (4, 6)
    assert cost["synthesis_s"] == run.seconds["synthesis"]
    assert cost["synthesis_s"] > 0
    assert cost["candidate_edges"] == run.method_run._synthesis.graphs.structure.logits.numel()  # type: ignore[attr-defined]
    assert 0 < cost["kept_edges"] < cost["candidate_edges"]
    assert cost["multiply_adds"] == run.method_run.multiply_adds() > 0
    assert cost["peak_device_bytes"] is None
    assert set(undisturbed["joint"].seconds) == {"joint"}


def test_a_long_stage_keeps_a_hundred_points(tiny: ModuleType) -> None:
    run = tiny.distillation("random_graphs", {"graphs": 4}, {"steps": 250, "batch_size": 2}, student="gin-2-2")
    run.advance()
    steps = run.curves["transfer"]["step"]
    assert len(steps) == 125
    assert steps[-1] == 250


def test_clocks_continue_after_a_resume(tiny: ModuleType, tmp_path: Path) -> None:
    run = stepped(tiny.chosen("plain"), 6)
    run.save(tmp_path / "a.ckpt")
    resumed = tiny.chosen("plain")
    resumed.load(tmp_path / "a.ckpt")
    before = dict(resumed.seconds)
    assert before == run.seconds
    resumed.advance()
    assert resumed.seconds["synthesis"] == before["synthesis"]
    assert resumed.seconds["transfer"] > before["transfer"]


@pytest.mark.parametrize("stage", ["synthesis", "transfer", "joint"])
def test_an_absurd_rate_diverges_and_says_so(tiny: ModuleType, stage: str) -> None:
    synthesis, transfer = dict(tiny.SYNTHESIS), dict(tiny.TRANSFER)
    if stage == "synthesis":
        synthesis |= {"rate": 1e30, "steps": 8}
    else:
        transfer |= {"rate": 1e30}
    if stage == "joint":
        synthesis |= {"adversarial_weight": 0.5}
    # Logits of structure and kinds only saturate; continuous features leave the finite numbers.
    run = tiny.distillation(synthesis=synthesis, transfer=transfer, features="continuous")
    with pytest.raises(DivergedError, match=f"{stage}.*Lower the stage's `rate`"):
        run.advance()


def test_a_student_that_diverged_between_two_points_of_the_curve_cannot_be_judged(tiny: ModuleType) -> None:
    # 350 steps: every third one is looked at. The stop is before. A narrower student may come back: where all of its
    # few activations turn negative, it says the same of everything, which is finite.
    transfer = {"steps": 350, "batch_size": 2, "rate": 1e30}
    run = tiny.distillation("random_graphs", {"graphs": 4}, transfer, student="gin-2-8")
    with pytest.raises(DivergedError, match="student's weights must stay finite"):
        run.advance(until=2 / 350)
    assert run.curves["transfer"]["step"] == []


@pytest.mark.parametrize("damage", ["torn", "empty", "text", "missing", "folder", "student", "list"])
def test_files_that_are_no_checkpoint_are_refused(tiny: ModuleType, tmp_path: Path, damage: str) -> None:
    run, path = stepped(tiny.chosen("plain"), 5), tmp_path / "a.ckpt"
    run.save(path)
    whole = path.read_bytes()
    if damage == "torn":
        path.write_bytes(whole[: len(whole) * 2 // 3])
    elif damage in ("empty", "text"):
        path.write_bytes(b"" if damage == "empty" else b"a text, nothing more")
    elif damage in ("missing", "folder"):
        path.unlink()
        if damage == "folder":
            path.mkdir()
    elif damage == "student":
        path.unlink()
        run.export(path)
    else:
        checkpoint.save([1, 2, 3], path)
    fresh = tiny.chosen("plain")
    for load in (fresh.load, fresh.load_synthesis):
        with pytest.raises(CheckpointError, match=r"a\.ckpt"):
            load(path)
    # Nothing of it was loaded.
    assert fresh.steps_done == 0


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"student": "gin-3-8"},
        {"student": "gin-2-9"},
        {"transfer": {"steps": 7, "batch_size": 4}},
        {"synthesis": {"graphs": 9, "steps": 4}},
        {"name": "random_graphs", "synthesis": {"graphs": 8}},
        {"mean_degree": "unknown"},
    ],
    ids=str,
)
def test_a_checkpoint_of_another_run_is_refused(tiny: ModuleType, tmp_path: Path, other: dict[str, Any]) -> None:
    tiny.distillation(**other).save(tmp_path / "a.ckpt")
    with pytest.raises(CheckpointError, match="belongs to a run with other settings"):
        tiny.distillation().load(tmp_path / "a.ckpt")


def test_a_checkpoint_of_another_teacher_is_refused(tiny: ModuleType, tmp_path: Path) -> None:
    tiny.distillation().save(tmp_path / "a.ckpt")
    method, config = parse_method(MethodChoice(name="acgkd", synthesis=tiny.SYNTHESIS, transfer=tiny.TRANSFER))
    other = Distillation(method, config, tiny.context(of=tiny.teacher(7)))
    with pytest.raises(CheckpointError, match="teacher"):
        other.load(tmp_path / "a.ckpt")


def test_a_save_that_fails_leaves_the_old_file(
    tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, path = stepped(tiny.chosen("plain"), 2), tmp_path / "a.ckpt"
    run.save(path)
    whole = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        run.save(path)
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("student", ["gin-2-8", "gin-3-4"])
def test_a_cached_synthesis_gives_the_same_student(tiny: ModuleType, tmp_path: Path, student: str) -> None:
    path = tmp_path / "synthesis.pt"
    # Made by a run with another transfer and another student.
    maker = tiny.distillation(transfer={"steps": 3, "projection": "gat"}, keep=path)
    stepped(maker, 3)
    assert not path.exists()
    maker.advance()
    assert path.exists()
    transfer = {**tiny.TRANSFER, "projection": "gat", "temperature": {"mode": "adversarial"}}
    whole, cached = (tiny.distillation(transfer=transfer, student=student) for _ in range(2))
    whole.advance()
    cached.load_synthesis(path)
    assert cached.progress == 0.5
    assert cached.synthesis_cached
    cached.advance()
    assert tiny.weight_bytes(cached.student) == tiny.weight_bytes(whole.student)
    assert cached.curves == whole.curves
    assert cached.method_run.multiply_adds() == whole.method_run.multiply_adds()
    assert cached.seconds["synthesis"] == maker.seconds["synthesis"]
    assert cached.measure_cost()["synthesis_cached"] is True
    assert whole.measure_cost()["synthesis_cached"] is False


def test_a_synthesis_that_is_not_finished_is_refused(tiny: ModuleType, tmp_path: Path) -> None:
    for steps in (0, 2, 5):
        path = tmp_path / f"{steps}.ckpt"
        stepped(tiny.chosen("plain"), steps).save(path)
        with pytest.raises(CheckpointError, match="not a finished synthesis"):
            tiny.chosen("plain").load_synthesis(path)
    stepped(tiny.chosen("plain"), 4).save(tmp_path / "4.ckpt")
    tiny.chosen("plain").load_synthesis(tmp_path / "4.ckpt")
    with pytest.raises(CheckpointError, match="not a finished synthesis"):
        tiny.chosen("joint").load_synthesis(tmp_path / "4.ckpt")


def test_a_distillation_leaves_the_global_random_state_alone(tiny: ModuleType, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    for kind in KINDS:
        run = tiny.chosen(kind)
        run.advance()
        run.save(tmp_path / "a.ckpt")
        tiny.chosen(kind).load(tmp_path / "a.ckpt")
    assert torch.equal(torch.get_rng_state(), before)


def test_the_global_random_state_does_not_change_a_distillation(
    tiny: ModuleType, undisturbed: dict[str, Distillation]
) -> None:
    for kind in KINDS:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(99)
            run = tiny.chosen(kind)
            run.advance()
        assert tiny.weight_bytes(run.student) == tiny.weight_bytes(undisturbed[kind].student)


@pytest.mark.parametrize("kind", KINDS)
def test_an_exported_student_is_the_student(
    tiny: ModuleType, undisturbed: dict[str, Distillation], tmp_path: Path, kind: str
) -> None:
    undisturbed[kind].export(tmp_path / "student.pt")
    loaded = load_student(tmp_path / "student.pt")
    assert tiny.weight_bytes(loaded) == tiny.weight_bytes(undisturbed[kind].student)


# ---- the function that people call


@pytest.fixture
def small_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        __import__("acgkd.run.reference_pool", fromlist=["PRESETS"]).PRESETS,
        "graphs",
        (("acgkd", {"graphs": 8, "steps": 2}),),
    )


def distilled(tiny: ModuleType, **changes: Any) -> Any:
    method = {"name": "acgkd", "synthesis": tiny.SYNTHESIS, "transfer": tiny.TRANSFER}
    arguments = {"prior": PRIOR, "method": method, "device": "cpu", **changes}
    student = arguments.pop("student", "gin-2-8")
    return acgkd.distill(arguments.pop("teacher", tiny.teacher()), student, **arguments)


@pytest.mark.usefixtures("small_pool")
def test_distill_needs_a_teacher_and_a_prior_and_no_data(tiny: ModuleType) -> None:
    before = torch.get_rng_state()
    teacher = tiny.teacher()
    made = distilled(tiny, teacher=teacher)
    assert torch.equal(torch.get_rng_state(), before)
    assert not made.student.training
    assert 0 <= made.agreement <= 1
    assert set(made.curves) == set(made.seconds) == {"synthesis", "transfer"}
    assert made.prior["mean_degree"] == 2.0
    count = sum(parameter.numel() for parameter in made.student.parameters())
    shown = repr(made)
    assert shown.startswith(
        f"<Distilled: GIN of {count:,} parameters, agreement {made.agreement:.4f} on made-up samples, "
    )
    assert len(shown.splitlines()) == 1
    again = distilled(tiny, teacher=teacher)
    assert tiny.weight_bytes(again.student) == tiny.weight_bytes(made.student)
    assert again.agreement == made.agreement
    other = distilled(tiny, teacher=teacher, seed=1)
    assert tiny.weight_bytes(other.student) != tiny.weight_bytes(made.student)


@pytest.mark.usefixtures("small_pool")
def test_distill_leaves_the_teacher_as_it_was(tiny: ModuleType) -> None:
    teacher = tiny.teacher().requires_grad_(True).train()
    before = tiny.weight_bytes(teacher)
    distilled(tiny, teacher=teacher)
    assert tiny.weight_bytes(teacher) == before
    assert teacher.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in teacher.parameters())


@pytest.mark.usefixtures("small_pool")
def test_distill_takes_a_module_as_student(tiny: ModuleType) -> None:
    own = tiny.context().student
    before = tiny.weight_bytes(own)
    found = distilled(tiny, student=own).student
    assert found is not own
    assert tiny.weight_bytes(own) == before
    assert tiny.weight_bytes(found) != before


@pytest.mark.usefixtures("small_pool")
def test_a_distilled_student_is_saved_and_loaded(tiny: ModuleType, tmp_path: Path) -> None:
    found = distilled(tiny)
    found.save(tmp_path / "student.pt")
    assert tiny.weight_bytes(load_student(tmp_path / "student.pt")) == tiny.weight_bytes(found.student)


@pytest.mark.parametrize(
    ("changes", "kind", "law"),
    [
        ({"method": "acgdk"}, UnknownNameError, "Did you mean 'acgkd'"),
        ({"method": {"name": "acgkd", "transfer": {"stepz": 3}}}, ConfigError, "`transfer/stepz`"),
        ({"method": {"name": "acgkd", "synthesis": {"rate": -1}}}, ConfigError, "`synthesis/rate`.*greater than 0"),
        (
            {"method": {"name": "acgkd", "transfer": {"feature_weight": 1, "projection": "none"}}},
            ConfigError,
            "needs `projection: gat`",
        ),
        ({"method": {"transfer": {}}}, ConfigError, "`name`"),
        ({"method": "real_data"}, ConfigError, "learns from real data"),
        ({"prior": {"nodes": (5, 8)}}, ConfigError, "nothing gives `features`"),
        ({"prior": {**PRIOR, "nodes": (8, 5)}}, ConfigError, "2 <= nodes"),
        ({"prior": {**PRIOR, "colour": 1}}, ConfigError, "`colour`"),
        ({"teacher": nn.Linear(2, 2)}, TeacherError, "encode"),
        ({"student": "gin-x-8"}, ConfigError, "gin-DEPTH-WIDTH"),
    ],
)
def test_bad_input_raises_errors_of_our_own(
    tiny: ModuleType, changes: dict[str, Any], kind: type[Exception], law: str
) -> None:
    with pytest.raises(kind, match=law):
        distilled(tiny, **changes)


def test_code_is_not_named_from_python(tiny: ModuleType) -> None:
    prior = {"nodes": [4, 8], "mean_degree": 2.0, "features": "categorical", "feature_count": 4, "classes": 3}
    with pytest.raises(ConfigError, match="From Python call `mine:build` yourself"):
        acgkd.distill(tiny.teacher(), "mine:build", prior=prior)
