"""A long sweep under random faults: what is lost, what is there twice, and what was blamed on a trial.

    python -m tests.soak                                  # then docs/results/soak.md
    python -m tests.soak --trials 10 --kills 2 --damages 2 --executors inprocess --out page.md

Trials are the fake experiments of the tests: exact arithmetic in small steps, so that one lost or repeated step shows
in the result. The sampler looks a fixed number of trials back (`lag`), and nothing is stopped early: so the table must
be, to the last digit, that of the same sweep in one process that nobody disturbs.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._lib.pages import ROOT, Page
from tests.soak._disturber import Disturber, end_tree
from tests.soak._outcome import EXECUTORS, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.soak._nodes import Nodes

FAKES = ROOT / "tests" / "sweeps_tests"
LIMIT_S = 4 * 3600.0
HEADS = 3  # how often the head of three nodes is killed


def changes_of(trials: int) -> dict[str, Any]:
    """The sweep: short trials of one replicate."""
    transfer = {"steps": 24, "delay_s": 0.025, "save_s": 0.005}
    return {"trials": trials, "seeds": [0], "sampler": {"name": "tpe", "lag": 4}, "transfer": transfer}


def start(executor: str, folder: Path, trials: int, nodes: "Nodes | None" = None) -> "subprocess.Popen[str]":
    """A start of the sweep in a process, and a group, of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(FAKES), str(ROOT)]), "OMP_NUM_THREADS": "1"}
    if nodes is not None:
        environment |= nodes.environment
        executor = f"ray@{nodes.address}"
    command = [sys.executable, str(FAKES / "drive.py"), executor, str(folder), json.dumps(changes_of(trials))]
    log = (folder.parent / f"{folder.name}.log").open("a")
    with log:
        return subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, text=True, start_new_session=True, cwd=ROOT
        )


def soak(executor: str, folder: Path, trials: int, kills: int, damages: int, seed: int) -> Outcome:
    """Runs the sweep to its end, however often it is disturbed."""
    if executor == "slurm":
        from tests.soak._batch import soak_batch

        return soak_batch(folder, trials, kills, seed, changes_of(trials), LIMIT_S)
    chance = random.Random(f"{executor}-{seed}")
    disturber = Disturber(folder, chance)
    rest = ["kill"] * kills + ["damage"] * damages + ["full", "read-only"]
    if executor == "nodes":
        rest += ["head"] * min(HEADS, kills)
    chance.shuffle(rest)
    found, began = Outcome(executor, trials), time.monotonic()
    codes: Counter[str] = Counter()
    with _nodes(executor, chance, disturber) as nodes:
        while time.monotonic() - began < LIMIT_S:
            since, before = time.time(), disturber.done.total()
            if nodes is not None:
                nodes.restore()
            driver = start(executor, folder, trials, nodes)
            found.starts += 1
            while driver.poll() is None and rest:
                time.sleep(chance.uniform(0.3, 4.0))
                if not (_at_work(folder, since) if executor == "inprocess" else disturber.workers()):
                    continue  # else most kills would meet Ray while it starts
                if _disturb(rest[-1], disturber, driver, chance, nodes):
                    rest.pop()
            code = driver.wait()
            end_tree(driver)
            codes[str(code)] += 1
            # What was damaged in a start that got to the end, the next one finds.
            if code == 0 and disturber.done.total() == before and _all_ended(folder, trials):
                break
    found.seconds = time.monotonic() - began
    found.disturbances, found.codes = dict(sorted(disturber.done.items())), dict(sorted(codes.items()))
    return found


def _at_work(folder: Path, since: float) -> bool:
    """Whether a trial has been worked on since then."""
    return any(path.stat().st_mtime > since for path in folder.glob("trials/*/trial.json"))


@contextlib.contextmanager
def _nodes(executor: str, chance: random.Random, disturber: Disturber) -> "Iterator[Nodes | None]":
    if executor != "nodes":
        yield None
        return
    sys.path.insert(0, str(FAKES))
    from tests.soak._nodes import Nodes

    with Nodes(chance, disturber.done) as nodes:
        yield nodes


def _disturb(
    what: str, disturber: Disturber, driver: "subprocess.Popen[str]", chance: random.Random, nodes: "Nodes | None"
) -> bool:
    if what == "head":
        return nodes is not None and nodes.kill_head()
    if what == "kill":
        if nodes is not None and chance.random() < 0.5:
            return nodes.kill()
        return disturber.kill_worker() if chance.random() < 0.5 else disturber.kill_driver(driver)
    if what == "damage":
        return disturber.damage()
    if what == "full":
        return disturber.fill_disk(driver)
    with disturber.read_only() as worked:
        time.sleep(chance.uniform(1.0, 4.0))
        return worked or driver.poll() is None


def _all_ended(folder: Path, trials: int) -> bool:
    known = [json.loads(path.read_text()) for path in folder.glob("trials/*/trial.json")]
    return len(known) >= trials and all(trial["state"] not in ("waiting", "running") for trial in known)


def judge(found: Outcome, folder: Path, calm: Path) -> Outcome:
    """Compares a disturbed sweep with the undisturbed one."""
    sys.path.insert(0, str(FAKES))
    from fake_experiments import table, trials

    rows, expected = ({row["file"]: row for row in table(place)} for place in (folder, calm))
    known = trials(folder)
    points = Counter(json.dumps(trial["parameters"], sort_keys=True) for trial in known)
    found.states = dict(Counter(trial["state"] for trial in known))
    found.kept = sum(trial["state"] == "completed" for trial in known)
    found.twice = sum(count - 1 for count in points.values()) + len(known) - len({t["number"] for t in known})
    found.differing = sum(rows.get(name) != expected.get(name) for name in {*rows, *expected})
    failed = [attempt["cause"] for trial in known for attempt in trial["attempts"] if attempt["cause"]]
    found.attempts = dict(sorted(Counter(failed).items()))
    return found


def main(arguments: list[str] | None = None) -> int:
    """Runs the soak and writes its page.

    Returns:
        0 where nothing was lost, doubled or blamed; else 1.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--kills", type=int, default=100, help="over all executors")
    parser.add_argument("--damages", type=int, default=30, help="over all executors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--executors", nargs="+", choices=EXECUTORS, default=list(EXECUTORS))
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "soak", help="where the sweeps lie; kept")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    page = Page("soak", "tests.soak", arguments)
    asked.work.mkdir(parents=True, exist_ok=True)
    calm = asked.work / f"calm-{asked.trials}"
    share = len(asked.executors)
    if start("inprocess", calm, asked.trials).wait() != 0:
        raise RuntimeError(f"The undisturbed sweep must complete, but did not: see {calm}.log.")
    outcomes = []
    for executor in asked.executors:
        folder = asked.work / f"{executor}-{asked.trials}-{asked.seed}"
        record = folder.with_suffix(".json")
        if record.exists():  # from an earlier, broken off run of this script
            outcomes.append(Outcome(**json.loads(record.read_text())))
            continue
        found = soak(executor, folder, asked.trials, asked.kills // share, asked.damages // share, asked.seed)
        outcomes.append(judge(found, folder, calm))
        record.write_text(json.dumps(asdict(outcomes[-1]), indent=2))
    page.write(asked.out, outcomes=outcomes, executors=EXECUTORS)
    return 0 if all(outcome.clean for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
