"""Matrices of teachers by students: which pairs they hold, what failed in them; 80 columns hold four by four."""

from pathlib import Path

import pandas as pd
import pytest

from acgkd.errors import ConfigError
from analysis.comparison.comparing import compared
from analysis.comparison.comparison_page import report
from analysis.comparison.joint import Comparison
from analysis.comparison.tables.pair_tables import PairMatrix, failures_in_words, pair_matrices, pair_table
from analysis.page.render import markdown
from analysis.records.frame import COLUMNS, Frame
from tests.analysis_tests.simulated import frame

KINDS = ("gat", "gcn", "gin", "sage")
ALL = [(f"{teacher}-5-64", f"{student}-3-32") for teacher in KINDS for student in KINDS]
HARD = ("gin-5-64", "gcn-3-32")
FEW = [pair for pair in ALL if {name.partition("-")[0] for name in pair} <= {"gin", "gcn"}]


def of_pairs(pairs: list[tuple[str, str]], **changes: object) -> Frame:
    """A method and a control from each teacher to each student, four seeds; `changes` are of the method from `HARD`."""
    parts = []
    for teacher, student in pairs:
        rows = frame({"one": {"ours": 0.85, "noise": 0.6}}, seeds=4).rows
        name = f"one-{teacher}-{student}"
        rows = rows.assign(teacher=teacher, student=student, source=name, sweep=name)
        if (teacher, student) == HARD:
            for column, value in changes.items():
                rows[column] = rows[column].mask(rows["method"] == "ours", value)
        parts.append(rows)
    return Frame(pd.concat(parts, ignore_index=True).astype(dict(COLUMNS)))


def comparison_of(pairs: list[tuple[str, str]], by: str = "dataset", **changes: object) -> Comparison:
    return compared(of_pairs(pairs, **changes), baseline="ours", by=by)


def matrix_of(pairs: list[tuple[str, str]], **changes: object) -> PairMatrix:
    (found,) = pair_matrices(comparison_of(pairs, **changes))
    return found


@pytest.mark.parametrize("by", ["dataset", "pair", "method"])
def test_a_matrix_has_the_rows_that_stand_for_each_pair(by: str) -> None:
    comparison = comparison_of(FEW, by)
    (matrix,) = pair_matrices(comparison)
    assert (matrix.dataset, matrix.measure) == ("one", "ratio")
    assert (matrix.teachers, matrix.students) == (("gcn-5-64", "gin-5-64"), ("gcn-3-32", "gin-3-32"))
    assert list(matrix.cells) == ["ours", "noise"], "the baseline first"
    assert [(cell.teacher, cell.student) for cell in matrix.of("ours")] == FEW
    rows = comparison.frame.rows
    rows = rows[(rows["method"] == "ours") & (rows["teacher"] == HARD[0]) & (rows["student"] == HARD[1])]
    ratios = rows["test_accuracy"] / rows["teacher_test_accuracy"]
    score = matrix.cells["ours"][HARD].score
    assert (score.mean, score.sd, score.n) == pytest.approx((ratios.mean(), ratios.std(), 4))


@pytest.mark.parametrize(
    "pairs",
    [
        [("gin-5-64", "gin-3-32")],
        [("gin-5-64", "gin-3-32"), ("gcn-5-64", "gcn-3-32")],
        [("gin-5-64", "gin-3-32"), ("gin-5-64", "gcn-3-32")],
    ],
    ids=["one", "one to one", "one teacher"],
)
def test_there_is_none_of_pairs_that_make_no_matrix(pairs: list[tuple[str, str]]) -> None:
    comparison = comparison_of(pairs)
    assert not pair_matrices(comparison)
    assert not any("down and students across" in line for line in comparison.lines(80))


def test_there_is_none_where_columns_tell_rows_of_one_pair_apart() -> None:
    assert not pair_matrices(comparison_of(FEW, "device"))


@pytest.mark.parametrize(
    ("changes", "failed", "below", "collapsed"),
    [
        ({"test_accuracy": 0.7}, False, 0, 0),
        ({"test_accuracy": 0.6}, True, 4, 0),
        ({"test_accuracy": 0.85, "majority_accuracy": 0.86}, True, 4, 0),
        ({"test_accuracy": 0.85, "predicted_classes": 1}, False, 0, 4),
    ],
    ids=["low", "below its teacher's share", "below the majority", "one class"],
)
def test_a_pair_fails_by_the_bounds_of_students(
    changes: dict[str, object], failed: bool, below: int, collapsed: int
) -> None:
    matrix = matrix_of(FEW, teacher_test_accuracy=0.9, **changes)
    cell = matrix.cells["ours"][HARD]
    assert (cell.failed, cell.below, cell.collapsed) == (failed, below, collapsed)
    assert not any(each.failed or each.collapsed for each in matrix.of("ours") if each is not cell)
    named = " (gin-5-64 → gcn-3-32)" if failed else ""
    assert failures_in_words(matrix, "ours") == (
        f"`ours` on one: {int(failed)} of 4 pairs failed{named}; of 16 students {below} are below the bound and "
        f"{collapsed} say one class."
    )
    shown = pair_table(matrix).data.set_index(["teacher", "row"])
    assert shown.loc[("gin-5-64", "ours"), "gcn-3-32 below the bound"] == below


def test_four_by_four_are_readable_at_80_columns() -> None:
    comparison = comparison_of(ALL, test_accuracy=0.5, teacher_test_accuracy=0.9, predicted_classes=1)
    lines = comparison.lines(80)
    assert max(map(len, lines)) <= 80
    at = lines.index("one: ratio to the teacher, teachers down and students across; 4 seeds each")
    assert lines[at + 1].split() == [f"{kind}-3-32" for kind in KINDS]
    assert [lines[at + 2], lines[at + 7]] == ["ours", "noise"]
    (hard,) = (line for line in lines[at:] if " f c" in line)
    assert hard.split()[0] == "gin-5-64"
    assert "0.56 ± 0.00 f c" in hard
    for width, blocks in ((60, 2), (160, 1)):
        wide = comparison.lines(width)
        assert sum(line == "ours" for line in wide[wide.index(lines[at]) :]) == blocks


@pytest.mark.usefixtures("without_figures")
def test_pairs_that_were_not_run_are_dashes_and_costs_have_units() -> None:
    pairs = [pair for pair in FEW if pair != HARD]
    comparison = comparison_of(pairs)
    assert "From each teacher to each student" in markdown(report(comparison))
    cells = {(row[0], row[1]): row[2:] for row in pair_table(pair_matrices(comparison)[0]).cells()}
    assert cells["gin-5-64", "ours"][0] == "–"
    assert cells["gin-5-64", "ours"][1].endswith("(4)")
    (matrix,) = pair_matrices(compared(of_pairs(FEW), baseline="ours", measure="multiply_adds"))
    assert matrix.measure == "multiply_adds"
    assert pair_table(matrix).cells()[0][2] == "1.00 G ± 0 (4)"


def test_a_template_that_asks_for_a_matrix_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.md.j2").write_text("{{ matrix('two').measure }}")
    with pytest.raises(ConfigError, match=r"got 'two'\. Known: one"):
        comparison_of(FEW).fill(tmp_path / "page.md.j2", tmp_path / "out")
