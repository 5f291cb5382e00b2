"""Sweeps submitted to Ray's real job server on loopback, with the real command line."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sweeps.cli.app import main
from tests.ports import free_ports

HOME = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
SPEC = """\
name: mine
dataset: motifs
teacher: {preset: "my_models:build", epochs: 2}
student: gin-2-8
method: {name: acgkd, synthesis: {graphs: 8, steps: 4}, transfer: {steps: 1500, batch_size: 4}}
space: {method/transfer/rate: {type: float, low: 0.001, high: 0.03, log: true}}
objectives: [validation_divergence, multiply_adds]
sampler: {name: tpe, lag: 4}
replicates: {seeds: [0, 1]}
budget: {trials: 4}
controls: [random_graphs]
"""
MODELS = """\
from acgkd.models import build_model


def build(prior):
    return build_model("gin-2-8", prior.feature_count, prior.classes)
"""

pytestmark = [pytest.mark.ray, pytest.mark.cluster, pytest.mark.timeout(1200)]


@dataclass
class Cluster:
    """A head with a job server, which wants a token.

    Args:
        environment: of whoever is let in.
        url: of the server.
    """

    environment: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def call(self, *arguments: str, code: int = 0, cwd: Path | None = None, **changes: str) -> str:
        """What `acgkd` prints."""
        line = [sys.executable, "-m", "acgkd", *arguments, "--address", self.url]
        environment = {**self.environment, "COLUMNS": "200", **changes}
        done = subprocess.run(line, env=environment, cwd=cwd, capture_output=True, text=True, timeout=500)
        assert done.returncode == code, done.stdout + done.stderr
        return " ".join((done.stdout + done.stderr).split())


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="jobs-", dir="/tmp"))  # Ray's sockets need a short path
    (folder / "token").write_text("a" * 32)
    port, client, server = free_ports(3, "127.0.0.1")
    found = Cluster(url=f"http://127.0.0.1:{server}")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    found.environment = {
        **kept,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": str(HOME),
        "OMP_NUM_THREADS": "1",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
    }
    options = [f"--port={port}", f"--ray-client-server-port={client}", f"--dashboard-port={server}"]
    options += [
        "--min-worker-port=0",
        "--max-worker-port=0",
        "--dashboard-agent-listen-port=0",
        "--num-cpus=2",
        "--block",
    ]
    options += ["--node-ip-address=127.0.0.1", "--include-dashboard=true", "--disable-usage-stats"]
    options += [f"--temp-dir={folder / 'ray'}"]
    with (folder / "head.txt").open("w") as said:
        head = subprocess.Popen(
            [BIN / "ray", "start", "--head", *options],
            env=found.environment,
            cwd=folder,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 240
        while True:
            probe = [BIN / "ray", "job", "list", "--address", found.url]
            if subprocess.run(probe, env=found.environment, capture_output=True).returncode == 0:
                break
            assert head.poll() is None, (folder / "head.txt").read_text()
            assert time.monotonic() < end, (folder / "head.txt").read_text()
            time.sleep(0.5)
        yield found
    finally:
        head.terminate()
        try:
            head.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(head.pid, 9)
            head.wait()
        shutil.rmtree(folder, ignore_errors=True)


def table(folder: Path) -> dict[str, Any]:
    kept = ("outcome", "objectives", "parameters", "seeds")
    records = {path.stem: json.loads(path.read_text()) for path in sorted((folder / "records").glob("*.json"))}
    return {name: {key: record[key] for key in kept if key in record} for name, record in records.items()}


def test_a_sweep_is_submitted_stopped_resumed_and_found_complete(cluster: Cluster, tmp_path: Path) -> None:
    laptop, sweep = tmp_path / "laptop", tmp_path / "shared" / "mine"
    laptop.mkdir()
    (laptop / "mine.yaml").write_text(SPEC)
    (laptop / "my_models.py").write_text(MODELS)
    submit = ("submit", "mine.yaml", "--trust-code", "--out", str(sweep))

    said = cluster.call(*submit, cwd=laptop)
    name = said.split("Submitted: ")[1].split()[0]
    assert name.startswith("acgkd-mine-")
    # The laptop's files may go: nothing is read from them any more once the job has begun.
    end = time.monotonic() + 300
    while not list(sweep.glob("work/*/*.ckpt*")) and not list(sweep.glob("records/*.json")):
        assert time.monotonic() < end, cluster.call("logs", name)
        time.sleep(0.3)
    assert name in cluster.call(*submit, cwd=laptop, code=73)
    assert f"Asked the job {name} to stop." in cluster.call("stop", str(sweep))
    said = cluster.call("logs", str(sweep))
    assert "Interrupted. What was done is kept" in said
    assert f"Job {name}: stopped" in said
    assert "has ended (stopped)" in cluster.call("stop", name, code=1)
    assert "stopped" in cluster.call("logs", name, "--follow", code=130)
    assert not list(sweep.glob("launch/job/*.pyc"))

    said = cluster.call(*submit, cwd=laptop)
    assert f"Submitted: {name}-2, which resumes the sweep" in said
    shutil.rmtree(laptop)
    assert "The sweep has ended: the budget of 4 trials is met." in cluster.call("logs", str(sweep), "--follow")

    laptop.mkdir()
    (laptop / "mine.yaml").write_text(SPEC)
    (laptop / "my_models.py").write_text(MODELS)
    assert f"Submitted: {name}-3" in cluster.call(*submit, cwd=laptop)
    assert "Nothing is left to do" in cluster.call("logs", str(sweep), "--follow")

    undisturbed = tmp_path / "undisturbed"
    spec = str(laptop / "mine.yaml")
    assert main(["run", spec, "--trust-code", "--in-process", "--out", str(undisturbed)]) == 0
    assert table(sweep) == table(undisturbed)


def test_without_the_token_nobody_is_let_in(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("b" * 32)
    said = cluster.call("logs", "x", code=1, RAY_AUTH_TOKEN_PATH=str(tmp_path / "other"))
    assert "wants its cluster's token" in said


def test_what_ends_with_an_error_ends_the_view_with_its_code(cluster: Cluster, tmp_path: Path) -> None:
    spec = tmp_path / "tiny.yaml"
    spec.write_text((HOME / "tests" / "cases" / "tiny.yaml").read_text())
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").touch()
    cluster.call("submit", str(spec), "--out", str(tmp_path / "taken"))
    assert "holds other things (thesis.tex)" in cluster.call("logs", str(tmp_path / "taken"), "--follow", code=2)
