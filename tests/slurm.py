"""A real Slurm of three nodes on this machine, for tests of batch scripts; Debian's packages, installed if need be.

Controller, node daemons and the authentication beside them run in a folder of their own, and end by process id.
"""

import fcntl
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.ports import free_ports

NODES = ("n1", "n2", "n3")
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch")
CONF = """\
ClusterName=three
SlurmctldHost={host}
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmUser=root
SlurmdUser=root
ReturnToService=2
KillWait=15
SlurmdTimeout=20
MessageTimeout=30
SchedulerParameters=sched_interval=3,bf_interval=3
NodeName=n1 NodeHostname={host} Port={ports[0]} CPUs=1 RealMemory=4000 State=UNKNOWN
NodeName=n2 NodeHostname={host} Port={ports[1]} CPUs=1 RealMemory=4000 State=UNKNOWN
NodeName=n3 NodeHostname={host} Port={ports[2]} CPUs=1 RealMemory=4000 State=UNKNOWN
PartitionName=all Nodes=n[1-3] Default=YES MaxTime=INFINITE State=UP
"""


def installed(*programs: str) -> str:
    """Installs what is missing, where that is possible.

    Returns:
        why it is not there, or nothing.
    """
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [program for program in programs if shutil.which(program, path=path) is None]
    if not missing:
        return ""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return f"{', '.join(missing)} is not installed, and apt-get as root is not at hand"
    packages = sorted({"shellcheck" if name == "shellcheck" else "slurm-wlm" for name in missing} | {"munge"})
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Another worker of these tests may install at the same time.
    with Path(tempfile.gettempdir(), "acgkd-tests-apt.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        for command in (["update", "-qq"], ["install", "-y", "-qq", *packages]):
            done = subprocess.run(["apt-get", *command], capture_output=True, text=True, env=quiet)
    return "" if done.returncode == 0 else f"apt-get cannot install {', '.join(packages)}: {done.stderr.strip()[-200:]}"


class Slurm:
    """One that runs.

    Args:
        folder: of its files; its path is short, for a socket lies in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "OMP_NUM_THREADS": "1"}
        self.environment["PATH"] += ":/usr/sbin:/sbin"

    def start(self) -> None:
        """Starts all of its daemons and waits until the nodes are idle."""
        keys = self.folder / "munge"
        keys.mkdir(mode=0o700)
        (keys / "key").write_bytes(secrets.token_bytes(1024))
        (keys / "key").chmod(0o600)
        for name in ("state", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir()
        ports = free_ports(len(NODES) + 1)
        host = socket.gethostname().partition(".")[0]
        conf = CONF.format(host=host, port=ports[0], ports=ports[1:], folder=self.folder)
        (self.folder / "slurm.conf").write_text(conf)
        places = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        self.call("munged", "--force", *(f"--{option}={keys / name}" for option, name in places.items()))
        self.call("slurmctld", "-f", str(self.folder / "slurm.conf"))
        for node in NODES:
            self.start_node(node)
        states = list[str]()

        def idle() -> bool:
            states[:] = self.call("sinfo", "-h", "-N", "-o", "%T").split()
            return states == ["idle"] * len(NODES)

        self.wait_for(idle, 150, lambda: f"{states}\n{(self.folder / 'slurmctld.log').read_text()[-3000:]}")

    def start_node(self, node: str) -> None:
        """Starts the daemon of one node."""
        self.call("slurmd", "-N", node, "-f", str(self.folder / "slurm.conf"))

    def kill_node(self, node: str) -> None:
        """A node dies: its daemon and whatever it runs, by SIGKILL."""
        for pid in [*self.processes(node), int((self.folder / f"slurmd-{node}.pid").read_text())]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def processes(self, node: str) -> list[int]:
        """Those that Slurm's steps on a node have started, and theirs."""
        found, marks = [], {f"SLURMD_NODENAME={node}".encode(), f"SLURM_CONF={self.folder}/slurm.conf".encode()}
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if marks <= set(path.read_bytes().split(b"\0")):
                    found.append(int(path.parent.name))
        return found

    def stop(self) -> None:
        """Ends everything that was started, jobs included."""
        with suppress(subprocess.CalledProcessError):
            self.call("scancel", "--user=root")
            self.wait_for(lambda: not self.call("squeue", "-h"), 40)
        daemons = [
            self.folder / name for name in (*(f"slurmd-{node}.pid" for node in NODES), "slurmctld.pid", "munge/pid")
        ]
        for file in daemons:
            with suppress(OSError, ValueError):
                os.kill(int(file.read_text()), signal.SIGTERM)
        with suppress(AssertionError):  # each removes its file at its end
            self.wait_for(lambda: not any(file.exists() for file in daemons), 10)
        for node in NODES:
            for pid in self.processes(node):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def call(self, *command: str, cwd: Path | None = None) -> str:
        """What one of its commands prints."""
        done = subprocess.run(command, env=self.environment, cwd=cwd, capture_output=True, text=True)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        return done.stdout

    def submit(self, script: Path, *options: str) -> int:
        """Submits a batch script from its folder.

        Returns:
            The number of its job.
        """
        return int(self.call("sbatch", "--parsable", *options, str(script), cwd=script.parent))

    def facts(self, job: int | str) -> dict[str, str]:
        """What Slurm says of a job; empty where it has forgotten it."""
        try:
            text = self.call("scontrol", "show", "job", "-o", str(job))
        except subprocess.CalledProcessError:
            return {}
        return dict(re.findall(r"(\w+)=(\S*)", text.splitlines()[0]))

    def release(self, job: int) -> None:
        """Lets a requeued job begin, which would wait two minutes.

        A few seconds it has to: a node refuses what it believes to be the job that it has just ended.
        """
        time.sleep(5)
        with suppress(subprocess.CalledProcessError):
            self.call("scontrol", "update", f"jobid={job}", "starttime=now")

    @staticmethod
    def wait_for(holds: Callable[[], object], limit_s: float, about: Callable[[], str] = str) -> None:
        """Waits until something holds."""
        end = time.monotonic() + limit_s
        while not holds():
            assert time.monotonic() < end, about()
            time.sleep(0.3)


@contextmanager
def slurm(folder: Path) -> Iterator[Slurm]:
    """Three nodes for a block."""
    made = Slurm(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()
