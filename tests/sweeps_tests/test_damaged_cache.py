"""Damaged files of the cache: made again, whatever is wrong with them and whenever, and no trial fails of it."""

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acgkd import cache, checkpoint
from acgkd.errors import CheckpointError
from sweeps.engine.driver import Driver, NoJob
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.spec.loading import load
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.messages import Job


def small(trials: int) -> SweepSpec:
    return load(
        {
            "name": "small",
            "dataset": {"name": "motifs", "options": {"graphs": 40}},
            "teacher": {"preset": "gin-2-8", "epochs": 1},
            "student": "gin-2-8",
            "method": {"name": "acgkd", "synthesis": {"graphs": 4, "steps": 3}, "transfer": {"steps": 3}},
            "space": {"method/transfer/rate": {"type": "float", "low": 0.001, "high": 0.03}},
            "objectives": ["validation_divergence", "agreement"],
            "sampler": "random",
            "replicates": {"seeds": [0]},
            "budget": {"trials": trials},
            "controls": [],
            "device": "cpu",
        }
    )


@pytest.fixture(autouse=True)
def short_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    from acgkd.run import reference_pool

    monkeypatch.setitem(reference_pool.PRESETS, "graphs", (("acgkd", {"graphs": 8, "steps": 2}),))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("place")


@pytest.fixture
def root(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACGKD_CACHE", str(place / "shared"))
    return place / "shared"


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def garble(path: Path) -> None:
    """Turns bytes over in the middle of the largest tensor: neither torch nor a look at the zip's end sees it."""
    content = bytearray(path.read_bytes())
    name = max(_sizes(path), key=_sizes(path).__getitem__)
    start = content.find(name.encode()) + len(name)
    for place in range(start + 70, start + 74):
        content[place] ^= 0xFF
    path.write_bytes(content)


def _sizes(path: Path) -> dict[str, int]:
    import zipfile

    with zipfile.ZipFile(path) as archive:
        return {entry.filename: entry.file_size for entry in archive.infolist()}


DAMAGES: tuple[Callable[[Path], None], ...] = (truncate, empty, garble)


def only(root: Path, kind: str) -> Path:
    (path,) = (root / kind).glob("*.pt")
    return path


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((folder / "records").glob("trial-*.json"))]


def whole(path: Path) -> bool:
    try:
        checkpoint.load(path, checked=True)
    except CheckpointError:
        return False
    return True


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", cache.KINDS)
def test_a_damaged_file_is_made_again(
    place: Path, root: Path, kind: str, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    folder = place / "sweep"
    run_sweep(small(max(1, len(records(folder)))), folder, InProcess())
    before = records(folder)
    path = only(root, kind)
    damage(path)
    assert not whole(path)
    with caplog.at_level(logging.WARNING):
        run_sweep(small(len(before) + 1), folder, InProcess())
    after = records(folder)
    assert [record["outcome"] for record in after] == ["completed"] * (len(before) + 1)
    assert after[:-1] == before
    assert whole(path)
    said = [record.getMessage() for record in caplog.records if path.name in record.getMessage()]
    assert len(said) == 1, "said, and once"
    assert "is damaged and is made again" in said[0]
    assert (after[-1]["cost"]["synthesis_cached"]) == (kind != "synthesis")


class Damaging:
    """Runs in this process, and damages the whole cache before every trial."""

    on_this_machine = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self.damaged = 0

    def execute(self, driver: Driver) -> None:
        hand_out = driver.next

        def next_() -> Job | NoJob:
            job = hand_out()
            if isinstance(job, Job) and job.kind == "trial":
                for number, path in enumerate(sorted(self.root.glob("*/*.pt"))):
                    if path.parent.name in cache.KINDS:
                        DAMAGES[(self.damaged + number) % len(DAMAGES)](path)
                self.damaged += 1
            return job

        driver.next = next_  # type: ignore[method-assign]
        InProcess().execute(driver)


def test_damage_between_trials_changes_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    for name in ("calm", "rough"):
        monkeypatch.setenv("ACGKD_CACHE", str(tmp_path / f"{name} cache"))
        executor = Damaging(tmp_path / f"{name} cache") if name == "rough" else InProcess()
        run_sweep(small(4), tmp_path / name, executor)
        rows.append([(row["outcome"], row["objectives"], row["quality"]) for row in records(tmp_path / name)])
    assert executor.damaged == 4
    assert rows[0] == rows[1]
    assert [outcome for outcome, _, _ in rows[1]] == ["completed"] * 4


def test_a_file_that_cannot_be_read_at_all_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails says nothing about what is on it."""
    path = tmp_path / "thing.pt"
    path.write_text("whole")

    def read(asked: Path) -> str:
        raise CheckpointError(f"{asked} cannot be read: Input/output error.")

    def failing(self: Path, *arguments: Any, **options: Any) -> Any:
        raise OSError(5, "Input/output error", str(self))

    monkeypatch.setattr(Path, "open", failing)
    with pytest.raises(OSError, match="Input/output error"):
        cache.kept(path, lambda part: None, read)
    monkeypatch.undo()
    assert path.read_text() == "whole"


def test_what_is_still_damaged_when_it_was_made_again_is_an_error(tmp_path: Path) -> None:
    made = []

    def make(part: Path) -> None:
        made.append(part)
        part.write_text("nonsense")

    with pytest.raises(CheckpointError, match=r"thing\.pt is damaged or not a checkpoint"):
        cache.kept(tmp_path / "thing.pt", make, lambda path: checkpoint.load(path, checked=True))
    assert len(made) == 3


def test_a_file_that_another_process_has_replaced_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "thing.pt"
    path.write_text("damaged")
    seen = cache.version(path)
    path.unlink()
    path.write_text("whole again")
    cache.discard(path, seen, CheckpointError("damaged"))
    assert path.read_text() == "whole again"
