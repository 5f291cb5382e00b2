"""What a trial costs beyond its own work: `acgkd run` beside a well-configured Ray Tune, and Optuna.

    python -m benchmarks.speed.overhead  # what docs/results/records/overhead.jsonl does not hold yet, and the page
    python -m benchmarks.speed.overhead --syne-tune PYTHON  # of an environment that has Syne Tune and torch: with it
    python -m benchmarks.speed.overhead --runs 0:4:1 --cases ours-in-process optuna --records lines --out page.md

Every trial does the same fixed amount of work: products of matrices for so many seconds. Each of them writes down when
its work began and ended; all else between the first beginning and the last end is overhead. What comes before the first
beginning is start-up and reported apart. Cases are taken in turn in every round, each in a process of its own.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
# Ray gives its workers a low priority, so that whatever else the machine does would be measured with them.
os.environ.setdefault("RAY_worker_niceness", "0")

from benchmarks._lib.pages import ROOT, Page, arguments
from benchmarks.speed._overhead_cases import CASES, OURS, SYNE_TUNE, SYNE_TUNE_PYTHON, TUNED
from benchmarks.speed._overhead_cpu import Tree, adopt_orphans, bury_orphans
from benchmarks.speed._overhead_work import WORKERS, Task

LOOK_S = 0.05
DRIFT_TRIALS = 1000  # of fewer a tenth says nothing
FINISHED = (100, 1000, 10_000)  # records
RUNS = ("0:100:3", "0:1000:3", "0:5000:2", "1:100:3")  # seconds of work, trials, rounds
TARGETS = {"ratio": 1.5, "growth": 1.2, "finished_s": 1.5}


def measured(case: str, trials: int, work_s: float) -> dict[str, float | None]:
    """One sweep, in a process of its own.

    Raises:
        RuntimeError: it fails, or does another number of trials.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        task = Task(Path(scratch), Path(scratch) / "work.log", trials, work_s)
        tree, started, load = Tree(), time.time(), os.getloadavg()[0]
        alone = ["-m", "benchmarks.speed.overhead", "--alone", case, scratch, str(trials), str(work_s)]
        with (task.folder / "errors").open("w") as errors:
            process = subprocess.Popen([sys.executable, *alone], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors)
            before_s = _until(process, tree, task.log.exists)
            cpu_s = _until(process, tree, lambda: task.log.read_text().count("\n") >= trials) - before_s
            code = process.wait()
        ended = time.time()
        bury_orphans()
        spans = [json.loads(line) for line in task.log.read_text().splitlines()] if task.log.exists() else []
        if code != 0 or len(spans) != trials:
            error = (task.folder / "errors").read_text()[-2000:]
            raise RuntimeError(f"{case} must do {trials} trials, but did {len(spans)} and ended with {code}: {error}")
    return {"load": load, **figures(spans, CASES[case].workers, started, ended, cpu_s)}


def _until(process: "subprocess.Popen[bytes]", tree: Tree, reached: Callable[[], bool]) -> float:
    """Waits for a moment of the sweep, or its end; seconds of processors by then."""
    while process.poll() is None and not reached():
        tree.look()
        time.sleep(LOOK_S)
    return tree.look()


def figures(
    spans: list[tuple[float, float, float, int]], workers: int, started: float, ended: float, cpu_s: float
) -> dict[str, float | None]:
    """What the trials' own notes come to.

    Args:
        spans: of each trial when its work began and ended, the processor's seconds that it took, and its process.
        workers: that there should be.
        started: when the command was.
        ended: when it was.
        cpu_s: seconds of processors between the first beginning and the last end, of all processes.
    """
    spans = sorted(spans)
    first, last = spans[0][0], max(end for _, end, _, _ in spans)
    own_s = sum(end - begin for begin, end, _, _ in spans)
    return {
        "gap_s": statistics.median(_gaps(spans, workers)),
        "longer_s": (last - first - own_s / workers) / len(spans),
        "cpu_s": (cpu_s - sum(cpu for _, _, cpu, _ in spans)) / len(spans),
        "beside": sum(after[0] < before[1] for before, after in pairwise(spans)) / (len(spans) - 1),
        "startup_s": first - started,
        "shutdown_s": ended - last,
        "second_s": _second_s(spans),
        **({"drift": _drift(spans)} if len(spans) >= DRIFT_TRIALS else {}),
    }


def _second_s(spans: list[tuple[float, float, float, int]]) -> float | None:
    """From the first trial's beginning to that of the first one in a second process; None where there is none."""
    first, _, _, process = spans[0]
    return next((begin - first for begin, _, _, other in spans if other != process), None)


def _drift(spans: list[tuple[float, float, float, int]]) -> float:
    """Seconds of a trial in the last tenth of the sweep by those in the second tenth: the first one warms up."""
    tenth = len(spans) // 10
    ends = [end for _, end, _, _ in spans]
    return (ends[-1] - ends[-tenth - 1]) / (ends[2 * tenth - 1] - ends[tenth - 1])


def _gaps(spans: list[tuple[float, float, float, int]], workers: int) -> list[float]:
    """From a trial's end to the beginning of the next one in its process, or, where none has two, in its place."""
    mine: dict[int, list[tuple[float, float]]] = {}
    for begin, end, _, process in spans:
        mine.setdefault(process, []).append((begin, end))
    found = [after[0] - before[1] for each in mine.values() for before, after in pairwise(each)]
    ends = sorted(end for _, end, _, _ in spans)
    return found or [spans[turn][0] - ends[turn - workers] for turn in range(workers, len(spans))]


def main() -> None:
    """Measures what the file of records does not hold yet, and writes the page."""
    parser = arguments(__doc__, records="overhead.jsonl")
    parser.add_argument("--alone", nargs=4, metavar=("CASE", "FOLDER", "TRIALS", "WORK"), help=argparse.SUPPRESS)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--runs", nargs="*", default=RUNS, help="WORK:TRIALS:ROUNDS; with work only on two workers")
    parser.add_argument("--syne-tune", metavar="PYTHON", help="of an environment that has Syne Tune and torch")
    parser.add_argument("--finished", type=int, nargs="*", default=FINISHED, help="records of finished sweeps")
    options = parser.parse_args()
    if options.alone:
        case, folder, trials, work_s = options.alone
        CASES[case].run(Task(Path(folder), Path(folder) / "work.log", int(trials), float(work_s)))
        return
    from benchmarks._lib.timing import Kept  # no case is to import torch before its own moment
    from benchmarks.speed._overhead_finished import start_on_finished

    if options.syne_tune is None:
        options.cases = [case for case in options.cases if case != SYNE_TUNE]
    else:
        os.environ[SYNE_TUNE_PYTHON] = options.syne_tune
    adopt_orphans()
    page, kept = Page("overhead", "benchmarks.speed.overhead", ()), Kept(options.records)
    for work_s, trials, rounds in (map(float, run.split(":")) for run in options.runs):
        for turn, case in itertools.product(range(int(rounds)), options.cases):
            if int(trials) <= CASES[case].most and (not work_s or CASES[case].workers == WORKERS):
                key = {"work": work_s, "trials": int(trials), "round": turn, "case": case}
                print(kept.once(partial(measured, case, int(trials), work_s), **key), flush=True)

    done = [kept.once(partial(start_on_finished, count), finished=count) for count in options.finished]
    rows = [row for row in kept.lines if "case" in row]

    def by_round(work_s: float, trials: int, case: str, key: str) -> dict[int, float]:
        """A figure in each round in which it was measured."""
        found = [row for row in rows if (row["work"], row["trials"], row["case"]) == (work_s, trials, case)]
        return {row["round"]: row[key] for row in found if row.get(key) is not None}

    def series(*which: Any) -> list[float]:
        """The same, round by round."""
        return list(by_round(*which).values())

    def against(work_s: float, trials: int, key: str) -> list[float]:
        """Ours by the well-configured Ray Tune, in rounds that have both."""
        ours, theirs = (by_round(work_s, trials, case, key) for case in (OURS, TUNED))
        return [ours[turn] / theirs[turn] for turn in ours if turn in theirs]

    runs = sorted({(row["work"], row["trials"]) for row in rows})
    names = {
        "OURS": OURS,
        "TUNED": TUNED,
        "SYNE_TUNE": SYNE_TUNE,
        "WORKERS": WORKERS,
        "loads": [row["load"] for row in rows if row["case"] in (OURS, TUNED)],
    }
    page.write(options.out, series=series, against=against, cases=CASES, done=done, runs=runs, **names)


if __name__ == "__main__":
    main()
