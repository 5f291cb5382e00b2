"""Reading TU sets: sources, the cache, damaged files, features, and two processes at once."""

import multiprocessing
import os
import zipfile
from pathlib import Path

import pytest
import torch

from acgkd import cache
from acgkd.config import DatasetConfig, PriorConfig
from acgkd.datasets import DATASETS, Dataset
from acgkd.datasets._readers.tu import tu_dataset
from acgkd.errors import ConfigError, DataError

pytestmark = pytest.mark.usefixtures("own_cache")

DATA = os.environ.get("ACGKD_DATA")
LABELLED = PriorConfig(nodes=(3, 4), mean_degree=1.7, features="categorical", feature_count=3, classes=2)

# Two triangles and two paths of four; nodes are numbered from 1 through all graphs, labels from 5, classes -1 and 1.
FILES = {
    "A": "1, 2\n2, 1\n2, 3\n3, 2\n3, 1\n1, 3\n4, 5\n5, 4\n5, 6\n6, 5\n6, 7\n7, 6\n8, 9\n9, 8\n9, 10\n10, 9\n10, 8\n"
    "8, 10\n11, 12\n12, 11\n12, 13\n13, 12\n13, 14\n14, 13\n",
    "graph_indicator": "1\n1\n1\n2\n2\n2\n2\n3\n3\n3\n4\n4\n4\n4\n",
    "graph_labels": "-1\n1\n-1\n1\n",
    "node_labels": "5\n5\n6\n5\n7\n7\n5\n6\n6\n6\n7\n5\n5\n7\n",
}


def tiny(known: PriorConfig = LABELLED, graphs: int = 4) -> Dataset:
    return tu_dataset("TINY", graphs=graphs, known=known, citation="Made up.")


def a_zip(folder: Path, name: str = "TINY", files: dict[str, str] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for part, text in (FILES if files is None else files).items():
            archive.writestr(f"{name}/{name}_{part}.txt", text)
    return path


def test_a_zip_is_read_from_root(tmp_path: Path) -> None:
    a_zip(tmp_path / "data" / "tu")
    data = tiny().load(DatasetConfig(name="tiny", root=str(tmp_path / "data")))
    assert [graph.x.shape[0] for graph in data.items] == [3, 4, 3, 4]
    assert data.labels.tolist() == [0, 1, 0, 1]
    assert data.classes == 2
    assert data.items[1].x.argmax(1).tolist() == [0, 2, 2, 0]
    assert data.items[3].edge_index.tolist() == [[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]]
    assert data.items[3].y.tolist() == [1]
    assert data.take(torch.tensor([2]))[0].x.argmax(1).tolist() == [1, 1, 1]


def test_the_source_is_only_read(tmp_path: Path) -> None:
    path = a_zip(tmp_path / "data")
    (tmp_path / "data").chmod(0o555)
    try:
        tiny().load(DatasetConfig(name="tiny", root=str(tmp_path / "data")))
    finally:
        (tmp_path / "data").chmod(0o755)
    assert [entry.name for entry in path.parent.iterdir()] == ["TINY.zip"]


@pytest.mark.parametrize("place", ["TINY/raw", "TINY", "tu/TINY", "."])
def test_plain_files_are_read_from_a_folder(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data" / place
    folder.mkdir(parents=True, exist_ok=True)
    for part, text in FILES.items():
        (folder / f"TINY_{part}.txt").write_text(text)
    monkeypatch.setenv("ACGKD_DATA", str(tmp_path / "data"))
    assert len(tiny().load(DatasetConfig(name="tiny")).items) == 4


def test_a_mirror_is_fetched_once_and_wins_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = a_zip(tmp_path / "mirror")
    monkeypatch.setenv("ACGKD_DATA", str(tmp_path / "empty"))
    config = DatasetConfig(name="tiny", mirror=f"file://{path.parent}/")
    assert len(tiny().load(config).items) == 4
    path.unlink()
    assert len(tiny().load(config).items) == 4


def test_a_memory_store_serves_as_an_object_store(tmp_path: Path) -> None:
    import fsspec

    store = fsspec.filesystem("memory")
    store.pipe("/bucket/TINY.zip", a_zip(tmp_path).read_bytes())
    try:
        assert len(tiny().load(DatasetConfig(name="tiny", mirror="memory://bucket")).items) == 4
    finally:
        store.rm("/bucket", recursive=True)


def test_the_cache_holds_one_file_a_set_and_follows_the_content(tmp_path: Path) -> None:
    a_zip(tmp_path)
    config = DatasetConfig(name="tiny", root=str(tmp_path))
    tiny().load(config)
    kept = list((cache.folder() / "datasets").glob("*.pt"))
    assert len(kept) == 1
    assert {entry.name for entry in kept[0].parent.iterdir()} == {kept[0].name, f"{kept[0].name}.lock"}
    a_zip(tmp_path, files={**FILES, "graph_labels": "1\n-1\n-1\n1\n"})
    assert tiny().load(config).labels.tolist() == [1, 0, 0, 1]


def _load(root: Path, start: "multiprocessing.synchronize.Event") -> None:
    start.wait()
    assert len(tiny().load(DatasetConfig(name="tiny", root=str(root))).items) == 4


def test_processes_that_start_together_do_not_race(tmp_path: Path) -> None:
    a_zip(tmp_path)
    context = multiprocessing.get_context("fork")
    start = context.Event()
    workers = [context.Process(target=_load, args=(tmp_path, start)) for _ in range(4)]
    for worker in workers:
        worker.start()
    start.set()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert len(list((cache.folder() / "datasets").iterdir())) == 2


def _load_proteins(start: "multiprocessing.synchronize.Event") -> None:
    start.wait()
    assert len(DATASETS["proteins"].load(DatasetConfig(name="proteins", root=DATA)).items) == 1113


@pytest.mark.realdata
@pytest.mark.skipif(DATA is None, reason="ACGKD_DATA does not name the benchmark data")
def test_real_processes_that_start_together_do_not_race() -> None:
    """torch_geometric's own first load dies in one of eight such pairs."""
    context = multiprocessing.get_context("fork")
    start = context.Event()
    workers = [context.Process(target=_load_proteins, args=(start,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    start.set()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0


def test_degrees_become_features_with_a_cap(tmp_path: Path) -> None:
    a_zip(tmp_path, files={part: text for part, text in FILES.items() if part != "node_labels"})
    entry = tiny(LABELLED.model_copy(update={"features": "degree", "feature_count": 4}))
    config = DatasetConfig(name="tiny", root=str(tmp_path))
    assert [graph.x.argmax(1).tolist() for graph in entry.load(config).items[:2]] == [[2, 2, 2], [1, 2, 2, 1]]
    assert entry.load(config).items[0].x.shape == (3, 4)
    capped = DatasetConfig(name="tiny", root=str(tmp_path), options={"degree_cap": 1})
    assert entry.known_for(capped).feature_count == 2
    assert [graph.x.tolist() for graph in entry.load(capped).items[:1]] == [[[0.0, 1.0]] * 3]


def test_a_constant_feature_is_one(tmp_path: Path) -> None:
    a_zip(tmp_path)
    entry = tiny(LABELLED.model_copy(update={"features": "constant", "feature_count": 1}))
    data = entry.load(DatasetConfig(name="tiny", root=str(tmp_path)))
    assert data.items[1].x.tolist() == [[1.0]] * 4


def test_nothing_is_made_on_the_default_device(tmp_path: Path) -> None:
    a_zip(tmp_path)
    with torch.device("meta"):
        data = tiny().load(DatasetConfig(name="tiny", root=str(tmp_path)))
    assert data.items[0].x.sum().item() == 3


def test_a_missing_set_says_where_it_was_looked_for_and_three_ways_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError) as caught:
        tiny().load(DatasetConfig(name="tiny", root=str(tmp_path)))
    text = str(caught.value)
    assert str(tmp_path) in text
    assert "tu/TINY.zip" in text
    for way in ("dataset.root", "$ACGKD_DATA", "dataset.mirror", "own home"):
        assert way in text
    with pytest.raises(DataError) as caught:
        tiny().load(DatasetConfig(name="tiny", mirror=f"file://{tmp_path}"))
    assert f"file://{tmp_path}/TINY.zip" in str(caught.value)
    monkeypatch.setenv("ACGKD_DATA", "/nowhere")
    monkeypatch.setattr("acgkd.datasets._readers.tu.HOME", f"file://{tmp_path}/home")
    with pytest.raises(DataError, match=r"/nowhere/tu/TINY\.zip or") as caught:
        tiny().load(DatasetConfig(name="tiny"))
    assert f"its own home (file://{tmp_path}/home/TINY.zip)" in str(caught.value)


@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "foreign", "flipped"])
def test_a_damaged_zip_is_refused_and_leaves_nothing(tmp_path: Path, damage: str) -> None:
    path = a_zip(tmp_path)
    whole = path.read_bytes()
    if damage == "foreign":
        path.unlink()
        a_zip(tmp_path, name="OTHER").rename(path)
    elif damage == "flipped":
        middle = whole.index(b"TINY_A.txt") + 40
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 0xFF] * 8) + whole[middle + 8 :])
    else:
        path.write_bytes({"truncated": whole[: len(whole) // 2], "text": b"not a zip", "empty": b""}[damage])
    with pytest.raises(DataError, match="TINY"):
        tiny().load(DatasetConfig(name="tiny", root=str(tmp_path)))
    assert not [entry for entry in (cache.folder() / "datasets").iterdir() if entry.suffix != ".lock"]


@pytest.mark.parametrize("part", ["graph_indicator", "A"])
def test_incomplete_or_unreadable_files_are_refused(tmp_path: Path, part: str) -> None:
    a_zip(tmp_path, files={name: "x, y\n" if name == part else text for name, text in FILES.items()})
    with pytest.raises(DataError, match=r"cannot be read .* Get them again"):
        tiny().load(DatasetConfig(name="tiny", root=str(tmp_path)))
    a_zip(tmp_path, files={name: text for name, text in FILES.items() if name != part})
    with pytest.raises(DataError, match="TINY"):
        tiny().load(DatasetConfig(name="tiny", root=str(tmp_path)))


def test_another_set_of_the_same_name_is_refused(tmp_path: Path) -> None:
    a_zip(tmp_path)
    config = DatasetConfig(name="tiny", root=str(tmp_path))
    with pytest.raises(DataError, match=r"has 5 graphs of 2 classes, but .* holds 4 of 2"):
        tiny(graphs=5).load(config)
    with pytest.raises(DataError, match="has 9 kinds of nodes, but these files have 3"):
        tiny(LABELLED.model_copy(update={"feature_count": 9})).load(config)


def test_options_are_checked_without_loading() -> None:
    with pytest.raises(ConfigError, match=r"has no option 'degree_cap'\. It has none"):
        DATASETS["mutag"].known_for(DatasetConfig(name="mutag", options={"degree_cap": 3}))
    with pytest.raises(ConfigError, match="Did you mean 'degree_cap'"):
        DATASETS["imdb_binary"].known_for(DatasetConfig(name="imdb_binary", options={"degreecap": 3}))
    with pytest.raises(ConfigError, match="`degree_cap`"):
        DATASETS["collab"].known_for(DatasetConfig(name="collab", options={"degree_cap": 0}))
    assert DATASETS["collab"].known_for(DatasetConfig(name="collab")).feature_count == 492
