"""A long sweep under random faults: what is lost, what is there twice, and what was blamed on a trial.

    python -m benchmarks.faults.soak                                  # then docs/results/soak.md
    python -m benchmarks.faults.soak --trials 10 --kills 2 --damages 2 --executors inprocess --out page.md

Trials are the fake experiments of the tests: exact arithmetic in small steps, so that one lost or repeated step shows
in the result. The sampler looks a fixed number of trials back (`lag`), and nothing is stopped early: so the table must
be, to the last digit, that of the same sweep in one process that nobody disturbs.
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks._lib.opening import Opening
from benchmarks.faults._disturber import Disturber, end_tree

ROOT = Path(__file__).resolve().parents[2]
FAKES = ROOT / "tests" / "sweeps_tests"
RESULT = ROOT / "docs" / "results" / "soak.md"
LIMIT_S = 4 * 3600.0
EXECUTORS = {"inprocess": "in process", "ray": "local Ray, two workers"}


@dataclass
class Outcome:
    """What became of one sweep.

    Args:
        executor: by name.
        trials: that there should be.
        kept: trials that completed.
        states: of all trials.
        differing: rows that are not those of the undisturbed sweep.
        twice: points or numbers that are there twice.
        starts: how often it was started.
        seconds: from the first start to the end.
        disturbances: what was done to it.
        attempts: failed ones by cause.
        codes: exit codes of all starts.
    """

    executor: str
    trials: int
    kept: int = 0
    states: dict[str, int] = field(default_factory=dict)
    differing: int = 0
    twice: int = 0
    starts: int = 0
    seconds: float = 0.0
    disturbances: dict[str, int] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled or blamed."""
        return self.kept == self.trials and not self.differing and not self.twice and set(self.states) == {"completed"}


def changes_of(trials: int) -> dict[str, Any]:
    """The sweep: short trials of one replicate."""
    transfer = {"steps": 24, "delay_s": 0.025, "save_s": 0.005}
    return {"trials": trials, "seeds": [0], "sampler": {"name": "tpe", "lag": 4}, "transfer": transfer}


def start(executor: str, folder: Path, trials: int) -> "subprocess.Popen[str]":
    """A start of the sweep in a process, and a group, of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(FAKES), str(ROOT)]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(FAKES / "drive.py"), executor, str(folder), json.dumps(changes_of(trials))]
    log = (folder.parent / f"{folder.name}.log").open("a")
    with log:
        return subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, text=True, start_new_session=True, cwd=ROOT
        )


def soak(executor: str, folder: Path, trials: int, kills: int, damages: int, seed: int) -> Outcome:
    """Runs the sweep to its end, however often it is disturbed."""
    chance = random.Random(f"{executor}-{seed}")
    disturber = Disturber(folder, chance)
    rest = ["kill"] * kills + ["damage"] * damages + ["full", "read-only"]
    chance.shuffle(rest)
    found, began = Outcome(executor, trials), time.monotonic()
    codes: Counter[str] = Counter()
    while time.monotonic() - began < LIMIT_S:
        since = time.time()
        driver = start(executor, folder, trials)
        found.starts += 1
        while driver.poll() is None and rest:
            time.sleep(chance.uniform(0.3, 4.0))
            if not (disturber.workers() if executor == "ray" else _at_work(folder, since)):
                continue  # else most kills would meet Ray while it starts
            if _disturb(rest[-1], disturber, driver, chance):
                rest.pop()
        code = driver.wait()
        end_tree(driver)
        codes[str(code)] += 1
        if code == 0 and _all_ended(folder, trials):
            break
    found.seconds = time.monotonic() - began
    found.disturbances, found.codes = dict(sorted(disturber.done.items())), dict(sorted(codes.items()))
    return found


def _at_work(folder: Path, since: float) -> bool:
    """Whether a trial has been worked on since then."""
    return any(path.stat().st_mtime > since for path in folder.glob("trials/*/trial.json"))


def _disturb(what: str, disturber: Disturber, driver: "subprocess.Popen[str]", chance: random.Random) -> bool:
    if what == "kill":
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


def page(outcomes: list[Outcome], kills: int, damages: int, command: str) -> str:
    """The result page."""
    clean = all(outcome.clean for outcome in outcomes)
    done = sum(sum(outcome.disturbances.values()) for outcome in outcomes)
    lost = sum(outcome.trials - outcome.kept for outcome in outcomes)
    opening = Opening(
        question="Does a sweep lose, double or wrongly blame anything when its processes, files and disk fail?",
        answer="No: every table is that of the undisturbed sweep." if clean else "Yes: see the table.",
        figure=f"{done} disturbances; {lost} of {sum(o.trials for o in outcomes)} trials did not complete, "
        f"{sum(o.differing for o in outcomes)} rows differ from the undisturbed sweep, "
        f"{sum(o.twice for o in outcomes)} are there twice.",
        caveat="One machine, one filesystem, trials of about a second. Trial files and `sweep.json` are not damaged: a "
        "start refuses such a folder and names the file.",
        command=command,
    )
    lines = opening.lines("A sweep under random faults")
    lines += [
        f"{time.strftime('%Y-%m-%d')}. {kills} SIGKILLs, {damages} damaged files, a full disk and a folder that cannot "
        f"be written for some seconds, in each sweep. Python {platform.python_version()}, ray {version('ray')}, "
        f"optuna {version('optuna')}; {os.cpu_count()} cores, load average at the end {os.getloadavg()[0]:.1f}.",
        "",
        "| executor | trials | completed | rows that differ | twice | starts | minutes |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {EXECUTORS[o.executor]} | {o.trials} | {o.kept} | {o.differing} | {o.twice} | {o.starts} | "
        f"{o.seconds / 60:.1f} |"
        for o in outcomes
    ]
    lines += ["", "| executor | what was done | failed attempts by cause | exit codes |", "|---|---|---|---|"]
    lines += [
        f"| {EXECUTORS[o.executor]} | {_counts(o.disturbances)} | {_counts(o.attempts)} | {_counts(o.codes)} |"
        for o in outcomes
    ]
    return "\n".join(lines) + "\n"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.items()) or "none"


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
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args(arguments)
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
    command = " ".join(["python -m benchmarks.faults.soak", *(arguments or sys.argv[1:])])
    asked.out.write_text(page(outcomes, asked.kills // share, asked.damages // share, command), encoding="utf-8")
    return 0 if all(outcome.clean for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
