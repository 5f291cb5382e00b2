"""A sweep over a teacher of one's own, without data: what `check` says of it is what `run` would find."""

import json
import shutil
import warnings
from pathlib import Path

import pytest
import torch

import acgkd
from sweeps.cli.app import main
from sweeps.sweep import open_sweep

MODELS = """
import torch
from torch import nn
from torch_geometric.nn import GIN, MLP, global_add_pool, global_mean_pool, global_max_pool

import acgkd

CLASSES, FEATURES, WIDTH = 2, 7, 16


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = GIN(FEATURES, WIDTH, num_layers=2, norm="batch_norm")
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x, edge_index, batch):
        return self.head(global_add_pool(self.layers(x, edge_index), batch))


class Mean(Plain):
    def forward(self, x, edge_index, batch):
        return self.head(global_mean_pool(self.layers(x, edge_index), batch))


class Max(Plain):
    def forward(self, x, edge_index, batch):
        return self.head(global_max_pool(self.layers(x, edge_index), batch))


class MlpHead(Plain):
    def __init__(self):
        super().__init__()
        self.head = MLP([WIDTH, WIDTH, CLASSES], norm=None, dropout=0.5)


class TwoStepHead(Plain):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(WIDTH, WIDTH)

    def forward(self, x, edge_index, batch):
        return self.head(self.first(global_add_pool(self.layers(x, edge_index), batch)).relu())


def plain(prior):
    return acgkd.adapt(Plain(), encode="layers", readout="sum", classifier="head")


def found(prior):
    return acgkd.adapt(Plain())


def mean(prior):
    return acgkd.adapt(Mean(), encode="layers", readout="mean", classifier="head")


def maximum(prior):
    return acgkd.adapt(Max(), encode="layers", readout="max", classifier="head")


def pooled_otherwise(prior):
    return acgkd.adapt(Plain(), encode="layers", readout="mean", classifier="head")


def mlp_head(prior):
    return acgkd.adapt(MlpHead(), encode="layers", readout="sum", classifier="head")


def wrong_wiring(prior):
    return acgkd.adapt(TwoStepHead(), encode="layers", readout="sum", classifier="head")


def not_adapted(prior):
    return Plain()


def raises(prior):
    raise ValueError("bad width")


def no_argument():
    return plain(None)


def raises_deep(prior):
    return acgkd.adapt(Deep(), encode="layers", readout="sum", classifier="head")


class Deep(Plain):
    def __init__(self):
        super().__init__()
        self.width_of("wide")

    def width_of(self, text):
        return int(text)


def not_a_student(prior):
    return nn.Linear(FEATURES, CLASSES)
"""
SPEC = """
name: own
teacher: {preset: "own_models:plain", checkpoint: plain.pt}
student: gin-2-8
method: {name: acgkd, synthesis: {graphs: 8, steps: 2}, transfer: {steps: 4, batch_size: 4}}
prior: {nodes: [10, 14], mean_degree: 2.2, features: categorical, feature_count: 7, classes: 2}
space:
  method/transfer/rate: {type: float, low: 0.003, high: 0.03, log: true}
budget: {trials: 1}
replicates: {seeds: [100]}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with models, weights in every form, and a spec; the reference pool is made short."""
    from acgkd.run import reference_pool

    monkeypatch.setitem(reference_pool.PRESETS, "graphs", (("acgkd", {"graphs": 8, "steps": 2}),))  # type: ignore
    monkeypatch.setenv("ACGKD_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_models.py").write_text(MODELS)
    (tmp_path / "own.yaml").write_text(SPEC)
    built: dict[str, object] = {}
    exec(compile(MODELS, "own_models.py", "exec"), built)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for name in ("plain", "mlp_head"):
            torch.save(built[name](None).state_dict(), f"{name}.pt")  # type: ignore[operator]
        torch.save(built["Plain"]().state_dict(), "not_prefixed.pt")  # type: ignore[operator]
        torch.save({"epoch": 3, "model_state_dict": built["Plain"]().state_dict()}, "wrapped.pt")  # type: ignore
        torch.save(built["TwoStepHead"]().state_dict(), "two_steps.pt")  # type: ignore[operator]
        sure = built["Plain"]().state_dict()  # type: ignore[operator]
        torch.save({**sure, "head.bias": torch.tensor([900.0, -900.0])}, "one_class.pt")
        torch.save({"head.weight": torch.zeros(5, 16), "head.bias": torch.zeros(5)}, "five_classes.pt")
    return tmp_path


def check(preset: str, checkpoint: str, *more: str) -> int:
    said = ["--set", f"teacher.preset=own_models:{preset}", "--set", f"teacher.checkpoint={checkpoint}"]
    # What noise reaches is tried once or twice: it takes the longest.
    control = ["--set", "controls=[]"] if checkpoint == "wrapped.pt" else []
    return main(["check", "own.yaml", "--trust-code", *said, *control, *more])


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("preset", "checkpoint"),
    [
        ("plain", "plain.pt"),
        ("found", "plain.pt"),
        ("mean", "plain.pt"),
        ("mlp_head", "mlp_head.pt"),
        ("plain", "not_prefixed.pt"),
        ("plain", "wrapped.pt"),
    ],
)
def test_what_can_teach_is_valid(preset: str, checkpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(preset, checkpoint) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "own.yaml is valid" in said
    assert "a student taught with noise reaches" in said.lower()
    assert ("was not measured" in said) == (checkpoint == "wrapped.pt")


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("preset", "checkpoint", "words"),
    [
        ("nosuch", "plain.pt", "nosuch"),
        ("not_adapted", "not_prefixed.pt", "must have `encode`"),
        ("raises", "plain.pt", "`own_models:raises` must build a module, but raised ValueError: bad width."),
        ("no_argument", "plain.pt", "must take one argument, the prior, but is `no_argument()`"),
        ("mlp_head", "plain.pt", "must fit the model"),
        ("wrong_wiring", "two_steps.pt", "class scores of its module's `forward`, but they differ by up to"),
        ("pooled_otherwise", "plain.pt", "class scores of its module's `forward`"),
        ("maximum", "plain.pt", "reads max-pooled graphs"),
    ],
)
def test_what_cannot_teach_is_refused_before_anything_runs(
    preset: str, checkpoint: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(preset, checkpoint) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert words in said
    assert "Traceback" not in said


@pytest.mark.usefixtures("place")
def test_check_says_where_agreement_is_not_informative(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("plain", "one_class.pt", "--set", "controls=[]") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Agreement is not informative here: the teacher says one class of the whole pool" in said


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("said", "words"),
    [
        (["teacher.preset=own_models:raises_deep"], ["in raises_deep: ", "in width_of: return int(text)"]),
        (
            ["student.module=own_models:not_a_student"],
            ["`own_models:not_a_student` has not", "has no layers"],
        ),
        (["student.module=own_models:nosuch"], ["nosuch"]),
        (["teacher={preset: gin-2-8, module: 'own_models:plain'}"], ["both are given"]),
        (["teacher.module=plain"], ["`module` names code as `module:function`"]),
    ],
)
def test_faults_of_the_users_code_are_said_with_its_lines(
    said: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = [part for text in said for part in ("--set", text)]
    assert main(["check", "own.yaml", "--trust-code", *options]) == 2
    shown = capsys.readouterr().err
    assert all(word in " ".join(shown.split()) for word in words), shown
    assert "Traceback" not in shown
    assert "site-packages" not in shown


def test_models_are_named_by_module_and_nothing_runs_untrusted(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "own.yaml").write_text(SPEC.replace('preset: "own_models:plain"', 'module: "own_models:plain"'))
    assert main(["check", "own.yaml"]) == 2
    shown = capsys.readouterr().err
    assert "teacher/module" in shown
    assert "--trust-code" in shown
    assert ":3" in shown
    (place / "own_models.py").write_text("raise SystemExit('it ran')")
    fits = ["--set", "teacher.checkpoint=five_classes.pt", "--set", "prior.classes=2"]
    assert main(["check", "own.yaml", "--trust-code", *fits]) == 2
    assert "cannot make scores of 2 classes" in " ".join(capsys.readouterr().err.split())


def test_a_wrong_wiring_is_refused_before_anything_is_trained(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from acgkd.run import preparation

    monkeypatch.setattr(preparation, "train_teacher", lambda *_, **__: pytest.fail("it was trained"))
    said = ["--set", "teacher={module: 'own_models:wrong_wiring'}", "--set", "dataset={name: motifs}"]
    said += ["--set", "objectives=[validation_divergence]", "--set", "prior={}"]
    (place / "own_models.py").write_text(MODELS.replace("FEATURES, WIDTH = 2, 7, 16", "FEATURES, WIDTH = 2, 10, 16"))
    assert main(["distill", "own.yaml", "--trust-code", "--out", "once", *said]) == 2
    assert "class scores of its module's `forward`" in " ".join(capsys.readouterr().err.split())


def test_models_are_tried_where_students_are_judged_on_their_way_too(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "own_models.py").write_text(MODELS.replace("FEATURES, WIDTH = 2, 7, 16", "FEATURES, WIDTH = 2, 10, 16"))
    said = ["--set", "teacher={module: 'own_models:plain'}", "--set", "dataset={name: motifs}", "--set", "prior={}"]
    said += ["--set", "objectives=[validation_accuracy]", "--set", "artefacts.validation_curves=true"]
    assert main(["check", "own.yaml", "--trust-code", *said]) == 0
    assert "own.yaml is valid" in " ".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("place")
def test_what_agreement_is_worth_stands_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads()
    assert main(["distill", "own.yaml", "--trust-code", "--out", "once"]) == 0
    torch.set_num_threads(threads)
    said = " ".join(capsys.readouterr().out.split())
    assert "agreement" in said
    assert "a student taught with noise reaches" in said.lower()
    assert "its mean confidence is" in said.lower()
    assert json.loads(Path("once/record-0.json").read_text())["control_agreement"] is not None
    assert acgkd.load_student("once/student-0.pt")(torch.eye(7), torch.tensor([[0], [1]])).shape == (1, 2)


@pytest.mark.usefixtures("place")
def test_check_bounds_the_seconds_of_its_pool_and_says_what_it_looked_at(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from acgkd.run import reference_pool
    from sweeps.cli import own_teacher

    presets = (("acgkd", {"graphs": 8, "steps": 150}), ("acgkd", {"graphs": 8, "steps": 100}))
    monkeypatch.setitem(reference_pool.PRESETS, "graphs", presets)  # type: ignore[attr-defined]
    monkeypatch.setattr(own_teacher, "POOL_S", 0.001)
    threads = torch.get_num_threads()
    assert main(["check", "own.yaml", "--trust-code"]) == 0
    torch.set_num_threads(threads)
    said = " ".join(capsys.readouterr().out.split())
    assert "took 2 of 250 steps of synthesis, as many as 0.001 s gave" in said
    assert "a student taught with noise reaches" in said.lower()
    assert own_teacher.cut_short(250, "graphs") == own_teacher.cut_short(0, "graphs") == [], "whole, or none is made"


MEAN = pytest.param("mean", "plain.pt", marks=pytest.mark.cluster)  # a second whole sweep


@pytest.mark.parametrize(("preset", "checkpoint"), [MEAN, ("mlp_head", "mlp_head.pt")])
def test_its_students_are_read_back_called_and_exported(
    preset: str, checkpoint: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ["--set", f"teacher.preset=own_models:{preset}", "--set", f"teacher.checkpoint={checkpoint}"]
    threads = torch.get_num_threads()
    assert main(["run", "own.yaml", "--trust-code", "--in-process", "--out", "sweep", *said]) == 0
    torch.set_num_threads(threads)
    assert "a student taught with noise reaches" in " ".join(capsys.readouterr().out.lower().split())
    student = open_sweep("sweep").student()
    x, edges = torch.eye(7)[[0, 1, 2]], torch.tensor([[0, 1], [1, 0]])
    batch = torch.tensor([0, 0, 1])
    assert student(x, edges, batch).shape == (2, 2)
    assert main(["export", "sweep", "--to", "torch", "--out", "student.pt2"]) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of its own code
        program = torch.export.load("student.pt2").module()
        torch.testing.assert_close(program(x, edges, batch), student(x, edges, batch))
    text = Path("README.md").read_text(encoding="utf-8")
    assert "It can be near 1 for a student that is worthless on real data" in text
    kept = acgkd.load_student(Path("sweep/students/trial-0000-00.pt"))
    torch.testing.assert_close(kept(x, edges, batch), student(x, edges, batch))
    assert "a student taught with noise reaches" in text.lower()
    assert "acgkd reproduce sweep --trial 0 --replicate 0 --out sweep-again --trust-code" in text
    if preset != "mean":  # the code lies where the sweep was started, and not where its trial is run again
        (place / "elsewhere").mkdir()
        monkeypatch.chdir(place / "elsewhere")
        assert main(["reproduce", "../sweep", "--trial", "0", "--trust-code", "--out", "again"]) == 0
        torch.set_num_threads(threads)
        monkeypatch.chdir(place)
    shutil.rmtree("sweep")
