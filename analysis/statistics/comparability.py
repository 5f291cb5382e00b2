"""Whether the seconds of a sweep can be compared with each other."""

from collections.abc import Iterator

import pandas as pd

from analysis import formatting
from analysis.formatting import number
from analysis.statistics.replicates import with_derived
from analysis.statistics.trust import contention
from analysis.statistics.trust.contention import Contended

_CALIBRATION_SPREAD = 1.25  # fastest to slowest run of the fixed kernel; more than this and the machine was not itself
_ALIKE = (
    ("host", "on several hosts"),
    ("device_name", "on several devices"),
    ("device", "on several kinds of device"),
    ("threads", "with several numbers of threads"),
    ("trials_alongside", "with several numbers of trials at a time"),
    ("torch", "with several versions of torch"),
)


def caveats(rows: pd.DataFrame) -> tuple[str, ...]:
    """Why the seconds of these rows cannot be compared with each other; empty where they can."""
    runs = rows[(rows["kind"] != "teacher") & (rows["outcome"] == "completed")]
    several = [text for column, words in _ALIKE if (text := _several(runs[column], words))]
    found = []
    if several:
        found.append(
            f"Seconds are not comparable between trials: they ran {'; '.join(several)}. Compare multiply-adds instead."
        )
    kernel = runs["calibration_s"].dropna()
    if len(kernel) > 1 and kernel.min() > 0 and kernel.max() / kernel.min() > _CALIBRATION_SPREAD:
        found.append(
            f"A fixed calculation, timed beside each run, took {formatting.seconds(kernel.min())} to "
            f"{formatting.seconds(kernel.max())}: the machine was not equally fast for all trials, so small "
            "differences in seconds mean nothing."
        )
    found += filter(None, [contention_in(rows)])
    cached = int(runs["synthesis_cached"].fillna(False).sum())
    if cached:
        found.append(
            f"{formatting.plural(cached, 'replicate')} took pseudo-samples from the cache; their synthesis seconds "
            "are those of the run that made them."
        )
    given = int(rows["teacher_cached"].fillna(False).sum())
    if given:
        found.append(
            f"{formatting.plural(given, 'teacher')} came from the cache; the seconds of a teacher are those of the run "
            "that trained it."
        )
    return tuple(found)


def contention_in(rows: pd.DataFrame) -> str:
    """How many replicates of trials and controls took much longer than they computed; empty where none did."""
    runs = rows[(rows["kind"] != "teacher") & (rows["outcome"] == "completed") & rows["cpu_s"].notna()]
    return contention.sentence(_contended(with_derived(runs)))


def _contended(runs: pd.DataFrame) -> Iterator[Contended]:
    names = ("label", "replicate", "seconds", "cpu_s", "device")
    for label, replicate, seconds, cpu_s, device in zip(*(runs[name].tolist() for name in names), strict=True):
        if contention.is_contended(number(seconds), number(cpu_s), str(device)):
            yield Contended(str(label), int(replicate), seconds, cpu_s)


def _several(column: pd.Series, words: str) -> str:
    """``on several hosts (a, b)``; empty where all are alike."""
    values = sorted(str(value) for value in column.dropna().unique() if str(value))
    return f"{words} ({', '.join(values[:6])}{' …' if len(values) > 6 else ''})" if len(values) > 1 else ""
