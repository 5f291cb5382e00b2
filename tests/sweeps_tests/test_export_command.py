"""`acgkd export` and `acgkd predict`: what a sweep's owner does with its student."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml

import acgkd
from acgkd.graphs import GraphPrior
from acgkd.images import ImagePrior
from acgkd.models import build_model
from acgkd.students.saving import save_student
from sweeps.cli.app import main
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.sweep import open_sweep

SPEC = {
    "name": "small",
    "dataset": {"name": "motifs"},
    "teacher": {"preset": "gin-2-8", "epochs": 1},
    "student": "gin-2-8",
    "method": {"name": "acgkd", "synthesis": {"graphs": 8, "steps": 4}, "transfer": {"steps": 6, "batch_size": 4}},
    "space": {"method/synthesis/rate": {"type": "float", "low": 0.01, "high": 1.0, "log": True}},
    "objectives": ({"name": "validation_divergence"},),
    "sampler": {"name": "random"},
    "replicates": {"seeds": (0, 1), "vary": ("split", "teacher", "draws")},
    "budget": {"trials": 1},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    threads = torch.get_num_threads()
    path = tmp_path_factory.mktemp("sweep")
    run_sweep(SweepSpec.model_validate(SPEC), path, InProcess())
    torch.set_num_threads(threads)
    return path


def test_the_chosen_trials_student_is_exported_with_its_card(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "student.safetensors"
    assert main(["export", str(folder), "--to", "safetensors", "--out", str(out), "--replicate", "1"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "the largest difference on 50 graphs is 0." in said
    student, again = open_sweep(folder).student(replicate=1), acgkd.load_student(out)
    for name, value in student.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
    text = (out.parent / "README.md").read_text(encoding="utf-8")
    _, head, body = text.split("---\n", 2)
    known = yaml.safe_load(head)
    assert known["library_name"] == "acgkd"
    accuracy = known["model-index"][0]["results"][0]["metrics"][0]["value"]
    rows = open_sweep(folder).trials()
    assert accuracy == pytest.approx(rows["test_accuracy"].iloc[0], abs=1e-4)
    for words in (
        "distilled from a `gin-2-8` by `acgkd`",
        "Settings were found by a sweep; this is trial 0, replicate 1",
        "95 % interval",
        "| multiply-adds of a sample |",
        f"acgkd reproduce {folder} --trial 0 --replicate 1",
        f"acgkd export {folder} --replicate 1 --to safetensors --out {out}",
        'acgkd.load_student("student.safetensors")',
    ):
        assert words in body, words
    assert "| – |" not in body, "all that a sweep's records know"


def test_a_foreign_readme_is_left_alone(tmp_path: Path) -> None:
    save_student(build_model("gin-2-8", 4, 2), tmp_path / "s.pt", GraphPrior(4, 9, None, "categorical", 4, 2))
    (tmp_path / "README.md").write_text("# My project\n")
    for _ in range(2):
        command = ["export", str(tmp_path / "s.pt"), "--to", "safetensors", "--out", str(tmp_path / "s.safetensors")]
        assert main(command) == 0
    assert (tmp_path / "README.md").read_text() == "# My project\n"
    text = (tmp_path / "s.safetensors.README.md").read_text(encoding="utf-8")
    assert "No records of the sweep were at hand" in text
    assert '`features`: "categorical"' in text
    yaml.safe_load(text.split("---\n")[1])


@pytest.mark.parametrize(
    ("prior", "forms"),
    [
        (
            GraphPrior(4, 9, None, "categorical", 5, 2, (2, 3), (2, 2)),
            {"safetensors": "s.safetensors", "torch": "s.pt2"},
        ),
        (ImagePrior((1, 32, 32), 2), {"safetensors": "s.safetensors", "torch": "s.pt2"}),
    ],
    ids=["graphs", "images"],
)
def test_each_form_has_a_card_of_its_own_whose_code_runs_as_printed(
    prior: GraphPrior | ImagePrior, forms: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    preset = "lenet5-half" if isinstance(prior, ImagePrior) else "gin-2-8"
    student = build_model(preset, prior.feature_count, 2, edge_features=prior.edge_features)
    save_student(student, tmp_path / "s.pt", prior)
    logits = []
    for to, name in forms.items():
        assert main(["export", "s.pt", "--to", to, "--out", name]) == 0
        card = Path("README.md" if to == "safetensors" else f"{name}.README.md")
        code = card.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
        assert f'"{name}"' in code
        made: dict[str, Any] = {}
        exec(code, made)
        logits.append(torch.as_tensor(made["logits"]).detach())
    assert logits[0].shape == (1, 2)
    assert torch.allclose(*logits, atol=1e-5)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["export", "SWEEP", "--to", "torch", "--out", "student.onnx"], "is called `*.pt2`"),
        (["export", "nothing.pt", "--to", "torch", "--out", "student.pt2"], "nothing.pt cannot be read"),
        (["export", "SWEEP", "--trial", "9", "--to", "torch", "--out", "student.pt2"], "trial-0000-00"),
        (["predict", "SWEEP", "motives", "--out", "table.parquet"], "motifs"),
        (["predict", "SWEEP", "motifs", "--out", "table.csv"], "`*.parquet`"),
        (["predict", "SWEEP", ".", "--out", "table.parquet"], "has nothing of a form that is read here"),
        (["predict", "SWEEP", "digits", "--out", "table.parquet"], "it reads graphs, and these are images"),
        (["predict", "SEVEN", "motifs", "--out", "table.parquet"], "it reads 7 columns of node features, and these"),
        (["predict", "student.pt2", "motifs", "--out", "table.parquet"], "student.pt2 is a program for others"),
        (["predict", "SWEEP", "motifs", "--plugin", "x.py", "--out", "t.parquet"], "`--trust-code` allows it"),
        (["predict", "OTHER", "motifs", "--out", "table.parquet"], "cannot read these samples"),
    ],
)
def test_mistakes_get_a_sentence(
    command: list[str],
    words: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save_student(build_model("gin-2-8", 99, 2), tmp_path / "other.pt")
    save_student(build_model("gin-2-8", 7, 2), tmp_path / "seven.pt", GraphPrior(4, 9, None, "categorical", 7, 2))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    places = {"SWEEP": str(folder), "OTHER": str(tmp_path / "other.pt"), "SEVEN": str(tmp_path / "seven.pt")}
    assert main([places.get(word, word) for word in command]) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert list(Path.cwd().iterdir()) == []


def test_a_data_set_is_classified(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(folder), "motifs", "--out", str(tmp_path / "t.parquet")]) == 0
    table = pd.read_parquet(tmp_path / "t.parquet")
    classes = [name for name in table.columns if name.startswith("logit_")]
    assert list(table.columns[:3]) == ["sample", "class", "label"]
    assert (table[classes].to_numpy().argmax(axis=1) == table["class"]).all()
    assert table.filter(like="probability_").sum(axis=1).to_numpy() == pytest.approx(1)
    right = (table["class"] == table["label"]).mean()
    said = f"{right:.1%} as labelled; samples that trained the teacher are among them."
    assert said in " ".join(capsys.readouterr().out.split())


def test_a_folder_of_text_files_is_classified_as_its_graphs_are(tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        student = build_model("gin-2-8", 3, 2).eval()
    save_student(student, tmp_path / "s.pt", GraphPrior(2, 9, None, "categorical", 3, 2))
    set_ = tmp_path / "SET"
    set_.mkdir()
    (set_ / "SET_A.txt").write_text("1, 2\n2, 1\n4, 5\n5, 4\n")
    (set_ / "SET_graph_indicator.txt").write_text("1\n1\n2\n3\n3\n")
    (set_ / "SET_node_labels.txt").write_text("0\n2\n1\n0\n0\n")
    assert main(["predict", str(tmp_path / "s.pt"), str(set_), "--out", str(tmp_path / "t.parquet")]) == 0
    table = pd.read_parquet(tmp_path / "t.parquet")
    edges = torch.tensor([[0, 1, 3, 4], [1, 0, 4, 3]])
    with torch.no_grad():
        right = student(torch.eye(3)[[0, 2, 1, 0, 0]], edges, torch.tensor([0, 0, 1, 2, 2]))
    torch.testing.assert_close(torch.tensor(table.filter(like="logit_").to_numpy()), right)
    (set_ / "SET_node_labels.txt").write_text("0\n3\n1\n0\n0\n")
    assert main(["predict", str(tmp_path / "s.pt"), str(set_), "--out", str(tmp_path / "u.parquet")]) == 2


def test_files_that_the_data_set_folder_reads_are_classified(tmp_path: Path) -> None:
    from torch_geometric.data import Data

    with torch.random.fork_rng(devices=[]):
        student = build_model("gin-2-8", 3, 2, edge_features=2).eval()
    prior = GraphPrior(2, 9, None, "categorical", 3, 2, edge_columns=(2,))
    save_student(student, tmp_path / "s.pt", prior)
    path, edges = torch.tensor([[0, 1], [1, 0]]), torch.tensor([[0], [1]])
    graphs = [Data(x=torch.eye(3)[[0, 1 + label]], edge_index=path, edge_attr=edges, y=label) for label in (0, 1, 1)]
    torch.save(graphs, tmp_path / "graphs.pt")
    assert (
        main(["predict", str(tmp_path / "s.pt"), str(tmp_path / "graphs.pt"), "--out", str(tmp_path / "t.parquet")])
        == 0
    )
    table = pd.read_parquet(tmp_path / "t.parquet")
    assert list(table["label"]) == [0, 1, 1]
    with torch.no_grad():
        right = torch.cat([student(item.x, item.edge_index, edge_attr=torch.eye(2)[edges.view(-1)]) for item in graphs])
    torch.testing.assert_close(torch.tensor(table.filter(like="logit_").to_numpy()), right)


def test_a_folder_of_pictures_is_classified(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    with torch.random.fork_rng(devices=[]):
        student = build_model("lenet5-half", 3, 4).eval()
        values = torch.randint(256, (3, 32, 32, 3), dtype=torch.uint8)
    save_student(student, tmp_path / "s.pt", ImagePrior((3, 32, 32), 4, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number, value in enumerate(values):
        image.fromarray(value.numpy()).save(pictures / f"{number}.png")
    assert main(["predict", str(tmp_path / "s.pt"), str(pictures), "--out", str(tmp_path / "t.parquet")]) == 0
    table = pd.read_parquet(tmp_path / "t.parquet")
    assert list(table["sample"]) == ["0.png", "1.png", "2.png"]
    with torch.no_grad():
        right = acgkd.load_student(tmp_path / "s.pt")(values.permute(0, 3, 1, 2))
    torch.testing.assert_close(torch.tensor(table.filter(like="logit_").to_numpy()), right)
