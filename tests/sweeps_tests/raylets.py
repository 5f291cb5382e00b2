"""A cluster of Ray on this machine's loopback: every node is a `ray start` of its own, and may be killed on its own.

Each node has its own address, its own session of processes, and one core. Token authentication is on. Nothing is ever
ended by `ray stop`, which would end a neighbour's Ray too.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from processes import DEAD, table

from tests.ports import free_ports

HERE = Path(__file__).parent
RAY = Path(sys.executable).with_name("ray")
# The head notices within seconds that a node is gone, and not after a quarter of a minute.
HASTE = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "700",
    "RAY_health_check_timeout_ms": "3000",
    "RAY_health_check_failure_threshold": "4",
}
FIRST_HOST = 21  # 127.0.0.21 and so on: other tests on this machine take lower ones


class Raylet:
    """One node.

    Args:
        name: as the cluster calls it.
        address: its IP address.
        process: `ray start`, which leads a session of its own.
    """

    def __init__(self, name: str, address: str, process: "subprocess.Popen[bytes]") -> None:
        self.name, self.address, self.process = name, address, process

    @property
    def label(self) -> str:
        """As messages call it."""
        return f"{self.name} ({self.address})"

    def pids(self, *names: str) -> list[int]:
        """Its processes that are alive, or those of some names."""
        return [
            pid
            for pid, (name, _, session, state) in table().items()
            if session == self.process.pid and state not in DEAD and (not names or name in names)
        ]

    def trials(self, folder: Path) -> set[Path]:
        """The folders of the trials that run there: a worker keeps a file of its trial open."""
        found = set()
        for pid in self.pids():
            with suppress(OSError):
                places = [Path(os.readlink(handle)) for handle in Path(f"/proc/{pid}/fd").iterdir()]
                found |= {place.parent for place in places if place.parent.parent == folder / "trials"}
        return found

    def send(self, what: signal.Signals) -> None:
        """A signal to all of its processes; what is stopped still has its connections, and says nothing on them."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, what)

    def kill(self, *names: str) -> None:
        """SIGKILL to those processes, or to all of the node."""
        end = time.monotonic() + 10
        while (pids := self.pids(*names)) and time.monotonic() < end:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        if not names:
            self.process.wait(timeout=10)


class Raylets:
    """A cluster; a context manager that leaves nothing behind."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="acgkd-raylets-"))  # short: sockets lie in it
        token = self.home / "token"
        token.write_text(secrets.token_hex(16))
        self.nodes: list[Raylet] = []
        self.environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "RAY_ADDRESS": ""}
        self._started = 0
        self._where = ""

    def __enter__(self) -> "Raylets":
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def address(self) -> str:
        """Of the head."""
        return self._where

    @property
    def head(self) -> Raylet:
        """The node that all others depend on."""
        return self.nodes[0]

    def begin(self, workers: int, *, head_works: bool = True) -> None:
        """Makes a new cluster in place of the one that there was: a head, which works as well, and more nodes."""
        for node in self.nodes:
            node.kill()
        self.nodes = []
        host = f"127.0.0.{FIRST_HOST + self._started}"
        self._where = f"{host}:{free_ports(1, host)[0]}"
        cores = () if head_works else ("--num-cpus=0",)  # the last of two counts
        self.add("--head", *cores, f"--port={self._where.rpartition(':')[2]}", "--include-dashboard=false")
        self._wait_for_port()
        for _ in range(workers):
            self.add()

    def add(self, *arguments: str, before: Sequence[str] = (), path: Sequence[Path] = (), **environment: str) -> Raylet:
        """Starts a node, and does not wait for it.

        Args:
            arguments: of `ray start`, beside those that all have.
            before: command that `ray start` is given to.
            path: where its workers look for modules first.
            environment: of its workers.
        """
        self._started += 1
        name, address = f"n{self._started}", f"127.0.0.{FIRST_HOST + self._started - 1}"
        where = () if "--head" in arguments else (f"--address={self.address}",)
        found = os.pathsep.join(map(str, [*path, HERE, HERE.parents[1]]))
        line = [
            *before,
            *(str(RAY), "start", "--block", "--num-cpus=1", "--object-store-memory=80000000", "--disable-usage-stats"),
            *("--include-log-monitor=false", "--dashboard-agent-listen-port=0"),
            *(f"--node-ip-address={address}", f"--node-name={name}", f"--temp-dir={self.home / name}"),
            *where,
            *arguments,
        ]
        with (self.home / f"{name}.txt").open("wb") as out:
            process = subprocess.Popen(
                line,
                env={
                    **os.environ,
                    **HASTE,
                    **self.environment,
                    "PYTHONPATH": found,
                    "OMP_NUM_THREADS": "1",
                    **environment,
                },
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        node = Raylet(name, address, process)
        self.nodes.append(node)
        return node

    def wait_for(self, node: Raylet) -> None:
        """Waits until a node is there."""
        said, end = self.home / f"{node.name}.txt", time.monotonic() + 150
        while "Ray runtime started" not in said.read_text():
            assert node.process.poll() is None, said.read_text()
            assert time.monotonic() < end, said.read_text()
            time.sleep(0.1)

    def _wait_for_port(self) -> None:
        host, _, port = self.address.rpartition(":")
        end = time.monotonic() + 150
        while True:
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
            except OSError:
                said = (self.home / f"{self.head.name}.txt").read_text()
                assert self.head.process.poll() is None, said
                assert time.monotonic() < end, said
                time.sleep(0.1)
            else:
                return
