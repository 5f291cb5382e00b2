"""The page of `overhead.py`: its answer in five lines, its tables, and what the rows do for what they cost."""

import datetime
import math
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

from benchmarks._lib.opening import Opening
from benchmarks.speed._overhead_cases import CASES, DEFAULTS, MOST, OURS, TUNED, WORKERS

Round = dict[str, dict[str, float]]

# Figures that are compared, and what they are called.
COMPARED = {
    "gap_s": "gap, s",
    "cpu_s": "CPU beyond the work, s per trial",
    "longer_s": "longer sweep, s per trial",
}
COLUMNS = COMPARED | {"beside": "side by side", "startup_s": "start-up, s", "shutdown_s": "shutdown, s"}
WHAT = (
    "*Gap* is the median time from a trial's end to the beginning of the next one in the same worker, or in its place "
    "where every trial has a worker of its own: what the engine takes between two trials. *CPU beyond the work* is "
    "what processors spent from the first trial's beginning to the last one's end on anything but the trials' own "
    "work, all processes together, the second worker's start included. *Longer sweep* is how much longer that time "
    "was than the work of all trials divided by the workers. *Side by side* is the share of trials that began while "
    "another one worked. *Start-up* is all before the first trial works: imports, Ray, the first worker."
)
ROWS = (
    "* `acgkd run`: Ray Tune with warm workers; trial, record, curves and student of every trial are files that "
    "survive `kill -9`, and the study is rebuilt from them.",
    "* Ray Tune, well configured: a class with `reuse_actors=True`, no loggers "
    "(`TUNE_DISABLE_AUTO_CALLBACK_LOGGERS=1`), no checkpoints of trials, Ray's own `OptunaSearch` with the sampler of "
    "`acgkd run` and the same two objectives, `max_concurrent_trials=2`. It keeps no results but in memory and in "
    "Ray's snapshots of the experiment. Where trials are shorter than a worker's start, Ray may never come to two "
    "workers: the first one, being warm, takes the trial that the second is started for, and that start is broken off. "
    "Then nothing is side by side, and the sweep is longer than its gaps say.",
    "* Ray Tune, defaults: a function, random search, loggers, and a fresh process for every trial, which imports "
    "torch.",
    "* Optuna alone: the same sampler, nothing written.",
)


@dataclass
class Found:
    """What was measured.

    Args:
        trials: of each sweep.
        work_s: seconds that a trial works, where it works.
        working: figures by case, round by round.
        empty: the same of trials that do next to nothing.
        loads: load averages with which the rounds began.
    """

    trials: int
    work_s: float
    working: list[Round] = field(default_factory=list)
    empty: list[Round] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Ratio:
    """How many times as much one case takes as another, round by round."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, rounds: Sequence[Round], key: str, above: str, below: str) -> "Ratio | None":
        """None where one of them was not measured."""
        pairs = [(turn[above][key], turn[below][key]) for turn in rounds if above in turn and below in turn]
        values = tuple(one / other for one, other in pairs if other > 0 and not math.isnan(one))
        return cls(values) if values else None

    @property
    def median(self) -> float:
        """The one in the middle."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        return f"{self.median:.3g} ({min(self.values):.3g} to {max(self.values):.3g})"


def page(found: Found, command: str) -> str:
    """The whole page.

    Args:
        found: what was measured.
        command: that measured it.
    """
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "ray", "optuna"))
    lines = _opening(found, command).lines("What a trial costs beyond its own work")
    lines += [
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}. Rounds: {len(found.working)}; in each of them every "
        f"row once, in turn, {found.trials} trials each ({MOST} of Ray Tune at its defaults, at most), one thread a "
        f"trial, {WORKERS} trials at a time on Ray, whose workers have the priority of all else "
        "(`RAY_worker_niceness=0`). Median over rounds (least to most).",
        "",
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}; load average when each round began: "
        f"{', '.join(f'{load:.1f}' for load in found.loads)}. Python {platform.python_version()}, {versions}.",
        "",
        f"## Trials that work for {found.work_s:g} s",
        "",
        *_table(found.working),
        "## Empty trials",
        "",
        "One product of two small matrices, so that nothing but the engine is left.",
        "",
        *_table(found.empty),
        "## Ratios",
        "",
        *_ratios(found),
        "## Columns and rows",
        "",
        WHAT,
        "",
        *ROWS,
        "",
    ]
    return "\n".join(lines)


def _opening(found: Found, command: str) -> Opening:
    """Question, answer, figure, caveat and command."""
    gap, cpu = (Ratio.of(found.empty, key, OURS, TUNED) for key in ("gap_s", "cpu_s"))
    longer, defaults = (
        Ratio.of(found.working, "longer_s", OURS, TUNED),
        Ratio.of(found.working, "cpu_s", OURS, DEFAULTS),
    )
    work = f"trials of {found.work_s:g} s"
    answer, figure = [], []
    if gap is not None and cpu is not None:
        seconds = " against ".join(_seconds(found.empty, case, "gap_s") for case in (OURS, TUNED))
        answer.append(
            f"between empty trials {gap.median:.1f} times the time of a well-configured Ray Tune with OptunaSearch"
        )
        figure.append(f"`acgkd run` / that Ray Tune, empty trials: gap {gap}, {seconds} s; CPU {cpu}")
    if longer is not None:
        answer.append(f"with {work}, {longer.median:.2f} times what a sweep loses there")
        figure.append(f"{work}, longer sweep: {longer}")
    if defaults is not None:
        answer.append(f"{defaults.median:.2g} of the CPU of Ray Tune at its defaults")
        figure.append(f"CPU / Ray Tune's at its defaults: {defaults}")
    return Opening(
        question="What does a trial of `acgkd run` cost beyond its own work, beside Ray Tune and Optuna?",
        answer=f"{_sentence(answer) or 'Not measured'}.",
        figure=f"{_sentence(figure) or 'None'}.",
        caveat="Other work may run on the machine (see the load), which makes all seconds longer: read ratios of this "
        "one run. Our trials write what a restart needs, the others' do not.",
        command=command,
    )


def _sentence(parts: Sequence[str]) -> str:
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def _seconds(rounds: Sequence[Round], case: str, key: str) -> str:
    return f"{statistics.median(turn[case][key] for turn in rounds if case in turn):.3f}"


def _table(rounds: Sequence[Round]) -> list[str]:
    def cell(case: str, key: str) -> str:
        values = [turn[case][key] for turn in rounds]
        if any(math.isnan(value) for value in values):
            return "–"
        digits = 2 if key in ("beside", "startup_s", "shutdown_s") else 3
        middle, least, most = (f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
        return f"{middle} ({least} to {most})"

    lines = [f"| | workers | {' | '.join(COLUMNS.values())} |", "|---|--:|" + "--:|" * len(COLUMNS)]
    for name, case in CASES.items():
        if all(name in turn for turn in rounds):
            lines.append(f"| {case.label} | {case.workers} | {' | '.join(cell(name, key) for key in COLUMNS)} |")
    return [*lines, ""]


def _ratios(found: Found) -> list[str]:
    lines = ["Round by round; above 1 means that the first costs more.", ""]
    lines += [f"| | {' | '.join(name.partition(',')[0] for name in COMPARED.values())} |"]
    lines += ["|---|" + "--:|" * len(COMPARED)]
    for what, rounds in ((f"{found.work_s:g} s of work", found.working), ("empty", found.empty)):
        for above, below in ((OURS, TUNED), (OURS, DEFAULTS)):
            ratios = [Ratio.of(rounds, key, above, below) for key in COMPARED]
            if any(ratio is not None for ratio in ratios):
                cells = " | ".join("–" if ratio is None else str(ratio) for ratio in ratios)
                lines.append(f"| {CASES[above].label} / {CASES[below].label}, {what} | {cells} |")
    return [*lines, ""]
