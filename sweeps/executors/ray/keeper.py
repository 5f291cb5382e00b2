"""Keeps a Ray of our own on this machine, and ends it with us, however we end: a program, run by its path.

It stands in a session of its own, so what a terminal or a batch system sends to the driver's process group does not
reach Ray's processes. It blocks the signals that ask for an end, and Ray's processes inherit that: a batch system that
signals every process of a job would otherwise take Ray away before its workers have written their checkpoints. The
driver gets the signal too, and ends Ray in order.

Standard input is a pipe whose other end the driver holds and never writes to. The system closes it when the driver is
gone, by SIGKILL too; then everything in this session is killed, and nothing else can be.

On the command line: how many cores Ray may use.
"""

import contextlib
import json
import logging
import os
import select
import signal
import sys
import time
from pathlib import Path

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
VITAL = ("gcs_server", "raylet")
DEAD = ("", "Z", "X")
LOOK_EVERY_S = 0.5
END_S = 5.0


def main() -> int:
    """Starts Ray, prints its address as a line of JSON, and waits for the driver's end or Ray's.

    Returns:
        0 where the driver ended, 1 where Ray did, or could not be started.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever Ray prints goes to the log
    over = 1
    try:
        over = _keep(int(sys.argv[1]), answer)
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=answer, flush=True)
    answer.close()
    _end_session()
    os._exit(over)  # Ray's own farewell would wait for processes that are gone


def _keep(cores: int, answer: "os._TextIOWrapper") -> int:  # type: ignore[name-defined]
    import ray

    context = ray.init(
        address="local", num_cpus=cores, log_to_driver=False, logging_level=logging.ERROR, configure_logging=True
    )
    vital = [pid for pid in _session() if _look(pid)[0] in VITAL]
    print(json.dumps({"address": context.address_info["gcs_address"]}), file=answer, flush=True)
    while not select.select([0], [], [], LOOK_EVERY_S)[0]:
        if any(_look(pid)[1] in DEAD for pid in vital):
            return 1
    return 0


def _session() -> list[int]:
    """The other processes of this session: all that Ray has started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if os.getsid(int(entry.name)) == os.getsid(0):
                    found.append(int(entry.name))
    return found


def _look(pid: int) -> tuple[str, str]:
    """Name and state of a process, as the system writes them; empty where there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "", ""
    name, _, rest = text.partition("(")[2].rpartition(")")
    return name, rest.split()[0]


def _end_session() -> None:
    end = time.monotonic() + END_S
    while alive := [pid for pid in _session() if _look(pid)[1] not in DEAD]:
        for pid in alive:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > end:
            return
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
