"""Seconds and memory of a synthesis step: ACGKD at several complexities ξ, and GFKD, by size of the graphs.

    python -m benchmarks.speed.synthesis  # all sizes, one thread and all threads, docs/results/synthesis.md
    python -m benchmarks.speed.synthesis --accuracy  # MUTAG: student accuracy by seconds of synthesis; then the page

Every figure comes from a process of its own. Timing goes round by round through all variants, so that a busy moment of
the machine meets them alike, and ratios are taken within a round. A variant whose memory, by the measured size before,
would not fit is not started. The teacher is random: time and memory do not ask what it says.
"""

import itertools
import math
import os
import statistics
from collections.abc import Sequence
from typing import Any

import psutil  # type: ignore[import-untyped]

from benchmarks._lib.pages import ROOT, Page, arguments, ratios
from benchmarks._lib.timing import Timed, own_process, timed

HOME = ROOT / "runs" / "benchmark-synthesis"

GRAPHS = 131
TEACHER, STUDENT = "gin-5-64", "gin-3-32"
SIZES = (20, 50, 100, 200, 500)
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "acgkd, ξ = all pairs": ("acgkd", {"complexity": {"mode": "ratio", "ratio": 1.0}}),
    "acgkd, ξ = 0.3 of the pairs": ("acgkd", {"complexity": {"mode": "ratio", "ratio": 0.3}}),
    "acgkd, ξ = 0.1 of the pairs": ("acgkd", {"complexity": {"mode": "ratio", "ratio": 0.1}}),
    "acgkd, ξ = degree 4": ("acgkd", {"complexity": {"mode": "degree", "degree": 4.0}}),
    "gfkd": ("gfkd", {}),
}
ALL, THIRD, TENTH, DEGREE, GFKD = VARIANTS
# Of the memory that is free at the start, as much may be asked for.
SHARE_OF_MEMORY = 0.8
# Steps of one measurement: as many as fit into about this many seconds, two at least.
MEASURE_S = 3.0

ACCURACY_STEPS = (3, 10, 30, 100, 300)
ACCURACY_SEEDS = (0, 1, 2)

Table = dict[tuple[str, int], list[float]]


def measure(variant: str, nodes: int, graphs: int, what: str) -> float:
    """In this process: seconds of a step, or bytes that synthesis needs beyond what was there before."""
    import torch

    from acgkd.runtime import PeakMemory, keep_freed_memory
    from benchmarks.speed._bare import bare_run, bare_setting

    device = torch.device("cpu")
    setting = bare_setting((nodes, nodes), TEACHER, STUDENT, device)
    method, synthesis = VARIANTS[variant]
    before, peak = psutil.Process().memory_info().rss, PeakMemory(device)
    if what == "time":
        keep_freed_memory()
    run = bare_run(method, setting, {**synthesis, "graphs": graphs})
    if what == "memory":
        for _ in range(2):
            run.step()
        peak.update()
        assert peak.host_bytes is not None, "Linux tells"
        return float(max(0, peak.host_bytes - before))
    run.step()
    row = Timed()
    timed(lambda: run.step()["loss"], 1, device, row)
    timed(lambda: run.step()["loss"], max(2, min(50, int(MEASURE_S / row.wall[0]))), device, row)
    return row.wall[1]


def asked(variant: str, nodes: int, graphs: int, what: str, threads: int) -> float:
    """The same in a process of its own; NaN where that was killed: no memory was left, the estimate notwithstanding."""
    found = own_process("benchmarks.speed.synthesis:measure", variant, nodes, graphs, what, threads=threads)
    return math.nan if found is None else float(found)


def memory_table(sizes: Sequence[int], graphs: int) -> tuple[Table, dict[tuple[str, int], float]]:
    """Bytes of each variant at each size; beside it, the estimates of those that would not fit."""
    found: Table = {}
    too_large: dict[tuple[str, int], float] = {}
    room = SHARE_OF_MEMORY * psutil.virtual_memory().available
    for variant in VARIANTS:
        known: tuple[int, float] | None = None
        for nodes in sizes:
            # At most by the number of pairs; at a fixed degree by the number of nodes.
            power = 1 if variant == DEGREE else 2
            estimate = 0.0 if known is None else known[1] * (nodes / known[0]) ** power
            value = math.nan if estimate > room else asked(variant, nodes, graphs, "memory", 1)
            if math.isnan(value):
                too_large[variant, nodes] = estimate
                continue
            known, found[variant, nodes] = (nodes, value), [value]
            print(f"memory: n = {nodes}, {variant}: {value / 2**20:.0f} MiB", flush=True)
    return found, too_large


def time_table(sizes: Sequence[int], graphs: int, fits: Table, threads: int, rounds: int) -> Table:
    """Seconds of a step, one figure for each round."""
    found: Table = {key: [] for key in fits}
    for nodes, _, variant in itertools.product(sizes, range(rounds), VARIANTS):
        if (variant, nodes) in fits:
            value = asked(variant, nodes, graphs, "time", threads)
            found[variant, nodes].append(value)
            print(f"{threads} threads, n = {nodes}, {variant}: {1000 * value:.1f} ms", flush=True)
    return found


def ratio(table: Table, above: tuple[str, int], below: tuple[str, int]) -> list[float]:
    """What one variant takes of another, round by round; none where one was not measured."""
    return ratios(table.get(above, []), table.get(below, []))


def curve_spec(seeds: Sequence[int], steps: Sequence[int]) -> dict[str, Any]:
    """GFKD as released, and ACGKD after so many steps of synthesis."""
    rows = [
        {"name": "acgkd", "label": f"acgkd, {count} synthesis steps", "synthesis": {"steps": count}, "transfer": {}}
        for count in steps
    ]
    tree = {"name": "synthesis", "dataset": "mutag", "teacher": TEACHER, "student": STUDENT, "method": "gfkd"}
    return {**tree, "controls": rows, "replicates": {"seeds": list(seeds)}}


def students(spec: dict[str, Any]) -> dict[str, list[tuple[float, float]]]:
    """Test accuracy and the seconds of synthesis of every student, by row, the trial's first; the sweep resumes."""
    import analysis
    import sweeps

    sweeps.run(spec, HOME, executor=sweeps.InProcess())
    runs = analysis.load(HOME).rows
    found: dict[str, list[tuple[float, float]]] = {"gfkd, as released": []}
    for run in runs[(runs["kind"] != "teacher") & (runs["outcome"] == "completed")].to_dict("records"):
        label = "gfkd, as released" if run["kind"] == "trial" else str(run["label"])
        found.setdefault(label, []).append((float(run["test_accuracy"]), float(run["synthesis_s"])))
    return found


def accuracy(found: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
    """The whole curve of ACGKD, beside GFKD at its released settings; no point of it is chosen.

    Args:
        found: as of `students`.

    Returns:
        ``rows``: label, mean and deviation of accuracy, seconds; ``factor``: GFKD's seconds by ACGKD's up to its
        accuracy, None where that is not reached.
    """
    rows = []
    for label, each in found.items():
        scores, seconds = zip(*each, strict=True)
        deviation = statistics.stdev(scores) if len(scores) > 1 else math.nan
        rows.append((label, statistics.fmean(scores), deviation, statistics.fmean(seconds)))
    (_, wanted, _, gfkd_s), *curve = rows
    # From here on every longer synthesis does as well: a lucky point on the way does not count.
    late = [index for index in range(len(curve)) if all(mean >= wanted for _, mean, _, _ in curve[index:])]
    return {"rows": rows, "factor": gfkd_s / curve[late[0]][3] if late else None}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--graphs", type=int, default=GRAPHS)
    parser.add_argument("--accuracy", action="store_true")
    options = parser.parse_args()
    page = Page("synthesis", "benchmarks.speed.synthesis")
    memory, too_large = memory_table(options.sizes, options.graphs)
    times = {t: time_table(options.sizes, options.graphs, memory, t, options.rounds) for t in options.threads}
    curve = curve_spec(ACCURACY_SEEDS, ACCURACY_STEPS)
    page.write(
        options.out, times=times, memory=memory, ratio=ratio, too_large=too_large, sizes=options.sizes,
        rounds=options.rounds, graphs=options.graphs, accuracy=accuracy(students(curve)) if options.accuracy else None,
    )  # fmt: skip


if __name__ == "__main__":
    main()
