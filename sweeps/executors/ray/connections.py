"""The Ray that a sweep runs on: one of our own on this machine, a cluster, or a connection that was there already."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol

from acgkd.errors import SweepError
from sweeps.executors.ray.cluster import preflight
from sweeps.worker.cores import usable_cores
from sweeps.worker.host_memory import usable_memory

SUPERVISOR = Path(__file__).with_name("supervisor.py")
END_S = 6.0
NOTICE_S = 2.0
# Ray ends the whole driver where its head does not answer for 60 s; before that we end in order. A machine that says
# that nobody listens there knows it; one that says nothing may be slow, or behind a network that is. Either has to
# happen several times in a row: this process itself may have been stopped for a while.
REFUSED_S, SILENT_S = 4.0, 11.0
TIMES_IN_A_ROW = 3
ASK_EVERY_S = 1.5
ANSWER_S = 3.0
# How HTTP/2 begins: a server that works answers with its settings before anything is asked of it. A process that is
# stopped does not, and yet the system accepts connections for it.
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


class Connection(Protocol):
    """A Ray to run on."""

    def start(self) -> None:
        """Begins to start it, and does not wait."""

    def address(self) -> str | None:
        """Where it is, once it is there; None where this process is connected already.

        Raises:
            SweepError: it cannot be started or reached.
        """

    def environment(self) -> dict[str, str]:
        """What this process needs in its environment to be let in."""

    def lost(self) -> str | None:
        """Why it is lost, as the end of a sentence that begins with `but`; None while it is there."""

    def gone(self) -> str | None:
        """The same, with less patience: Ray has already raised an error."""

    def close(self) -> None:
        """Ends what `start` has started."""


def connection(address: str | None, log: Path) -> Connection:
    """The one that an address means.

    Args:
        address: `local` or None, `auto`, or where a cluster is.
        log: file for what Ray's own processes say.
    """
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        return Present()
    return OwnRay(log) if address in (None, "local") else Cluster(str(address))


class Present:
    """A connection that was there before the sweep, and is left alone."""

    def start(self) -> None:
        """Nothing to do."""

    def address(self) -> str | None:
        """This process is connected already."""
        return None

    def environment(self) -> dict[str, str]:
        """Whoever made the connection was let in."""
        return {}

    def lost(self) -> str | None:
        """Whoever made the connection knows."""
        return None

    def gone(self) -> str | None:
        """Whoever made the connection knows."""
        return None

    def close(self) -> None:
        """Nothing to do."""


class OwnRay:
    """A Ray on this machine, kept by a process that ends with us; see `supervisor`.

    Args:
        log: file for what its processes say.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._supervisor: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Starts its supervisor, with as many cores and as much memory as this process may use."""
        with self._log.open("a") as log:
            self._supervisor = subprocess.Popen(
                # By its path, and without that path's folder in front: nothing but Ray is imported there.
                [sys.executable, "-P", str(SUPERVISOR), str(usable_cores()), str(usable_memory() or 0)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def address(self) -> str | None:
        """Where it is, once it is there.

        Raises:
            SweepError: it does not start.
        """
        assert self._supervisor is not None, "`start` comes first"
        assert self._supervisor.stdout is not None, "it is a pipe"
        line = self._supervisor.stdout.readline()
        answer = json.loads(line) if line else {"error": "it ended while it started"}
        if "error" in answer:
            raise SweepError(f"Ray must start on this machine, but: {answer['error']}. What it said is in {self._log}.")
        return str(answer["address"])

    def environment(self) -> dict[str, str]:
        """A token, which Ray asks for on its own where it starts."""
        return {"RAY_AUTH_MODE": os.environ.get("RAY_AUTH_MODE", "token")}

    def lost(self) -> str | None:
        """Whether one of Ray's own processes has died; the supervisor looks twice a second."""
        ended = self._supervisor is not None and self._supervisor.poll() is not None
        return "its own processes on this machine died" if ended else None

    def gone(self) -> str | None:
        """The same, once the supervisor has had time to look."""
        with suppress(subprocess.TimeoutExpired):
            if self._supervisor is not None:
                self._supervisor.wait(NOTICE_S)
        return self.lost()

    def close(self) -> None:
        """Ends all of its processes, at once."""
        supervisor = self._supervisor
        if supervisor is None or supervisor.stdin is None:
            return
        with suppress(OSError):
            supervisor.stdin.close()
        try:
            supervisor.wait(END_S)
        except subprocess.TimeoutExpired:
            supervisor.kill()  # Ray ties its own processes to their parent's life
            supervisor.wait()


class Cluster:
    """A cluster that others keep.

    Args:
        address: `auto`, or where it is.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._where: str | None = None
        self._answered_at = self._asked_at = 0.0
        self._missed = 0

    def start(self) -> None:
        """Others have started it."""

    def address(self) -> str | None:
        """Where it is; makes sure that it is there and takes our token.

        Raises:
            SweepError: it is not, or does not.
        """
        where = preflight(self._address)
        self._answered_at, self._missed = time.monotonic(), 0
        self._where = None if where.startswith("ray://") else where
        return where

    def lost(self) -> str | None:
        """Whether its head refuses for some seconds, or says nothing for some more."""
        now = time.monotonic()
        if self._where is None or now - self._asked_at < ASK_EVERY_S:
            return None
        answer, self._asked_at = self._answer(), time.monotonic()
        if answer == "there":
            self._answered_at, self._missed = self._asked_at, 0
            return None
        self._missed += 1
        away = self._asked_at - self._answered_at
        if self._missed < TIMES_IN_A_ROW or away < (REFUSED_S if answer == "refused" else SILENT_S):
            return None
        return f"its head at {self._where} has not answered for {away:.0f} s"

    def gone(self) -> str | None:
        """Whether its head does not answer now."""
        return (
            None if self._where is None or self._answer() == "there" else f"its head at {self._where} does not answer"
        )

    def environment(self) -> dict[str, str]:
        """What whoever started us has set."""
        return {}

    def _answer(self) -> Literal["there", "refused", "silent"]:
        host, _, port = str(self._where).rpartition(":")
        try:
            with socket.create_connection((host, int(port)), timeout=ANSWER_S) as there:
                there.sendall(HELLO)
                there.recv(1)  # an end is an answer too: a head that wants TLS hangs up
        except ConnectionRefusedError:
            return "refused"
        except ConnectionResetError:
            return "there"
        except OSError:
            return "silent"
        return "there"

    def close(self) -> None:
        """Others keep it."""
