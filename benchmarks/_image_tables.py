"""The tables of the comparison of image methods: accuracy after so many seconds, and what turned knobs come to."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import _tables
from _curves import Curve, run_of
from _robustness import Contrast, Spread, Variant, contrast, spread
from _tables import Results, number

from analysis.record import Record
from sweeps.spec import SweepSpec

# Outcomes of a method that failed at a setting, and not of a machine.
FAILED = ("diverged", "out_of_memory", "timed_out")
# Of the seconds that the first method takes.
TIMES = (0.25, 0.5, 1.0, 2.0)


def equal_time(result: Results, found: Sequence[Record], curves: Mapping[str, Curve]) -> list[str]:
    """Validation accuracy of every method after the same seconds, from the curves of the same runs.

    Args:
        result: of the sweep.
        found: its records.
        curves: by what `run_of` calls the record.
    """
    runs: dict[str, list[Curve]] = {}
    for record in found:
        who = record.identity
        if who.sweep == result.spec.name and record.outcome == "completed" and run_of(record) in curves:
            label = who.method if who.kind == "trial" else who.label
            runs.setdefault(label, []).append(curves[run_of(record)])
    first = result.spec.method.name
    if first not in runs:
        return ["No curves yet.", ""]
    unit = statistics.median(curve.seconds[-1] for curve in runs[first])
    header = ("what", "seeds", "whole run, s", *(f"after {share * unit:.0f} s" for share in TIMES))
    rows = []
    for label in (label for label in result.labels if label in runs):
        whole = statistics.median(curve.seconds[-1] for curve in runs[label])
        rows.append([label, str(len(runs[label])), f"{whole:.0f}", *(_after(runs[label], t * unit) for t in TIMES)])
    return _tables.table(header, rows)


def _after(curves: Sequence[Curve], seconds: float) -> str:
    values = [curve.at(seconds) for curve in curves]
    if any(math.isnan(value) for value in values):
        return "not begun"
    ended = all(curve.seconds[-1] <= seconds for curve in curves)
    return f"{statistics.fmean(values):.3f}" + (" (ended)" if ended else "")


@dataclass(frozen=True)
class Study:
    """What one method came to over its settings.

    Args:
        label: of the method.
        accuracies: by label of the setting, the untouched one under the method's; means over seeds of test accuracy.
        failed: how many runs count as the majority class.
        single: variants with one knob turned.
        together: variants with all of them turned.
    """

    label: str
    accuracies: Mapping[str, float]
    failed: int
    single: Sequence[Variant]
    together: Sequence[Variant]

    @classmethod
    def of(
        cls,
        label: str,
        spec: SweepSpec,
        found: Sequence[Record],
        single: Sequence[Variant],
        together: Sequence[Variant],
    ) -> "Study":
        """From the records of a method's sweep; settings without all their seeds are left out."""
        mine = [item for item in found if item.identity.sweep == spec.name and item.identity.kind != "teacher"]
        floors = [item.quality.majority_accuracy for item in mine if item.quality.majority_accuracy is not None]
        values: dict[str, list[float]] = {}
        failed = 0
        for record in mine:
            name = label if record.identity.kind == "trial" else record.identity.label
            if record.outcome == "completed" and record.quality.test_accuracy is not None:
                values.setdefault(name, []).append(record.quality.test_accuracy)
            elif record.outcome in FAILED and floors:
                values.setdefault(name, []).append(floors[0])
                failed += 1
        whole = len(spec.replicates.seeds)
        means = {name: statistics.fmean(known) for name, known in values.items() if len(known) == whole}
        return cls(label, means, failed, single, together)

    @property
    def settings(self) -> list[str]:
        """Labels of all settings: untouched, one knob turned, all of them."""
        return [self.label, *(variant.label for variant in (*self.single, *self.together))]

    @property
    def complete(self) -> bool:
        """Whether every setting is there."""
        return all(name in self.accuracies for name in self.settings)

    def values(self, variants: Sequence[Variant]) -> dict[str, float]:
        """Accuracy of some settings, by label, as far as they are there."""
        return {item.label: self.accuracies[item.label] for item in variants if item.label in self.accuracies}

    @property
    def best(self) -> float:
        """Accuracy of the best setting that was run; NaN for none."""
        return max((self.accuracies[name] for name in self.settings if name in self.accuracies), default=math.nan)

    def spread(self, variants: Sequence[Variant]) -> Spread | None:
        """What some settings come to; None below two."""
        known = list(self.values(variants).values())
        return spread(known, self.best) if len(known) > 1 else None


def spread_table(studies: Sequence[Study], kind: str) -> list[str]:
    """One row for each method: what its settings come to.

    Args:
        studies: of all methods.
        kind: ``single`` or ``together``.
    """
    header = (
        "method",
        "untouched",
        "best",
        "settings",
        "mean",
        "sd",
        "worst",
        "within a point of its best",
        "failed runs",
    )
    rows = []
    for study in studies:
        variants = study.single if kind == "single" else study.together
        row = [study.label, number(study.accuracies.get(study.label, math.nan), 3), number(study.best, 3)]
        found = study.spread(variants)
        if found is None:
            rows.append([*row, f"{len(study.values(variants))} of {len(variants)}", *["–"] * 4, str(study.failed)])
            continue
        mean, sd, near = (f" ({low:.3f} to {high:.3f})" for low, high in found.intervals)
        rows.append(
            [
                *row,
                f"{found.count} of {len(variants)}",
                f"{found.mean:.3f}{mean}",
                f"{found.sd:.3f}{sd}",
                f"{found.worst:.3f}",
                f"{found.near:.2f}{near}",
                str(study.failed),
            ]
        )
    return _tables.table(header, rows)


def knob_table(studies: Sequence[Study]) -> list[str]:
    """Accuracy with one knob turned: a row for each method and knob, a column for each factor."""
    factors = sorted({factor for study in studies for item in study.single for factor in item.factors.values()})
    rows = []
    for study in studies:
        for knob in dict.fromkeys(name for item in study.single for name in item.factors):
            cells = {
                item.factors[knob]: study.accuracies.get(item.label) for item in study.single if knob in item.factors
            }
            shown = [number(math.nan if cells.get(f) is None else float(cells[f] or 0.0), 3) for f in factors]
            rows.append([study.label, knob.replace("_", " "), *shown])
    return _tables.table(("method", "knob", *(f"× {factor:g}" for factor in factors)), rows)


def contrasts(studies: Sequence[Study], main: str) -> list[Contrast]:
    """The method of the claim against every other, over joint draws; empty before all of them are there."""
    known = {study.label: study for study in studies}
    rivals = [study for study in studies if study.label != main]
    if main not in known or not rivals or not all(study.complete for study in studies):
        return []
    ours = known[main].values(known[main].together)
    return [contrast(study.label, ours, study.values(study.together), len(rivals)) for study in rivals]


def contrast_table(found: Sequence[Contrast], main: str) -> list[str]:
    """One row for each rival."""
    rows = [[item.rival, str(item.draws), _with_interval(item.sd), _with_interval(item.mean)] for item in found]
    return _tables.table(("rival", "draws", f"its sd minus that of `{main}`", f"mean of `{main}` minus its"), rows)


def _with_interval(figure: tuple[float, float, float]) -> str:
    value, low, high = figure
    return f"{value:+.3f} ({low:.3f} to {high:.3f})".replace("-", "−")
