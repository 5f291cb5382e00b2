"""Attempts counted and put in words: how they ended, whose fault it was, how busy workers were, what was lost."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pandas as pd

from analysis.formatting import plural, seconds
from analysis.statistics.history.attempts import ENDED_WELL, IDLE_S, Span, busy_stretches, lanes


def causes(found: Iterable[Span]) -> pd.DataFrame:
    """How attempts ended, and whose fault it was: columns ``outcome``, ``cause``, ``attempts``, ``lost_s``."""
    columns = ["outcome", "cause", "attempts", "lost_s"]
    rows = [(span.outcome, span.cause or ("not recorded" if span.failed else ""), 1, span.lost_s) for span in found]
    counted = pd.DataFrame(rows, columns=columns).groupby(columns[:2], sort=False, as_index=False).sum()
    return counted.sort_values(["attempts", "outcome", "cause"], ascending=[False, True, True], ignore_index=True)


def table(found: Sequence[Span]) -> pd.DataFrame:
    """One row for each attempt, in order of time; ``began`` and ``ended`` are UTC, ``worker`` a place on a machine."""
    rows = [
        {
            "label": span.label,
            "trial": span.trial,
            "replicate": span.replicate,
            "attempt": span.attempt,
            "worker": worker(span),
            "began": _stamp(span.began),
            "ended": _stamp(span.ended),
            "seconds": round(span.ended - span.began, 3),
            "outcome": span.outcome,
            "cause": span.cause,
            "place": span.place,
            "lost_s": span.lost_s,
        }
        for span in found
    ]
    return pd.DataFrame(rows).astype({"trial": "Int64"})


def _stamp(value: float) -> pd.Timestamp:
    return pd.Timestamp(round(1000 * value), unit="ms", tz="UTC")


def worker(span: Span) -> str:
    """``node-1 · 2``: the second place of a machine."""
    return f"{span.host or 'machine not known'} · {span.lane + 1}"


def sentence(found: Sequence[Span]) -> str:
    """How many workers were busy for how much of the time, what was repeated, and what work was lost."""
    if not found:
        return "No attempt says when it began."
    places, machines = len(lanes(found)), len({span.host for span in found if span.host})
    stretches = busy_stretches(found)
    span_s = sum(end - start for start, end in stretches)
    worked_s = sum(span.ended - span.began for span in found)
    share = min(1.0, worked_s / (places * span_s)) if span_s > 0 else 1.0
    on = f" on {plural(machines, 'machine')}" if machines else ""
    were = "was" if places == 1 else "were"
    parts = [f"{plural(places, 'worker')}{on} {were} busy {share:.0%} of {_clock(span_s)}."]
    idle = sum(gap for gap in (after[0] - before[1] for before, after in pairwise(stretches)) if gap >= IDLE_S)
    if idle:
        parts[0] = parts[0][:-1] + f"; nothing ran for {_clock(idle)} in between."
    again = [span for span in found if span.attempt > 0]
    failed = [span for span in found if span.failed]
    lost = sum(span.lost_s for span in found)
    if lost > 0:
        worst = max(found, key=lambda span: span.lost_s)
        parts.append(
            f"Of {_clock(worked_s)} of work {seconds(lost)} were lost ({lost / worked_s:.1%}), the "
            f"most of {worst.label}, replicate {worst.replicate}: {seconds(worst.lost_s)}, {_words(worst)}."
        )
    if failed:
        parts.append(
            f"{plural(len(failed), 'attempt')} of {len(found)} failed; {plural(len(again), 'attempt')} repeated one."
        )
    elif lost == 0:
        parts.append("No attempt failed, and no work was lost.")
    return " ".join(parts)


def cause_sentence(counted: pd.DataFrame) -> str:
    """How many attempts ended well, and whose fault the others were."""
    if counted.empty:
        return "No attempt has been made."
    well = int(counted.loc[counted["outcome"].isin(ENDED_WELL), "attempts"].sum())
    running = int(counted.loc[counted["outcome"] == "under way", "attempts"].sum())
    whole = int(counted["attempts"].sum())
    begins = f"{well:,} of {plural(whole, 'attempt')} completed or were stopped early"
    begins += f", {running} {'is' if running == 1 else 'are'} under way" if running else ""
    bad = counted[~counted["outcome"].isin((*ENDED_WELL, "under way"))]
    if bad.empty:
        return f"{begins}; none failed."
    by_cause = bad.groupby("cause")["attempts"].sum().sort_values(ascending=False)
    listed = ", ".join(
        f"{number} {'whose cause was not recorded' if cause == 'not recorded' else f'by the {cause}'}"
        for cause, number in by_cause.items()
    )
    return f"{begins}; {int(bad['attempts'].sum())} failed: {listed}."


def _words(span: Span) -> str:
    ended = span.outcome.replace("_", " ")
    return f"{ended} by the {span.cause}" if span.cause else ended


def _clock(value: float) -> str:
    """``52 s``, ``4 min 10 s``, ``3 h 20 min``, ``2 d 3 h``."""
    whole = round(value)
    for large, small, size, unit in (("d", "h", 86_400, 3_600), ("h", "min", 3_600, 60), ("min", "s", 60, 1)):
        if whole >= size:
            rest = whole % size // unit
            return f"{whole // size} {large}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"
