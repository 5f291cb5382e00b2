import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from acgkd.errors import ConfigError, SweepError
from sweeps.executors.ray import cluster
from sweeps.executors.ray.cluster import check_room, preflight
from sweeps.spec.sections import Resources
from sweeps.store.batch_job import JOBS
from tests.ports import free_ports

BIN = Path(sys.executable).parent


@pytest.fixture
def listener() -> Iterator[int]:
    """A port where something listens that is no Ray cluster."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_trial_must_fit_into_the_machine() -> None:
    check_room({"CPU": 2.0, "GPU": 1.0}, Resources(cpu=2, gpu=0.25))
    check_room({"CPU": 1.0, "memory": 4e9}, Resources(memory=4.0))
    with pytest.raises(SweepError, match="takes 1 CPU and 2 GPU, and Ray finds 2 and 1"):
        check_room({"CPU": 2.0, "GPU": 1.0}, Resources(gpu=2))
    with pytest.raises(SweepError, match=r"takes 5 GB of memory, and 4\.0 are free"):
        check_room({"CPU": 1.0, "memory": 4e9}, Resources(memory=5.0))


def test_where_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(SweepError, match=f"must answer at {where}, but: .*refused"):
            preflight(where)


def test_a_listener_that_says_nothing_is_given_up_and_the_time_to_import_ray_is_not_its(
    monkeypatch: pytest.MonkeyPatch, listener: int
) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    monkeypatch.setattr(cluster, "ANSWER_S", 0.5)
    slow = "import time; time.sleep(1.5); print('asks', flush=True)"
    monkeypatch.setattr(cluster, "_PROBE", slow)
    assert preflight(f"127.0.0.1:{listener}") == f"127.0.0.1:{listener}"
    monkeypatch.setattr(cluster, "_PROBE", f"{slow}; time.sleep(60)")
    with pytest.raises(SweepError, match="what listens there says nothing"):
        preflight(f"127.0.0.1:{listener}")
    monkeypatch.setattr(cluster, "_PROBE", "import no_such_ray")
    with pytest.raises(SweepError, match="but: ModuleNotFoundError"):
        preflight(f"127.0.0.1:{listener}")


def test_a_token_file_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listener: int) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    with pytest.raises(SweepError, match=f"on {socket.gethostname()} there is none at {tmp_path}/token"):
        preflight(f"127.0.0.1:{listener}")
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SweepError, match=f"{socket.gethostname()} has none(.|\n)*{tmp_path}/.ray/auth_token"):
        preflight(f"127.0.0.1:{listener}")


def test_no_address_in_words_is_no_address() -> None:
    for address in ("nonsense", "host:", ":6379", "host:port"):
        with pytest.raises(ConfigError, match=f"named HOST:PORT.* but got {address}"):
            preflight(address)
    with pytest.raises(ConfigError, match="that is a job server, to which `acgkd submit` hands"):
        preflight("http://127.0.0.1:8265")


def test_a_client_address_is_left_to_ray() -> None:
    assert preflight("ray://somewhere:10001") == "ray://somewhere:10001"


class Heads:
    """Processes that look like the heads of clusters: that is how Ray finds them on a machine."""

    def __init__(self, ports: list[int]) -> None:
        text = "import time; time.sleep(60)"
        self.processes = [
            subprocess.Popen(["/core/src/ray/raylet/raylet", "-c", text, f"--gcs-address=127.0.0.1:{port}"],
                             executable=sys.executable)
            for port in ports
        ]  # fmt: skip

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


def test_auto_is_refused_where_there_are_several_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("sweeps.executors.ray.cluster.batch_job", lambda: None)
    heads = Heads([41001, 41002])
    try:
        with pytest.raises(SweepError, match=r"one Ray cluster on this machine, but there are \d") as caught:
            preflight("auto")
        assert "127.0.0.1:41001" in str(caught.value)
        assert "127.0.0.1:41002" in str(caught.value)
    finally:
        heads.end()


@pytest.mark.parametrize(("variable", "job"), [("SLURM_JOB_ID", "Slurm job 17"), ("PBS_JOBID", "PBS job 17")])
def test_auto_is_refused_in_a_batch_job(variable: str, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*JOBS, "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "17")
    with pytest.raises(SweepError, match=f"must be named, but this is {job}"):
        preflight("auto")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")  # named after all
    with pytest.raises(SweepError, match=r"must answer at 127\.0\.0\.1:9,"):
        preflight("auto")


def answer(where: str) -> str:
    """What `preflight` returns or says."""
    try:
        return preflight(where)
    except SweepError as error:
        return str(error)


@pytest.mark.cluster
@pytest.mark.ray
def test_a_wrong_token_is_reported_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, letter in (("good", "a"), ("bad", "b")):
        (tmp_path / name).write_text(letter * 32)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "good"))
    [port] = free_ports(1)
    where = f"127.0.0.1:{port}"
    head = [
        str(BIN / "ray"),
        "start",
        "--head",
        f"--port={port}",
        "--num-cpus=1",
        "--include-dashboard=false",
        "--block",
    ]
    cluster = subprocess.Popen(head, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        end = time.monotonic() + 150
        while (found := answer(where)) != where:
            assert cluster.poll() is None, found
            assert time.monotonic() < end, found
            time.sleep(0.3)
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "bad"))
        with pytest.raises(
            SweepError, match=f"wants its token, but {socket.gethostname()} has another one in {tmp_path}/bad"
        ):
            preflight(where)
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "good"))
        monkeypatch.delenv("RAY_AUTH_MODE")
        with pytest.raises(
            SweepError, match=f"shows none: the one in {tmp_path}/good is used with RAY_AUTH_MODE=token alone"
        ):
            preflight(where)
    finally:
        os.killpg(cluster.pid, 15)
        try:
            cluster.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(cluster.pid, 9)
            cluster.wait()
