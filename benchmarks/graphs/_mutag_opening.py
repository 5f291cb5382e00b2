"""The head of the page on ACGKD's parts on MUTAG."""

from collections.abc import Sequence

import pandas as pd

from analysis.records.frame import Frame
from analysis.statistics.paired import Paired, paired
from analysis.statistics.summary import references
from benchmarks._lib.opening import Opening, listed
from benchmarks._lib.tables import difference


def opening(
    frame: Frame, table: pd.DataFrame, pairs: Sequence[tuple[str, str]], ways: Sequence[str], command: str
) -> Opening:
    """Question, answer, figure, caveat and command.

    Args:
        frame: the records.
        table: one row per label.
        pairs: teachers and students.
        ways: labels of how ACGKD's student is taught: by default, without the classifier, on fixed samples first.
        command: that makes the page.
    """
    default, plain, fixed, *_ = ways
    teacher, student = pairs[0]
    rows = table.set_index("label")["test_accuracy"]
    mine = {name: float(rows[f"{teacher} → {student}: {name}"]) for name in ("random_graphs", f"acgkd {default}")}
    teachers = next(line.accuracy for line in references(Frame(_rows(frame, pairs[0]))) if line.label == "teacher")
    parts = (("on a fixed set of graphs", fixed), ("without the teacher's classifier", plain))
    texts = [
        f"{rows[f'{teacher} → {student}: acgkd {label}']:.3f} {name} "
        f"(difference {difference(_gap(frame, pairs[0], default, label)).replace(' (', ', ')}"
        for name, label in parts
    ]
    gaps = [_gap(frame, pair, default, label) for pair in pairs for _, label in parts]
    clear = sum(gap.difference.low > 0 for gap in gaps)
    return Opening(
        "What are the parts of ACGKD's teaching worth on MUTAG?",
        f"{clear or 'None'} of {len(gaps)} gains is shown: of graphs drawn afresh at every step and of the teacher's "
        "classifier, with GIN and with GCN.",
        f"From `{teacher}` to `{student}` {mine[f'acgkd {default}']:.3f} at the defaults, against {listed(texts)}, "
        f"{mine['random_graphs']:.3f} with untrained graphs and {teachers.mean:.3f} for the teacher.",
        "Run again later, with other rounding, the defaults spread wider and one seed failed "
        "([graph methods](graph-methods.md)): the small spread here was luck.",
        command,
    )


def _rows(frame: Frame, pair: tuple[str, str]) -> pd.DataFrame:
    rows = frame.rows
    return rows[(rows["teacher"] == pair[0]) & (rows["student"] == pair[1])].reset_index(drop=True)


def _gap(frame: Frame, pair: tuple[str, str], one: str, other: str) -> Paired:
    """By how much one way to teach is more accurate than another."""
    rows = _rows(frame, pair)
    sides = [rows[rows["label"] == f"{pair[0]} → {pair[1]}: acgkd {label}"] for label in (one, other)]
    return paired(sides[0], sides[1])
