"""What every trial had at the rungs it reached, and where and why it ended."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from analysis.formatting import plural, ranges, significant
from analysis.records.trial_file import TrialFile
from analysis.statistics.view import View

Ended = Literal["completed", "stopped", "infeasible", "failed", "under way"]
_ENDED: Mapping[str, Ended] = {
    "completed": "completed", "pruned": "stopped", "infeasible": "infeasible", "failed": "failed",
}  # fmt: skip


@dataclass(frozen=True)
class Path:
    """The values of one trial.

    Args:
        trial: its number.
        ended: how it ended.
        rungs: names of the rungs, in order; of a completed trial the last one is its end.
        positions: where they are, in replicates: 0.5 is half-way through the first one's transfer, -0.5 half-way
            through its synthesis.
        values: of the first objective there, the mean over what was done; NaN where it could not be measured, as in
            synthesis.
    """

    trial: int
    ended: Ended
    rungs: tuple[str, ...]
    positions: tuple[float, ...]
    values: tuple[float, ...]

    @property
    def stopped_at(self) -> str | None:
        """The rung at which early stopping ended it; None where it did not."""
        return self.rungs[-1] if self.ended == "stopped" and self.rungs else None

    def at(self, rung: str) -> float:
        """Its value at a rung; NaN where it never got there."""
        return dict(zip(self.rungs, self.values, strict=True)).get(rung, math.nan)


def paths(view: View) -> tuple[Path, ...]:
    """One for each trial that the sweep keeps a file of, by number."""
    planned = view.planned
    return tuple(_path(trial, planned) for _, trial in sorted(view.metadata.trials.items()))


def _path(trial: TrialFile, planned: int) -> Path:
    reached = sorted((float(name), name, entry.values[0]) for name, entry in trial.rungs.items() if entry.values)
    if trial.state == "completed" and trial.values:
        whole = trial.replicates or planned
        reached = [step for step in reached if step[0] < whole] + [(float(whole), str(whole), trial.values[0])]
    return Path(
        trial.number,
        _ENDED.get(trial.state, "under way"),
        tuple(name for _, name, _ in reached),
        tuple(place for place, _, _ in reached),
        tuple(math.nan if value is None else float(value) for _, _, value in reached),
    )


def rungs_of(found: Sequence[Path]) -> list[str]:
    """The rungs that any trial reached, in order."""
    return sorted({rung for path in found for rung in path.rungs}, key=float)


def called(rung: str) -> str:
    """A rung in words: ``0.5 of a replicate``, ``2 replicates``, ``0.5 of the synthesis``."""
    place = float(rung)
    if place < 0:
        return f"{place + 1:g} of the synthesis"
    return f"{rung} of a replicate" if place < 1 else plural(int(place), "replicate")


def standings(view: View, found: Sequence[Path]) -> dict[int, tuple[int, int]]:
    """Of trials that were stopped: rank at that rung among all that reached it to this day, and their number.

    Empty where the sweep has several objectives: it then stops by fronts, and one value's rank would not explain it.
    """
    if len(view.objectives) != 1:
        return {}
    sign = view.objectives[0].sign
    places: dict[int, tuple[int, int]] = {}
    for rung in (name for name in rungs_of(found) if float(name) > 0):
        there = {path.trial: sign * path.at(rung) for path in found if rung in path.rungs}
        order = sorted(there, key=lambda trial: (math.isnan(there[trial]), -there[trial], trial))
        ranks = {trial: place for place, trial in enumerate(order, 1)}
        places |= {path.trial: (ranks[path.trial], len(order)) for path in found if path.stopped_at == rung}
    return places


def reduction(view: View) -> int | None:
    """One in this many trials continues after a rung; None where the sweep stops none early."""
    section = view.metadata.sweep.spec.get("scheduler")
    if not isinstance(section, Mapping) or section.get("name") != "halving":
        return None
    found = section.get("reduction")
    return found if isinstance(found, int) else None


def in_hindsight(view: View, found: Sequence[Path]) -> list[int]:
    """Stopped trials that would continue if they were compared with all that reached their rung since."""
    one_in = reduction(view)
    if one_in is None:
        return []
    return sorted(trial for trial, (rank, of) in standings(view, found).items() if rank <= math.ceil(of / one_in))


def table(view: View, found: Sequence[Path]) -> pd.DataFrame:
    """One row for each trial: where it was stopped, and what it had at each rung.

    Returns:
        Columns ``trial``, ``ended``, ``stopped_at``, ``rank`` and ``of`` (at that rung, to this day), ``done``
        (completed replicates), ``why`` (empty for completed trials), and ``at/<rung>`` with the first objective there.
    """
    places = standings(view, found)
    done = dict(zip(view.trials["trial"], view.trials["completed"], strict=True))
    rungs, rows = rungs_of(found), []
    for path in found:
        rank, of = places.get(path.trial, (None, None))
        row = {"trial": path.trial, "ended": path.ended, "stopped_at": path.stopped_at, "rank": rank, "of": of}
        row |= {"done": int(done.get(path.trial, 0)), "why": _why(view, path, places)}
        rows.append(row | {f"at/{rung}": path.at(rung) for rung in rungs})
    columns = ["trial", "ended", "stopped_at", "rank", "of", "done", "why", *(f"at/{rung}" for rung in rungs)]
    return pd.DataFrame(rows, columns=columns).astype({"rank": "Int64", "of": "Int64"})


def _why(view: View, path: Path, places: Mapping[int, tuple[int, int]]) -> str:
    trial = view.metadata.trials[path.trial]
    if path.ended == "stopped" and path.rungs:
        reason = trial.rungs[path.rungs[-1]].reason
        if reason:
            return f"{reason} at {called(path.rungs[-1])}"
        if path.trial in places:
            rank, of = places[path.trial]
            return f"number {rank} of the {of} that reached {called(path.rungs[-1])}"
        if any(math.isnan(value) for value in path.values[-1:]):
            return f"no value at {called(path.rungs[-1])}"
        return f"by its front among those that reached {called(path.rungs[-1])}"
    if path.ended in ("infeasible", "failed"):
        last = next((item for item in reversed(trial.attempts) if item.outcome not in (None, "completed")), None)
        where = "" if last is None else f"replicate {last.replicate}, {100 * last.progress:.0f} % done"
        whose = f", fault of the {last.cause}" if last is not None and last.cause else ""
        return ": ".join(filter(None, [f"{where}{whose}", trial.message]))
    if path.ended == "stopped":
        return "at a rung that is not recorded"
    return "" if path.ended == "completed" else trial.state


_MOST_NAMED = 20


def sentence(view: View, found: Sequence[Path]) -> str:
    """How many trials were stopped where, and how those that continued differ from them."""
    if not found:
        return "No trial has begun."
    counts = Counter(path.ended for path in found)
    stopped = [path for path in found if path.stopped_at is not None]
    by_rung = {rung: [path for path in stopped if path.stopped_at == rung] for rung in rungs_of(stopped)}
    where = ", ".join(f"{len(there):,} at {called(rung)}" for rung, there in by_rung.items())
    words = {
        "completed": "ran to the end",
        "stopped": f"stopped early ({where})" if where else "stopped early",
        "infeasible": "became infeasible",
        "failed": "failed",
        "under way": "under way",
    }
    said = [f"{counts[ended]:,} {text}" for ended, text in words.items() if counts[ended]]  # type: ignore[index]
    parts = [f"Of {plural(len(found), 'trial')} {', '.join(said)}."]
    if by_rung:
        parts.append(_compared(view, found, *max(by_rung.items(), key=lambda item: len(item[1]))))
    late = in_hindsight(view, found)
    if late:
        which = f"{len(late):,} of the stopped trials"
        if len(late) <= _MOST_NAMED:
            which = f"trial{'' if len(late) == 1 else 's'} {ranges(late)}"
        parts.append(f"Compared with all that reached their rung later, {which} would have continued.")
    return " ".join(filter(None, parts))


def _compared(view: View, found: Sequence[Path], rung: str, stopped: Sequence[Path]) -> str:
    """Medians at a rung of those that were stopped there and of those that continued."""
    continued = [path.at(rung) for path in found if rung in path.rungs and path.stopped_at != rung]
    kept = pd.Series(continued, dtype="float64").median()
    ended = pd.Series([path.at(rung) for path in stopped], dtype="float64").median()
    if math.isnan(ended) or math.isnan(kept):
        return ""
    name = view.objectives[0].name.replace("_", " ") if view.objectives else "objective"
    return (
        f"At {called(rung)} those that were stopped had a median {name} of {significant(ended)}, those that continued "
        f"{significant(kept)}."
    )
