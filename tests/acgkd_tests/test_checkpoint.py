"""The door for files of weights: what comes back, and what is refused before it can do harm."""

import os
import pickle
import random
import resource
import shutil
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from acgkd import checkpoint
from acgkd.errors import CheckpointError

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=4),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(content=PLAIN)
def test_plain_values_come_back(tmp_path: Path, content: Any) -> None:
    checkpoint.save(content, tmp_path / "file.pt")
    assert checkpoint.load(tmp_path / "file.pt") == content


def test_a_training_state_comes_back(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    generator = torch.Generator().manual_seed(3)
    content = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "generator": generator.get_state(),
        "tuple": (1, "a", torch.arange(3)),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "bool": torch.tensor([True, False]),
        "view": torch.arange(12).view(3, 4)[:, 1],
        "parameter": nn.Parameter(torch.ones(2)),
        "size": torch.ones(2, 3).shape,
    }
    checkpoint.save(content, tmp_path / "deep" / "file.pt")
    loaded = checkpoint.load(tmp_path / "deep" / "file.pt")
    assert isinstance(loaded["model"], OrderedDict)
    assert all(torch.equal(loaded["model"][name], value) for name, value in model.state_dict().items())
    assert torch.equal(loaded["generator"], generator.get_state())
    assert torch.equal(loaded["view"], content["view"])
    assert torch.equal(loaded["optimizer"]["state"][0]["exp_avg"], optimizer.state_dict()["state"][0]["exp_avg"])
    nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).load_state_dict(loaded["model"])


def test_nothing_depends_on_the_default_device(tmp_path: Path) -> None:
    with torch.device("meta"):
        checkpoint.save({"a": torch.ones(2, device="cpu")}, tmp_path / "file.pt")
        assert checkpoint.load(tmp_path / "file.pt")["a"].tolist() == [1, 1]


@pytest.mark.parametrize("content", [{"path": Path("x")}, {"set": {1}}, {"bytes": b"x"}, {"module": nn.Linear(1, 1)}])
def test_what_could_not_be_loaded_is_not_saved(tmp_path: Path, content: Any) -> None:
    (tmp_path / "file.pt").write_text("old")
    with pytest.raises(CheckpointError, match="tensors and plain values only"):
        checkpoint.save(content, tmp_path / "file.pt")
    assert (tmp_path / "file.pt").read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.pt"]


class Bomb:
    """Code, if anybody unpickles it."""

    def __reduce__(self) -> Any:
        return os.system, ("echo boom > /tmp/acgkd-was-hacked",)


class Memory:
    """Two gigabytes in a kilobyte."""

    def __reduce__(self) -> Any:
        return bytearray, (2_000_000_000,)


def archived(path: Path, pickled: bytes, *, deflate: bool = False, data: dict[str, bytes] | None = None) -> None:
    kind = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3\n")
        for name, value in (data or {}).items():
            archive.writestr(f"archive/{name}", value)


def a_bomb(path: Path) -> None:
    torch.save({"a": Bomb()}, path)


def a_plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Bomb()))


def a_memory_bomb(path: Path) -> None:
    torch.save({"a": Memory()}, path)


def a_new_protocol(path: Path) -> None:
    archived(path, pickle.dumps({"a": Memory()}, protocol=4))


def a_deflated_file(path: Path) -> None:
    torch.save({"a": torch.zeros(1_000_000)}, path.with_suffix(".big"))
    with zipfile.ZipFile(path.with_suffix(".big")) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))


def an_expanded_tensor(path: Path) -> None:
    torch.save({"a": torch.zeros(1).expand(2_000_000_000)}, path)


def a_huge_memo(path: Path) -> None:
    archived(path, b"\x80\x02}r\xff\xff\xff\x7f.")


def an_old_format(path: Path) -> None:
    torch.save({"a": torch.ones(1)}, path, _use_new_zipfile_serialization=False)


def a_text(path: Path) -> None:
    path.write_text("hello")


def an_empty_file(path: Path) -> None:
    path.touch()


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_foreign_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")


def a_whole_module(path: Path) -> None:
    torch.save(nn.Linear(2, 2), path)


def a_storage_that_claims_more(path: Path) -> None:
    torch.save({"a": torch.zeros(4)}, path.with_suffix(".ok"))
    with zipfile.ZipFile(path.with_suffix(".ok")) as old:
        entry = next(name for name in old.namelist() if name.endswith("data.pkl"))
        pickled = old.read(entry).replace(b"K\x04tq", b"J\x00\x00\x00\x40tq", 1)
        data = {name.partition("/")[2]: old.read(name) for name in old.namelist() if "/data/" in name}
    archived(path, pickled, data=data)


def an_allocated_storage(path: Path) -> None:
    archived(path, b"\x80\x02ctorch.storage\nUntypedStorage\nJ\x00\x94\x35\x77\x85R.")


HOSTILE = [
    an_allocated_storage,
    a_bomb,
    a_plain_pickle,
    a_memory_bomb,
    a_new_protocol,
    a_deflated_file,
    an_expanded_tensor,
    an_old_format,
    a_text,
    an_empty_file,
    a_folder,
    a_pipe,
    a_foreign_zip,
    a_whole_module,
    a_storage_that_claims_more,
]


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_hostile_and_foreign_files_are_refused_in_our_own_words(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "file.pt"
    make(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    assert "weights_only" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.__cause__ is None
    assert not Path("/tmp/acgkd-was-hacked").exists()


def test_a_memo_of_huge_numbers_costs_nothing(tmp_path: Path) -> None:
    a_huge_memo(tmp_path / "file.pt")
    assert checkpoint.load(tmp_path / "file.pt") == {}


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        checkpoint.load(tmp_path / "none.pt")


def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path) -> None:
    checkpoint.save({"a": torch.zeros(1000)}, tmp_path / "file.pt")
    with pytest.raises(CheckpointError, match="may have 1,000 bytes here"):
        checkpoint.load(tmp_path / "file.pt", max_bytes=1000)


def test_a_file_torn_anywhere_is_refused(tmp_path: Path) -> None:
    checkpoint.save({"a": torch.randn(300), "b": list(range(50))}, tmp_path / "whole.pt")
    whole = (tmp_path / "whole.pt").read_bytes()
    for length in random.Random(0).sample(range(len(whole)), 60):
        (tmp_path / "torn.pt").write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            checkpoint.load(tmp_path / "torn.pt")


def test_a_file_with_flipped_bytes_is_refused_or_read_but_never_worse(tmp_path: Path) -> None:
    checkpoint.save({"a": torch.randn(30), "b": {"c": [1, 2.0, "x"]}}, tmp_path / "whole.pt")
    whole = bytearray((tmp_path / "whole.pt").read_bytes())
    dice = random.Random(1)
    for _ in range(200):
        broken = bytearray(whole)
        broken[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        (tmp_path / "broken.pt").write_bytes(broken)
        try:
            checkpoint.load(tmp_path / "broken.pt")
        except CheckpointError:
            continue


def test_a_state_dict_is_read_bare_or_wrapped(tmp_path: Path) -> None:
    state = nn.Linear(2, 2).state_dict()
    for number, content in enumerate([state, {"state": state, "seconds": 1.0}, {"state_dict": state, "epoch": 3}]):
        torch.save(content, tmp_path / f"{number}.pt")
        assert list(checkpoint.load_state(tmp_path / f"{number}.pt")) == ["weight", "bias"]
    shutil.rmtree(tmp_path / "none", ignore_errors=True)
    for content in ([1], {"a": 1}, {}, {0: torch.ones(1)}, torch.ones(2)):
        torch.save(content, tmp_path / "other.pt")
        with pytest.raises(CheckpointError, match="must hold a state dict"):
            checkpoint.load_state(tmp_path / "other.pt")


def test_a_full_disk_is_what_the_system_says_and_keeps_the_old_file(tmp_path: Path) -> None:
    """The largest file size stands for the disk: the system refuses the same write at the same place."""
    checkpoint.save({"a": 1}, tmp_path / "file.pt")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            checkpoint.save({"a": torch.zeros(100_000)}, tmp_path / "file.pt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.filename == str(tmp_path / "file.pt")
    assert checkpoint.load(tmp_path / "file.pt") == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.pt"]
