"""`acgkd predict` on graphs of one's own: without labels, with fewer kinds than the student knows, as text files."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

from acgkd.graphs import GraphPrior
from acgkd.models import build_model
from acgkd.students.saving import save_student
from sweeps.cli.app import main

PATH = torch.tensor([[0, 1], [1, 0]])
KINDS = GraphPrior(2, 9, None, "categorical", 4, 2, edge_columns=(3,))


def student_at(folder: Path, prior: GraphPrior = KINDS) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        student = build_model("gin-2-8", prior.feature_count, 2, edge_features=prior.edge_features).eval()
    save_student(student, folder / "s.pt", prior)
    return student


def predicted(folder: Path, samples: str) -> pd.DataFrame:
    assert main(["predict", str(folder / "s.pt"), str(folder / samples), "--out", str(folder / "t.parquet")]) == 0
    return pd.read_parquet(folder / "t.parquet")


def logits(table: pd.DataFrame) -> Tensor:
    return torch.tensor(table.filter(like="logit_").to_numpy())


def test_saved_graphs_need_neither_labels_nor_all_kinds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    student = student_at(tmp_path)
    kinds, edges = torch.tensor([[1], [0]]), torch.tensor([1, 1])
    graphs = [Data(x=kinds, edge_index=PATH, edge_attr=edges), Data(x=kinds, edge_index=PATH, edge_attr=edges, y=0)]
    torch.save(graphs, tmp_path / "graphs.pt")
    table = predicted(tmp_path, "graphs.pt")
    assert table["label"].isna().tolist() == [True, False]
    assert "% of 1 as labelled" in capsys.readouterr().out
    with torch.no_grad():
        right = student(torch.eye(4)[[1, 0]], PATH, edge_attr=torch.eye(3)[edges])
    torch.testing.assert_close(logits(table), right.repeat(2, 1))
    torch.save([Data(x=kinds, edge_index=PATH, edge_attr=edges, y=torch.rand(7))], tmp_path / "graphs.pt")
    assert "label" not in predicted(tmp_path, "graphs.pt")
    assert "as labelled" not in capsys.readouterr().out
    torch.save([Data(x=kinds + 3, edge_index=PATH, edge_attr=edges)], tmp_path / "graphs.pt")
    assert (
        main(["predict", str(tmp_path / "s.pt"), str(tmp_path / "graphs.pt"), "--out", str(tmp_path / "u.parquet")])
        == 2
    )
    assert "`0 <= kind < 4` must hold" in " ".join(capsys.readouterr().err.split())


def test_tables_need_no_label(tmp_path: Path) -> None:
    student = student_at(tmp_path, GraphPrior(2, 9, None, "continuous", 2, 2))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "nodes.csv").write_text("graph,a,b\n0,0.5,1.5\n0,2.5,0.0\n")
    (tmp_path / "own" / "edges.csv").write_text("graph,source,target\n0,0,1\n")
    with torch.no_grad():
        right = student(torch.tensor([[0.5, 1.5], [2.5, 0.0]]), PATH)
    torch.testing.assert_close(logits(predicted(tmp_path, "own")), right)


def test_text_files_are_read_as_the_data_set_tu_reads_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    student = student_at(tmp_path)
    files = {
        "A": "1, 2\n2, 1\n2, 2\n4, 3\n3, 4\n1, 2\n",
        "graph_indicator": "1\n1\n2\n2\n",
        "graph_labels": "1\n-1\n",
        "node_labels": "1\n3\n2\n1\n",
        "edge_labels": "5\n5\n6\n6\n6\n5\n",
    }
    (tmp_path / "SET").mkdir()
    for name, text in files.items():
        (tmp_path / "SET" / f"SET_{name}.txt").write_text(text)
    table = predicted(tmp_path, "SET")
    assert table["label"].tolist() == [1, 0]
    said = " ".join(capsys.readouterr().out.split())
    assert "as labelled" in said
    assert "moved there, as `tu` does: kinds of nodes (1); kinds of edges (5)." in said
    x, batch = torch.eye(4)[[0, 2, 1, 0]], torch.tensor([0, 0, 1, 1])
    edges = torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]])
    with torch.no_grad():
        right = student(x, edges, batch, edge_attr=torch.eye(3)[[0, 0, 1, 1]])
    torch.testing.assert_close(logits(table), right)
    (tmp_path / "SET" / "SET_graph_labels.txt").write_text("7\n7\n")  # which of its classes that is is not known
    assert "label" not in predicted(tmp_path, "SET")
