"""A snapshot in words: what the terminal, a log file and a notebook have in common."""

from collections.abc import Mapping
from dataclasses import dataclass

from sweeps.engine.snapshot import RunningTrial, Snapshot

DASH = "–"
COLOURS = {"completed": "green", "pruned": "yellow", "infeasible": "magenta", "failed": "red", "running": "cyan"}


@dataclass(frozen=True)
class Fact:
    """One line of a display.

    Args:
        label: what it is about; empty where it belongs to the line above.
        text: what is said.
        done: how much of `total`, where a bar can show it.
        total: the whole; None where there is none.
    """

    label: str
    text: str
    done: int = 0
    total: int | None = None


def clock(seconds: float | None) -> str:
    """`4 s`, `1 min 20 s`, `2 h 05 min`; a dash where it is not known."""
    if seconds is None:
        return DASH
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def number(value: object) -> str:
    """Four digits are enough to look at; large counts get a letter."""
    if value is None or value != value:
        return DASH
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    for size, letter in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 1000 else f"{value:.4g}"


def counts_line(snapshot: Snapshot) -> str:
    """Trials by state: `3 completed, 1 pruned`."""
    return ", ".join(f"{count} {state}" for state, count in snapshot.counts.items() if count) or "none yet"


def best_line(best: Mapping[str, object] | None) -> str:
    """The best trial in one line."""
    if best is None:
        return "none yet"
    values = [f"{name} {number(value)}" for name, value in best.items() if name != "number" and value is not None]
    return f"trial {best.get('number', '?')}: {', '.join(values)}"


def facts(snapshot: Snapshot) -> list[Fact]:
    """All that a display shows above its table of running trials."""
    found = []
    if snapshot.to_prepare:
        done, total = snapshot.prepared, snapshot.to_prepare
        found.append(Fact("prepared", f"{done} of {total} teachers and controls", done, total))
    finished = snapshot.finished
    if snapshot.budget_trials is None:
        found.append(Fact("trials", f"{finished} done"))
    else:
        text = f"{finished} of {snapshot.budget_trials} done"
        found.append(Fact("trials", text, finished, snapshot.budget_trials))
    left = "" if snapshot.remaining_s is None else f", about {clock(snapshot.remaining_s)} left"
    found += [
        Fact("", counts_line(snapshot)),
        Fact("best", best_line(snapshot.best)),
        Fact("time", f"{clock(snapshot.elapsed_s)}{left}"),
    ]
    return [*found, Fact("", snapshot.message)] if snapshot.message else found


def label(trial: RunningTrial) -> str:
    """`trial 7`, or the name of a control or teacher."""
    return f"trial {trial.number}" if isinstance(trial.number, int) else str(trial.number)


def plain_line(snapshot: Snapshot) -> str:
    """The sweep in one line, for logs."""
    of = "" if snapshot.budget_trials is None else f" of {snapshot.budget_trials}"
    parts = [f"[{clock(snapshot.elapsed_s)}] {snapshot.phase}"]
    if snapshot.prepared < snapshot.to_prepare:
        parts.append(f"teachers and controls {snapshot.prepared} of {snapshot.to_prepare}")
    parts.append(f"trials {snapshot.finished}{of} done ({counts_line(snapshot)})")
    parts.append(f"best {best_line(snapshot.best)}")
    if snapshot.remaining_s is not None:
        parts.append(f"about {clock(snapshot.remaining_s)} left")
    if snapshot.message:
        parts.append(snapshot.message)
    return "; ".join(parts)
