"""Reading image sets: layouts, checksums, torn files, options, the cache; on small files in the published formats."""

import gzip
import hashlib
import io
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image

from acgkd import cache
from acgkd.config import DatasetConfig
from acgkd.datasets import DATASETS, Dataset
from acgkd.datasets._readers import cifar_bytes
from acgkd.datasets._readers.files import Layout, find_place
from acgkd.datasets._readers.idx import NAMES, idx_dataset
from acgkd.datasets._readers.image_bytes import Part, _first, resized
from acgkd.datasets.cifar10 import cifar_dataset
from acgkd.datasets.svhn import svhn_dataset
from acgkd.errors import ConfigError, DataError

pytestmark = pytest.mark.usefixtures("own_cache")

TRAIN, TEST = 40, 20


def digest(path: Path, kind: str = "md5") -> str:
    return hashlib.new(kind, path.read_bytes()).hexdigest()


# ---- MNIST's format


def idx(values: np.ndarray[Any, Any], *, kind: int = 8, cut: int = 0) -> bytes:
    header = bytes((0, 0, kind, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    content = header + values.astype(np.uint8).tobytes()
    return gzip.compress(content[: len(content) - cut], mtime=0)


def idx_files(folder: Path, **changes: bytes) -> dict[str, str]:
    """Writes a small set; image number k is filled with k."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", TRAIN), ("t10k", TEST)):
        images = np.arange(count).reshape(-1, 1, 1).repeat(28, 1).repeat(28, 2)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(changes.get(f"{part}_images", idx(images)))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(changes.get(f"{part}_labels", idx(np.arange(count) % 10)))
    return {name: digest(folder / f"{name}.gz") for name in NAMES}


def small_mnist(md5: dict[str, str], **changes: Any) -> Dataset:
    return idx_dataset(
        "small",
        title="SMALL",
        mean=0.5,
        std=0.25,
        md5=md5,
        folders=("small", "."),
        home="memory://nowhere",
        citation="Made up.",
        **{"counts": (TRAIN, TEST), **changes},
    )


def small_config(root: Path | None = None, **options: Any) -> DatasetConfig:
    return DatasetConfig(name="small", root=None if root is None else str(root), options=options)


def test_an_idx_set_is_read_with_its_published_test_part(tmp_path: Path) -> None:
    entry = small_mnist(idx_files(tmp_path / "data" / "small"))
    data = entry.load(small_config(tmp_path / "data", size=28))
    assert data.items.values.shape == (TRAIN + TEST, 1, 28, 28)
    assert data.items.values[:, 0, 3, 4].tolist() == [*range(TRAIN), *range(TEST)]
    assert data.labels.tolist() == [*(number % 10 for number in range(TRAIN)), *(number % 10 for number in range(TEST))]
    assert data.official is not None
    assert data.official.test.tolist() == list(range(TRAIN, TRAIN + TEST))
    assert data.official.validation == 0.1


def test_what_is_known_follows_the_size(tmp_path: Path) -> None:
    entry = small_mnist(idx_files(tmp_path))
    assert entry.known.shape == (1, 32, 32)
    assert entry.known_for(small_config(size=28)).shape == (1, 28, 28)
    assert entry.load(small_config(tmp_path)).items.values.shape[2:] == (32, 32)


def test_a_mirror_is_fetched_once_and_the_cache_holds_one_file(tmp_path: Path) -> None:
    entry = small_mnist(idx_files(tmp_path / "mirror"))
    config = DatasetConfig(name="small", mirror=f"file://{tmp_path / 'mirror'}")
    first = entry.load(config)
    for file in (tmp_path / "mirror").iterdir():
        file.unlink()
    assert torch.equal(entry.load(config).items.values, first.items.values)
    kept = list((cache.folder() / "datasets").iterdir())
    assert sorted(path.suffix for path in kept) == [".lock", ".pt"]


def test_a_set_that_is_nowhere_says_how_to_get_it(tmp_path: Path) -> None:
    entry = small_mnist(idx_files(tmp_path / "elsewhere"))
    with pytest.raises(DataError, match=r"SMALL was not found.*empty/small/train-images.*3 more.*Three ways"):
        entry.load(small_config(tmp_path / "empty"))
    with pytest.raises(DataError, match=r"\$ACGKD_DATA: not set; its own home \(memory://nowhere/train-images"):
        entry.load(small_config())
    with pytest.raises(DataError, match=r"`dataset\.mirror`"):
        entry.load(DatasetConfig(name="small", mirror=f"file://{tmp_path}/none"))


def test_the_environment_comes_after_root_and_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = (Layout(("a",), ("there",)),)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a").write_text("")
    monkeypatch.setenv("ACGKD_DATA", str(tmp_path))
    assert find_place("A", layout, small_config(), "home").folder == tmp_path / "there"
    assert find_place("A", layout, DatasetConfig(name="a", mirror="memory://m"), "home").address == "memory://m"
    monkeypatch.setenv("ACGKD_DATA", str(tmp_path / "other"))
    assert find_place("A", layout, small_config(), "home").address == "home"


@pytest.mark.parametrize("way", ["torn", "other", "unreadable"])
def test_a_wrong_file_is_refused_by_its_checksum(tmp_path: Path, way: str) -> None:
    md5 = idx_files(tmp_path)
    path = tmp_path / f"{NAMES[2]}.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] if way == "torn" else b"<html>" + whole)
    if way == "unreadable":
        path.unlink()
        path.mkdir()
        with pytest.raises(DataError, match="was not found"):
            small_mnist(md5).load(small_config(tmp_path))
        return
    with pytest.raises(
        DataError, match=rf"`{path.name}` of SMALL must have the md5 {md5[NAMES[2]]}, but .* get it again"
    ):
        small_mnist(md5).load(small_config(tmp_path))
    assert not list((cache.folder() / "datasets").glob("*.pt"))
    path.write_bytes(whole)
    assert len(small_mnist(md5).load(small_config(tmp_path)).items) == TRAIN + TEST


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_images": b"nothing"}, "is damaged or not compressed by gzip"),
        ({"train_images": idx(np.zeros((TRAIN, 28, 28)))[:-20]}, "is damaged or not compressed by gzip"),
        ({"train_images": idx(np.zeros((TRAIN, 28, 28)), cut=1)}, "must hold 40 x 28 x 28 bytes .* but holds 31,359"),
        ({"train_images": idx(np.zeros((TRAIN, 28)))}, "idx file of bytes with 3 dimensions"),
        ({"train_labels": idx(np.zeros(TRAIN), kind=13)}, "idx file of bytes with 1 dimensions"),
        ({"train_labels": gzip.compress(bytes((0, 0, 8, 1)))}, "does not begin as one"),
        (
            {"train_labels": idx(np.full(TRAIN, 10))},
            "`0 <= class < 10` must hold in SMALL, but these files have 10 to 10",
        ),
        ({"train_labels": idx(np.zeros(TRAIN - 1))}, "with 39 classes"),
        ({"train_images": idx(np.zeros((TRAIN, 27, 28)))}, r"must be \(1, 28, 28\) bytes"),
        ({"train_images": idx(np.zeros((9, 28, 28))), "train_labels": idx(np.zeros(9))}, "has 40 images .* hold 9"),
        ({"t10k_images": idx(np.zeros((9, 28, 28))), "t10k_labels": idx(np.zeros(9))}, "has 20 images .* hold 9"),
    ],
)
def test_files_of_another_form_are_refused(tmp_path: Path, changes: dict[str, bytes], words: str) -> None:
    with pytest.raises(DataError, match=words):
        small_mnist(idx_files(tmp_path, **changes)).load(small_config(tmp_path))


# ---- options


def test_a_training_part_is_cut_down_class_by_class(tmp_path: Path) -> None:
    entry = small_mnist(idx_files(tmp_path))
    data = entry.load(small_config(tmp_path, train_samples=13, validation=0.3, size=28))
    assert data.official is not None
    assert data.official.test.tolist() == list(range(13, 13 + TEST))
    assert data.official.validation == 0.3
    assert data.labels[:13].bincount(minlength=10).tolist() == [2, 2, 2, 1, 1, 1, 1, 1, 1, 1]
    assert data.items.values[:13, 0, 0, 0].tolist() == list(range(13))
    with pytest.raises(ConfigError, match=r"`options/train_samples <= 40` must hold, but got 41"):
        entry.load(small_config(tmp_path, train_samples=41))


def test_the_first_images_of_each_class_are_kept_in_its_share() -> None:
    labels = torch.tensor([1, 0, 0, 0, 0, 1, 0, 0])
    kept = _first(Part(torch.arange(8).to(torch.uint8).view(-1, 1, 1, 1), labels), 4)
    assert kept.values.flatten().tolist() == [0, 1, 2, 3]
    assert kept.labels.tolist() == [1, 0, 0, 0]


def test_resizing_is_what_an_imaging_library_does() -> None:
    values = torch.randint(256, (3, 1, 28, 28), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    for size in (32, 14):
        drawn = resized(values, size)
        for image, ours in zip(values, drawn, strict=True):
            theirs = Image.fromarray(image[0].numpy()).resize((size, size), Image.Resampling.BILINEAR)
            difference = torch.from_numpy(np.array(theirs)).int() - ours[0].int()
            assert int(difference.abs().max()) <= 1
    assert resized(values, 28) is values


def test_shares_of_a_whole_set_are_refused(tmp_path: Path) -> None:
    entry = small_mnist(idx_files(tmp_path))
    entry.check_fractions(small_config())
    with pytest.raises(ConfigError, match=r"'small' has a test part of its own.*`options/validation`"):
        entry.check_fractions(DatasetConfig(name="small", fractions=(0.8, 0.1, 0.1)))
    DATASETS["digits"].check_fractions(DatasetConfig(name="digits", fractions=(0.8, 0.1, 0.1)))


# ---- SVHN's format


def mat(path: Path, count: int, **changes: Any) -> str:
    labels = np.arange(count).reshape(-1, 1) % 10
    values = np.zeros((32, 32, 3, count), np.uint8)
    values[5, 7, 2, :] = np.arange(count)
    scipy.io.savemat(path, {"X": values, "y": np.where(labels == 0, 10, labels), **changes}, do_compression=True)
    return digest(path)


def test_svhn_is_read_from_its_published_files(tmp_path: Path) -> None:
    (tmp_path / "svhn").mkdir()
    md5 = {
        f"{part}_32x32.mat": mat(tmp_path / "svhn" / f"{part}_32x32.mat", n) for part, n in (("train", 12), ("test", 5))
    }
    data = svhn_dataset(md5, (12, 5)).load(DatasetConfig(name="svhn", root=str(tmp_path)))
    assert data.items.values.shape == (17, 3, 32, 32)
    assert data.items.values[:, 2, 5, 7].tolist() == [*range(12), *range(5)]
    assert int(data.items.values.sum()) == sum(range(12)) + sum(range(5))
    assert data.labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: mat(path, 11), "must hold 12 images, but holds 11"),
        (lambda path: path.write_bytes(b"MATLAB 5.0" * 60), r"cannot be read \(.*Get them again"),
        (lambda path: scipy.io.savemat(path, {"Z": np.zeros(3)}), "must hold the arrays `X` and `y`"),
        (lambda path: mat(path, 12, X=np.zeros((32, 32, 3, 12))), r"must be \(3, 32, 32\) bytes .* torch.float64"),
    ],
)
def test_other_files_than_svhns_are_refused(tmp_path: Path, write: Callable[[Path], Any], words: str) -> None:
    write(tmp_path / "train_32x32.mat")
    md5 = {
        "train_32x32.mat": digest(tmp_path / "train_32x32.mat"),
        "test_32x32.mat": mat(tmp_path / "test_32x32.mat", 5),
    }
    with pytest.raises(DataError, match=words):
        svhn_dataset(md5, (12, 5)).load(DatasetConfig(name="svhn", root=str(tmp_path)))


# ---- CIFAR-10's formats


def records(count: int, seed: int) -> torch.Tensor:
    made = torch.randint(256, (count, 3073), generator=torch.Generator().manual_seed(seed)).to(torch.uint8)
    made[:, 0] = torch.arange(count) % 10
    return made


def cifar(folder: Path, *, test: int = 30) -> Dataset:
    """Writes two batches of 20 for training, the first `test` of 30 images for test; the entry knows the whole."""
    folder.mkdir(parents=True, exist_ok=True)
    digests = {}
    for number in (1, 2):
        path = folder / f"data_batch_{number}.bin"
        path.write_bytes(records(20, number).numpy().tobytes())
        digests[path.name] = f"sha1:{digest(path, 'sha1')}"
    whole = records(30, 3).numpy().tobytes()
    digests["test_batch.bin"] = f"sha1:{hashlib.sha1(whole).hexdigest()}"
    (folder / "test_batch.bin").write_bytes(whole[: test * 3073])
    return cifar_dataset({"cifar-10-binary.tar.gz": "md5:not asked for", **digests}, (40, 30))


def cifar_at(root: Path, **options: Any) -> DatasetConfig:
    return DatasetConfig(name="cifar10", root=str(root), options=options)


def test_cifar_is_read_from_its_binary_files(tmp_path: Path) -> None:
    data = cifar(tmp_path / "cifar-10-batches-bin").load(cifar_at(tmp_path))
    expected = torch.cat([records(20, 1), records(20, 2), records(30, 3)])
    assert torch.equal(data.labels, expected[:, 0].long())
    assert torch.equal(data.items.values.flatten(1), expected[:, 1:])
    assert data.official is not None
    assert data.official.test.tolist() == list(range(40, 70))


def test_a_part_of_the_test_images_does_only_if_the_run_says_so(tmp_path: Path) -> None:
    entry = cifar(tmp_path / "cifar10", test=15)
    with pytest.raises(DataError, match=r"must have 30 images here, but .*cifar10 holds 15.*test_images: 15`"):
        entry.load(cifar_at(tmp_path))
    with pytest.raises(DataError, match="must have 16 images here"):
        entry.load(cifar_at(tmp_path, test_images=16))
    short = entry.load(cifar_at(tmp_path, test_images=12))
    assert len(short.items) == 52
    whole = cifar(tmp_path / "whole").load(cifar_at(tmp_path / "whole", test_images=12))
    assert torch.equal(short.items.values, whole.items.values)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("data_batch_2.bin", b"\0" * 3073 * 20, "must have the sha1"),
        ("data_batch_2.bin", b"", "must have the sha1"),
        ("test_batch.bin", b"\0" * 3073 * 30, "must have the sha1"),
        ("test_batch.bin", b"\0" * 3072 * 30, "must hold whole records of 3,073 bytes, but has 92,160"),
        ("test_batch.bin", b"", "must hold whole records"),
    ],
)
def test_torn_batches_are_refused(tmp_path: Path, file: str, content: bytes, words: str) -> None:
    entry = cifar(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(DataError, match=words):
        entry.load(cifar_at(tmp_path))


def archived(folder: Path, *, without: str = "") -> dict[str, str]:
    entries = {f"data_batch_{number}.bin": records(20, number) for number in (1, 2)} | {
        "test_batch.bin": records(30, 3)
    }
    path = folder / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, values in entries.items():
            content = values.numpy().tobytes()
            member = tarfile.TarInfo(f"../../cifar-10-batches-bin/{name}")
            member.size = len(content)
            if name != without:
                archive.addfile(member, io.BytesIO(content))
    known = {name: f"sha1:{hashlib.sha1(values.numpy().tobytes()).hexdigest()}" for name, values in entries.items()}
    return {path.name: f"md5:{digest(path)}", **known}


def test_cifar_is_read_from_its_archive_on_a_mirror(tmp_path: Path) -> None:
    entry = cifar_dataset(archived(tmp_path), (40, 30))
    data = entry.load(DatasetConfig(name="cifar10", mirror=f"file://{tmp_path}"))
    assert torch.equal(data.items.values[40:].flatten(1), records(30, 3)[:, 1:])
    # Nothing was written where the entries' names point to.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "cifar-10-binary.tar.gz"]


def test_other_archives_are_refused(tmp_path: Path) -> None:
    digests = archived(tmp_path, without="data_batch_2.bin")
    with pytest.raises(DataError, match=r"must hold data_batch_2.bin, but does not"):
        cifar_dataset(digests, (40, 30)).load(cifar_at(tmp_path))
    path = tmp_path / "cifar-10-binary.tar.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="must have the md5"):
        cifar_dataset(digests, (40, 30)).load(cifar_at(tmp_path))


def sha1(values: torch.Tensor) -> str:
    return f"sha1:{hashlib.sha1(values.numpy().tobytes()).hexdigest()}"


def mosaics(folder: Path, test_images: int) -> Dataset:
    """Two training batches of one mosaic of 12 images each, one mosaic of 12 for test; the entry knows of more."""
    folder.mkdir(exist_ok=True)
    parts = {"train_00": records(12, 0), "train_01": records(12, 1), "test_00": records(12, 2)}
    for name, values in parts.items():
        tiles = values[:, 1:].view(3, 4, 3, 32, 32).permute(0, 3, 1, 4, 2).reshape(96, 128, 3)
        Image.fromarray(tiles.numpy()).save(folder / f"{name}.webp", lossless=True)
    classes = [values[:, 0].numpy().tobytes() for values in parts.values()]
    (folder / "labels_train.u8").write_bytes(classes[0] + classes[1])
    (folder / "labels_test_first1000.u8").write_bytes(classes[2])
    batches = {"data_batch_1.bin": sha1(parts["train_00"]), "data_batch_2.bin": sha1(parts["train_01"])}
    known = {"cifar-10-binary.tar.gz": "", **batches, "test_batch.bin": sha1(parts["test_00"])}
    return cifar_dataset(known, (24, test_images))


def test_cifar_is_read_from_mosaics_held_against_the_published_checksums(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar_bytes, "_MOSAIC", (3, 4))
    with pytest.raises(DataError, match=rf"must have 60 images here, but {tmp_path}/cifar10 holds 12"):
        mosaics(tmp_path / "cifar10", 60).load(cifar_at(tmp_path))
    part = mosaics(tmp_path / "cifar10", 60).load(cifar_at(tmp_path, test_images=10))
    whole = mosaics(tmp_path / "cifar10", 12).load(cifar_at(tmp_path))
    expected = torch.cat([records(12, number) for number in range(3)])
    assert torch.equal(whole.items.values.flatten(1), expected[:, 1:])
    assert torch.equal(whole.labels, expected[:, 0].long())
    assert torch.equal(part.items.values, whole.items.values[:34])
    Image.new("RGB", (128, 96)).save(tmp_path / "cifar10" / "train_01.webp", lossless=True)
    cache.remove(cache.folder() / "datasets")
    entry = cifar_dataset(
        {
            "cifar-10-binary.tar.gz": "",
            "data_batch_1.bin": sha1(records(12, 0)),
            "data_batch_2.bin": sha1(records(12, 1)),
            "test_batch.bin": "",
        },
        (24, 12),
    )
    with pytest.raises(DataError, match=r"`data_batch_2.bin` of CIFAR-10 must have the sha1"):
        entry.load(cifar_at(tmp_path))


# ---- digits


def test_digits_are_bytes_of_seventeen_shades() -> None:
    data = DATASETS["digits"].load(DatasetConfig(name="digits"))
    assert data.official is None
    shades = data.items.values.unique()
    assert shades.tolist() == [round(shade * 255 / 16) for shade in range(17)]
    seen = data.items.values.double() / 255
    known = DATASETS["digits"].known
    assert known.mean is not None
    assert known.std is not None
    assert float(seen.mean()) == pytest.approx(known.mean[0], abs=2e-4)
    assert float(seen.std()) == pytest.approx(known.std[0], abs=2e-4)
    large = DATASETS["digits"].load(DatasetConfig(name="digits", options={"size": 32}))
    assert large.items.values.shape == (1797, 1, 32, 32)


def test_digits_without_scikit_learn_say_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acgkd.datasets.digits.find_spec", lambda name: None)
    locate = DATASETS["digits"].locate
    assert locate is not None
    with pytest.raises(DataError, match=r"pip install acgkd\[images\]"):
        locate(DatasetConfig(name="digits"))
    with pytest.raises(DataError, match=r"pip install acgkd\[images\]"):
        DATASETS["digits"].load(DatasetConfig(name="digits"))
