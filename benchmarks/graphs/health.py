"""How often a default run of ACGKD is stuck, before and after restarts, and how well health predicts a bad student.

    python -m benchmarks.graphs.health --hours 2          run what is missing, then write docs/results/health.md
    python -m benchmarks.graphs.health --only mutag       one data set
    python -m benchmarks.graphs.health --page             the page alone, of the records that there are

Seeds 100 to 199 are for choosing bounds, 200 to 299 for showing what they do. The validation part alone says what a bad
student is. Runs resume, by docs/results/records/health.parquet. The page also has what records of comparisons show.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd

import analysis
import sweeps
from acgkd.agreement.health_facts import HIT_RATE_BOUND
from analysis.statistics.trust.health_prediction import failures, health_prediction, is_stuck
from analysis.statistics.trust.outcome_bounds import RATIO_BOUND
from benchmarks._lib.pages import RESULTS, ROOT, Page, arguments
from sweeps.interchange import packed_records

PAIRS = (
    ("mutag", "gin-5-64", "gin-3-32"),
    ("ptc_mr", "gin-5-64", "gin-3-32"),
    ("mutag", "gcn-5-64", "gcn-3-32"),
    ("proteins", "gin-5-64", "gin-3-32"),
    ("imdb_binary", "gin-5-64", "gin-3-32"),
)
SPEC = ROOT / "specs" / "benchmarks" / "health.yaml"
MORE: dict[str, Any] = {}  # laid over every spec
# Comparisons with ACGKD at its defaults.
COMPARISONS = ("cross-architecture",)
BLOCK = 10
FIRST, CHOOSING = 100, 200
RESTARTS = 3


def blocks(only: str) -> Iterator[tuple[str, str, str, int]]:
    """The first seed of each block of every pair: of each pair by turns one to choose by and one to show."""
    for start in range(FIRST, CHOOSING, BLOCK):
        for pair in PAIRS:
            if only in ("", pair[0]):
                yield (*pair, start)
                yield (*pair, start + CHOOSING - FIRST)


def spec(data: str, teacher: str, student: str, seeds: list[int], restarts: int) -> sweeps.SweepSpec:
    """ACGKD with its defaults, with restarts or without."""
    name = f"health-{data}-{teacher}-{student}-{seeds[0] // BLOCK * BLOCK}{'-restarts' if restarts else ''}"
    changes = {"name": name.replace("_", "-"), "dataset": data, "teacher": teacher, "student": student}
    changes |= {"replicates/seeds": seeds} | ({"method/synthesis/restarts": restarts} if restarts else {})
    return sweeps.load(SPEC, overrides={**changes, **MORE})


def run(what: sweeps.SweepSpec, home: Path, records: Path) -> Any:
    """One sweep, from where its packed records are; returns the rows of its trials."""
    name, folder = what.name, home / what.name
    if len(of(name, records)) < len(what.replicates.seeds):
        packs = packed_records.read(records)
        if name in packs and not folder.exists():
            folder.mkdir(parents=True)
            packed_records.restore(packs[name], folder)
        sweeps.run(what, folder, executor=sweeps.InProcess(), on_progress=None)
        packed_records.write(records, {**packed_records.read(records), name: packed_records.pack(folder)})
    return of(name, records)


def of(name: str, records: Path) -> Any:
    """The rows of a sweep's trials that are packed."""
    if not records.exists():
        return ()
    rows = analysis.load(records).rows
    return rows[(rows["sweep"] == name) & (rows["kind"] == "trial")]


def main() -> None:
    """Runs what is missing, block after block, and writes the page."""
    parser = arguments(__doc__, records="health.parquet")
    parser.add_argument("--only", default="", help="one data set")
    parser.add_argument("--hours", type=float, default=float("inf"), help="begin no block after so long")
    parser.add_argument("--page", action="store_true", help="run nothing")
    parser.add_argument("--home", type=Path, default=Path("runs") / "health", help="folder of the sweeps")
    given = parser.parse_args()
    records, began = given.records, time.monotonic()
    for data, teacher, student, start in () if given.page else blocks(given.only):
        if time.monotonic() - began > given.hours * 3600:
            break
        rows = run(spec(data, teacher, student, list(range(start, start + BLOCK)), 0), given.home, records)
        stuck = [int(seed) for seed, holds in zip(rows["seed"], is_stuck(rows), strict=True) if holds]
        if stuck:
            run(spec(data, teacher, student, stuck, RESTARTS), given.home, records)
    page = Page("health", "benchmarks.graphs.health", ())
    found = health_prediction(analysis.load(records).rows, CHOOSING)
    compared = pd.concat([analysis.load(RESULTS / "records" / f"{name}.parquet").rows for name in COMPARISONS])
    kinds = {"ACGKD at its defaults": ["trial"], "all rows with pseudo-graphs": ["trial", "control"]}
    shown = {name: failures(compared, kinds[name]) for name in kinds}
    page.write(given.out, found=found, bound=HIT_RATE_BOUND, split=CHOOSING, ratio=RATIO_BOUND, shown=shown)


if __name__ == "__main__":
    main()
