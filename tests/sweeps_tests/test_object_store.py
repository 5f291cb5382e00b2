"""A sweep on an object store: a real S3 server on loopback, which some tests leave or replace."""

import json
import os
import pickle
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from s3_server import BUCKET, S3, serving

import analysis
import sweeps
from acgkd.errors import FolderError, StaleGenerationError, StorageError
from analysis.stores import copies
from analysis.stores.object_store import ObjectStore
from sweeps.cli.app import main
from sweeps.engine.driver import NoJob
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.interchange.report_server import ReportServer
from sweeps.store.folder import SweepFolder
from sweeps.store.sharing import lease
from sweeps.store.writable import place_of
from sweeps.worker.job_runner import JobRunner


def go(lab: ModuleType, place: Path | str, watch: Any = None, **changes: Any) -> Any:
    spec = lab.make_spec(**{"trials": 2, "seeds": (0,), **changes})
    return run_sweep(spec, place, InProcess(), experiments=lab.FakeExperiments(), watch=watch)


@pytest.fixture
def alone() -> Iterator[None]:
    """No copies of other tests: as a process of its own would see the store."""
    before = dict(copies._copies)
    copies._copies.clear()
    yield
    copies._copies.clear()
    copies._copies.update(before)


# ---- objects


def test_objects_are_created_once_read_together_and_removed(address: str) -> None:
    store = ObjectStore(address)
    assert store.create("records/a.json", b"first")
    assert not store.create("records/a.json", b"second")
    assert store.create("records/a.json", b"first")  # its own answer may have been lost
    store.write("records/b.json", b"b")
    assert store.read_many(["records/a.json", "records/b.json", "records/c.json"]) == {
        "records/a.json": b"first",
        "records/b.json": b"b",
    }
    assert sorted(store.listed("records/")) == ["records/a.json", "records/b.json"]
    assert list(store.listed("records/b")) == ["records/b.json"]
    assert store.exists("records/a.json")
    store.remove(["records/a.json", "records/never there"])
    assert not store.exists("records/a.json")
    with pytest.raises(FileNotFoundError):
        store.read("records/a.json")
    age_s = store.age_s("records/b.json")
    assert age_s is not None
    assert -1 <= age_s < 60
    assert store.age_s("records/a.json") is None


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("memory://bucket/x", "creates an object only if there is none"),
        ("http://127.0.0.1:1/x", "creates an object only if there is none"),
        ("file:///tmp/x", "is named by its path, `/tmp/x`"),
        ("hdfs://host:9000/x", "creates an object only if there is none"),
        ("gs://bucket/x", "needs a package that is not installed"),
        ("s3://", "needs a bucket and a name"),
        ("s3://sweeps/../x", "is written out, without `.` and `..`"),
        ("s3://nobody-has-made-this/x", "The bucket must be there"),
    ],
)
def test_what_cannot_hold_a_sweep_is_refused_in_a_sentence(
    place: str, said: str, s3: S3, tmp_path: Path, monkeypatch: Any, capsys: Any, lab: ModuleType
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", "quickstart", "--out", place, "--in-process"]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    for typed in (place, Path(place)):
        with pytest.raises(FolderError):
            sweeps.run(lab.make_spec(), typed, executor=InProcess(), on_progress=None)
    assert main(["status", place]) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.cluster
def test_a_store_that_creates_what_is_there_already_is_refused(lab: ModuleType, capsys: Any) -> None:
    with serving(forgetful=True) as server:
        with pytest.raises(FolderError, match="creates an object only if there is none"):
            go(lab, f"s3://{BUCKET}/forgetful")
        assert server.names(f"s3://{BUCKET}/forgetful") == []


def test_without_credentials_it_is_said_what_is_missing(s3: S3, monkeypatch: Any, capsys: Any, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    assert main(["run", "quickstart", "--out", f"s3://{BUCKET}/nobody", "--in-process"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "there are no credentials" in said
    assert "AWS_ACCESS_KEY_ID" in said


def test_a_server_that_is_not_there_is_a_sentence(s3: S3, monkeypatch: Any, capsys: Any) -> None:
    from analysis.stores import object_store

    monkeypatch.setattr(object_store, "OPENING_S", 0.5)
    monkeypatch.setattr(object_store, "PATIENCE_S", 0.5)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert main(["run", "quickstart", "--out", f"s3://{BUCKET}/away", "--in-process"]) == 2
    assert "has not for" in " ".join(capsys.readouterr().err.split())
    assert main(["status", f"s3://{BUCKET}/away"]) == 1
    assert "has not for" in " ".join(capsys.readouterr().err.split())


def test_a_place_with_other_things_is_refused(address: str, s3: S3, lab: ModuleType) -> None:
    s3.files().pipe_file(f"{address.removeprefix('s3://')}/thesis.tex", b"")
    with pytest.raises(FolderError, match=r"s3://.* holds other things \(thesis.tex\)"):
        go(lab, address)
    assert s3.names(address) == ["thesis.tex"]


# ---- a sweep


def test_a_sweep_on_a_store_is_the_sweep_in_a_folder(address: str, s3: S3, lab: ModuleType, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"controls": ["random_graphs"], "artefacts": {"samples": 2}}
    assert go(lab, address, **changes).counts == {"completed": 2}
    go(lab, tmp_path / "fake", **changes)
    there = s3.download(address, tmp_path / "there")
    assert lab.table(there) == lab.table(tmp_path / "fake")
    for kind in ("students", "curves", "samples", "records"):
        assert sorted(os.listdir(there / kind)) == sorted(os.listdir(tmp_path / "fake" / kind))
    left = {path.name for path in (there / "trials").rglob("*") if path.is_file()}
    assert left == {"trial.json"}
    assert go(lab, address, **changes).nothing_to_do
    assert go(lab, address, trials=3, **changes).trials_started == 1
    go(lab, tmp_path / "fake", trials=3, **changes)
    assert lab.table(s3.download(address, tmp_path / "later")) == lab.table(tmp_path / "fake")


@pytest.mark.cluster
@pytest.mark.usefixtures("alone")
def test_another_process_resumes_and_reads_it(address: str, s3: S3, lab: ModuleType, tmp_path: Path) -> None:
    go(lab, address, trials=2)
    copies._copies.clear()
    assert go(lab, address, trials=4).trials_started == 2
    copies._copies.clear()
    frame = analysis.load(address)
    go(lab, tmp_path / "fake", trials=4)
    local = analysis.load(tmp_path / "fake")
    assert len(frame.rows) == len(local.rows) > 4
    assert list(frame.rows["source"].unique()) == ["fake"]
    assert frame.sweeps[0].gaps == ()
    sweep = sweeps.open(address)
    assert address in repr(sweep)
    assert sweep.status().trials == {"completed": 4}
    assert sweep.trials()["chosen"].sum() == 1


@pytest.mark.cluster
def test_commands_read_it_and_name_it_by_its_address(address: str, s3: S3, lab: ModuleType, capsys: Any) -> None:
    go(lab, address, trials=2, transfer={"fault": "bug"})
    assert main(["status", address]) == 0
    said = capsys.readouterr().out
    assert f"acgkd why {address} 0" in said
    assert "/copy-" not in said
    assert main(["status", address, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trials"] == {"failed": 2}
    assert main(["why", address, "1"]) == 0
    assert "a bug" in capsys.readouterr().out
    assert main(["retry", address]) == 0
    capsys.readouterr()
    assert sweeps.open(address).status().trials == {"waiting": 2}
    assert main(["status", f"{address}-nothing"]) == 2
    assert f"there is none: {address}-nothing" in " ".join(capsys.readouterr().err.split())


@pytest.mark.cluster
@pytest.mark.usefixtures("alone")
def test_points_and_requests_reach_the_driver(address: str, lab: ModuleType) -> None:
    asked: list[str] = []

    def watch(shown: Any) -> None:
        # Copies are those of the whole process: while this is called by the ticker, the driver works with them.
        if shown.counts.get("completed") and not asked and threading.current_thread() is threading.main_thread():
            asked.append(address)
            own = dict(copies._copies)  # as from another machine
            copies._copies.clear()
            sweep = sweeps.open(address)
            sweep.enqueue({"method/synthesis/width": 3})
            assert sweep.stop(wait_s=0) is False
            copies._copies.clear()
            copies._copies.update(own)

    summary = go(lab, address, trials=40, watch=watch, transfer={"steps": 40, "delay_s": 0.005})
    assert summary.interrupted
    assert 0 < sum(summary.counts.values()) < 40
    trials = go(lab, address, trials=6, transfer={"steps": 40, "delay_s": 0.005}).counts
    assert trials == {"completed": max(6, sum(trials.values()))}
    files = SweepFolder(copies.here(address))
    assert [trial.number for trial in files.trials() if trial.enqueued]


# ---- one driver


@pytest.mark.cluster
def test_a_second_driver_is_refused_and_named(address: str, lab: ModuleType, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(lease, "RENEW_S", 0.1)
    go(lab, address, trials=1)
    folder = SweepFolder(copies.here(address))
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    with folder.lock():
        assert folder.lock().held()
        assert main(["run", "quickstart", "--out", address, "--in-process"]) == 73
        said = " ".join(capsys.readouterr().err.split())
        assert f"process {os.getpid()} on " in said
        assert "Slurm job 4711" in said
        assert address in said
    assert not folder.lock().held()
    folder.lock().require_free()


@pytest.mark.cluster
def test_a_lease_that_is_not_renewed_is_taken_over_and_its_driver_leaves(
    address: str, lab: ModuleType, monkeypatch: Any
) -> None:
    monkeypatch.setattr(lease, "STALE_S", 8.0)  # the store's clock counts whole seconds, and beats may be late
    monkeypatch.setattr(lease, "RENEW_S", 0.2)
    monkeypatch.setattr(lease, "DOUBT_S", 0.0)
    monkeypatch.setattr(lease, "_machine", iter(map(str, range(99))).__next__)  # every driver on a machine of its own
    copy = copies.working_copy(address)
    copy.root.mkdir(exist_ok=True)
    said: list[str] = []
    first, second = lease.Lease(copy, copy.root), lease.Lease(copy, copy.root, said.append)
    monkeypatch.setattr(lease.Lease, "_local_file", property(lambda self: copy.root.parent / f"{id(self)}.lock"))
    with first:
        first.require_ours()
        with pytest.raises(FolderError, match="another one does"):
            second.__enter__()
        first._over.set()  # it is stopped, as by SIGSTOP or a cut line, and no renewal is on its way
        first._renewing.join()
        began = time.monotonic()
        with second:
            assert time.monotonic() - began > 0.5
            assert second.number == first.number + 1
            assert said[-1].startswith(f"Waiting, 8 s at most: process {os.getpid()} on ")
            with pytest.raises(StorageError, match=r"has taken s3://.* over; this one leaves"):
                first.require_ours()
            with pytest.raises(StaleGenerationError, match="was followed by start 2"):
                lease.check(copy, copy.root, first.number)
            lease.check(copy, copy.root, second.number)
    third = lease.Lease(copy, copy.root)
    with third:
        assert third.number == 3


@pytest.mark.parametrize("fails", ["create", "listed"])
def test_a_start_to_which_the_store_does_not_answer_leaves_the_sweep_free(
    fails: str, address: str, lab: ModuleType, monkeypatch: Any
) -> None:
    folder = SweepFolder(copies.working_copy(address).root)
    store = copies.working_copy(address).store
    create, listed = store.create, store.listed

    def away(key: str = "", *rest: Any) -> Any:
        if (fails == "create" and "leases/" in key) or (fails == "listed" and not key):
            raise StorageError("The object store must answer, but has not.")
        return create(key, *rest) if rest else listed(key)

    monkeypatch.setattr(store, fails, away)
    with pytest.raises(StorageError, match="must answer"), folder.lock():
        pass
    monkeypatch.undo()
    assert "lease" not in [thread.name for thread in threading.enumerate()]
    assert not folder.lock().held()
    assert go(lab, address, trials=1).counts == {"completed": 1}


def test_a_renewal_under_way_does_not_outlast_the_driver(address: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(lease, "RENEW_S", 0.01)
    folder = SweepFolder(copies.working_copy(address).root)
    store = copies.working_copy(address).store
    write, begun = store.write, threading.Event()

    def slow(key: str, content: bytes) -> None:
        if b'"released": false' in content:
            begun.set()
            time.sleep(0.2)
        write(key, content)

    monkeypatch.setattr(store, "write", slow)
    with folder.lock():
        assert begun.wait(10)
    time.sleep(0.3)
    assert json.loads(store.read("leases/0001.json"))["released"]


@pytest.mark.cluster
def test_a_driver_that_lost_its_lease_writes_no_trial(address: str, lab: ModuleType, monkeypatch: Any) -> None:
    monkeypatch.setattr(lease, "DOUBT_S", -1.0)
    taken: list[bytes] = []

    def watch(shown: Any) -> None:
        if shown.counts.get("completed") == 1 and not taken:
            copy = copies.working_copy(address)
            copy.store.create("leases/0002.json", b'{"holder": "process 1 on elsewhere", "beat": 0}')
            taken.append(copy.store.read("trials/0000/trial.json"))

    with pytest.raises(StorageError, match=r"has taken s3://.* over"):
        go(lab, address, trials=4, watch=watch)
    assert taken


def test_students_and_teachers_come_from_the_store(address: str, s3: S3, tmp_path: Path) -> None:
    from analysis.stores.copies import copy_of
    from sweeps.store.sharing import cache_copies

    copy = copies.working_copy(address)
    cache = copy.root / "cache"
    (cache / "teachers").mkdir(parents=True)
    (cache / "teachers" / "a.pt").write_bytes(b"bits of the first machine")
    cache_copies.keep(cache)
    assert copy_of(cache) is copy
    (cache / "teachers" / "a.pt").write_bytes(b"bits of another machine")
    (cache / "teachers" / "b.pt").write_bytes(b"b")
    cache_copies.keep(cache)
    assert s3.names(address) == ["cache/teachers/a.pt", "cache/teachers/b.pt"]
    (cache / "teachers" / "a.pt").unlink()
    cache_copies.fetch(cache)
    assert (cache / "teachers" / "a.pt").read_bytes() == b"bits of the first machine"


# ---- reports


@pytest.mark.usefixtures("whole_reports")
@pytest.mark.cluster
@pytest.mark.usefixtures("alone")
def test_the_report_is_that_of_the_folder(address: str, s3: S3, lab: ModuleType, tmp_path: Path) -> None:
    go(lab, address, trials=3)
    there = s3.download(address, tmp_path / "fake")
    sweeps.open(address).report()
    from analysis import reports

    reports.write([there], tmp_path / "report")
    written = s3.download(f"{address}/report", tmp_path / "written")
    for name in ("report.html", "report.md", "records.csv", "tables/trials.csv"):
        assert (written / name).read_bytes() == (tmp_path / "report" / name).read_bytes(), name


@pytest.mark.cluster
@pytest.mark.usefixtures("alone")
def test_the_served_report_follows_the_store(address: str, lab: ModuleType) -> None:
    go(lab, address, trials=1)
    copies._copies.clear()
    server = ReportServer(place_of(address), 0, print)
    server._server._server.server_close()
    assert (server._version, b"trial 4" in server._page) == (1, False)
    readers = dict(copies._copies)
    copies._copies.clear()
    go(lab, address, trials=5)  # with a copy of its own, as a driver elsewhere has one
    copies._copies.clear()
    copies._copies.update(readers)
    server._not_before = 0
    server._follow()
    assert (server._version, b"trial 4" in server._page) == (2, True)


@pytest.mark.parametrize("command", ["fork", "pack", "merge", "unpack", "init", "report"])
def test_what_is_written_elsewhere_needs_a_folder(command: str, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = {
        "fork": ["runs/x", "quickstart"],
        "pack": ["runs/x"],
        "merge": ["a.parquet", "b.parquet"],
        "unpack": ["a.parquet", "--spec", "quickstart"],
        "init": ["quickstart"],
        "report": ["s.parquet"],
    }[command]
    (tmp_path / "s.parquet").touch()
    assert main([command, *arguments, "--out", f"s3://{BUCKET}/elsewhere"]) == 2
    assert "needs a folder on a filesystem, but got s3://" in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["s.parquet"]


# ---- several machines


class Elsewhere:
    """Runs each job on a machine of its own, which has nothing but the store; after two steps it is preempted."""

    def execute(self, driver: Any) -> None:
        driver.prepare()
        while (job := driver.next()) not in (NoJob.FINISHED, NoJob.WAIT):
            driver.started(job)
            runner = JobRunner(driver.spec, self._arrived(driver.folder), job, driver.experiments)
            steps = 0
            while driver.report(job, runner.step()):
                steps += 1
                if steps == 2:
                    runner.checkpoint()
                    driver.interrupted(job)
                    break

    def _arrived(self, folder: SweepFolder) -> SweepFolder:
        copy = copies.working_copy(copies.shown(str(folder.path)))
        there: SweepFolder = pickle.loads(pickle.dumps(folder))
        assert there.path == folder.path  # the same machine shares
        root = copies._fresh_root(copy.address)
        with pytest.MonkeyPatch.context() as patch:
            made = copies._registered(copies.WorkingCopy(ObjectStore(copy.address), root))
            patch.setattr(copies, "attached", lambda *_: made)
            arrived: SweepFolder = pickle.loads(pickle.dumps(folder))
        assert arrived.path == root
        arrived.require_visible()
        return arrived


@pytest.mark.cluster
def test_a_replicate_moves_from_machine_to_machine(address: str, s3: S3, lab: ModuleType, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"trials": 2, "seeds": (0, 1), "transfer": {"steps": 60, "delay_s": 0.05}}
    spec = lab.make_spec(**changes)
    assert run_sweep(spec, address, Elsewhere(), experiments=lab.FakeExperiments()).counts == {"completed": 2}
    run_sweep(spec, tmp_path / "one", InProcess(), experiments=lab.FakeExperiments(hurry=True))
    there = s3.download(address, tmp_path / "there")
    assert lab.table(there) == lab.table(tmp_path / "one")
    assert lab.lost(there) == [0.0] * 4
    assert any(len(trial["attempts"]) > 2 for trial in lab.trials(there))
    left = {path.name for path in (there / "trials").rglob("*") if path.is_file()}
    assert left == {"trial.json"}


def test_copies_of_dead_processes_are_removed_and_those_of_others_stay(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(copies, "_place", lambda: tmp_path)
    program = "from analysis.stores import copies; copies._place = lambda: __import__('pathlib').Path({!r}); "
    program += "print(copies._fresh_root('s3://b/name')); import sys, os; sys.stdout.flush(); {}"
    path = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    killed = subprocess.run(
        [sys.executable, "-c", program.format(str(tmp_path), "os.kill(os.getpid(), 9)")], env=path, capture_output=True
    )
    left = Path(killed.stdout.decode().strip())
    assert left.name == "name"
    assert left.is_dir()
    with subprocess.Popen(
        [sys.executable, "-c", program.format(str(tmp_path), "input()")],
        env=path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as alive:
        assert alive.stdout is not None
        there = Path(alive.stdout.readline().strip())
        ours = copies._fresh_root("s3://b/name")
        assert not left.exists()
        assert there.is_dir()
        monkeypatch.setattr("fcntl.flock", lambda *_: None)  # as where locks do nothing
        copies._fresh_root("s3://b/name")
        assert there.is_dir()
        assert ours.is_dir()
        alive.communicate("\n")
    assert not there.exists()


@pytest.mark.parametrize("endpoint", ["nonsense", "http://127.0.0.1:port"])
def test_an_endpoint_that_is_no_address_is_a_sentence(
    endpoint: str, s3: S3, monkeypatch: Any, capsys: Any, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    for command, code in ((["run", "quickstart", "--in-process", "--out"], 2), (["status"], 1)):
        assert main([*command, f"s3://{BUCKET}/misnamed{uuid.uuid4().hex[:4]}"]) == code
        said = " ".join(capsys.readouterr().err.split())
        assert "AWS_ENDPOINT_URL_S3" in said
        assert endpoint in said


def test_a_name_that_no_bucket_can_have_is_refused_at_once(s3: S3, capsys: Any) -> None:
    assert main(["status", "s3://No_Bucket!/x"]) == 1
    assert "must name a bucket" in " ".join(capsys.readouterr().err.split())


def test_students_are_loaded_exported_and_compared_by_address(
    address: str, s3: S3, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    import torch

    import acgkd
    from acgkd.models import build_model
    from acgkd.students.saving import save_student

    monkeypatch.chdir(tmp_path)
    save_student(build_model("gin-2-8", 3, 2), tmp_path / "s.pt")
    there = f"{address}/students/s.pt"
    s3.files().put_file(str(tmp_path / "s.pt"), there.removeprefix("s3://"))
    mine = acgkd.load_student("s.pt").state_dict()
    for place in (there, Path(there)):
        for name, value in acgkd.load_student(place).state_dict().items():
            assert torch.equal(value, mine[name])
    with pytest.raises(acgkd.CheckpointError, match=rf"{there}x cannot be read"):
        acgkd.load_student(f"{there}x")
    for command in (["export", address, "--to", "torch", "--out", "s.pt2"], ["compare", f"{address}/none"]):
        assert main(command) in (1, 2)
        assert address in " ".join(capsys.readouterr().err.split())
