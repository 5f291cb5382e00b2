import fcntl
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from acgkd.errors import StorageError, SweepError
from sweeps.store.atomic import Lock, create, read_json, write


def test_a_file_is_replaced_and_no_temporary_stays(tmp_path: Path) -> None:
    write(tmp_path / "a.json", "1")
    write(tmp_path / "a.json", "2", durable=False)
    assert (tmp_path / "a.json").read_text() == "2"
    assert os.listdir(tmp_path) == ["a.json"]


def _create(path: Path, text: str, gate: object) -> None:
    gate.wait()  # type: ignore[attr-defined]
    os._exit(17 if create(path, text) else 0)


def test_of_several_creators_exactly_one_wins(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(4)
    children = [context.Process(target=_create, args=(tmp_path / "r.json", str(i), gate)) for i in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    winners = [str(i) for i, child in enumerate(children) if child.exitcode == 17]
    assert winners == [(tmp_path / "r.json").read_text()]
    assert os.listdir(tmp_path) == ["r.json"]


def test_a_file_size_limit_is_a_storage_error_and_leaves_the_old_file(tmp_path: Path) -> None:
    program = f"""
import resource, sys
from pathlib import Path
from sweeps.store.atomic import write, create
from acgkd.errors import StorageError
write(Path({str(tmp_path)!r}) / "a", "old")
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
for act in (write, create):
    try:
        act(Path({str(tmp_path)!r}) / ("a" if act is write else "b"), "x" * 1000)
    except StorageError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.count("File too large") == 2
    assert "Make room" in done.stdout
    assert (tmp_path / "a").read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_full_disk_is_a_storage_error() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    from sweeps.store.storage_errors import storage_error

    with pytest.raises(OSError, match="No space") as caught, full.open("w") as file:  # noqa: PT012
        file.write("x")
        file.flush()
    assert isinstance(storage_error(caught.value), StorageError)


def test_damaged_json_is_reported_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": ')
    with pytest.raises(SweepError, match=r"x\.json must hold a JSON object, but is damaged"):
        read_json(tmp_path / "x.json")
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(SweepError, match="holds list"):
        read_json(tmp_path / "x.json")
    assert read_json(tmp_path / "none.json") is None


def test_a_second_lock_is_refused_and_names_the_holder(tmp_path: Path) -> None:
    with Lock(tmp_path / "driver.lock") as lock:
        assert lock.held()
        with pytest.raises(SweepError, match=f"process {os.getpid()} on "), Lock(tmp_path / "driver.lock"):
            pass
    assert not Lock(tmp_path / "driver.lock").held()
    with Lock(tmp_path / "driver.lock"):
        pass


def test_a_holder_that_has_not_written_its_name_yet_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "driver.lock"
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        writing = threading.Timer(0.15, path.write_text, ["process 7 on there"])
        writing.start()
        with pytest.raises(SweepError, match="process 7 on there"):
            Lock(path).require_free()
        writing.join()


def test_a_killed_holder_lets_go_though_its_children_live(tmp_path: Path) -> None:
    program = f"""
import subprocess, sys, time
from pathlib import Path
from sweeps.store.atomic import Lock
Lock(Path({str(tmp_path)!r}) / "driver.lock").__enter__()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
print(child.pid, flush=True)
time.sleep(60)
"""
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    try:
        assert Lock(tmp_path / "driver.lock").held()
        holder.kill()
        holder.wait()
        with Lock(tmp_path / "driver.lock"):
            os.kill(child, 0)
    finally:
        os.kill(child, 9)
        holder.stdout.close()
