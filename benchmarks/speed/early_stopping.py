"""Early stopping replayed on recorded tables: no rule, ours, Ray's ASHA, Syne Tune's MOASHA.

    python -m benchmarks.speed.early_stopping  # replays, and writes docs/results/early-stopping.md
    python -m benchmarks.speed.early_stopping --pack runs  # packs the sweeps there that make the tables, first
    python -m benchmarks.speed.early_stopping --syne-tune PYTHON   # of an environment that has Syne Tune: its rows anew

The tables are the sweeps of specs/benchmarks/early-stopping-*.yaml, whose points are drawn at random. Settings of every
scheduler are chosen on the first points of each table, in orders 100 to 109; reported are orders 0 to 9 of the others.
Whether replays can be trusted is said by the first points once more, whole (folders whose names end with `-again`) and
with `REAL` (`-real`), both by one code:

    acgkd run specs/benchmarks/early-stopping-motifs.yaml --in-process --trials 40 --out runs/NAME-again
    acgkd run specs/benchmarks/early-stopping-motifs.yaml --in-process --trials 40 --out runs/NAME-real
        --set 'scheduler={name: halving, reduction: 2, fractions: [0.5], error: 0.2, synthesis: [0.5]}'
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from analysis.records.packed import Packed
from benchmarks._lib.pages import RESULTS, Page, arguments
from benchmarks.speed._schedulers import ALSO_TRIED, Make, candidates
from sweeps.followups.observed_table import Confirmed, ObservedTable, Saved
from sweeps.interchange import packed_records
from sweeps.spec.sections import SchedulerConfig

# How many points settings are chosen on: those that the tables had when that was decided. The others came later.
TABLES = {"early-stopping-motifs": 98, "early-stopping-mutag": 79}
RECORDS = RESULTS / "records" / "early-stopping.parquet"
BESIDE = RESULTS / "records" / "early-stopping.json"
CHOSEN_ON, REPORTED, WORKERS = range(100, 110), range(10), 4
TARGET, LEAST, MOST_BELOW = 2.0, 0.9, 2
MEASURE = "validation_divergence"
AGAIN, REAL_SWEEP = "-again", "-real"
PLAIN = SchedulerConfig()  # where a spec says no more than `halving`
REAL = (2, ("0.5",), 0.2, ("0.5",))


def saved(table: ObservedTable, make: Make, orders: Sequence[int]) -> Saved:
    """What a scheduler saves on a table."""
    return table.saved(partial(make, table), orders, WORKERS)


def below(ratios: Sequence[float]) -> int:
    """In how many orders a scheduler costs work."""
    return sum(ratio < LEAST for ratio in ratios)


def met(ratios: Sequence[float]) -> bool:
    """Whether the target is."""
    return statistics.median(ratios) >= TARGET and below(ratios) <= MOST_BELOW


def worth(found: Sequence[Saved]) -> tuple[float, ...]:
    """By what settings are chosen: tables on which the target is met, few misses, the lesser median, that to 95 %."""
    reached, misses = sum(met(each.ratio) for each in found), sum(below(each.ratio) for each in found)
    medians = [(statistics.median(each.ratio), statistics.median(each.ratio_95)) for each in found]
    return reached, -misses, min(median for median, _ in medians), min(median for _, median in medians)


def _tables(packs: Mapping[str, Packed]) -> dict[str, ObservedTable]:
    return {name: ObservedTable.of(packs[name], MEASURE) for name in TABLES if name in packs}


def _confirmed(packs: Mapping[str, Packed]) -> dict[str, Confirmed]:
    """Of each table that has both: real sweeps beside replays."""
    found = {}
    for name in TABLES:
        if {f"{name}{AGAIN}", f"{name}{REAL_SWEEP}"} <= packs.keys():
            table = ObservedTable.of(packs[f"{name}{AGAIN}"], MEASURE)
            found[name] = table.confirmed(partial(table.our_rule, *REAL), packs[f"{name}{REAL_SWEEP}"])
    return found


def _part(table: ObservedTable, count: int, first: bool) -> ObservedTable:
    return replace(table, points=tuple(point for point in table.points if (point.number < count) == first))


def _pack(runs: Path) -> None:
    names = [f"{name}{end}" for name in TABLES for end in ("", AGAIN, REAL_SWEEP) if (runs / f"{name}{end}").is_dir()]
    packed_records.write(
        RECORDS, packed_records.read(RECORDS) | {name: packed_records.pack(runs / name) for name in names}
    )


def _rows(syne_tune: str | None, first: Mapping[str, ObservedTable], others: Mapping[str, ObservedTable]) -> list[Any]:
    rows = []
    for name, choices in candidates(syne_tune).items():
        tried = {words: [saved(table, make, CHOSEN_ON) for table in first.values()] for words, make in choices.items()}
        best = max(tried, key=lambda words: worth(tried[words]))
        found = {table: asdict(saved(known, choices[best], REPORTED)) for table, known in others.items()}
        print(name, best, {table: statistics.median(each["ratio"]) for table, each in found.items()}, flush=True)
        known = {words: dict(zip(first, (each.ratio for each in on), strict=True)) for words, on in tried.items()}
        rows.append({"name": name, "settings": best, "worth": worth(tried[best]), "tried": known, "found": found})
    return rows


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
    first, others = ({n: _part(t, TABLES[n], early) for n, t in tables.items()} for early in (True, False))
    rows = _rows(options.syne_tune, first, others)
    if options.syne_tune is None:
        rows += beside.get("moasha", [])
    else:
        BESIDE.write_text(json.dumps({"moasha": [row for row in rows if "MOASHA" in row["name"]]}, indent=1) + "\n")
    chosen = max((row for row in rows if row["name"].startswith("ours")), key=lambda row: row["worth"])
    page.write(
        options.out,
        rows=rows,
        chosen=chosen,
        counts={name: (len(first[name].points), len(others[name].points)) for name in tables},
        seeds={name: table.seeds for name, table in tables.items()},
        predictive={name: table.predictive() for name, table in tables.items()},
        confirmed=_confirmed(packs),
        below=below,
        met=met,
        also_tried=ALSO_TRIED,
    )


if __name__ == "__main__":
    main()
