"""Starts a Ray of our own on this machine and ends it with us, however we end: a program, run by its path.

It stands in a session of its own, so what a terminal or a batch system sends to the driver's process group does not
reach Ray's processes. It blocks the signals that ask for an end, and Ray's processes inherit that: a batch system that
signals every process of a job would otherwise take Ray away before its workers have written their checkpoints. The
driver gets the signal too, and ends Ray in order.

Standard input is a pipe whose other end the driver holds and never writes to. The system closes it when the driver is
gone, by SIGKILL too, also while Ray starts; then everything in this session is killed, and nothing else can be.

On the command line: how many cores Ray may use, and how many bytes of memory; 0 leaves the latter to Ray.
"""

import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
VITAL = ("gcs_server", "raylet")
DEAD = ("", "Z", "X")
LOOK_EVERY_S = 0.5
END_S = 5.0


def main() -> None:
    """Starts Ray, prints its address as a line of JSON, and waits for the driver's end or Ray's."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    threading.Thread(target=_await_driver, daemon=True).start()
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever Ray prints goes to the log
    try:
        vital, facts = _started(*map(int, sys.argv[1:3]))
    except Exception as error:
        vital, facts = [], {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(facts), file=answer, flush=True)
    while vital and not any(_look(pid)[1] in DEAD for pid in vital):
        time.sleep(LOOK_EVERY_S)
    answer.close()
    _end(1)


def _started(cores: int, memory: int) -> tuple[list[int], dict[str, str]]:
    """The processes without which Ray is lost, and what the driver gets to know."""
    import ray

    context = ray.init(
        address="local",
        num_cpus=cores,
        _memory=memory or None,
        log_to_driver=False,
        logging_level=logging.ERROR,
        configure_logging=True,
    )
    vital = [pid for pid in _session() if _look(pid)[0] in VITAL]
    return vital, {"address": context.address_info["gcs_address"]}


def _await_driver() -> None:
    os.read(0, 1)
    _end(0)


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


def _end(code: int) -> None:
    """Kills everything else in this session, then leaves: Ray's own shutdown would wait for what is gone."""
    end = time.monotonic() + END_S
    while alive := [pid for pid in _session() if _look(pid)[1] not in DEAD]:
        for pid in alive:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > end:
            break
        time.sleep(0.02)
    os._exit(code)


if __name__ == "__main__":
    main()
