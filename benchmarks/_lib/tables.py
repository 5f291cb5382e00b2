"""Tables of methods in Markdown: one row for each method of a sweep, against majority class, teacher and a baseline."""

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import pandas as pd

from analysis.records.frame import Frame
from analysis.statistics.paired import Paired, paired
from analysis.statistics.summary import groups, references
from sweeps.spec.sweep_spec import SweepSpec


@dataclass(frozen=True)
class Results:
    """What one sweep came to.

    Args:
        spec: the sweep.
        rows: its records.
        table: one row per method, by label.
    """

    spec: SweepSpec
    rows: pd.DataFrame
    table: pd.DataFrame

    @classmethod
    def of(cls, spec: SweepSpec, frame: Frame) -> "Results":
        """The part of a frame that belongs to a sweep."""
        rows = frame.rows[frame.rows["sweep"] == spec.name].reset_index(drop=True)
        table = groups(Frame(rows), dict.fromkeys(rows["source"].unique(), len(spec.replicates.seeds)))
        return cls(spec, rows, table.set_index("label", drop=False))

    @property
    def labels(self) -> list[str]:
        """Of its methods, the trial's first, then controls in the order of the spec."""
        return [self.spec.method.name, *(control.label for control in self.spec.controls)]

    @property
    def planned(self) -> int:
        """Seeds."""
        return len(self.spec.replicates.seeds)

    def value(self, label: str, column: str) -> float:
        """A figure of a method; NaN where there is none."""
        return float(self.table.at[label, column]) if label in self.table.index else math.nan

    def against(self, label: str, other: str, column: str = "test_accuracy") -> Paired | None:
        """The paired difference to another method; None where either is missing."""
        sides = [self.rows[self.rows["label"] == name] for name in (label, other)]
        if label == other or any(side.empty for side in sides):
            return None
        return paired(*sides, column)

    def references(self) -> dict[str, tuple[float, float, int]]:
        """Mean, standard deviation and count of majority class and teacher."""
        lines = {line.label: line.accuracy for line in references(Frame(self.rows))}
        return {
            name: (lines[name].mean, lines[name].sd, lines[name].n)
            for name in ("majority class", "teacher")
            if name in lines
        }


def mean_sd(mean: float, sd: float, digits: int = 3) -> str:
    """``0.852 ± 0.044``."""
    if math.isnan(mean):
        return "–"
    # The mean of equal values hangs, in its last bit, on how many there are: a half must not go up here and down there.
    return f"{round(mean, 12):.{digits}f}" + ("" if math.isnan(sd) else f" ± {sd:.{digits}f}")


def difference(pair: Paired | None, digits: int = 3) -> str:
    """``+0.021 (−0.010 to 0.052)``."""
    if pair is None or pair.difference.n == 0:
        return ""
    spread = pair.difference
    ends = "" if math.isnan(spread.low) else f" ({spread.low:.{digits}f} to {spread.high:.{digits}f})"
    return f"{spread.mean:+.{digits}f}{ends}".replace("-", "−")


def share(row: Mapping[str, Any]) -> str:
    """``0.89 (0.70 to 1.02)``, or that the gap is not clearly above 0."""
    if math.isnan(row["share"]):
        return "–"
    return f"{row['share']:.2f} ({row['share_low']:.2f} to {row['share_high']:.2f})".replace("-", "−")


def number(value: float, digits: int = 1) -> str:
    """A figure, or a dash."""
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table, and an empty one."""
    return [
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def test_table(results: Results, baseline: str) -> list[str]:
    """The table of a sweep by test accuracy, with each row's difference to one of them."""
    return accuracy_table(results, None, f"difference to `{baseline}`", gaps(results, baseline))


def gaps(results: Results, baseline: str) -> dict[str, str]:
    """The difference of every row to one of them, by label."""
    return {label: difference(results.against(label, baseline)) for label in results.labels}


def accuracy_table(results: Results, notes: Mapping[str, str] | None, head: str, cells: Mapping[str, str]) -> list[str]:
    """The table of a sweep by test accuracy.

    Args:
        results: of the sweep.
        notes: of rows, by label; a column of its own where they are given.
        head: of the column of differences.
        cells: of that column, by label.
    """
    header = (
        "what", *([] if notes is None else ["note"]), "seeds", "test accuracy", "ratio to teacher", "recovered share",
        head, "synthesis s", "transfer s", "peak MiB", "collapsed",
    )  # fmt: skip
    rows: list[list[str]] = []
    for name, (mean, sd, count) in results.references().items():
        rows.append([name, str(count), mean_sd(mean, sd), *[""] * 7])
    for label in results.labels:
        if label not in results.table.index:
            rows.append([label, f"0 of {results.planned}", *["–"] * 8])
            continue
        row = results.table.loc[label].to_dict()
        joint = not math.isnan(row["joint_s"])
        rows.append(
            [
                label,
                f"{row['completed']} of {results.planned}",
                mean_sd(row["test_accuracy"], row["test_accuracy_sd"]),
                mean_sd(row["ratio"], row["ratio_sd"]),
                share(row),
                cells.get(label, ""),
                f"{number(row['joint_s'])} (joint)" if joint else number(row["synthesis_s"]),
                "" if joint else number(row["transfer_s"]),
                number(row["peak_host_bytes"] / 2**20, 0),
                str(row["collapsed"]),
            ]
        )
    if notes is not None:
        rows = [[row[0], notes.get(row[0], ""), *row[1:]] for row in rows]
    return table(header, rows)


def validation_table(results: Results, baseline: str) -> list[str]:
    """The table of a sweep by what was measured on the validation split; the test split plays no part."""
    header = (
        "what", "seeds", "validation divergence", f"difference to `{baseline}`", "validation accuracy",
        f"difference to `{baseline}`", "synthesis s", "transfer s",
    )  # fmt: skip
    rows = []
    for label in results.labels:
        if label not in results.table.index:
            rows.append([label, f"0 of {results.planned}", *["–"] * 6])
            continue
        row = results.table.loc[label].to_dict()
        cells = [label, f"{row['completed']} of {results.planned}"]
        for column in ("validation_divergence", "validation_accuracy"):
            cells.append(mean_sd(row[column], row[f"{column}_sd"]))
            cells.append(difference(results.against(label, baseline, column)))
        rows.append([*cells, number(row["synthesis_s"]), number(row["transfer_s"])])
    return table(header, rows)


def machine() -> str:
    """What it ran on, without a name."""
    return (
        f"{platform.system()} {platform.machine()}, one thread a run, Python {platform.python_version()}, "
        f"torch {version('torch')}, torch_geometric {version('torch_geometric')}, acgkd {version('acgkd')}"
    )
