"""Data of one's own: `folder` and `tu` read them, measure them, and say what is wrong with which file."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.data import Data, InMemoryDataset

from acgkd.config import DatasetConfig
from acgkd.datasets import dataset_of
from acgkd.datasets._given.entries import digest_at
from acgkd.errors import AcgkdError, ConfigError, DataError
from acgkd.graphs import GRAPHS
from acgkd.images import IMAGES

pytestmark = pytest.mark.usefixtures("own_cache")

DATA = os.environ.get("ACGKD_DATA")
PAIR = torch.tensor([[0, 1], [1, 0]])


def at(path: Path, **options: object) -> DatasetConfig:
    return DatasetConfig(name="folder", path=str(path), options=options)


def graph(label: int, nodes: int = 3, columns: int = 2, **other: object) -> Data:
    x = torch.linspace(-1, 1, nodes * columns).view(nodes, columns) + label
    return Data(**{"x": x, "edge_index": PAIR, "y": torch.tensor([label]), **other})


def saved(path: Path, graphs: object) -> Path:
    torch.save(graphs, path)
    return path


def some(count: int = 6) -> list[Data]:
    return [graph(number % 2, nodes=3 + number) for number in range(count)]


# Graphs that torch_geometric saved


def test_a_list_of_graphs_is_read_and_measured(tmp_path: Path) -> None:
    entry = dataset_of(at(saved(tmp_path / "graphs.pt", some())))
    assert (entry.modality, entry.measured) == ("graphs", True)
    known = entry.known
    assert (known.nodes, known.features, known.feature_count, known.classes) == ((3, 8), "continuous", 2, 2)
    assert known.mean_degree == pytest.approx(2 * 6 / 33, abs=0.01)
    data = entry.load(at(tmp_path / "graphs.pt"))
    assert data.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert torch.equal(data.items[1].x, graph(1, nodes=4).x)
    batch = GRAPHS.collate(data.items, torch.device("cpu"))
    assert batch.labels is not None
    assert batch.labels.tolist() == data.labels.tolist()
    assert entry.class_counts is not None
    assert entry.class_counts(None) == {"all": (3, 3)}


def test_a_file_for_each_graph_and_a_joined_set_are_the_same_graphs(tmp_path: Path) -> None:
    folder, graphs = tmp_path / "each", some()
    folder.mkdir()
    for number, one in enumerate(graphs):
        saved(folder / f"{number}.pt", one)
    data, slices = InMemoryDataset.collate(graphs)
    joined = saved(tmp_path / "data.pt", (data.to_dict(), slices, Data))
    for place in (folder, joined):
        read = dataset_of(at(place)).load(at(place))
        assert all(torch.equal(one.x, other.x) for one, other in zip(read.items, graphs, strict=True))
        assert all(torch.equal(one.edge_index, other.edge_index) for one, other in zip(read.items, graphs, strict=True))
        assert read.labels.tolist() == [0, 1] * 3


def test_one_hot_rows_and_one_whole_number_are_kinds_of_nodes(tmp_path: Path) -> None:
    kinds = torch.tensor([0, 3, 1])
    rows = [graph(label, x=torch.nn.functional.one_hot(kinds, 5).float()) for label in (0, 1)]
    numbers = [graph(label, x=kinds.view(-1, 1)) for label in (0, 1)]
    for name, graphs, columns in (("rows.pt", rows, 5), ("numbers.pt", numbers, 4)):
        place = at(saved(tmp_path / name, graphs))
        entry = dataset_of(place)
        assert (entry.known.features, entry.known.feature_count) == ("categorical", columns)
        assert entry.load(place).items[0].x.argmax(1).tolist() == kinds.tolist()


def test_without_features_nodes_get_their_degrees(tmp_path: Path) -> None:
    path = saved(tmp_path / "bare.pt", [Data(edge_index=PAIR, y=label, num_nodes=3) for label in (0, 1)])
    entry = dataset_of(at(path))
    assert (entry.known.features, entry.known.feature_count) == ("degree", 2)
    assert entry.load(at(path)).items[0].x.argmax(1).tolist() == [1, 1, 0]
    assert dataset_of(at(path, features="constant")).known.features == "constant"


def test_a_file_that_runs_code_is_not_opened(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    with pytest.raises(DataError, match=r"bad\.pt asks for `posix\.system`\. It was not opened"):
        dataset_of(at(saved(tmp_path / "bad.pt", [graph(0), Runs()])))
    assert not (tmp_path / "ran").exists()


BAD_GRAPHS = {
    "no class": ([graph(0), graph(1, y=None)], r"graph 1 of .*has none"),
    "a number for a class": ([graph(0, y=torch.tensor([0.5])), graph(1)], r"graph 0 of .*has 0\.5"),
    "two classes": ([graph(0, y=torch.tensor([0, 1])), graph(1)], r"graph 0 of .*has \[2\]"),
    "one class": ([graph(0), graph(0)], r"At least two classes.*all 2 samples"),
    "a gap": ([graph(0), graph(2)], r"none of 2 is of class 1"),
    "negative": ([graph(-1), graph(1)], r"counted from 0.*-1"),
    "nan": ([graph(0), graph(1, x=torch.full((3, 2), torch.nan))], r"graph 1 of .*not a finite number"),
    "columns": ([graph(0), graph(1, columns=4)], r"graph 0 of .* has 2 and graph 1 of .* 4"),
    "edges": ([graph(0), graph(1, edge_index=torch.tensor([[0], [7]]))], r"`0 <= node < 3`.*graph 1 of .*0 to 7"),
    "no edges": ([graph(0), graph(1, edge_index=None)], r"graph 1 of .*`edge_index`"),
    "no graph": ([], r"no graph in it"),
    "no list": ({"a": torch.ones(2)}, r"must hold `Data` objects.*holds dict"),
    "kinds below 0": (
        [graph(0, x=torch.tensor([[1, 2], [3, 4], [-1, 0]])), graph(1, x=torch.zeros(3, 2, dtype=torch.long))],
        r"counted from 0.*2 columns from -1 to 4",
    ),
}


@pytest.mark.parametrize("fault", BAD_GRAPHS)
def test_a_fault_of_saved_graphs_names_file_and_graph(fault: str, tmp_path: Path) -> None:
    graphs, message = BAD_GRAPHS[fault]
    with pytest.raises(DataError, match=message) as caught:
        dataset_of(at(saved(tmp_path / "graphs.pt", graphs)))
    assert "graphs.pt" in str(caught.value)


def test_a_torn_file_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "graphs.pt", some())
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"graphs\.pt is damaged"):
        dataset_of(at(path))


# Tables

NODES = "graph,node,label,size\n1,10,0,0.5\n1,11,0,1.5\n2,7,1,2.5\n2,8,1,3.5\n2,9,1,4.5\n"
EDGES = "graph,source,target\n1,10,11\n2,7,8\n2,9,8\n2,8,9\n2,7,7\n"


def tables(folder: Path, nodes: str = NODES, edges: str = EDGES) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "nodes.csv").write_text(nodes)
    (folder / "edges.csv").write_text(edges)
    return folder


def test_tables_of_nodes_and_edges_are_graphs(tmp_path: Path) -> None:
    from pyarrow import csv, parquet

    text = tables(tmp_path / "text")
    packed = tmp_path / "packed"
    packed.mkdir()
    for name in ("nodes", "edges"):
        parquet.write_table(csv.read_csv(text / f"{name}.csv"), packed / f"{name}.parquet")
    for folder in (text, packed):
        entry = dataset_of(at(folder))
        first, second = entry.load(at(folder)).items
        assert first.x.tolist() == [[0.5], [1.5]]
        assert first.edge_index.tolist() == [[0, 1], [1, 0]]
        assert second.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
        assert entry.known.nodes == (2, 3)


def test_edges_may_count_the_nodes_of_a_graph_from_0(tmp_path: Path) -> None:
    folder = tables(tmp_path / "t", "graph,label,kind\n5,1,2\n3,0,0\n5,1,1\n", "graph,source,target\n5,0,1\n")
    entry = dataset_of(at(folder))
    first, second = entry.load(at(folder)).items
    assert (first.edge_index.numel(), second.edge_index.tolist()) == (0, [[0, 1], [1, 0]])
    assert second.x.argmax(1).tolist() == [2, 1]


BAD_TABLES = {
    "no label": ("graph,size\n1,2.0\n", EDGES, r"nodes\.csv must have the columns graph, label, but has no `label`"),
    "text": (NODES.replace("2.5", "large"), EDGES, r"column `size` of .*nodes\.csv holds others"),
    "a missing class": (NODES.replace("11,0,", "11,,"), EDGES, r"Column `label` of .*nodes\.csv .*none missing"),
    "two classes": (NODES.replace("8,1,", "8,0,"), EDGES, r"graph 2 of .* has \[0, 1\]"),
    "a stranger": (NODES, EDGES.replace("9,8", "99,8"), r"Row 3 of .*edges\.csv joins 99 and 8 of graph 2"),
    "a strange graph": (NODES, EDGES + "4,1,2\n", r"edges\.csv has edges of graph 4"),
    "twice": (NODES.replace("2,8,", "2,7,"), EDGES, r"nodes\.csv has one twice"),
    "out of range": ("graph,label\n1,0\n2,1\n", "graph,source,target\n1,0,1\n", r"Row 1 of .*joins 0 and 1 of graph 1"),
    "torn": (NODES + "1,2\n", EDGES, r"nodes\.csv cannot be read as a table"),
}


@pytest.mark.parametrize("fault", BAD_TABLES)
def test_a_fault_of_a_table_names_file_and_row(fault: str, tmp_path: Path) -> None:
    nodes, edges, message = BAD_TABLES[fault]
    with pytest.raises(DataError, match=message):
        dataset_of(at(tables(tmp_path / "tables", nodes, edges)))


# Images


def picture(path: Path, shade: int, size: tuple[int, int] = (8, 6), mode: str = "L") -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, (shade,) * 3 if mode == "RGB" else shade).save(path)


def test_pictures_in_class_folders(tmp_path: Path) -> None:
    for name, shade in (("cats/1.png", 0), ("cats/2.png", 51), ("dogs/a.png", 255)):
        picture(tmp_path / "pets" / name, shade)
    entry = dataset_of(at(tmp_path / "pets"))
    assert (entry.modality, entry.official_test) == ("images", False)
    assert (entry.known.shape, entry.known.classes, entry.known.mean) == ((1, 6, 8), 2, (0.4,))
    data = entry.load(at(tmp_path / "pets"))
    assert data.labels.tolist() == [0, 0, 1]
    batch = IMAGES.collate(data.items, torch.device("cpu"))
    assert float(batch.x.mean()) == pytest.approx(0, abs=1e-3)
    assert dataset_of(at(tmp_path / "pets", size=4)).known.shape == (1, 4, 4)


def test_a_test_part_of_ones_own_is_kept_and_not_measured(tmp_path: Path) -> None:
    for part, shade in (("train", 51), ("test", 255)):
        for label in "ab":
            picture(tmp_path / "set" / part / label / "1.png", shade, mode="RGB")
    entry = dataset_of(at(tmp_path / "set", validation=0.5))
    data = entry.load(at(tmp_path / "set", validation=0.5))
    assert data.official is not None
    assert (data.official.test.tolist(), data.official.validation) == ([2, 3], 0.5)
    assert entry.known.mean == (0.2, 0.2, 0.2)
    assert entry.class_counts is not None
    assert entry.class_counts(None) == {"train": (1, 1), "test": (1, 1)}


@pytest.mark.parametrize("names", [("train_images", "train_labels"), ("x_train", "y_train")])
def test_arrays_with_and_without_a_test_part(names: tuple[str, str], tmp_path: Path) -> None:
    images = np.arange(4 * 5 * 5 * 3, dtype=np.uint8).reshape(4, 5, 5, 3)
    labels = np.array([[0], [1], [0], [1]])
    tests = [name.replace("train", "test") for name in names]
    np.savez(
        tmp_path / "parts.npz", **dict(zip([*names, *tests], [images, labels, images[:2], labels[:2]], strict=True))
    )
    np.savez(tmp_path / "whole.npz", images=images, labels=labels)
    parts, whole = (dataset_of(at(tmp_path / f"{name}.npz")) for name in ("parts", "whole"))
    assert (parts.official_test, whole.official_test) == (True, False)
    assert parts.known.shape == whole.known.shape == (3, 5, 5)
    data = whole.load(at(tmp_path / "whole.npz"))
    assert torch.equal(data.items.values[1], torch.from_numpy(images[1]).permute(2, 0, 1))


def _npz(**arrays: object) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        np.savez(folder / "bad.npz", **arrays)
        return folder / "bad.npz"

    return make


def _other_sizes(folder: Path) -> Path:
    picture(folder / "bad" / "a" / "1.png", 0)
    picture(folder / "bad" / "b" / "2.png", 0, (9, 9))
    return folder / "bad"


def _no_picture(folder: Path) -> Path:
    picture(folder / "bad" / "a" / "1.png", 0)
    (folder / "bad" / "b").mkdir()
    (folder / "bad" / "b" / "2.png").write_bytes(b"no picture")
    return folder / "bad"


def _third_part(folder: Path) -> Path:
    for part in ("train", "test", "val"):
        picture(folder / "bad" / part / "a" / "1.png", 0)
    return folder / "bad"


def _other_classes(folder: Path) -> Path:
    for part, name in (("train", "a"), ("train", "b"), ("test", "a")):
        picture(folder / "bad" / part / name / "1.png", 0)
    return folder / "bad"


def _nothing(folder: Path) -> Path:
    (folder / "bad").mkdir()
    return folder / "bad"


def _half_a_pair(folder: Path) -> Path:
    (tables(folder / "bad") / "edges.csv").unlink()
    return folder / "bad"


IMAGES_4 = np.zeros((4, 5, 5), np.uint8)
BAD_PLACES = {
    "floats": (_npz(images=IMAGES_4 / 2, labels=np.arange(4)), r"bytes, 0 for black, but `images` of .*bad\.npz"),
    "classes": (_npz(images=IMAGES_4, labels=np.arange(3)), r"`labels` of .*bad\.npz .* each of 4 images.* 3 of int64"),
    "names": (_npz(pictures=IMAGES_4), r"bad\.npz must have arrays called .*but has: pictures"),
    "pickles": (_npz(images=np.array([{}], object), labels=np.arange(1)), r"bad\.npz is damaged or no `\.npz`"),
    "sizes": (_other_sizes, r"1\.png has 6 x 8 and .*2\.png 9 x 9.*`options/size: 32`"),
    "no picture": (_no_picture, r"2\.png is damaged or no picture"),
    "a third part": (_third_part, r"parts `train` and `test`, and beside them: val"),
    "other classes": (_other_classes, r"same classes, but only one has `b`"),
    "nothing": (_nothing, r"bad has nothing of a form that is read here"),
    "half a pair": (_half_a_pair, r"`nodes` and `edges`, but .*bad has no `edges`"),
    "missing": (lambda folder: folder / "bad", r"must be a file or a folder, but there is none at .*bad"),
}


@pytest.mark.parametrize("fault", BAD_PLACES)
def test_a_fault_of_a_place_names_it(fault: str, tmp_path: Path) -> None:
    make, message = BAD_PLACES[fault]
    with pytest.raises(DataError, match=message):
        dataset_of(at(make(tmp_path)))


# What a run keeps


def test_the_files_count_and_not_where_they_lie(tmp_path: Path) -> None:
    here, there = (saved(tmp_path / name, some()) for name in ("here.pt", "there.pt"))
    assert digest_at(str(here)) != digest_at(str(saved(tmp_path / "other.pt", some(8))))
    there.write_bytes(here.read_bytes())
    assert digest_at(str(here)) == digest_at(str(there))
    known = dataset_of(at(here)).known
    saved(here, some(8))
    assert dataset_of(at(here)).known != known


def test_what_a_set_does_not_take_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "graphs.pt", some())
    for config, message in (
        (DatasetConfig(name="mutag", path=str(path)), r"'mutag' takes no `path`.*Those that do: folder"),
        (DatasetConfig(name="folder"), r"'folder' needs `path`"),
        (DatasetConfig(name="tu", set="../up"), r"`set` is the name"),
        (at(path, features="labels"), r"`options/features: labels` needs labels of nodes, but .*graphs\.pt has none"),
    ):
        with pytest.raises(ConfigError, match=message):
            dataset_of(config)
    with pytest.raises(AcgkdError, match=r"no option 'sizes'"):
        dataset_of(at(path, sizes=3))


# The TU collection

TU = {
    "A": "1, 2\n2, 1\n3, 4\n4, 3\n",
    "graph_indicator": "1\n1\n2\n2\n2\n",
    "graph_labels": "-1\n1\n",
    "node_labels": "5\n6\n5\n7\n7\n",
    "node_attributes": "0.5, 1.0\n1.5, 2.0\n2.5, 3.0\n3.5, 4.0\n4.5, 5.0\n",
}


def a_set(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {**TU, **files}.items():
        if text:
            (folder / f"MINE_{name}.txt").write_text(text)
    return folder


def tu(folder: Path, **options: object) -> DatasetConfig:
    return DatasetConfig(name="tu", set="MINE", root=str(folder), options=options)


@pytest.mark.parametrize(
    ("features", "kind", "first"),
    [
        (None, "categorical", [1.0, 0.0, 0.0]),
        ("attributes", "continuous", [0.5, 1.0]),
        ("both", "continuous", [0.5, 1.0, 1.0, 0.0, 0.0]),
        ("degree", "degree", [0.0, 1.0]),
    ],
)
def test_any_set_of_the_collection(features: str | None, kind: str, first: list[float], tmp_path: Path) -> None:
    options = {} if features is None else {"features": features}
    config = tu(a_set(tmp_path / "data"), **options)
    entry = dataset_of(config)
    assert (entry.known.features, entry.known.feature_count, entry.known.classes) == (kind, len(first), 2)
    assert entry.load(config).items[0].x[0].tolist() == first


@pytest.mark.parametrize(
    ("features", "kind", "row"),
    [
        (None, "categorical", [0.0, 1.0, 0.0, 1.0, 0.0]),
        ("both", "continuous", [1.5, 2.0, 0.0, 1.0, 0.0, 1.0, 0.0]),
    ],
)
def test_several_columns_of_node_labels_are_categorical_each(
    features: str | None, kind: str, row: list[float], tmp_path: Path
) -> None:
    folder = a_set(tmp_path / "data", node_labels="5, 1\n6, 1\n5, 2\n7, 1\n7, 2\n")
    config = tu(folder, **({} if features is None else {"features": features}))
    entry = dataset_of(config)
    assert (entry.known.features, entry.known.feature_count) == (kind, len(row))
    assert entry.known.node_columns == ((3, 2) if features is None else None)
    assert entry.load(config).items[0].x[1].tolist() == row


def test_attributes_that_are_no_numbers_are_refused_where_they_are_used(tmp_path: Path) -> None:
    folder = a_set(tmp_path / "data", node_attributes="0.5, 1.0\nnan, 2.0\n2.5, inf\n3.5, 4.0\n4.5, 5.0\n")
    assert dataset_of(tu(folder)).load(tu(folder)).items[0].x is not None
    config = tu(folder, features="attributes")
    with pytest.raises(DataError, match="must be finite numbers, but in MINE those of 2 nodes are not"):
        dataset_of(config).load(config)


def test_attributes_where_there_are_no_labels(tmp_path: Path) -> None:
    known = dataset_of(tu(a_set(tmp_path / "data", node_labels=""))).known
    assert (known.features, known.feature_count) == ("continuous", 2)


def test_a_set_without_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"MINE from .*data cannot be used\. At least two classes"):
        dataset_of(tu(a_set(tmp_path / "data", graph_labels="1\n1\n")))
    with pytest.raises(DataError, match=r"MINE from .*more gives its graphs numbers and no classes"):
        dataset_of(tu(a_set(tmp_path / "more", graph_labels="", graph_attributes="0.5\n1.5\n")))


@pytest.mark.realdata
@pytest.mark.skipif(DATA is None, reason="ACGKD_DATA does not name the benchmark data")
def test_a_real_set_has_its_attribute() -> None:
    known = dataset_of(DatasetConfig(name="tu", set="PROTEINS", root=DATA, options={"features": "both"})).known
    assert (known.feature_count, known.classes, known.mean_degree) == (4, 2, 3.73)
