"""A sweep on a Slurm of three nodes: an elastic one, whose head and nodes die by SIGKILL, and come back."""

import json
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError

from sweeps.launching.slurm import Form, Resources, Sweep, scripts
from tests.slurm import PROGRAMS, Slurm, installed, slurm
from tests.soak._outcome import Outcome

FAKES = Path(__file__).resolve().parents[2] / "tests" / "sweeps_tests"
NODES = 2  # beside the head
AWAY_S = 90.0  # in which Slurm misses a node


def soak_batch(folder: Path, trials: int, kills: int, seed: int, changes: dict[str, object], limit_s: float) -> Outcome:
    """Runs the sweep to its end, however often its nodes die.

    Args:
        folder: of the sweep.
        trials: how many there are.
        kills: how often a node dies: its `slurmd` and all that it runs; as often, one of its raylets alone.
        seed: of the choice.
        changes: of the fake spec.
        limit_s: seconds after which the soak is broken off.
    """
    missing = installed(*PROGRAMS)
    if missing:
        raise RuntimeError(f"The soak on Slurm needs {', '.join(PROGRAMS)}, but {missing}.")
    chance, found, began = random.Random(f"slurm-{seed}"), Outcome("slurm", trials), time.monotonic()
    place = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # short: a socket lies in it
    with slurm(place) as three:
        three.environment["PYTHONPATH"] = f"{FAKES}:{FAKES.parents[1]}"
        script, nodes = _scripts(folder, changes)
        head = three.submit(script)
        array = three.submit(nodes, f"--dependency=after:{head}")
        done = dict.fromkeys(("slurmd killed", "raylet killed"), 0)
        while (state := three.facts(head).get("JobState")) != "COMPLETED" and time.monotonic() - began < limit_s:
            if state in ("FAILED", "NODE_FAIL"):  # its node died before Slurm knew that it ran: submitted again
                found.starts += int(three.facts(head).get("Restarts", 0)) + 1
                head = three.submit(script)
            time.sleep(chance.uniform(4, 12))
            for line in three.call("squeue", "-h", "-r", "-t", "PENDING", "-o", "%A %r").splitlines():
                job, _, reason = line.partition(" ")
                if reason == "BeginTime":  # requeued: it would wait two minutes
                    three.release(int(job))
            if sum(done.values()) < 2 * kills and (victim := _at_work(three, chance)):
                _strike(three, victim, chance.random() < 0.5, done)
        found.starts += int(three.facts(head).get("Restarts", 0)) + 1
        with suppress(CalledProcessError):
            three.call("scancel", str(array))
    found.seconds, found.disturbances, found.codes = time.monotonic() - began, done, {state or "unknown": 1}
    return found


def _scripts(folder: Path, changes: dict[str, object]) -> tuple[Path, Path]:
    script = folder.with_name(f"{folder.name}.sh")
    sweep = Sweep(spec="fake", name="soak", folder=str(folder))
    resources = Resources(nodes=NODES, cpus=1, memory="3500", time="60")
    made = scripts(sweep, Form.ELASTIC, resources, script)
    fake = f"{sys.executable} {FAKES / 'drive_cli.py'} '{json.dumps(changes)}'"
    for path, text in made.items():
        path.write_text(text.replace('acgkd run "$spec"', fake).replace("--mem=3G", "--mem=2900"))
    return script, next(path for path in made if path != script)


def _at_work(three: Slurm, chance: random.Random) -> str:
    """A node that something runs on; more often one of those that may come and go."""
    busy = three.call("squeue", "-h", "-t", "RUNNING", "-o", "%N").split()
    return chance.choice(busy) if busy else ""


def _strike(three: Slurm, node: str, whole: bool, done: dict[str, int]) -> None:
    if whole:
        three.kill_node(node)
        done["slurmd killed"] += 1
        # Slurm requeues the jobs of a node only where it has missed that node.
        three.wait_for(lambda: "down" in three.call("sinfo", "-h", "-n", node, "-o", "%T"), AWAY_S)
        three.start_node(node)
        return
    for pid in three.processes(node):
        with suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == "raylet":
                os.kill(pid, signal.SIGKILL)
                done["raylet killed"] += 1
