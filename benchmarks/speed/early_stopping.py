"""Early stopping replayed on recorded tables: no rule, ours, Ray's ASHA, Syne Tune's MOASHA.

    python -m benchmarks.speed.early_stopping  # replays, and writes docs/results/early-stopping.md
    python -m benchmarks.speed.early_stopping --pack runs  # packs the sweeps there that make the tables, first
    python -m benchmarks.speed.early_stopping --syne-tune PYTHON   # of an environment that has Syne Tune: its rows anew

The tables are the sweeps of specs/benchmarks/early-stopping-*.yaml; the same with `scheduler: halving`, in folders
whose names end with `-real`, say whether replays can be trusted. Settings of every scheduler are chosen on the table
of motifs in orders 100 to 109; reported are orders 0 to 9, and the table of MUTAG, on which nothing was chosen.
"""

import argparse
import json
import random
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from scipy import stats

from analysis.records import record_file, trial_file
from analysis.records.packed import Packed
from benchmarks._lib.pages import RESULTS, Page
from sweeps.engine.trials.early_stopping import EarlyStopping
from sweeps.engine.trials.halving import Halving
from sweeps.engine.trials.racing import Racing
from sweeps.followups import replay
from sweeps.followups.replay import Outcome, Point, Scheduler, Stop
from sweeps.interchange import packed_records

TABLES = ("early-stopping-motifs", "early-stopping-mutag")
RECORDS = RESULTS / "records" / "early-stopping.parquet"
BESIDE = RESULTS / "records" / "early-stopping.json"
CHOSEN_ON, REPORTED, WORKERS = range(100, 110), range(10), 4
TARGET, LEAST, MOST_BELOW = 2.0, 0.9, 2
LOSSES = ("loss", "cross_entropy", "statistics", "entropy")
SERVER = """
import sys
from types import SimpleNamespace
from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA
known = {}
for line in sys.stdin:
    word, *rest = line.split()
    if word == "new":
        grace, factor, most = map(int, rest)
        rule = MOASHA({}, ["a", "b"], time_attr="t", max_t=most, grace_period=grace, reduction_factor=factor)
        known = {}
        continue
    if word not in known:
        known[word] = SimpleNamespace(trial_id=int(word))
        rule.on_trial_add(known[word])
    result = {"t": int(rest[0]), "a": float(rest[1]), "b": float(rest[2])}
    print(int(rule.on_trial_result(known[word], result) == "CONTINUE"), flush=True)
"""


@dataclass(frozen=True, eq=False)
class Table:
    """An observed sweep.

    Args:
        points: trials that ran whole.
        floor: of the divergence: what the control has.
    """

    points: tuple[Point, ...]
    floor: float

    @property
    def seeds(self) -> int:
        """Replicates of each trial."""
        return int(self.points[0].stops[-1].rung)


def table_of(packed: Packed) -> Table:
    """The points of packed records; where costs at rungs are those so far, they get those of the replicate's end."""
    controls = [record_file.parse(text, name) for name, text in packed.files.items() if "/control-" in name]
    floor = statistics.fmean(record.objectives["validation_divergence"] or 0.0 for record in controls)
    return Table(tuple(map(_extrapolated, replay.points_of(packed))), floor)


def _extrapolated(point: Point) -> Point:
    end = next(stop.values[1] for stop in point.stops if stop.rung == "1")
    inside = [stop for stop in point.stops if float(stop.rung) < 1]
    if any(stop.values[1] != stop.work for stop in inside):
        return point
    changed = [replace(stop, values=(stop.values[0], end)) for stop in inside]
    return replace(point, stops=(*changed, *point.stops[len(inside) :]))


class Asha:
    """Ray's own, on the first objective; a time unit is a twentieth of a replicate."""

    def __init__(self, table: Table, grace: int, factor: int) -> None:
        from ray.tune.schedulers import AsyncHyperBandScheduler

        units = {"max_t": 20 * table.seeds, "grace_period": grace, "reduction_factor": factor}
        self._rule = AsyncHyperBandScheduler(time_attr="t", metric="loss", mode="min", **units)
        self._known: dict[int, Any] = {}

    def reached(self, point: Point, stop: Stop) -> bool:
        """What it says."""
        if point.number not in self._known:
            self._known[point.number] = argparse.Namespace(trial_id=str(point.number))
            self._rule.on_trial_add(None, self._known[point.number])
        result = {"t": round(20 * float(stop.rung)), "loss": stop.values[0]}
        return bool(self._rule.on_trial_result(None, self._known[point.number], result) == "CONTINUE")


class Moasha:
    """Syne Tune's own, in an environment of its own; the same units."""

    def __init__(self, server: "subprocess.Popen[str]", table: Table, grace: int, factor: int) -> None:
        self._server = server
        self._say(f"new {grace} {factor} {20 * table.seeds}")

    def _say(self, line: str) -> None:
        assert self._server.stdin is not None
        print(line, file=self._server.stdin, flush=True)

    def reached(self, point: Point, stop: Stop) -> bool:
        """What it says."""
        assert self._server.stdout is not None
        self._say(f"{point.number} {round(20 * float(stop.rung))} {stop.values[0]!r} {stop.values[1]!r}")
        return self._server.stdout.readline().strip() == "1"


def ours(table: Table, reduction: int, rungs: Sequence[str], error: float | None) -> Scheduler:
    """As sweeps do it."""
    halving = Halving(reduction, ("minimize", "minimize"), (table.floor, None))
    racing = None if error is None else Racing(error, (1, 1))
    return replay.OurRule(EarlyStopping(table.seeds, halving, racing), rungs)


Make = Callable[[Table], Scheduler]


def candidates(syne_tune: str | None) -> dict[str, dict[str, Make]]:
    """Settings of each scheduler among which is chosen."""
    rungs = (("0.5",), ("0.1", "0.5"))
    found: dict[str, dict[str, Make]] = {"ours": {}, "ours, replicates raced": {}}
    for error, name in ((None, "ours"), (0.2, "ours, replicates raced")):
        for reduction in (2, 3):
            for places in rungs:
                words = f"reduction {reduction}, fractions {', '.join(places)}"
                found[name][words] = lambda table, r=reduction, p=places, e=error: ours(table, r, p, e)  # type: ignore[misc]
    found["Ray's ASHA on the divergence"] = {
        f"grace period {g / 20:g} of a replicate, factor {f}": lambda table, g=g, f=f: Asha(table, g, f)  # type: ignore[misc]
        for g in (2, 10) for f in (2, 4)
    }  # fmt: skip
    if syne_tune is not None:
        server = subprocess.Popen([syne_tune, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        found["Syne Tune's MOASHA"] = {
            f"grace period {g / 20:g} of a replicate, factor {f}": lambda table, g=g, f=f: Moasha(server, table, g, f)  # type: ignore[misc]
            for g in (2, 10) for f in (2, 4)
        }  # fmt: skip
    return found


def compared(table: Table, make: Make, orders: Sequence[int]) -> dict[str, list[float]]:
    """Work without early stopping by work with it, order by order, to the hypervolume of half the table run whole.

    Returns:
        ``ratio`` to that hypervolume, ``ratio_95`` to 95 % of it, the ``work`` and the ``volume`` of the whole table by
        those without early stopping, and the share of trials that were ``stopped``.
    """
    found: dict[str, list[float]] = {name: [] for name in ("ratio", "ratio_95", "work", "volume", "stopped")}
    for order in orders:
        points, whole, before = _whole(table, order)
        early = replay.replayed(points, make(table), WORKERS)
        after = _volumes(table, early)
        level = before[len(points) // 2 - 1]
        for name, share in (("ratio", 1.0), ("ratio_95", 0.95)):
            works = [replay.work_to(*item, share * level) for item in ((whole, before), (early, after))]
            found[name].append(works[0] / works[1])
        found["work"].append(early[-1].work / whole[-1].work)
        found["volume"].append(after[-1] / before[-1])
        found["stopped"].append(sum(item.stopped_at is not None for item in early) / len(early))
    return found


@cache
def _whole(table: Table, order: int) -> tuple[list[Point], list[Outcome], list[float]]:
    """The points in an order, and what comes of them without early stopping."""
    points = list(table.points)
    random.Random(order).shuffle(points)
    outcomes = replay.replayed(points, replay.WholeTrials(), WORKERS)
    return points, outcomes, _volumes(table, outcomes)


def _volumes(table: Table, outcomes: Sequence[Outcome]) -> list[float]:
    worst = (table.floor, 1.001 * max(point.values[1] for point in table.points))
    return replay.hypervolumes(outcomes, {point.number: point.values for point in table.points}, worst)


def predictive(table: Table) -> list[dict[str, float | str]]:
    """Spearman's rank correlation of each rung's divergence with that of the end, and the share of work by then."""
    ends = [point.values[0] for point in table.points]
    rows = []
    for place, stop in enumerate(table.points[0].stops[:-1]):
        there = [point.stops[place].values[0] for point in table.points]
        share = statistics.fmean(point.stops[place].work / point.stops[-1].work for point in table.points)
        rows.append({"rung": stop.rung, "rho": float(stats.spearmanr(there, ends)[0]), "share": share})
    return rows


def in_synthesis(folder: Path, points: Sequence[Point]) -> dict[str, float]:
    """The same of the losses of synthesis, half-way through the first replicate's."""
    ends, found = [point.values[0] for point in points], {}
    curves = [json.loads((folder / "curves" / f"trial-{point.number:04d}-00.json").read_text()) for point in points]
    for name in LOSSES:
        there = [curve["synthesis"][name][(len(curve["synthesis"][name]) - 1) // 2] for curve in curves]
        found[name] = float(stats.spearmanr(there, ends)[0])
    return found


def confirmed(table: Table, real: Packed, make: Make) -> dict[str, int]:
    """How many trials of a real sweep of the same points ended where the replay says, one worker in order."""
    outcomes = replay.replayed(table.points, make(table))
    said = {item.trial: item.stopped_at for item in outcomes}
    trials = [
        trial_file.parse(text, name, trial_file.TrialFile)
        for name, text in real.files.items()
        if name.startswith("trials/")
    ]
    final = [trial for trial in trials if trial.state in ("completed", "pruned")]
    ended = {trial.number: max(trial.rungs, key=float) if trial.state == "pruned" else None for trial in final}
    both = said.keys() & ended.keys()
    return {
        "trials": len(both),
        "same": sum(said[number] == ended[number] for number in both),
        "stopped": sum(ended[number] is not None for number in both),
    }


def _pack(runs: Path) -> None:
    names = [f"{name}{end}" for name in TABLES for end in ("", "-real") if (runs / f"{name}{end}").is_dir()]
    packs = {name: packed_records.pack(runs / name) for name in names}
    packed_records.write(RECORDS, packs)
    known = json.loads(BESIDE.read_text()) if BESIDE.exists() else {}
    known["synthesis"] = {
        name: in_synthesis(runs / name, replay.points_of(packs[name])) for name in TABLES if name in packs
    }
    BESIDE.write_text(json.dumps(known, indent=1) + "\n")


def _best(table: Table, choices: Mapping[str, Make]) -> str:
    return max(choices, key=lambda words: statistics.median(compared(table, choices[words], CHOSEN_ON)["ratio"]))


def main() -> None:
    """Replays, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, metavar="RUNS", help="folder of the sweeps that make the tables")
    parser.add_argument("--syne-tune", metavar="PYTHON", help="of an environment that has Syne Tune")
    parser.add_argument("--out", type=Path, help="the page, instead of its place in docs/results")
    options = parser.parse_args()
    page = Page("early-stopping", "benchmarks.speed.early_stopping", [])
    if options.pack is not None:
        _pack(options.pack)
    packs, beside = packed_records.read(RECORDS), json.loads(BESIDE.read_text())
    tables = {name: table_of(packs[name]) for name in TABLES if name in packs}
    rows: list[dict[str, Any]] = []
    for name, choices in candidates(options.syne_tune).items():
        words = _best(tables[TABLES[0]], choices)
        found = {table: compared(known, choices[words], REPORTED) for table, known in tables.items()}
        rows.append({"name": name, "settings": words, "found": found})
        print(name, words, {table: statistics.median(values["ratio"]) for table, values in found.items()}, flush=True)
    if options.syne_tune is None:
        rows += beside.get("moasha", [])
    else:
        beside["moasha"] = [row for row in rows if "MOASHA" in row["name"]]
        BESIDE.write_text(json.dumps(beside, indent=1) + "\n")
    make: Make = lambda table: ours(table, 3, ("0.1", "0.5"), None)  # noqa: E731
    page.write(
        options.out,
        rows=rows,
        tables=tables,
        predictive={name: predictive(table) for name, table in tables.items()},
        synthesis=beside["synthesis"],
        confirmed={n: confirmed(t, packs[f"{n}-real"], make) for n, t in tables.items() if f"{n}-real" in packs},
        below=lambda ratios: sum(ratio < LEAST for ratio in ratios),
        met=lambda ratios: statistics.median(ratios) >= TARGET and sum(r < LEAST for r in ratios) <= MOST_BELOW,
    )


if __name__ == "__main__":
    main()
