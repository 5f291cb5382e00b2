"""A sweep folder that is full, refused, removed or damaged: one sentence each, no trial blamed, and it resumes."""

import errno
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from processes import no_override

from acgkd.errors import StorageError
from sweeps.cli.app import main
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.store.atomic import Lock
from sweeps.store.folder import SweepFolder
from sweeps.store.storage_errors import folder_error, storage_error


def go(lab: ModuleType, folder: Path, watch: Any = None, **changes: Any) -> Any:
    spec = lab.make_spec(**{"trials": 3, "seeds": (0,), **changes})
    return run_sweep(spec, folder, InProcess(), experiments=lab.FakeExperiments(), watch=watch)


def once_there(path: Path, act: Callable[[], object]) -> Callable[[object], None]:
    """Does something when a file is there, once."""
    done: list[bool] = []

    def watch(snapshot: object) -> None:
        if not done and path.exists():
            done.append(True)
            act()

    return watch


# ---- full


@pytest.fixture
def size_limit() -> Iterator[Callable[[int], None]]:
    """Sets the largest size of a file; put back afterwards."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def saving_fails(place: Path) -> BaseException:
    import torch

    with pytest.raises(RuntimeError) as caught:
        torch.save({"weights": torch.zeros(300_000), "epochs": [1, 2]}, place)
    return caught.value


@pytest.mark.parametrize("limit", [0, 64, 100_000, 1_200_500])
def test_weights_that_a_size_limit_cuts_short_are_a_storage_error(
    limit: int, tmp_path: Path, size_limit: Callable[[int], None]
) -> None:
    size_limit(limit)
    error = saving_fails(tmp_path / "weights.pt")
    size_limit(-1)  # before pytest writes of this test, maybe into a file
    assert not isinstance(error, OSError)
    assert "Make room" in str(storage_error(error))


def test_weights_on_a_full_device_are_a_storage_error() -> None:
    assert "Make room" in str(storage_error(saving_fails(Path("/dev/full"))))


@pytest.mark.parametrize(("options", "said"), [("size=64k", "Make room"), ("ro", "Read-only file system")])
def test_weights_on_a_full_or_read_only_disk_are_a_storage_error(options: str, said: str, tmp_path: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(tmp_path)], capture_output=True).returncode:
        pytest.skip("no right to mount here")
    try:
        assert said in str(storage_error(saving_fails(tmp_path / "weights.pt")))
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_other_errors_of_torch_are_none() -> None:
    import torch

    with pytest.raises(RuntimeError) as caught:
        torch.ones(2, 3) @ torch.ones(2, 3)
    assert storage_error(caught.value) is None


def test_a_disk_that_fills_up_while_a_student_is_saved_blames_no_trial(
    lab: ModuleType, tmp_path: Path, size_limit: Callable[[int], None]
) -> None:
    with pytest.raises(StorageError, match=r"cut short.*Make room"):
        go(lab, tmp_path, transfer={"fault": "full weights"})
    size_limit(-1)
    assert {trial["state"] for trial in lab.trials(tmp_path)} <= {"waiting", "running"}


# ---- refused


STEPS = {"steps": 4, "delay_s": 0.05}
PLACES = {"records": "records", "trials": "trials/0001", "epoch": "epoch", "students": "students"}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_place_that_is_refused_for_a_while_stops_the_sweep_and_blames_no_trial(
    place: str, lab: ModuleType, tmp_path: Path
) -> None:
    folder = tmp_path / "sweep"
    mode = 0o000 if place == "epoch" else 0o500
    watch = once_there(folder / "trials" / "0001" / "trial.json", lambda: (folder / place).chmod(mode))
    with no_override(), pytest.raises(StorageError) as caught:
        go(lab, folder, watch, transfer=STEPS)
    said = str(caught.value)
    assert "Permission denied" in said
    assert str(folder / place) in said
    assert "the same command again" in said
    assert all(trial["state"] in ("waiting", "running", "completed") for trial in lab.trials(folder))
    (folder / place).chmod(0o700)
    assert go(lab, folder, transfer=STEPS).counts == {"completed": 3}


def test_a_record_that_cannot_be_read_is_said(lab: ModuleType, tmp_path: Path) -> None:
    record = tmp_path / "records" / "trial-0001-00.json"
    changes: dict[str, Any] = {"seeds": (0, 1), "transfer": STEPS}
    stop = once_there(record, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert go(lab, tmp_path, stop, **changes).interrupted
    record.chmod(0)
    with no_override(), pytest.raises(StorageError, match=f"Permission denied: {record}"):
        go(lab, tmp_path, **changes)
    record.chmod(0o600)
    assert go(lab, tmp_path, **changes).counts == {"completed": 3}


def test_what_is_refused_outside_the_folder_is_the_trials_own_business(tmp_path: Path) -> None:
    error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/elsewhere/data.zip")
    assert folder_error(error, tmp_path) is None
    inside = PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(tmp_path / "records" / "x"))
    assert "not permitted" in str(folder_error(inside, tmp_path))


# ---- removed


def test_a_folder_that_is_removed_while_the_sweep_runs_is_not_made_again(lab: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    watch = once_there(folder / "records" / "trial-0001-00.json", lambda: shutil.rmtree(folder))
    with pytest.raises(StorageError, match="was removed or moved"):
        go(lab, folder, watch, trials=20, transfer={"steps": 4, "delay_s": 0.05})
    assert not folder.exists()


def test_weights_do_not_make_a_removed_folder_again(tmp_path: Path) -> None:
    from acgkd import checkpoint

    checkpoint.save({"epochs": 3}, tmp_path / "students" / "one.pt")
    with pytest.raises(FileNotFoundError):
        checkpoint.save({"epochs": 3}, tmp_path / "gone" / "students" / "one.pt")
    assert not (tmp_path / "gone").exists()


# ---- damaged


@pytest.mark.parametrize("content", ["", '{"seconds": 1', "[]", '{"seconds": "long"}'])
def test_a_torn_file_of_a_start_is_said_and_blocks_nothing(content: str, lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path)
    (tmp_path / "starts" / "0001.json").write_text(content)
    status = SweepFolder(tmp_path).status()
    assert status.damaged == [
        f"{tmp_path / 'starts' / '0001.json'} is damaged and was ignored: the seconds of that start are missing in the "
        "budget of hours."
    ]
    assert status.hours == 0
    assert go(lab, tmp_path, trials=4).counts == {"completed": 4}


def test_a_removed_counter_of_starts_loses_no_start(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path)
    first = (tmp_path / "starts" / "0001.json").read_text()
    (tmp_path / "epoch").unlink()
    assert go(lab, tmp_path, trials=4).counts == {"completed": 4}
    assert (tmp_path / "epoch").read_text() == "2"
    assert (tmp_path / "starts" / "0001.json").read_text() == first
    assert (tmp_path / "starts" / "0002.json").exists()


# ---- another driver's


def test_a_locked_folder_is_refused_at_once_with_its_holder(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    with Lock(tmp_path / "driver.lock"):
        assert main(["run", "not-read.yaml", "--out", str(tmp_path)]) == 73
        assert main(["run", "quickstart", "--out", str(tmp_path)]) == 73
    said = " ".join(capsys.readouterr().err.split())
    assert f"process {os.getpid()} on " in said
    assert "Slurm job 4711" in said
