"""Seconds and memory of a synthesis step: ACGKD at several complexities ξ, and GFKD, by size of the graphs.

    python -m benchmarks.speed.synthesis  # all sizes, one thread and all threads, docs/results/synthesis.md
    python -m benchmarks.speed.synthesis --accuracy  # MUTAG: student accuracy by seconds of synthesis; then the page

Every figure comes from a process of its own. Timing goes round by round through all variants, so that a busy moment of
the machine meets them alike, and ratios are taken within a round. A variant whose memory, by the measured size before,
would not fit is not started. The teacher is random: time and memory do not ask what it says.
"""

import argparse
import datetime
import itertools
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks._lib.opening import Opening

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "docs" / "results" / "synthesis.md"
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


def resident_bytes() -> int:
    """Memory of this process that is in use now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def available_bytes() -> int:
    """Memory of this machine that nobody uses."""
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024


def measure(variant: str, nodes: int, graphs: int, what: str) -> float:
    """In this process: seconds of a step, or bytes that synthesis needs beyond what was there before."""
    import torch

    from acgkd.runtime import PeakMemory, keep_freed_memory
    from benchmarks.speed._bare import bare_run, bare_setting

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    device = torch.device("cpu")
    setting = bare_setting((nodes, nodes), TEACHER, STUDENT, device)
    method, synthesis = VARIANTS[variant]
    if what == "memory":
        before, peak = resident_bytes(), PeakMemory(device)
        run, _ = bare_run(method, setting, {**synthesis, "graphs": graphs})
        for _ in range(2):
            run.step()
        peak.update()
        assert peak.host_bytes is not None, "Linux tells"
        return float(max(0, peak.host_bytes - before))
    keep_freed_memory()
    run, _ = bare_run(method, setting, {**synthesis, "graphs": graphs})
    run.step()
    begun = time.perf_counter()
    run.step()
    steps = max(2, min(50, int(MEASURE_S / (time.perf_counter() - begun))))
    begun = time.perf_counter()
    for _ in range(steps):
        run.step()
    return (time.perf_counter() - begun) / steps


def asked(variant: str, nodes: int, graphs: int, what: str, threads: int) -> float:
    """The same in a process of its own; NaN where that was killed."""
    command = [sys.executable, "-m", "benchmarks.speed.synthesis", "--measure", variant, str(nodes), str(graphs), what]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    if done.returncode < 0:  # no memory was left, the estimate notwithstanding
        return math.nan
    if done.returncode > 0:
        raise RuntimeError(done.stderr)
    return float(json.loads(done.stdout.splitlines()[-1]))


def memory_table(sizes: Sequence[int], graphs: int) -> tuple[Table, dict[tuple[str, int], float]]:
    """Bytes of each variant at each size; beside it, the estimates of those that would not fit."""
    found: Table = {}
    too_large: dict[tuple[str, int], float] = {}
    room = SHARE_OF_MEMORY * available_bytes()
    for variant in VARIANTS:
        known: tuple[int, float] | None = None
        for nodes in sizes:
            # At most by the number of pairs; at a fixed degree by the number of nodes.
            power = 1 if variant == DEGREE else 2
            estimate = 0.0 if known is None else known[1] * (nodes / known[0]) ** power
            if estimate > room:
                too_large[variant, nodes] = estimate
                continue
            value = asked(variant, nodes, graphs, "memory", 1)
            if math.isnan(value):
                too_large[variant, nodes] = estimate
                continue
            known, found[variant, nodes] = (nodes, value), [value]
            print(f"memory: n = {nodes}, {variant}: {value / 2**20:.0f} MiB", flush=True)
    return found, too_large


def time_table(sizes: Sequence[int], graphs: int, fits: Table, threads: int, rounds: int) -> Table:
    """Seconds of a step, one figure for each round."""
    found: Table = {key: [] for key in fits}
    for nodes in sizes:
        for turn in range(rounds):
            for variant in VARIANTS:
                if (variant, nodes) in fits:
                    value = asked(variant, nodes, graphs, "time", threads)
                    found[variant, nodes].append(value)
                    where = f"{threads} threads, round {turn + 1}: n = {nodes}, {variant}"
                    print(f"{where}: {1000 * value:.1f} ms", flush=True)
    return found


def ratio(table: Table, above: tuple[str, int], below: tuple[str, int]) -> tuple[float, float, float] | None:
    """Median, least and greatest of the ratios, round by round; None where either was not, or too small to be."""
    if not table.get(above) or not all(table.get(below) or [0.0]):
        return None
    values = [one / other for one, other in zip(table[above], table[below], strict=True)]
    return statistics.median(values), min(values), max(values)


def targets(times: Table, memory: Table, sizes: Sequence[int]) -> list[str]:
    """Lines that say which target is met."""
    lines = []

    def evaluate(what: str, found: tuple[float, float, float] | None, good: Callable[[float], bool]) -> None:
        if found is None:
            lines.append(f"- {what}: not measured")
            return
        middle, low, high = found
        spread = "" if low == high else f" ({low:.2f} to {high:.2f})"
        lines.append(f"- {what}: {middle:.2f}{spread}, **{'met' if good(middle) else 'missed'}**")

    for small, large in itertools.pairwise(sizes):
        if large == 2 * small:
            for name, table in (("time", times), ("memory", memory)):
                what = f"{name} of n = {large} against n = {small} at degree 4, at most 2.4"
                evaluate(what, ratio(table, (DEGREE, large), (DEGREE, small)), lambda value: value <= 2.4)
    for name, table in (("time", times), ("memory", memory)):
        what = f"{name} of all pairs against a tenth of them at n = 200, at least 4"
        evaluate(what, ratio(table, (ALL, 200), (TENTH, 200)), lambda value: value >= 4)
    what = "time of GFKD's step against a third of the pairs at n = 20, at least 2"
    evaluate(what, ratio(times, (GFKD, 20), (THIRD, 20)), lambda value: value >= 2)
    return lines


def grid(sizes: Sequence[int], cell: Callable[[str, int], str]) -> list[str]:
    """A Markdown table of variants by sizes."""
    head = "| | " + " | ".join(f"n = {nodes}" for nodes in sizes) + " |"
    rows = [f"| {variant} | " + " | ".join(cell(variant, nodes) for nodes in sizes) + " |" for variant in VARIANTS]
    return [head, "|---|" + "--:|" * len(sizes), *rows, ""]


def opening(state: dict[str, Any], command: str) -> Opening:
    """The head of the page: figures of the fewest threads and the largest graphs."""
    threads, times = min(state["times"].items())
    nodes, judged = max(state["sizes"]), targets(times, state["memory"], state["sizes"])
    met, missed = (sum(f"**{word}**" in line for line in judged) for word in ("met", "missed"))
    taken = {variant: times.get((variant, nodes)) for variant in (DEGREE, ALL, GFKD)}
    middle = {variant: 1000 * statistics.median(each) for variant, each in taken.items() if each}
    degree, pairs, gfkd = (f"{middle[each]:.0f} ms" if each in middle else "nothing measured" for each in taken)
    factor = f"{middle[ALL] / middle[DEGREE]:.1f}" if ALL in middle and DEGREE in middle else "not measured how many"
    rival = " GFKD's accuracy is at its released steps, so nothing rests on a reduced row." if state["accuracy"] else ""
    return Opening(
        "What does a synthesis step of ACGKD cost by the size of its graphs and by ξ, beside one of GFKD's?",
        f"With {nodes} nodes a step with all pairs takes {factor} times as long as one at degree 4; {met} of "
        f"{met + missed} targets of time and memory are met.",
        f"With {nodes} nodes on {threads} thread{'s' if threads > 1 else ''} {degree} at degree 4, against {pairs} "
        f"with all pairs and {gfkd} for GFKD.",
        f"One machine, {state['rounds']} rounds, a teacher with random weights.{rival}",
        command,
    )


def page(state: dict[str, Any], command: str) -> str:
    """The result page, from what was measured."""
    sizes, memory, too_large = state["sizes"], state["memory"], state["too_large"]
    lines = [
        *opening(state, command).lines("What a synthesis step costs"),
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}. {state['graphs']} pseudo-graphs of n nodes, "
        f"teacher `{TEACHER}` with random weights, {state['rounds']} rounds in turn; median (least to most). A step of "
        "GFKD is one of features and one of structure.",
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}; load average at the start "
        f"{state['load']:.1f}. Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("torch", "torch_geometric"))
        + ".",
        "",
    ]

    def milliseconds(table: Table) -> Callable[[str, int], str]:
        def cell(variant: str, nodes: int) -> str:
            values = [1000 * value for value in table.get((variant, nodes), [])]
            if not values:
                return "does not fit"
            return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"

        return cell

    def mebibytes(variant: str, nodes: int) -> str:
        if (variant, nodes) in too_large:
            return f"does not fit (estimated {too_large[variant, nodes] / 2**30:.0f} GiB)"
        return f"{memory[variant, nodes][0] / 2**20:.0f}"

    for threads, times in state["times"].items():
        named = "one thread" if threads == 1 else f"{threads} threads"
        lines += [f"## Milliseconds of a step, {named}", "", *grid(sizes, milliseconds(times))]
        lines += [f"Targets, {named}; memory is that of one thread:", "", *targets(times, memory, sizes), ""]
    lines += ["## Peak memory of synthesis, MiB", ""]
    lines += ["High-water mark of a process of one thread that does two steps, less what it held before.", ""]
    lines += grid(sizes, mebibytes)
    return "\n".join([*lines, *state["accuracy"]])


def student_after(method: str, synthesis: dict[str, Any], seed: int) -> tuple[float, float]:
    """Test accuracy of the student, and the seconds of its synthesis."""
    from acgkd.config import RunConfig
    from acgkd.run.experiment import Experiment

    choice = {"name": method, "synthesis": synthesis}
    config = RunConfig.model_validate({"dataset": "mutag", "teacher": TEACHER, "student": STUDENT, "method": choice})
    experiment = Experiment(config, seed, home=HOME, share_synthesis=False)
    experiment.prepare()
    run = experiment.start()
    run.advance()
    found = experiment.measure(run)
    accuracy = found.quality["test_accuracy"]
    assert accuracy is not None, "there is a test split"
    return float(accuracy), float(run.seconds["synthesis"])


def accuracy_lines(seeds: Sequence[int], steps: Sequence[int]) -> list[str]:
    """The whole curve of ACGKD, beside GFKD at its released settings; no point of it is chosen."""
    rows: list[tuple[str, float, float, float]] = []
    cases: list[tuple[str, str, dict[str, Any]]] = [("gfkd, as released", "gfkd", {})]
    cases += [(f"acgkd, {count} synthesis steps", "acgkd", {"steps": count}) for count in steps]
    for label, method, synthesis in cases:
        found = [student_after(method, synthesis, seed) for seed in seeds]
        scores = [accuracy for accuracy, _ in found]
        spread = statistics.stdev(scores) if len(scores) > 1 else math.nan
        rows.append((label, statistics.fmean(scores), spread, statistics.fmean(seconds for _, seconds in found)))
        print(f"{label}: {rows[-1][1]:.3f}, {rows[-1][3]:.2f} s", flush=True)
    (_, wanted, _, gfkd_s), *curve = rows
    # From here on every longer synthesis does as well: a lucky point on the way does not count.
    late = [index for index in range(len(curve)) if all(mean >= wanted for _, mean, _, _ in curve[index:])]
    lines = ["## Student accuracy by seconds of synthesis, MUTAG", ""]
    lines += [
        f"Seeds {', '.join(map(str, seeds))}; methods at their defaults, on the same splits and teachers.",
        "",
    ]
    lines += ["| | test accuracy | synthesis, s |", "|---|--:|--:|"]
    lines += [f"| {label} | {mean:.3f} ± {spread:.3f} | {seconds:.2f} |" for label, mean, spread, seconds in rows]
    what = "GFKD's synthesis time against ACGKD's, up to its accuracy at that and every longer synthesis, at least 4"
    if not late:
        return [*lines, "", f"- {what}: its accuracy is not reached, **missed**", ""]
    factor = gfkd_s / curve[late[0]][3]
    return [*lines, "", f"- {what}: {factor:.1f}, **{'met' if factor >= 4 else 'missed'}**", ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", nargs=4, metavar=("VARIANT", "NODES", "GRAPHS", "WHAT"), help=argparse.SUPPRESS)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--graphs", type=int, default=GRAPHS)
    parser.add_argument("--accuracy", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(ACCURACY_SEEDS))
    parser.add_argument("--steps", type=int, nargs="+", default=list(ACCURACY_STEPS))
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    if options.measure:
        variant, nodes, graphs, what = options.measure
        print(json.dumps(measure(variant, int(nodes), int(graphs), what)))
        return
    load = os.getloadavg()[0]
    memory, too_large = memory_table(options.sizes, options.graphs)
    times = {t: time_table(options.sizes, options.graphs, memory, t, options.rounds) for t in options.threads}
    state: dict[str, Any] = {
        "sizes": options.sizes, "graphs": options.graphs, "rounds": options.rounds, "load": load,
        "memory": memory, "too_large": too_large, "times": times,
        "accuracy": accuracy_lines(options.seeds, options.steps) if options.accuracy else [],
    }  # fmt: skip
    text = page(state, " ".join(["python", "-m", "benchmarks.speed.synthesis", *sys.argv[1:]]))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text)
    print(f"\n{text}\n{options.out}")


if __name__ == "__main__":
    main()
