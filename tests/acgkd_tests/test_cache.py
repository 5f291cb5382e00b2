"""Made once, whoever asks; written whole or not at all."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from acgkd import cache


def test_the_folder_is_the_named_one_or_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ACGKD_CACHE", str(tmp_path / "here"))
    assert cache.folder() == tmp_path / "here"
    monkeypatch.delenv("ACGKD_CACHE")
    assert cache.folder().name == "acgkd"
    assert cache.folder().is_absolute()


def _make_slowly(path: Path, made: Path) -> None:
    def make(part: Path) -> None:
        with made.open("a") as stream:
            stream.write("x")
        time.sleep(0.2)
        part.write_text("whole")

    cache.once(path, make)
    assert path.read_text() == "whole"


def test_two_processes_make_a_thing_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    target, made = tmp_path / "deep" / "thing", tmp_path / "made"
    workers = [context.Process(target=_make_slowly, args=(target, made)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert made.read_text() == "x"
    assert sorted(entry.name for entry in target.parent.iterdir()) == ["thing", "thing.lock"]


def test_a_failed_maker_leaves_nothing_and_the_next_one_tries_again(tmp_path: Path) -> None:
    def fail(part: Path) -> None:
        part.mkdir()
        (part / "half").write_text("half")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        cache.once(tmp_path / "thing", fail)
    assert not (tmp_path / "thing").exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["thing.lock"]
    cache.once(tmp_path / "thing", lambda part: part.mkdir())
    assert (tmp_path / "thing").is_dir()


def test_what_a_killed_maker_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".thing.1.part").mkdir()
    (tmp_path / ".thing.1.part" / "half").write_text("half")
    (tmp_path / ".thing.2.part").write_text("half")
    (tmp_path / ".other.2.part").write_text("not ours")
    cache.once(tmp_path / "thing", lambda part: part.touch())
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".other.2.part", "thing", "thing.lock"]


def test_a_thing_that_exists_is_not_made_again(tmp_path: Path) -> None:
    (tmp_path / "thing").write_text("old")
    cache.once(tmp_path / "thing", lambda part: pytest.fail("made again"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["thing"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    cache.write_atomic(path, lambda part: part.write_text("old") and None)

    def fail(part: Path) -> None:
        part.write_text("ne")
        raise OSError(28, os.strerror(28))

    with pytest.raises(OSError, match="No space left"):
        cache.write_atomic(path, fail)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
