"""Kinds of edges and several kinds of each node in data of one's own: read, measured, and learned from."""

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data, InMemoryDataset

from acgkd.config import DatasetConfig, PriorConfig, RunConfig
from acgkd.datasets import Samples, dataset_of
from acgkd.errors import ConfigError, DataError
from acgkd.graphs import GRAPHS
from acgkd.run import reference_pool
from acgkd.run.experiment import Experiment

pytestmark = pytest.mark.usefixtures("own_cache")

DATA = os.environ.get("ACGKD_DATA")
CPU = torch.device("cpu")
PAIR = torch.tensor([[0, 1], [1, 0]])
ATOMS = torch.tensor([[6, 0, 1], [7, 2, 0], [0, 1, 1]])


def at(path: Path, **options: object) -> DatasetConfig:
    return DatasetConfig(name="folder", path=str(path), options=options)


def graph(label: int, edge_attr: object, **other: object) -> Data:
    return Data(**{"x": ATOMS, "edge_index": PAIR, "edge_attr": edge_attr, "y": label, **other})


def saved(path: Path, graphs: object) -> Path:
    torch.save(graphs, path)
    return path


def kinds_of(data: Samples, columns: tuple[int, ...]) -> list[list[list[int]]]:
    """The kinds of the edges of every graph, a column for each, off the one-hot blocks of the batches."""
    found = []
    for item in data.items:
        batch = GRAPHS.collate([item], CPU)
        assert batch.edge_attr is not None
        blocks = batch.edge_attr.split(columns, dim=1)  # type: ignore[no-untyped-call]
        assert all(bool((block.sum(1) == 1).all()) for block in blocks)
        found.append(torch.stack([block.argmax(1) for block in blocks], 1).tolist())
    return found


# Graphs that torch_geometric saved


def test_several_whole_numbers_are_columns_of_node_kinds(tmp_path: Path) -> None:
    path = saved(tmp_path / "graphs.pt", [graph(label, None) for label in (0, 1)])
    entry = dataset_of(at(path))
    assert (entry.known.features, entry.known.feature_count) == ("categorical", 13)
    assert (entry.known.node_columns, entry.known.edge_columns) == ((8, 3, 2), None)
    first = entry.load(at(path)).items[0]
    blocks = first.x.split((8, 3, 2), dim=1)
    assert torch.stack([block.argmax(1) for block in blocks], 1).tolist() == ATOMS.tolist()
    assert first.x.sum(1).tolist() == [3, 3, 3]
    assert dataset_of(at(path, features="degree")).known.node_columns is None


FORMS = {
    "a number": (torch.tensor([2, 0]), torch.tensor([1, 1]), (3,), [[[2], [0]], [[1], [1]]]),
    "one-hot rows": (
        torch.tensor([[0.0, 0, 1], [1, 0, 0]]),
        torch.tensor([[0.0, 1, 0], [0, 1, 0]]),
        (3,),
        [[[2], [0]], [[1], [1]]],
    ),
    "columns": (
        torch.tensor([[2, 1], [0, 0]]),
        torch.tensor([[1, 0], [1, 0]]),
        (3, 2),
        [[[2, 1], [0, 0]], [[1, 0]] * 2],
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("joined", [False, True])
def test_features_of_edges_are_kinds(form: str, joined: bool, tmp_path: Path) -> None:
    first, second, columns, kinds = FORMS[form]
    graphs = [graph(0, first, y=torch.tensor([0])), graph(1, second, y=torch.tensor([1]))]
    if joined:
        data, slices = InMemoryDataset.collate(graphs)
        path = saved(tmp_path / "data.pt", (data.to_dict(), slices, Data))
    else:
        path = saved(tmp_path / "graphs.pt", graphs)
    asked = at(path, edge_labels=True)
    entry = dataset_of(asked)
    assert entry.known.edge_columns == columns
    assert kinds_of(entry.load(asked), columns) == kinds


def test_unless_asked_for_edges_have_none_and_the_cache_keeps_both(tmp_path: Path) -> None:
    path = saved(tmp_path / "graphs.pt", [graph(label, torch.tensor([0, 3])) for label in (0, 1)])
    for asked, columns in ((at(path), None), (at(path, edge_labels=True), (4,)), (at(path), None)):
        entry = dataset_of(asked)
        assert entry.known.edge_columns == columns
        batch = GRAPHS.collate(entry.load(asked).items, CPU)
        assert (None if batch.edge_attr is None else tuple(batch.edge_attr.shape)) == (columns and (4, 4))


def test_a_graph_without_edges_needs_no_features_of_them(tmp_path: Path) -> None:
    lonely = graph(1, None, edge_index=torch.zeros(2, 0, dtype=torch.long))
    asked = at(saved(tmp_path / "graphs.pt", [graph(0, torch.tensor([1, 0])), lonely]), edge_labels=True)
    data = dataset_of(asked).load(asked)
    assert kinds_of(data, (2,)) == [[[1], [0]], []]
    batch = GRAPHS.collate(data.items, CPU)
    assert batch.edge_attr is not None
    assert batch.edge_attr.shape == (2, 2)


FAULTS: dict[str, tuple[Any, Any, str]] = {
    "lengths": (torch.tensor([0.5, 1.0]), torch.tensor([1.5, 1.0]), r"kinds of edges.*1 column from 0\.5 to 1\.5"),
    "below 0": (torch.tensor([0, 1]), torch.tensor([-1, 1]), r"kinds of edges.*from -1 to 1"),
    "names": (torch.tensor([0, 1]), torch.tensor([5, 5_000_000]), r"1,000 at most.*to 5e\+06"),
    "missing": (torch.tensor([0, 1]), None, r"graph 0 of .* has 1 and graph 1 of .* 0"),
    "columns": (torch.tensor([0, 1]), torch.zeros(2, 3), r"graph 0 of .* has 1 and graph 1 of .* 3"),
    "rows": (torch.tensor([0, 1]), torch.zeros(3, 1), r"graph 1 of .* has 2 edges and \[3, 1\]"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_edges_cannot_have_is_refused_where_it_is_asked_for(fault: str, tmp_path: Path) -> None:
    first, second, message = FAULTS[fault]
    path = saved(tmp_path / "graphs.pt", [graph(0, first), graph(1, second)])
    with pytest.raises(DataError, match=message) as caught:
        dataset_of(at(path, edge_labels=True))
    assert "graphs.pt" in str(caught.value)
    assert dataset_of(at(path)).known.edge_columns is None


def test_numbers_that_are_no_kinds_of_nodes_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "graphs.pt", [graph(label, None, x=ATOMS * 1000) for label in (0, 1)])
    with pytest.raises(DataError, match=r"1,000 at most in several columns.*3 columns from 0 to 7000.*floating point"):
        dataset_of(at(path))


def test_without_them_the_option_is_refused_and_with_them_a_prior_may_not_differ(tmp_path: Path) -> None:
    bare = saved(tmp_path / "bare.pt", [graph(label, None) for label in (0, 1)])
    with pytest.raises(ConfigError, match=r"`options/edge_labels` needs kinds of edges, but .*bare\.pt has none"):
        dataset_of(at(bare, edge_labels=True))
    path = saved(tmp_path / "graphs.pt", [graph(label, torch.tensor([0, 3])) for label in (0, 1)])
    with pytest.raises(ConfigError, match=r"edges of 'folder' have no features.*`options: \{edge_labels: true\}`"):
        dataset_of(at(path)).check_prior(PriorConfig(edge_columns=(4,)), at(path))
    asked = at(path, edge_labels=True)
    with pytest.raises(ConfigError, match=r"edges of 'folder' have columns \[4\]"):
        dataset_of(asked).check_prior(PriorConfig(edge_columns=(5,)), asked)


# Tables


def tables(folder: Path, edges: str) -> Path:
    folder.mkdir()
    (folder / "nodes.csv").write_text("graph,label,element,ring\n1,0,6,0\n1,0,7,1\n2,1,0,0\n2,1,1,1\n2,1,2,0\n")
    (folder / "edges.csv").write_text(edges)
    return folder


def test_further_columns_of_tables_are_kinds(tmp_path: Path) -> None:
    rows = "graph,source,target,bond,ring\n2,2,1,1,0\n1,0,1,2,1\n2,0,1,3,0\n2,1,0,3,0\n2,1,1,0,0\n"
    asked = at(tables(tmp_path / "t", rows), edge_labels=True)
    entry = dataset_of(asked)
    assert (entry.known.node_columns, entry.known.edge_columns) == ((8, 2), (4, 2))
    data = entry.load(asked)
    assert data.items[1].edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    assert kinds_of(data, (4, 2)) == [[[2, 1], [2, 1]], [[3, 0], [3, 0], [1, 0], [1, 0]]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("2,0,1,3\n2,1,0,2\n", r"same features in both directions, but graph 2 of .* nodes 0 and 1"),
        ("2,0,1,0.5\n", r"kinds of edges"),
        ("2,0,1,single\n", r"column `bond` of .*edges\.csv holds others"),
    ],
)
def test_a_fault_of_a_table_of_edges_is_named(rows: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        dataset_of(at(tables(tmp_path / "t", "graph,source,target,bond\n" + rows), edge_labels=True))


# The TU collection

TU = {
    "A": "1, 2\n2, 1\n3, 4\n4, 3\n4, 5\n5, 4\n",
    "graph_indicator": "1\n1\n2\n2\n2\n",
    "graph_labels": "-1\n1\n",
    "node_labels": "5\n6\n5\n7\n7\n",
    "edge_labels": "1\n1\n3\n3\n2\n2\n",
}


def tu(folder: Path, asked: bool = True, **files: str) -> DatasetConfig:
    folder.mkdir(exist_ok=True)
    for name, text in {**TU, **files}.items():
        if text:
            (folder / f"MINE_{name}.txt").write_text(text)
    return DatasetConfig(name="tu", set="MINE", root=str(folder), options={"edge_labels": True} if asked else {})


@pytest.mark.parametrize(
    ("files", "columns", "kinds"),
    [
        ({}, (3,), [[[0], [0]], [[2], [2], [1], [1]]]),
        ({"edge_attributes": "0.1\n0.2\n0.3\n0.4\n0.5\n0.6\n"}, (3,), [[[0], [0]], [[2], [2], [1], [1]]]),
        (
            {"edge_labels": "1, 0\n1, 0\n3, 1\n3, 1\n2, 0\n2, 0\n"},
            (3, 2),
            [[[0, 0], [0, 0]], [[2, 1], [2, 1], [1, 0], [1, 0]]],
        ),
    ],
)
def test_edge_labels_of_the_collection(
    files: dict[str, str], columns: tuple[int, ...], kinds: list[Any], tmp_path: Path
) -> None:
    asked = tu(tmp_path / "set", **files)
    entry = dataset_of(asked)
    assert (entry.known.edge_columns, entry.known.feature_count) == (columns, 3)
    assert kinds_of(entry.load(asked), columns) == kinds
    plain = tu(tmp_path / "set", asked=False, **files)
    assert dataset_of(plain).known == entry.known.model_copy(update={"edge_columns": None})
    assert "edge_attr" not in dataset_of(plain).load(plain).items[0]


def test_faults_of_edge_labels_of_the_collection(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"needs kinds of edges, but MINE has none"):
        dataset_of(tu(tmp_path / "none", edge_labels=""))
    with pytest.raises(DataError, match=r"`MINE_edge_labels\.txt` must give an edge of MINE one label"):
        dataset_of(tu(tmp_path / "two", A=TU["A"] + "1, 2\n", edge_labels=TU["edge_labels"] + "3\n"))
    with pytest.raises(DataError, match=r"files of MINE from .* cannot be read"):
        dataset_of(tu(tmp_path / "short", edge_labels="1\n2\n"))


@pytest.mark.realdata
@pytest.mark.skipif(DATA is None, reason="ACGKD_DATA does not name the benchmark data")
def test_a_real_set_has_its_four_kinds_of_bonds() -> None:
    asked = DatasetConfig(name="tu", set="MUTAG", root=DATA, options={"edge_labels": True})
    assert dataset_of(asked).known.edge_columns == (4,)
    assert (
        "edge_attr"
        not in dataset_of(DatasetConfig(name="mutag", root=DATA)).load(DatasetConfig(name="mutag", root=DATA)).items[0]
    )


# Learning


def rings(count: int) -> list[Data]:
    """Rings whose class is in the kinds of their edges alone: nodes and structure are the same in both."""
    generator = torch.Generator().manual_seed(0)

    def ring(number: int) -> Data:
        size = 4 + number // 2 % 3
        ends = torch.arange(size)
        pairs = torch.stack([ends, (ends + 1) % size])
        bonds: Tensor = torch.stack(
            [torch.full((size,), number % 2), torch.randint(3, (size,), generator=generator)], 1
        )
        x = torch.stack([ends % 3, ends % 2], 1)
        return Data(x=x, edge_index=torch.cat([pairs, pairs.flip(0)], 1), edge_attr=bonds.repeat(2, 1), y=number % 2)

    return [ring(number) for number in range(count)]


@pytest.mark.parametrize("preset", ["gin-2-8", "gcn-2-8", "sage-2-8", "gat-2-8"])
def test_a_teacher_is_trained_and_a_student_judged_by_the_kinds_of_edges(
    preset: str, tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(reference_pool.PRESETS, "graphs", (("acgkd", {"graphs": 8, "steps": 2}),))
    path = saved(tmp_path / "rings.pt", rings(60))
    config = RunConfig.model_validate(
        {
            "dataset": {"name": "folder", "path": str(path), "options": {"edge_labels": True}},
            "teacher": {"preset": preset, "epochs": 30},
            "student": preset,
            "method": {"name": "acgkd", "synthesis": tiny.SYNTHESIS, "transfer": tiny.TRANSFER},
            "device": "cpu",
        }
    )
    experiment = Experiment(config, 0, home=tmp_path / "home")
    experiment.prepare()
    assert experiment.prior.facts()["edge_columns"] == (2, 3)
    assert experiment.prior.facts()["node_columns"] == (3, 2)
    run = experiment.start()
    run.advance()
    quality = experiment.measure(run).quality
    assert quality["teacher_test_accuracy"] > 0.9
    assert 0 <= quality["test_accuracy"] <= 1
    key = experiment.preparation_key()
    plain = config.model_copy(update={"dataset": at(path)})
    assert Experiment(plain, 0, home=tmp_path / "home").preparation_key() != key


def test_pictures_have_no_edges(tmp_path: Path) -> None:
    np.savez(tmp_path / "images.npz", images=np.zeros((2, 8, 8), "uint8"), labels=np.arange(2))
    asked = at(tmp_path / "images.npz", edge_labels=True)
    with pytest.raises(ConfigError, match="no option 'edge_labels'"):
        dataset_of(asked).known_for(asked)
