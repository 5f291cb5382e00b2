"""The page of `overhead.py`: its answer in five lines, its tables, and what the rows do for what they cost."""

import datetime
import math
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

from _overhead_cases import CASES, DEFAULTS, OURS, TUNED, WORKERS

Round = dict[str, dict[str, float]]

COLUMNS = {
    "overhead_s": "overhead, s per trial",
    "gap_s": "gap, s",
    "cpu_s": "CPU beyond the work, s per trial",
    "startup_s": "start-up, s",
    "shutdown_s": "shutdown, s",
}
WHAT = (
    "*Overhead* is the time that workers are there and do not work, from the first trial's beginning to the last one's "
    "end, for each trial: asking, starting processes, reporting, writing files and waiting, the second worker's start "
    "included. *Gap* is the median time from a trial's end to the beginning of the one that takes its place: what a "
    "long sweep pays. *CPU beyond the work* is what processors spent meanwhile on anything but the trials' own work, "
    "all processes together. *Start-up* is all before the first trial works: imports, Ray, the first worker."
)
ROWS = (
    "* `acgkd run`: Ray Tune with warm workers; trial, record, curves and student of every trial are files that "
    "survive `kill -9`, and the study is rebuilt from them.",
    "* Ray Tune, well configured: a class with `reuse_actors=True`, no loggers "
    "(`TUNE_DISABLE_AUTO_CALLBACK_LOGGERS=1`), no checkpoints of trials, Ray's own `OptunaSearch` with the sampler of "
    "`acgkd run` and the same two objectives, two trials at a time. It keeps no results but in memory and Ray's "
    "snapshots of the experiment.",
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
        return f"{self.median:.2f} ({min(self.values):.2f} to {max(self.values):.2f})"


def page(found: Found, command: str) -> str:
    """The whole page.

    Args:
        found: what was measured.
        command: that measured it.
    """
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "ray", "optuna"))
    lines = ["# What a trial costs beyond its own work", "", *_five(found, command), ""]
    lines += [
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}. Rounds: {len(found.working)}; in each of them every "
        f"row once, in turn, {found.trials} trials each, one thread a trial, {WORKERS} trials at a time on Ray, "
        "whose workers have the priority of all else (`RAY_worker_niceness=0`). Median over rounds (least to most).",
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


def _five(found: Found, command: str) -> list[str]:
    """Question, answer, figure, caveat and command, a line each."""
    tuned, cpu = Ratio.of(found.empty, "overhead_s", OURS, TUNED), Ratio.of(found.empty, "cpu_s", OURS, TUNED)
    defaults = Ratio.of(found.working, "overhead_s", DEFAULTS, OURS)
    answer = [
        "not measured in full"
        if tuned is None
        else f"per empty trial {tuned.median:.1f} times what a well-configured Ray Tune with OptunaSearch costs"
    ]
    if defaults is not None:
        answer.append(f"and one {_of(defaults.median)} of what Ray Tune costs at its defaults")
    figure = "none" if tuned is None else f"ours / well-configured Ray Tune, empty trials: overhead {tuned}, CPU {cpu}"
    if OURS in found.empty[0] and TUNED in found.empty[0]:
        seconds = [statistics.median(turn[case]["overhead_s"] for turn in found.empty) for case in (OURS, TUNED)]
        figure += f"; in seconds a trial {seconds[0]:.3f} and {seconds[1]:.3f}"
    five = {
        "Question": "what does a trial cost beyond its own work, beside Ray Tune and Optuna?",
        "Answer": ", ".join(answer) + ".",
        "Figure": f"{figure}.",
        "Caveat": "a shared, busy machine with two cores: only ratios within this one run mean something; our trials "
        "write what a restart needs, the others' do not.",
        "Command": f"`{command}`",
    }
    # Two blanks at a line's end keep the lines apart where the page is rendered.
    return [f"**{name}:** {text}  " for name, text in five.items()]


def _of(times: float) -> str:
    return f"{times:.0f}th" if times >= 4 else f"part in {times:.1f}"


def _table(rounds: Sequence[Round]) -> list[str]:
    def cell(case: str, key: str) -> str:
        values = [turn[case][key] for turn in rounds]
        if any(math.isnan(value) for value in values):
            return "–"
        return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"

    lines = [f"| | workers | {' | '.join(COLUMNS.values())} |", "|---|--:|" + "--:|" * len(COLUMNS)]
    for name, case in CASES.items():
        if all(name in turn for turn in rounds):
            lines.append(f"| {case.label} | {case.workers} | {' | '.join(cell(name, key) for key in COLUMNS)} |")
    return [*lines, ""]


def _ratios(found: Found) -> list[str]:
    lines = ["Round by round; above 1 means that the first costs more.", ""]
    lines += ["| | overhead | gap | CPU beyond the work |", "|---|--:|--:|--:|"]
    for what, rounds in ((f"{found.work_s:g} s of work", found.working), ("empty", found.empty)):
        for above, below in ((OURS, TUNED), (OURS, DEFAULTS)):
            ratios = [Ratio.of(rounds, key, above, below) for key in ("overhead_s", "gap_s", "cpu_s")]
            if any(ratio is not None for ratio in ratios):
                cells = " | ".join("–" if ratio is None else str(ratio) for ratio in ratios)
                lines.append(f"| {CASES[above].label} / {CASES[below].label}, {what} | {cells} |")
    return [*lines, ""]
