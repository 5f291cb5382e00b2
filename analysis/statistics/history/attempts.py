"""All attempts of a sweep in time: on which machine, how they ended, whose fault it was, and what work was lost."""

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from analysis.formatting import known
from analysis.records.trial_file import Attempt
from analysis.statistics.view import View

ENDED_WELL = ("completed", "pruned")
IDLE_S = 60.0
"""A sweep that stood still for less did so between two jobs."""
SLACK_S = 1.0
"""Attempts that overlap by less may have had one worker: clocks of driver and workers differ."""


@dataclass(frozen=True)
class Span:
    """One attempt at a replicate of a trial, a control or a teacher.

    Args:
        label: `trial 7`, a control's name, `teacher`.
        kind: `trial`, `control` or `teacher`.
        trial: number; None for others.
        replicate: index of the seed.
        attempt: which try it was.
        began: seconds since the epoch, UTC; NaN where that is not known.
        ended: the same; of one under way the latest time that the sweep knows.
        outcome: how it ended; `under way` where it has not.
        cause: whose fault a failure was; empty where nothing failed, or it was not recorded.
        host: name of the machine; empty where it is not known.
        place: what the worker had last begun with.
        lost_s: seconds of its work that had to be done again.
        lane: number of the worker's place on its machine.
    """

    label: str
    kind: str
    trial: int | None
    replicate: int
    attempt: int
    began: float
    ended: float
    outcome: str
    cause: str = ""
    host: str = ""
    place: str = ""
    lost_s: float = 0.0
    lane: int = 0

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than it should; one under way has not."""
        return self.outcome not in (*ENDED_WELL, "under way")


def spans(view: View) -> tuple[Span, ...]:
    """All attempts whose beginning is known, in order of time, each with its place on a machine."""
    found = [span for span in every(view) if not math.isnan(span.began)]
    hosts = {span.host for span in found if span.host}
    if len(hosts) == 1:  # then there is no other that could have done the rest
        found = [replace(span, host=next(iter(hosts))) for span in found]
    latest = max((end for span in found for end in (span.began, span.ended) if not math.isnan(end)), default=math.nan)
    closed = [replace(span, ended=latest) if math.isnan(span.ended) else span for span in found]
    return tuple(_laid(sorted(closed, key=lambda span: (span.began, span.label, span.replicate))))


def name_of(view: View, trial: int) -> str:
    """How pages call a trial: by its number, or by its method where there was nothing to search."""
    if view.searched or view.trials.empty:
        return f"trial {trial}"
    return str(view.trials["method"].iloc[0])


def every(view: View) -> list[Span]:
    """All attempts, also those that do not say when they began; what no trial file knows of by its record."""
    return [*_of_trials(view), *_of_records(view)]


def _of_trials(view: View) -> Iterator[Span]:
    for number, trial in view.metadata.trials.items():
        label = name_of(view, number)
        by_replicate: dict[int, list[Attempt]] = {}
        for attempt in trial.attempts:
            by_replicate.setdefault(attempt.replicate, []).append(attempt)
        for tries in by_replicate.values():
            for attempt, after in zip(tries, [*tries[1:], None], strict=True):
                began = _time(attempt.started_at)
                # A trial that is stopped between two replicates has an attempt at the next one, which nobody made.
                made = attempt.outcome != "pruned" or attempt.progress > 0
                if made:
                    yield _span(label, number, attempt, began, _lost(attempt, after))


def _span(label: str, number: int, attempt: Attempt, began: float, lost_s: float) -> Span:
    return Span(
        label=label,
        kind="trial",
        trial=number,
        replicate=attempt.replicate,
        attempt=attempt.attempt,
        began=began,
        ended=max(began, _time(attempt.finished_at)) if attempt.finished_at else math.nan,
        outcome=attempt.outcome or "under way",
        cause=attempt.cause or "",
        host=attempt.host,
        place=attempt.place,
        lost_s=lost_s,
    )


def _lost(attempt: Attempt, after: Attempt | None) -> float:
    """What of its work the next attempt at the replicate did not find: both know what was lost up to their end."""
    if after is None or after.lost_s is None:
        return 0.0
    return max(0.0, after.lost_s - (attempt.lost_s or 0.0))


def _of_records(view: View) -> Iterator[Span]:
    rows = view.whole.rows
    filed = rows["trial"].isin(list(view.metadata.trials)).fillna(False)
    for row in rows[(rows["kind"] != "trial") | ~filed].to_dict("records"):
        began, ended = _time(row["started_at"]), _time(row["finished_at"])
        yield Span(
            label=str(row["label"]),
            kind=str(row["kind"]),
            trial=int(row["trial"]) if row["kind"] == "trial" and known(row["trial"]) else None,
            replicate=int(row["replicate"]),
            attempt=int(row["attempt"]) if known(row["attempt"]) else 0,
            began=began,
            ended=ended if math.isnan(ended) else max(began, ended),
            outcome=str(row["outcome"]),
            host=str(row["host"]) if known(row["host"]) else "",
            lost_s=float(row["lost_s"]) if known(row["lost_s"]) else 0.0,
        )


def _time(text: object) -> float:
    """Seconds since the epoch; NaN of what is no time."""
    try:
        return datetime.fromisoformat(str(text)).timestamp() if known(text) and text else math.nan
    except ValueError:
        return math.nan


def _laid(found: Iterable[Span]) -> Iterator[Span]:
    """Gives each the lowest lane of its machine that is free: as many lanes as attempts ran at a time."""
    free: dict[str, list[int]] = {}
    busy: dict[str, list[tuple[float, int]]] = {}
    count: dict[str, int] = {}
    for span in found:
        lanes, ends = free.setdefault(span.host, []), busy.setdefault(span.host, [])
        while ends and ends[0][0] <= span.began + SLACK_S:
            heapq.heappush(lanes, heapq.heappop(ends)[1])
        if not lanes:
            heapq.heappush(lanes, count.get(span.host, 0))
            count[span.host] = count.get(span.host, 0) + 1
        lane = heapq.heappop(lanes)
        heapq.heappush(ends, (span.ended, lane))
        yield replace(span, lane=lane)


def lanes(found: Iterable[Span]) -> list[tuple[str, int]]:
    """Machine and place of each lane; those of no known machine come last."""
    return sorted({(span.host, span.lane) for span in found}, key=lambda lane: (not lane[0], *lane))


def busy_stretches(found: Sequence[Span]) -> list[tuple[float, float]]:
    """Stretches of time in which anything ran, in order: between two of them the sweep stood still."""
    stretches: list[tuple[float, float]] = []
    for span in found:
        if stretches and span.began <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], max(stretches[-1][1], span.ended))
        else:
            stretches.append((span.began, span.ended))
    return stretches
