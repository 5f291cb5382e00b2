"""What is known of nodes: their accounts, what is said of them, and when the head of a cluster is lost."""

import json
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from analysis import reports
from analysis.records.node_accounts import node_accounts
from sweeps.cli.app import main
from sweeps.display.log_lines import PlainProgress
from sweeps.engine.driver import Driver
from sweeps.engine.launch import open_driver
from sweeps.engine.node_table import NodeTable, SeenNode
from sweeps.faults.failure import NODE_DIED, Failure, JobFailedError
from sweeps.store.folder import SweepFolder
from sweeps.worker.job_runner import JobRunner
from sweeps.worker.messages import Job, Report

A, B, C = (SeenNode(f"{letter}" * 12, f"n{letter}", f"10.0.0.{number}") for number, letter in enumerate("abc", 1))


def gone(node: SeenNode, *, asked: bool = False) -> SeenNode:
    return SeenNode(node.id, node.name, node.address, alive=False, asked=asked)


def test_nodes_that_come_and_go_are_said_once() -> None:
    said: list[str] = []
    table = NodeTable(said.append)
    table.look([A, B])
    assert said == [], "those that were there before are no news"
    for key in ("trial-0001-00", "trial-0002-00"):
        table.began(key)
        table.reported(key, Report(0, 0.5, host="h", node=B.id))
    table.look([A, B, C])
    for _ in range(2):
        table.look([A, gone(B), C])
    table.look([A])
    table.look([gone(A, asked=True)])
    assert said == [
        "node nc (10.0.0.3) joined, with 1 core",
        "node nb (10.0.0.2) was lost; its 2 trials continue elsewhere",
        "node nc (10.0.0.3) was lost; nothing was at work there",
        "node na (10.0.0.1) left; nothing was at work there",
    ]


def test_a_job_that_died_before_its_node_was_missed_is_counted() -> None:
    said: list[str] = []
    table = NodeTable(said.append)
    table.look([A, B])
    table.began("teacher-00")
    table.failed("teacher-00", Failure("platform", "lost", NODE_DIED, node=B.id), 1.5)
    table.ended("teacher-00")
    table.look([A, gone(B)])
    assert said == ["node nb (10.0.0.2) was lost; its job continues elsewhere"]
    assert [row["lost_s"] for row in table.to_json({})["nodes"]] == [0.0, 1.5]  # type: ignore[union-attr,attr-defined]


def test_two_nodes_of_one_name_and_address_are_distinguished() -> None:
    table = NodeTable(print)
    table.look([SeenNode("1" * 40, "vm", "127.0.0.1"), SeenNode("2" * 40, "vm", "127.0.0.1")])
    assert table.called("2" * 40) == "vm (127.0.0.1, 22222222)"
    assert table.host("3" * 40, "somewhere") == "somewhere"


def test_accounts_over_several_starts() -> None:
    first = [
        {"name": "a", "address": "1", "id": "x", "state": "working", "jobs": 3, "seconds": 2.0, "lost_s": 0.5},
        {"name": "b", "address": "2", "id": "y", "state": "set aside", "why": "no device", "jobs": 0},
        {"name": "c", "address": "3", "id": "z", "state": "lost", "jobs": 1},
    ]
    later = [{"name": "a", "address": "1", "id": "w", "state": "working", "jobs": 2, "seconds": 1.0}, "torn", {}]
    found = node_accounts([{"nodes": first}, {}, None, {"nodes": later}, {"nodes": "torn"}])
    assert [(node.name, node.id, node.state, node.jobs) for node in found] == [
        ("a", "w", "working", 5),
        ("b", "y", "left", 0),
        ("c", "z", "lost", 1),
    ]
    assert (found[0].seconds, found[0].lost_s) == (3.0, 0.5)


def test_of_two_nodes_on_one_host_the_one_that_stays_keeps_its_account() -> None:
    def start(**jobs: int) -> dict[str, object]:
        facts = {"name": "vm", "address": "1", "state": "working"}
        return {"nodes": [{**facts, "id": name, "jobs": count} for name, count in jobs.items()]}

    found = node_accounts([start(x=29, y=55), start(y=55)])
    assert [(node.id, node.state, node.jobs) for node in found] == [("x", "left", 29), ("y", "working", 110)]
    found = node_accounts([start(x=29, y=55), start(z=2, y=1), start(w=0)])
    assert [(node.id, node.state, node.jobs) for node in found] == [("w", "working", 31), ("y", "left", 56)]


def work(driver: Driver, job: Job, node: str, until: Callable[[Report], bool] = lambda report: False) -> None:
    driver.started(job)
    runner = JobRunner(driver.spec, driver.folder, job, driver.experiments)
    runner.node = node
    while True:
        report = runner.step()
        if not driver.report(job, report) or until(report):
            return


@pytest.mark.usefixtures("whole_reports")
def test_status_report_and_terminal_show_nodes(
    lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = lab.make_spec(trials=2, seeds=(0,), transfer={"steps": 150, "delay_s": 0.01})
    shown = PlainProgress("x", sys.stdout)
    folder = tmp_path / "sweep"
    with open_driver(spec, folder, lab.FakeExperiments(), watch=shown.watch) as driver:
        driver.prepare()
        driver.nodes.look([A, B])
        teacher = driver.next()
        assert isinstance(teacher, Job)
        work(driver, teacher, A.id)
        first = driver.next()
        assert isinstance(first, Job)
        work(driver, first, B.id, until=lambda report: report.progress > 0.2)
        driver.died(first, JobFailedError(Failure("platform", "lost", NODE_DIED)))
        driver.nodes.look([A, gone(B)])
        again = driver.next()
        assert isinstance(again, Job)
        assert again.number == first.number
        work(driver, again, A.id)
    printed = capsys.readouterr().out
    assert printed.count("node nb (10.0.0.2) was lost; its trial continues elsewhere\n") == 1
    assert NODE_DIED not in printed
    status = SweepFolder(folder).status()
    assert [(node.name, node.state, node.jobs) for node in status.nodes] == [("na", "working", 2), ("nb", "lost", 0)]
    assert status.nodes[1].lost_s == pytest.approx(sum(lab.lost(folder)), abs=0.06)
    assert status.nodes[1].lost_s > 0.5
    assert json.loads(json.dumps(status.to_json()))["nodes"][0]["address"] == "10.0.0.1"
    for columns in ("80", "50"):
        monkeypatch.setenv("COLUMNS", columns)
        assert main(["status", str(folder)]) == 0
        lines = capsys.readouterr().out.splitlines()
        shown_nodes = lines[lines.index("Nodes") :]
        assert max(map(len, shown_nodes[: shown_nodes.index("")])) <= int(columns)
        (row,) = [line.split() for line in lines if line.startswith("nb")]
        assert row[:2] == ["nb", "10.0.0.2"]
        assert "lost" in row
    page = reports.write([folder], tmp_path / "report").with_suffix(".md").read_text()
    assert "| nb | 10.0.0.2 | lost | 0 |" in " ".join(page.partition("## Nodes")[2].split())


@pytest.mark.parametrize(("seeds", "every_s"), [((0,), 0.2), ((0, 1), 1000.0)], ids=["checkpoint", "second replicate"])
def test_a_node_that_dies_is_said_to_have_lost_what_the_records_say(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seeds: tuple[int, ...], every_s: float
) -> None:
    """Right after a checkpoint nothing, and with several replicates the work on the one that it was at."""
    monkeypatch.setattr("sweeps.worker.replicate_runner.SLICE_S", 0.1)
    monkeypatch.setattr("sweeps.worker.replicate_runner.CHECKPOINT_S", every_s)
    save, advance = lab.FakeRun.save, lab.FakeRun.advance

    def saved(run: Any, path: Path) -> None:
        save(run, path)
        raise KeyboardInterrupt  # no other file is written any more

    def advanced(run: Any, **options: Any) -> None:
        if run.experiment.seed == 1 and run.steps_done > 20:
            raise KeyboardInterrupt
        advance(run, **options)

    replicates = {"seeds": seeds, "vary": ("draws",)}  # one teacher for all
    spec = lab.make_spec(trials=1, replicates=replicates, transfer={"steps": 60, "delay_s": 0.01})
    with open_driver(spec, tmp_path, lab.FakeExperiments()) as driver:
        driver.prepare()
        driver.nodes.look([A, B])
        for node in (A, B):  # the teacher, and the trial
            job = driver.next()
            assert isinstance(job, Job)
            with monkeypatch.context() as patch, nullcontext() if node is A else pytest.raises(KeyboardInterrupt):
                patch.setattr(lab.FakeRun, "save", saved)
                patch.setattr(lab.FakeRun, "advance", advanced)
                work(driver, job, node.id)
        driver.died(job, JobFailedError(Failure("platform", "lost", NODE_DIED, node=B.id)))
        again = driver.next()
        assert isinstance(again, Job)
        work(driver, again, A.id)
    assert len(lab.events(tmp_path, "loaded")) == (1 if every_s < 1 else 0)
    lost = sum(lab.lost(tmp_path))
    assert lost == 0 if every_s < 1 else lost > 0.2
    assert [node.lost_s for node in SweepFolder(tmp_path).status().nodes] == [0.0, pytest.approx(lost, abs=0.1)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that connections see, which a test moves."""
    connections = pytest.importorskip("sweeps.executors.ray.connections")
    now = [100.0]
    monkeypatch.setattr(connections.time, "monotonic", lambda: now[0])
    return now


def answer(server: socket.socket, times: int) -> None:
    """Says something to so many who connect, as a head that works does."""
    for _ in range(times):
        with server.accept()[0] as there:
            there.sendall(b"\0")
            there.recv(1)


def lost_after(clock: list[float], ask: Callable[[], str | None], *, limit_s: float = 60) -> float:
    began = clock[0]
    while ask() is None:
        assert clock[0] - began < limit_s
        clock[0] += 0.5
    return clock[0] - began


@pytest.mark.ray  # which it imports
def test_a_head_that_refuses_is_lost_sooner_than_one_that_is_silent(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweeps.executors.ray import connections

    monkeypatch.setattr(connections, "preflight", lambda address: address)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        cluster = connections.Cluster(f"127.0.0.1:{server.getsockname()[1]}")
        cluster.address()
        answers = threading.Thread(target=answer, args=(server, 10))
        answers.start()
        for _ in range(10):
            clock[0] += 2
            assert cluster.lost() is None
        answers.join()
        # The system accepts connections for a process that is stopped.
        monkeypatch.setattr(connections, "ANSWER_S", 0.01)
        cluster.address()
        assert 11 <= lost_after(clock, cluster.lost) <= 15
    monkeypatch.undo()
    monkeypatch.setattr(connections, "preflight", lambda address: address)
    monkeypatch.setattr(connections.time, "monotonic", lambda: clock[0])
    cluster.address()
    assert 4 <= lost_after(clock, cluster.lost) <= 6

    def silent(*_: object, **__: object) -> None:
        clock[0] += connections.ANSWER_S
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", silent)
    cluster.address()
    assert 11 <= lost_after(clock, cluster.lost) <= 15
    # This process itself may have been stopped for a while: one answer that is missing says nothing.
    cluster.address()
    clock[0] += 3600
    assert cluster.lost() is None
    assert lost_after(clock, cluster.lost) > 0
    assert str(cluster.gone()).endswith("does not answer")
