"""Several nodes on this machine: killed, added, broken, and without their head. No trial pays for any of it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from processes import Command, command, progress
from raylets import Raylet, Raylets

from analysis import reports
from sweeps.cli.app import main
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.store.atomic import read_json
from sweeps.sweep import Sweep

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.ray, pytest.mark.cluster, pytest.mark.timeout(900)]
# Nine seconds each: checkpoints are three seconds apart.
LONG: dict[str, Any] = {"seeds": (0,), "sampler": {"name": "random"}, "transfer": {"steps": 90, "delay_s": 0.1}}
SHORT: dict[str, Any] = {**LONG, "trials": 45, "transfer": {"steps": 30, "delay_s": 0.1}}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Raylets]:
    with Raylets() as found:
        found.begin(workers=2)
        yield found


def nodes(folder: Path) -> dict[str, dict[str, Any]]:
    """What the file of the latest start says of each node, by name."""
    files = sorted((folder / "starts").glob("*.json"))
    found = json.loads(files[-1].read_text()).get("nodes", []) if files else []
    return {node["name"]: node for node in found}


def run(cluster: Raylets, folder: Path, **changes: Any) -> Any:
    return command(
        folder, "--address", cluster.address, environment={**cluster.environment, "ACGKD_CACHE": ""}, **changes
    )


def undisturbed(lab: ModuleType, folder: Path, **changes: Any) -> list[dict[str, Any]]:
    run_sweep(lab.make_spec(**changes), folder, InProcess(), experiments=lab.FakeExperiments(hurry=True))
    table: list[dict[str, Any]] = lab.table(folder)
    return table


def failures(folder: Path) -> list[tuple[str, str, str]]:
    """Every attempt that had a cause, of trials and of teachers: whose it was, its outcome and its cause."""
    events = map(json.loads, (folder / "events.jsonl").read_text().splitlines())
    ended = [event for event in events if event["event"] == "replicate_ended" and event.get("cause")]
    return [(event["label"], event["outcome"], event["cause"]) for event in ended]


def done_again(lab: ModuleType, folder: Path, steps: int) -> tuple[int, int]:
    """How many attempts were cut, and the steps that others made again: seconds depend on who keeps a worker waiting.

    Args:
        steps: of a whole trial.
    """
    attempts = [item for trial in lab.trials(folder) for item in trial["attempts"]]
    cut = [round(item["progress"] * steps) for item in attempts if item["outcome"] != "completed"]
    return len(cut), sum(cut) - sum(int(line.split()[-1]) for line in lab.events(folder, "loaded"))


def lines(sweep: Command, word: str) -> list[str]:
    return [line for line in sweep.text.splitlines() if word in line]


def far_from_its_end(node: Raylet, folder: Path) -> bool:
    """Whether a node is at its first trial, has noted a checkpoint of it, and still has work there for some seconds."""
    known = nodes(folder).get(node.name, {})
    if known.get("jobs") != 0 or known["seconds"] < 4.5:
        return False
    clocks = [trial / "00.clock.json" for trial in node.trials(folder)]
    return any((read_json(clock) or {}).get("at") and 0 < progress(clock) < 0.7 for clock in clocks)


@pytest.mark.usefixtures("whole_reports")
def test_a_node_is_killed_and_another_one_comes(
    lab: ModuleType,
    tmp_path: Path,
    cluster: Raylets,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # So many that a node may be found and killed before they are done, and another one come while there is work left.
    steps, trials = 180, 12
    changes = {**LONG, "trials": trials, "transfer": {**LONG["transfer"], "steps": steps}}
    folder = tmp_path / "cluster"
    found = list[Raylet]()

    def look() -> bool:
        found.extend(node for node in cluster.nodes[1:] if far_from_its_end(node, folder))
        return bool(found)

    with run(cluster, folder, **changes) as sweep:
        sweep.wait_for(look)
        victim = found[0]
        victim.kill("raylet")
        added = cluster.add()
        sweep.wait_for(lambda: lines(sweep, "was lost"))
        sweep.wait_for(lambda: nodes(folder).get(added.name, {}).get("seconds"))
        assert sweep.end() == 0, sweep.text
    assert lines(sweep, "lost") == [f"node {victim.label} was lost; its trial continues elsewhere"]
    assert lines(sweep, added.name) == [f"node {added.label} joined, with 1 core"]
    assert "raylet" not in sweep.text
    assert lab.table(folder) == undisturbed(lab, tmp_path / "one", **changes)
    cut = [item for trial in lab.trials(folder) for item in trial["attempts"] if item["outcome"] == "lost"]
    assert [item["cause"] for item in cut] == ["platform"]
    assert cut[0]["progress"] > 0
    loaded = lab.events(folder, "loaded")
    assert len(loaded) == 1
    assert int(loaded[0].split()[-1]) > 0, "continued from its checkpoint"
    _, again = done_again(lab, folder, steps)
    assert 0 <= again < 60, "nothing, where it was killed right after a checkpoint"

    known = {node.name: node for node in Sweep(folder).status().nodes}
    assert {name: node.state for name, node in known.items()} == {
        node.name: "lost" if node is victim else "working" for node in cluster.nodes
    }
    assert all(node.seconds > 4 for node in known.values()), "they all had their share"
    assert sum(node.jobs for node in known.values()) == trials + 1, "trials and a teacher"
    assert known[victim.name].lost_s == pytest.approx(sum(lab.lost(folder)), abs=0.1)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["status", str(folder)]) == 0
    shown = capsys.readouterr().out.splitlines()
    shown = shown[shown.index("Nodes") :]
    assert max(map(len, shown[: shown.index("")])) <= 80
    assert any(line.split()[:2] == [victim.name, victim.address] and " lost " in line for line in shown)
    page = reports.write([folder], tmp_path / "report").with_suffix(".md").read_text()
    assert victim.address in page.partition("## Nodes")[2]


@pytest.fixture
def other_code(tmp_path: Path) -> Path:
    """A copy of the package with a file edited."""
    for name in ("acgkd", "sweeps", "analysis"):
        shutil.copytree(ROOT / name, tmp_path / "copy" / name, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "copy" / "acgkd" / "losses.py").open("a") as file:
        file.write("\n# edited\n")
    return tmp_path / "copy"


def can_hide_folders() -> bool:
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_hide_folders(), reason="needs the right to mount")
def test_nodes_that_cannot_work_are_set_aside_and_no_trial_fails(
    lab: ModuleType, tmp_path: Path, cluster: Raylets, other_code: Path
) -> None:
    changes = SHORT  # so many trials that each node gets one, however long its worker takes to start
    folder = tmp_path / "shared" / "cluster"
    folder.parent.mkdir()
    hidden = ("unshare", "-m", "sh", "-c", f'mount -t tmpfs none {folder.parent} && exec "$@"', "sh")
    bad = {
        cluster.add(FAKE_BROKEN_NODE="1"): "RuntimeError: CUDA error: no kernel image",
        cluster.add(before=hidden): "NodeError: Every node must see the sweep folder under the same path",
        cluster.add(path=[other_code]): "OtherCodeError: Every node must run the driver's code",
    }
    try:
        for node in bad:
            cluster.wait_for(node)
        with run(cluster, folder, **changes) as sweep:
            assert sweep.end() == 1, sweep.text
        for node, reason in bad.items():
            assert reason in " ".join(lines(sweep, f"{node.label} gets no more work: ")), sweep.text
        assert lab.table(folder) == undisturbed(lab, tmp_path / "one", **changes)
        assert {trial["state"] for trial in lab.trials(folder)} == {"completed"}
        assert {node["name"] for node in nodes(folder).values() if node["state"] == "set aside"} == {
            node.name for node in bad
        }
        assert {found[1:] for found in failures(folder)} == {("lost", "node")}
    finally:
        for node in bad:
            node.kill()


def close_to(node: Raylet, folder: Path) -> None:
    """A node may only read a folder from now on."""
    inside = ("nsenter", "-m", "-t", str(node.process.pid))
    subprocess.run([*inside, "mount", "-o", "bind,ro", str(folder), str(folder)], check=True)


@pytest.mark.parametrize("when", ["before its first job", "at work"])
@pytest.mark.skipif(not can_hide_folders(), reason="needs the right to mount")
def test_a_node_that_may_not_write_is_set_aside_and_the_others_continue(
    lab: ModuleType, tmp_path: Path, cluster: Raylets, when: str
) -> None:
    changes = SHORT  # so many trials that the node has work left when its folder is closed to it
    folder = tmp_path / "shared" / "cluster"
    folder.parent.mkdir()
    node = cluster.add(before=("unshare", "-m"))
    try:
        cluster.wait_for(node)
        if when != "at work":
            close_to(node, folder.parent)
        with run(cluster, folder, **changes) as sweep:
            if when == "at work":
                sweep.wait_for(lambda: nodes(folder).get(node.name, {}).get("seconds"))
                close_to(node, folder.parent)
            assert sweep.end() == 1, sweep.text
        said = " ".join(lines(sweep, f"{node.label} gets no more work: "))
        assert "NodeError: The driver reaches the sweep folder, this node does not:" in said
        assert lab.table(folder) == undisturbed(lab, tmp_path / "one", **changes)
        # Its one job, which may be the teacher's, unless it had just written its record; and those on their way there.
        failed = failures(folder)
        assert failed or when == "at work"
        assert {found[1:] for found in failed} <= {("lost", "node")}
        assert len({label for label, *_ in failed}) == len(failed) <= 4, "a job of each node, and none came back to it"
    finally:
        node.kill()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_the_head_is_lost_and_a_new_cluster_continues(
    lab: ModuleType, tmp_path: Path, cluster: Raylets, how: signal.Signals
) -> None:
    changes = {**LONG, "trials": 4}
    folder = tmp_path / "cluster"
    with run(cluster, folder, **changes) as sweep:
        sweep.wait_for(lambda: len(lab.events(folder, "measured")) >= 1)
        cluster.head.send(how)
        killed = time.monotonic()
        assert sweep.end() == 75, sweep.text
        assert time.monotonic() - killed < 45, "fifteen seconds where nothing else keeps the machine busy"
    said = " ".join(sweep.text.split())
    assert f"its head at {cluster.address}" in said
    assert "start the same command again" in said
    assert (folder / "report" / "report.html").is_file() or "acgkd report" in sweep.text, "no time was left for it"
    assert "Traceback" not in sweep.text
    cluster.begin(workers=1)
    with run(cluster, folder, **changes) as sweep:
        assert sweep.end() == 0, sweep.text
    assert lab.table(folder) == undisturbed(lab, tmp_path / "one", **changes)
    cut, again = done_again(lab, folder, changes["transfer"]["steps"])
    assert again <= 60 * cut, "of each less than a whole trial"


REAL = """
name: real
dataset: motifs
teacher: {preset: gin-2-8, epochs: 2}
student: gin-2-8
method:
  name: acgkd
  synthesis: {graphs: 32, steps: 40}
  transfer: {steps: 5000, batch_size: 16}
space:
  method/transfer/rate: {type: float, low: 0.001, high: 0.03, log: true}
objectives: [validation_divergence, multiply_adds]
sampler: {name: random}
budget: {trials: 2}
"""


def test_real_distillation_cut_in_the_middle_ends_as_if_it_had_not_been(
    lab: ModuleType, tmp_path: Path, cluster: Raylets
) -> None:
    cluster.begin(workers=1, head_works=False)  # so that whatever runs is on the node that is killed
    (tmp_path / "real.yaml").write_text(REAL)
    line = [sys.executable, "-m", "acgkd", "run", str(tmp_path / "real.yaml")]
    environment = {**os.environ, **cluster.environment, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    folder = tmp_path / "cluster"
    with (tmp_path / "said.txt").open("w") as said:
        sweep = subprocess.Popen(
            [*line, "--out", str(folder), "--address", cluster.address],
            env={**environment, "ACGKD_CACHE": ""},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 400
        while not list(folder.glob("trials/*/*.ckpt")):
            assert sweep.poll() is None, (tmp_path / "said.txt").read_text()
            assert time.monotonic() < end, (tmp_path / "said.txt").read_text()
            time.sleep(0.05)
        cluster.nodes[1].kill("raylet")
        cluster.add()
        assert sweep.wait(400) == 0, (tmp_path / "said.txt").read_text()
    finally:
        sweep.kill()
        sweep.wait()
    cut = [item for trial in lab.trials(folder) for item in trial["attempts"] if item["outcome"] == "lost"]
    assert len(cut) == 1
    assert cut[0]["progress"] > 0
    assert {trial["state"] for trial in lab.trials(folder)} == {"completed"}
    subprocess.run(
        [*line, "--out", str(tmp_path / "one"), "--in-process"],
        env={**environment, "ACGKD_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        check=True,
    )
    assert values(folder) == values(tmp_path / "one")


def values(folder: Path) -> dict[str, Any]:
    """Parameters, quality and objectives of all records, to the last bit."""
    found = {path.name: json.loads(path.read_text()) for path in sorted((folder / "records").glob("*.json"))}
    measured = ("parameters", "objectives", "quality")
    return {name: {key: record[key] for key in measured} for name, record in found.items()}
