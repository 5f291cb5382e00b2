"""One cache for all sweeps: where it is, what it keeps from being made twice, and how it stays within its limit."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from acgkd import cache
from acgkd.errors import ConfigError, FolderError, SweepError
from analysis import load as load_frame
from analysis.statistics.comparability import caveats
from sweeps.cli.app import main
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.executors.ray.executor import Ray
from sweeps.spec.loading import load
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store import cache_size, shared_cache

TREE: dict[str, Any] = {
    "name": "small",
    "dataset": {"name": "motifs", "options": {"graphs": 40}},
    "teacher": {"preset": "gin-2-8", "epochs": 1},
    "student": "gin-2-8",
    "method": {"name": "acgkd", "synthesis": {"graphs": 4, "steps": 3}, "transfer": {"steps": 3}},
    "space": {"method/transfer/rate": {"type": "float", "low": 0.001, "high": 0.03}},
    "objectives": ["validation_divergence"],
    "sampler": "random",
    "replicates": {"seeds": [0]},
    "budget": {"trials": 1},
    "controls": [],
    "device": "cpu",
}


def small(**changes: Any) -> SweepSpec:
    return load({**TREE, **changes})


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACGKD_CACHE", str(tmp_path / "shared"))
    monkeypatch.delenv("ACGKD_CACHE_LIMIT", raising=False)
    return tmp_path / "shared"


def held(root: Path) -> dict[str, int]:
    return {kind: len(cache_size.entries(root, (kind,))) for kind in cache.KINDS}


# ---- sharing


def test_another_sweep_trains_no_teacher_that_is_there_and_says_so(tmp_path: Path, root: Path) -> None:
    for name in ("one", "two"):
        run_sweep(small(name=name), tmp_path / name, InProcess())
    assert held(root) == {"teachers": 1, "pools": 0, "synthesis": 1, "verdicts": 1}
    assert not (tmp_path / "one" / "cache").exists()
    frames = {name: load_frame(tmp_path / name).rows for name in ("one", "two")}
    teachers = {name: rows[rows["kind"] == "teacher"].iloc[0] for name, rows in frames.items()}
    assert teachers["one"]["teacher_s"] == teachers["two"]["teacher_s"] > 0, "the seconds stay the maker's"
    assert bool(teachers["two"]["teacher_cached"])
    trials = {name: rows[rows["kind"] == "trial"].iloc[0] for name, rows in frames.items()}
    assert trials["one"]["validation_divergence"] == trials["two"]["validation_divergence"]
    assert not any("1 teacher came from the cache" in text for text in caveats(frames["one"]))
    assert any("1 teacher came from the cache" in text for text in caveats(frames["two"]))
    assert "teacher_cached" not in (tmp_path / "one" / "records" / "teacher-00.json").read_text()


def test_a_folder_with_a_cache_of_its_own_makes_nothing_again(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_sweep(small(), tmp_path / "s", InProcess())
    root.rename(tmp_path / "s" / "cache")  # as folders were before there was a shared one
    made = {path.relative_to(tmp_path / "s" / "cache"): path.stat().st_ino for path in _files(tmp_path / "s" / "cache")}
    monkeypatch.setattr("acgkd.run.preparation.train_teacher", lambda *_, **__: pytest.fail("trained again"))
    run_sweep(small(budget={"trials": 2}), tmp_path / "s", InProcess())
    rows = load_frame(tmp_path / "s").rows
    assert list(rows.loc[rows["kind"] == "trial", "synthesis_cached"]) == [False, True]
    assert {path.relative_to(root): path.stat().st_ino for path in _files(root)} == made, "linked, not copied"


def _files(folder: Path) -> list[Path]:
    return [path for kind in cache.KINDS for path in sorted((folder / kind).glob("*.pt"))]


def test_which_cache_a_sweep_has(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep, users = tmp_path / "s", tmp_path / "home" / "acgkd"
    own = sweep / "cache"
    assert shared_cache.place(sweep, own_code=False, one_machine=True) == root
    assert shared_cache.place(sweep, own_code=False, one_machine=False) == root, "named: all nodes see it"
    assert shared_cache.place(sweep, own_code=True, one_machine=True) == own
    monkeypatch.delenv("ACGKD_CACHE")
    monkeypatch.setattr(cache, "folder", lambda: users)
    assert shared_cache.place(sweep, own_code=False, one_machine=True) == users
    assert shared_cache.place(sweep, own_code=False, one_machine=False) == own
    (tmp_path / "home" / "acgkd").rmdir()
    (tmp_path / "home" / "acgkd").write_text("in its place")
    assert shared_cache.place(sweep, own_code=False, one_machine=True) == own, "cannot be written"
    monkeypatch.setenv("ACGKD_CACHE", str(users))
    with pytest.raises(FolderError, match=r"acgkd must be writable, but: .*Set ACGKD_CACHE"):
        shared_cache.place(sweep, own_code=False, one_machine=True)


def test_executors_say_whether_their_workers_are_here() -> None:
    assert InProcess().on_this_machine
    assert Ray().on_this_machine
    assert not Ray(address="auto").on_this_machine
    assert not Ray(address="10.0.0.1:6379").on_this_machine


def test_a_node_that_does_not_see_the_drivers_cache_is_refused(tmp_path: Path, root: Path) -> None:
    sweep = tmp_path / "s"
    with shared_cache.opened(sweep, own_code=False, one_machine=False) as here:
        shared_cache.require_visible(here, sweep)
        with pytest.raises(SweepError, match="Every node must see the cache"):
            shared_cache.require_visible(tmp_path / "another disk", sweep)
    shared_cache.require_visible(sweep / "cache", sweep)


def test_names_of_own_code_do_not_say_what_it_is_so_it_is_not_shared(tmp_path: Path, root: Path) -> None:
    with shared_cache.opened(tmp_path / "s", own_code=True, one_machine=True) as here:
        assert here == tmp_path / "s" / "cache"
    assert not root.exists()


def test_distill_shares_it_too(tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_sweep(small(), tmp_path / "s", InProcess())
    (tmp_path / "small.yaml").write_text(json.dumps(TREE))
    assert main(["distill", str(tmp_path / "small.yaml"), "--out", str(tmp_path / "d")]) == 0
    assert held(root)["teachers"] == 1
    assert not (tmp_path / "d" / "cache").exists()


# ---- locks

HOLDER = """
import sys, time
from pathlib import Path
from acgkd import cache
def make(part):
    part.write_text("half")
    print("making", flush=True)
    time.sleep(600)
cache.once(Path(sys.argv[1]), make)
"""


def test_a_killed_maker_holds_up_nobody(tmp_path: Path) -> None:
    path = tmp_path / "teachers" / "thing.pt"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline().strip() == "making"
            assert not path.exists()
            os.kill(holder.pid, signal.SIGKILL)
            holder.wait(timeout=30)
            begun = time.monotonic()
            cache.once(path, lambda part: part.write_text("whole") and None)
            assert time.monotonic() - begun < 10
        finally:
            holder.kill()
    assert path.read_text() == "whole"
    assert sorted(item.name for item in path.parent.iterdir()) == ["thing.pt", "thing.pt.lock"]


USER = """
import sys, time
from pathlib import Path
from sweeps.store import shared_cache
with shared_cache.opened(Path(sys.argv[1]), own_code=False, one_machine=True):
    print("open", flush=True)
    time.sleep(600)
"""


def test_what_a_running_sweep_uses_is_never_removed_and_a_killed_one_uses_nothing(tmp_path: Path, root: Path) -> None:
    old, new = _entry(root, "teachers", "old", 10, ago=7200), _entry(root, "teachers", "new", 10, ago=7200)
    user = [sys.executable, "-c", USER, str(tmp_path / "s")]
    with subprocess.Popen(user, stdout=subprocess.PIPE, text=True) as sweep:
        try:
            assert sweep.stdout is not None
            assert sweep.stdout.readline().strip() == "open"
            assert shared_cache.sweeps_at_work(root) == 1
            cache.mark_used(new)
            since = shared_cache.used_since(root)
            assert cache_size.clear(root, cache.KINDS, since=since) == cache_size.Removed(1, 10, 1)
            assert (old.exists(), new.exists()) == (False, True)
        finally:
            sweep.kill()
    assert shared_cache.used_since(root) is None
    assert shared_cache.sweeps_at_work(root) == 0
    assert cache_size.clear(root, cache.KINDS, since=None).entries == 1
    assert not new.exists()


# ---- the limit


def _entry(root: Path, kind: str, name: str, size: int, *, ago: float = 0.0) -> Path:
    path = root / kind / f"{name}.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - ago, time.time() - ago))
    return path


def test_the_least_recently_used_is_removed_first(root: Path) -> None:
    paths = [_entry(root, kind, "a", 100, ago=9000 - place) for place, kind in enumerate(cache.KINDS)]
    cache.mark_used(paths[0])
    data = _entry(root, "datasets", "set", 10_000, ago=90_000)
    removed = cache_size.trim(root, 250, since=None)
    assert removed == cache_size.Removed(2, 200, 0)
    assert [path.exists() for path in paths] == [True, False, False, True]
    assert data.exists(), "data sets are not there to be fetched again"
    assert cache_size.trim(root, 10, since=None).in_use == 1, "the one that was used within the last hour"
    assert paths[0].exists()


def test_a_sweep_keeps_the_cache_within_its_limit(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = _entry(root, "synthesis", "stale", 5000, ago=90_000)
    half = root / "synthesis" / ".stale.pt.123.part"
    half.write_text("half")
    os.utime(half, (time.time() - 100_000,) * 2)
    monkeypatch.setenv("ACGKD_CACHE_LIMIT", "2kB")
    run_sweep(small(), tmp_path / "s", InProcess())
    assert not stale.exists()
    assert not half.exists()
    assert held(root)["teachers"] == 1, "the sweep's own were in use until just now"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("20GB", 20 * 10**9), ("1.5 tb", 1.5 * 10**12), ("500MB", 5 * 10**8), ("17", 17), ("0", 0), ("NONE", None)],
)
def test_sizes(text: str, expected: float | None) -> None:
    assert cache_size.parse(text, "ACGKD_CACHE_LIMIT") == expected


@pytest.mark.parametrize("text", ["much", "20GiB!", "-1GB", "1e3", "GB", "٣GB"])
def test_what_is_no_size_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("ACGKD_CACHE_LIMIT", text)
    with pytest.raises(ConfigError, match="`ACGKD_CACHE_LIMIT` must be a size such as 20GB"):
        run_sweep(small(), tmp_path / "s", InProcess())
    assert not (tmp_path / "s").exists()


# ---- the command


def test_the_command_lists_and_clears(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        _entry(root, "synthesis", f"{number}", 1_500_000, ago=7200)
    _entry(root, "teachers", "t", 17, ago=7200)
    data = _entry(root, "datasets", "d", 2_000)
    assert main(["cache"]) == 0
    shown = capsys.readouterr().out
    assert all(len(line) <= 80 for line in shown.splitlines() if "Folder" not in line)
    rows = {line.split()[0]: line.split()[1:4] for line in shown.splitlines()[1:6]}
    assert rows["synthesis"] == ["3", "4.5", "MB"]
    assert rows["teachers"] == ["1", "17", "B"]
    assert rows["pools"][:3] == ["0", "0", "B"]
    assert "Limit: 20.0 GB" in shown
    assert main(["cache", "--clear", "synthesis"]) == 0
    assert "Removed 3 entries, 4.5 MB." in capsys.readouterr().out
    assert main(["cache", "--clear", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["folder"] == str(root)
    assert said["removed"] == {"entries": 1, "bytes": 17, "kept": 0}
    assert {row["kind"]: row["entries"] for row in said["kinds"]} == {
        "teachers": 0,
        "pools": 0,
        "synthesis": 0,
        "verdicts": 0,
        "datasets": 1,
    }
    assert data.exists(), "not unless it is named"
    assert main(["cache", "datasets", "--clear"]) == 0
    assert not data.exists()


def test_the_command_makes_room(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [_entry(root, "pools", f"{number}", 1000, ago=100 - number) for number in range(4)]
    assert main(["cache", "--limit", "2kB", "--json"]) == 0
    assert [path.exists() for path in paths] == [False, False, True, True]
    capsys.readouterr()
    assert main(["cache", "--limit", "lots"]) == 2
    assert "`--limit` must be a size" in " ".join(capsys.readouterr().err.split())
    assert main(["cache", "teacher"]) == 2
    assert "Did you mean 'teachers'?" in " ".join(capsys.readouterr().err.split())
    assert main(["cache", "--clear", "--limit", "1GB"]) == 2
