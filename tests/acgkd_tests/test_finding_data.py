"""Where data sets are looked for: every remedy that a message names is one, and a check looks where a run will."""

import gzip
import os
import re
from pathlib import Path

import pytest
import torch
from torch_geometric.datasets import TUDataset

from acgkd import cache
from acgkd.config import DatasetConfig
from acgkd.datasets import DATASETS, Official
from acgkd.datasets._readers import files, images, source, tu
from acgkd.datasets._readers.idx import NAMES
from acgkd.errors import DataError
from acgkd.run.class_sizes import class_sizes
from acgkd.run.splits import split_official

# What each set is published as.
PUBLISHED = {
    "mnist": [f"{name}.gz" for name in NAMES],
    "fashion_mnist": [f"{name}.gz" for name in NAMES],
    "cifar10": ["cifar-10-binary.tar.gz"],
    "svhn": ["train_32x32.mat", "test_32x32.mat"],
    "mutag": ["MUTAG.zip"],
    "reddit_binary": ["REDDIT-BINARY.zip"],
}
DATA = os.environ.get("ACGKD_DATA", "")
MNIST = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


@pytest.fixture(autouse=True)
def _nothing_at_hand(own_cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(address: str) -> None:
        if address.startswith("http"):
            raise ConnectionError("no network")
        reach(address)

    reach = source.reach
    monkeypatch.setattr(files, "reach", no_network)
    monkeypatch.setattr(source, "reach", no_network)


def config(name: str, **places: Path | str) -> DatasetConfig:
    return DatasetConfig(name=name, **{key: str(value) for key, value in places.items()})


def check(chosen: DatasetConfig) -> None:
    """What `acgkd check` asks."""
    locate = DATASETS[chosen.name].locate
    assert locate is not None
    locate(chosen)


def put(folder: Path, names: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_remedy_of_the_message_is_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError) as caught:
        check(config(name))
    text = str(caught.value)
    assert "$ACGKD_DATA: not set; its own home (http" in text
    assert "ConnectionError: no network" in text
    advised = re.search(r"put (.+) into a folder and name that", text)
    assert advised is not None
    assert advised[1].split(", ") == PUBLISHED[name]
    folder = put(tmp_path / "data", advised[1].split(", "))

    check(config(name, root=folder))
    check(config(name, mirror=f"file://{folder}"))
    monkeypatch.setenv("ACGKD_DATA", str(folder))
    check(config(name))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_message_names_every_file_with_the_folder_in_which_it_is_looked_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError) as caught:
        check(config(name, root=empty))
    found = re.findall(rf"{empty}[^ ,;)]*", str(caught.value).partition("Three ways")[0])
    places = {Path(place) for place in found if place != str(empty)}
    assert empty / PUBLISHED[name][0] in places
    monkeypatch.setenv("ACGKD_DATA", str(empty))
    with pytest.raises(DataError, match=re.escape(f"$ACGKD_DATA ({empty}): no {empty}")):
        check(config(name))
    # Each of these places is looked at, if the rest lies beside it.
    for place in places:
        put(place.parent, [place.name, *PUBLISHED[name], *(file for file in _beside(place.name))])
        check(config(name, root=empty))
        for file in place.parent.iterdir():
            if file.is_file():
                file.unlink()


def _beside(name: str) -> list[str]:
    if name.startswith("data_batch"):
        return [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    return (
        ["labels_train.u8", "labels_test_first1000.u8", "train_00.webp", "test_00.webp"] if name.endswith("u8") else []
    )


def test_a_mirror_that_is_named_is_the_only_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACGKD_DATA", str(put(tmp_path / "data", PUBLISHED["mnist"] + PUBLISHED["mutag"])))
    for name in ("mnist", "mutag"):
        with pytest.raises(DataError, match=rf"`dataset.mirror` \(file://{tmp_path}/none/{PUBLISHED[name][0]}\)"):
            check(config(name, mirror=f"file://{tmp_path}/none"))


def test_what_is_in_the_cache_needs_no_other_place(tmp_path: Path) -> None:
    datasets = put(cache.folder() / "datasets", [])
    with pytest.raises(DataError):
        check(config("mnist"))
    options = DATASETS["mnist"].read_options(config("mnist"))
    kept = images.fingerprint(options.model_dump(mode="json", exclude={"validation"}))
    put(datasets, [f"mnist-{images._VERSION}-{kept}.pt"])
    check(config("mnist"))
    with pytest.raises(DataError):
        check(config("mutag"))
    key = source.fingerprint(f"{TUDataset.url}/MUTAG.zip")
    put(datasets, [f"MUTAG-{tu._VERSION}-{key}.pt"])
    check(config("mutag"))


@pytest.mark.parametrize("at", ["root", "ACGKD_DATA"])
def test_fashion_mnist_is_found_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    folder = put(tmp_path / "F", PUBLISHED["fashion_mnist"])
    chosen = config("fashion_mnist", root=folder) if at == "root" else config("fashion_mnist")
    if at != "root":
        monkeypatch.setenv("ACGKD_DATA", str(folder))
    check(chosen)
    # What is in the files is looked at when they are read.
    with pytest.raises(DataError, match="must have the md5 8d4fb7e6c68d591d4c3dfef9ec88bf0d"):
        DATASETS["fashion_mnist"].load(chosen)


def test_files_of_another_set_are_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = put(tmp_path / "F", PUBLISHED["mnist"])
    digests = {"mnist": "ec29112dd5afa0611ce80d1b7f02629c", "fashion_mnist": "bb300cfdad3c16e7a12a480ee83cd310"}
    monkeypatch.setenv("ACGKD_DATA", str(folder))
    for mine, other in (("mnist", "fashion_mnist"), ("fashion_mnist", "mnist")):
        monkeypatch.setattr(files, "digest_of", lambda path, kind, name=other: digests[name])
        with pytest.raises(DataError, match="its own home"):
            check(config(mine))
        check(config(other))


def test_class_sizes_are_known_without_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert class_sizes(config("motifs")) == {"train": [96, 96], "validation": [16, 16], "test": [48, 48]}
    assert class_sizes(config("mutag"))["validation"] == [6, 13]
    labels = torch.arange(10).repeat_interleave(torch.tensor(MNIST))
    test = torch.arange(60_000, 70_000)
    dealt = split_official(torch.cat([labels, torch.zeros(10_000, dtype=torch.long)]), Official(test, 0.1), seed=3)
    assert class_sizes(config("mnist"))["validation"] == labels[dealt.validation].bincount().tolist()
    assert sum(class_sizes(config("cifar10"))["test"]) == 10_000
    few = DatasetConfig(name="mnist", options={"train_samples": 100, "validation": 0.2})
    assert sum(class_sizes(few)["train"]) == 80
    assert class_sizes(DatasetConfig(name="cifar10", options={"test_images": 1000})).keys() == {"train", "validation"}
    split = tmp_path / "split.json"
    split.write_bytes("\N{BYTE ORDER MARK}".encode() + b'{"train": [0, 1], "validation": [2, 4], "test": [3, 6, 8]}')
    assert class_sizes(config("motifs", split_file=split)) == {"train": [1, 1], "validation": [2, 0], "test": [2, 1]}
    assert class_sizes(config("svhn", split_file=split)) == {}, "nobody knows whose classes these are"
    assert class_sizes(config("mutag", split_file=split)) == {}
    plain = put(tmp_path / "raw", ["MUTAG_A.txt"])
    (plain / "MUTAG_graph_labels.txt").write_text("1\n-1\n1\n1\n-1\n-1\n1\n1\n1\n")
    assert class_sizes(config("mutag", split_file=split, root=plain))["test"] == [0, 3]
    for name, labels in ((NAMES[1], [0, 1, 2, 0]), (NAMES[3], [1, 1, 2, 0, 1])):
        header = bytes((0, 0, 8, 1)) + len(labels).to_bytes(4, "big")
        (put(plain, PUBLISHED["mnist"]) / f"{name}.gz").write_bytes(gzip.compress(header + bytes(labels)))
    assert class_sizes(config("mnist", split_file=split, root=plain))["validation"] == [0, 1, 1]


@pytest.mark.realdata
@pytest.mark.skipif("ACGKD_DATA" not in os.environ, reason="ACGKD_DATA does not name the benchmark data")
@pytest.mark.parametrize("name", ["mutag", "ptc", "ptc_mr", "proteins", "imdb_binary", "mnist", "digits"])
def test_published_sizes_are_those_of_the_files(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACGKD_DATA", DATA)
    entry, chosen = DATASETS[name], config(name)
    loaded = entry.load(chosen)
    assert entry.labels is not None
    assert entry.class_counts is not None
    assert entry.labels(chosen) == loaded.labels.tolist()
    first = loaded.labels.numel() if loaded.official is None else int(loaded.official.test[0])
    known = entry.class_counts(entry.read_options(chosen))
    assert list(known.get("all", known.get("train"))) == loaded.labels[:first].bincount().tolist()
