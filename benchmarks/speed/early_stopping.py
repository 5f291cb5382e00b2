"""Early stopping replayed on recorded tables: no rule, ours, Ray's ASHA, Syne Tune's MOASHA.

    python -m benchmarks.speed.early_stopping  # replays, and writes docs/results/early-stopping.md
    python -m benchmarks.speed.early_stopping --pack runs  # packs the sweeps there that make the tables, first
    python -m benchmarks.speed.early_stopping --syne-tune PYTHON   # of an environment that has Syne Tune: its rows anew

The tables are the sweeps of specs/benchmarks/early-stopping-*.yaml; the same with `scheduler: halving`, in folders
whose names end with `-real`, say whether replays can be trusted. Settings of every scheduler are chosen on the table
of motifs in orders 100 to 109; reported are orders 0 to 9, and the table of MUTAG, on which nothing was chosen.
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from analysis.records.packed import Packed
from benchmarks._lib.pages import RESULTS, Page, arguments
from benchmarks.speed._schedulers import Make, candidates
from sweeps.followups.observed_table import ObservedTable, Saved
from sweeps.interchange import packed_records

TABLES = ("early-stopping-motifs", "early-stopping-mutag")
RECORDS = RESULTS / "records" / "early-stopping.parquet"
BESIDE = RESULTS / "records" / "early-stopping.json"
CHOSEN_ON, REPORTED, WORKERS = range(100, 110), range(10), 4
TARGET, LEAST, MOST_BELOW = 2.0, 0.9, 2
MEASURE = "validation_divergence"
LOSSES = ("loss", "cross_entropy", "statistics", "entropy")


def saved(table: ObservedTable, make: Make, orders: Sequence[int]) -> Saved:
    """What a scheduler saves on a table."""
    return table.saved(partial(make, table), orders, WORKERS)


def in_synthesis(folder: Path, table: ObservedTable) -> dict[str, float]:
    """How losses of synthesis, half-way through the first replicate's, rank trials as their ends do."""
    names = [folder / "curves" / f"trial-{point.number:04d}-00.json" for point in table.points]
    curves = [json.loads(name.read_text())["synthesis"] for name in names]
    return {name: table.predicted_by([each[name][(len(each[name]) - 1) // 2] for each in curves]) for name in LOSSES}


def _pack(runs: Path) -> None:
    names = [f"{name}{end}" for name in TABLES for end in ("", "-real") if (runs / f"{name}{end}").is_dir()]
    packs = {name: packed_records.pack(runs / name) for name in names}
    packed_records.write(RECORDS, packs)
    known = json.loads(BESIDE.read_text()) if BESIDE.exists() else {}
    known["synthesis"] = {name: in_synthesis(runs / name, table) for name, table in _tables(packs).items()}
    BESIDE.write_text(json.dumps(known, indent=1) + "\n")


def _tables(packs: Mapping[str, Packed]) -> dict[str, ObservedTable]:
    return {name: ObservedTable.of(packs[name], MEASURE) for name in TABLES if name in packs}


def _best(table: ObservedTable, choices: Mapping[str, Make]) -> str:
    return max(choices, key=lambda words: statistics.median(saved(table, choices[words], CHOSEN_ON).ratio))


def main() -> None:
    """Replays, and writes the page."""
    parser = arguments(__doc__)
    parser.add_argument("--pack", type=Path, metavar="RUNS", help="folder of the sweeps that make the tables")
    parser.add_argument("--syne-tune", metavar="PYTHON", help="of an environment that has Syne Tune")
    options = parser.parse_args()
    page = Page("early-stopping", "benchmarks.speed.early_stopping", [])
    if options.pack is not None:
        _pack(options.pack)
    packs, beside = packed_records.read(RECORDS), json.loads(BESIDE.read_text())
    tables = _tables(packs)
    rows: list[dict[str, Any]] = []
    for name, choices in candidates(options.syne_tune).items():
        words = _best(tables[TABLES[0]], choices)
        found = {table: saved(known, choices[words], REPORTED) for table, known in tables.items()}
        print(name, words, {table: statistics.median(values.ratio) for table, values in found.items()}, flush=True)
        rows.append({"name": name, "settings": words, "found": {table: asdict(each) for table, each in found.items()}})
    if options.syne_tune is None:
        rows += beside.get("moasha", [])
    else:
        beside["moasha"] = [row for row in rows if "MOASHA" in row["name"]]
        BESIDE.write_text(json.dumps(beside, indent=1) + "\n")
    real = {name: (table, packs[f"{name}-real"]) for name, table in tables.items() if f"{name}-real" in packs}
    page.write(
        options.out,
        rows=rows,
        tables=tables,
        predictive={name: table.predictive() for name, table in tables.items()},
        synthesis=beside["synthesis"],
        confirmed={n: t.confirmed(partial(t.our_rule, 3, ("0.1", "0.5")), known) for n, (t, known) in real.items()},
        below=lambda ratios: sum(ratio < LEAST for ratio in ratios),
        met=lambda ratios: statistics.median(ratios) >= TARGET and sum(r < LEAST for r in ratios) <= MOST_BELOW,
    )


if __name__ == "__main__":
    main()
