"""Teachers by students: what each row came to from every teacher to every student, where a data set has several."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from analysis import formatting
from analysis.comparison.choosing import Cell
from analysis.comparison.joint import Comparison, Panel
from analysis.comparison.overall import score_of
from analysis.comparison.trial_rows import TrialRow, measure_in_words, unit
from analysis.page.markup import slug
from analysis.page.render import Column, Row, Table
from analysis.statistics.intervals import Interval
from analysis.statistics.replicates import interval_of
from analysis.statistics.trust.outcome_bounds import RATIO_BOUND, below_bound

LEGEND = (
    f"f: failed, a mean ratio to the teacher below {RATIO_BOUND}, or a mean accuracy below the majority class. "
    "c: collapsed, a student that says one class in at least one replicate."
)

MOST_NAMED = 6  # more of them are read off the matrix


@dataclass(frozen=True)
class PairCell:
    """A row from one teacher to one student.

    Args:
        teacher: its name.
        student: its name.
        score: mean, deviation and number of seeds of what the matrix shows.
        failed: whether the mean student is below the bound; False where its teacher's accuracy is not known.
        below: replicates whose student is below the bound.
        collapsed: replicates whose student says one class.
        students: completed replicates, of all teachings.
    """

    teacher: str
    student: str
    score: Interval
    failed: bool
    below: int
    collapsed: int
    students: int


@dataclass(frozen=True)
class PairMatrix:
    """All pairs of one data set.

    Args:
        dataset: its name.
        measure: what is shown of each pair.
        cells: by contestant, the baseline first, and by the names of teacher and student; only pairs that were run.
    """

    dataset: str
    measure: str
    cells: Mapping[str, Mapping[tuple[str, str], PairCell]]

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Teacher and student of each pair that any row was run on."""
        return tuple(dict.fromkeys(pair for cells in self.cells.values() for pair in cells))

    @property
    def teachers(self) -> tuple[str, ...]:
        """Their names in order: so where teachers and students are of the same kinds, those lie on the diagonal."""
        return tuple(sorted({teacher for teacher, _ in self.pairs}))

    @property
    def students(self) -> tuple[str, ...]:
        """Their names in order."""
        return tuple(sorted({student for _, student in self.pairs}))

    def of(self, contestant: str) -> list[PairCell]:
        """The cells of a contestant, teacher by teacher; none where it was not run."""
        cells = self.cells.get(contestant, {})
        return [cells[pair] for pair in self.places if pair in cells]

    @property
    def places(self) -> list[tuple[str, str]]:
        """Every teacher with every student."""
        return [(teacher, student) for teacher in self.teachers for student in self.students]


def pair_matrices(comparison: Comparison) -> list[PairMatrix]:
    """A matrix of each data set that was run from several teachers to several students, and not only one to one.

    None where the columns of the joint table tell rows of one pair apart.
    """
    if comparison.by not in ("dataset", "pair", "method"):
        return []
    by_set: dict[str, list[tuple[Panel, Cell]]] = {}
    for panel in comparison.panels:
        for cell in panel.cells.values():
            if cell.rows:
                by_set.setdefault(unit(cell.rows[0])[0], []).append((panel, cell))
    found = [_matrix(dataset, places) for dataset, places in by_set.items()]
    return [each for each in found if len(each.pairs) > max(len(each.teachers), len(each.students))]


def _matrix(dataset: str, places: list[tuple[Panel, Cell]]) -> PairMatrix:
    scores = {score_of(panel) for panel, _ in places}
    measure = scores.pop() if len(scores) == 1 else "test_accuracy"
    names = [name for panel, _ in places for name in panel.contestants]
    cells: dict[str, dict[tuple[str, str], PairCell]] = {name: {} for name in dict.fromkeys(names)}
    for _, cell in places:
        for name, row in cell.shown.items():
            _, teacher, student = unit(row)
            cells[name][teacher, student] = _cell(row, teacher, student, measure)
    return PairMatrix(dataset, measure, {name: own for name, own in cells.items() if own})


def _cell(row: TrialRow, teacher: str, student: str, measure: str) -> PairCell:
    done, students = row.done, row.students
    judged = students[["test_accuracy", "teacher_test_accuracy", "majority_accuracy"]].astype("float64")
    ratio, accuracy, majority = (
        interval_of(done, name).mean for name in ("ratio", "test_accuracy", "majority_accuracy")
    )
    return PairCell(
        teacher,
        student,
        interval_of(done, measure),
        failed=bool(below_bound(ratio, 1.0)) or accuracy < majority,
        below=sum(bool(below_bound(*run)) for run in judged.itertuples(index=False, name=None)),
        collapsed=int((students["predicted_classes"] == 1).sum()),
        students=len(students),
    )


def cell_in_words(cell: PairCell | None, digits: int = 3, *, seeds: bool = True) -> str:
    """``0.441 ± 0.199 (5) f c``, the number of seeds if `seeds`; a dash for a pair that was not run."""
    if cell is None or cell.score.n == 0:
        return formatting.DASH
    mean, sd = cell.score.mean, cell.score.sd
    large = abs(mean) >= 100
    value = formatting.mean_sd(mean, sd) if large else f"{mean:.{digits}f}".replace("-", "−")
    value += "" if large or math.isnan(sd) else f" ± {sd:.{digits}f}"
    parts = [value, f"({cell.score.n})" * seeds, "f" * cell.failed, "c" * bool(cell.collapsed)]
    return " ".join(filter(None, parts))


def failures_in_words(matrix: PairMatrix, contestant: str) -> str:
    """How many pairs of a contestant failed, how many students are below the bound or say one class: a sentence."""
    cells = matrix.of(contestant)
    runs = sum(cell.students for cell in cells)
    failed = [f"{cell.teacher} → {cell.student}" for cell in cells if cell.failed]
    named = f" ({', '.join(failed)})" if 0 < len(failed) <= MOST_NAMED else ""
    return (
        f"`{contestant}` on {matrix.dataset}: {len(failed)} of {formatting.plural(len(cells), 'pair')} failed{named}; "
        f"of {formatting.plural(runs, 'student')} {sum(cell.below for cell in cells)} are below the bound and "
        f"{sum(cell.collapsed for cell in cells)} say one class."
    )


def pair_table(matrix: PairMatrix) -> Table:
    """Teachers down and students across, for each contestant, below each other for each teacher."""
    data = []
    for teacher in matrix.teachers:
        for name, cells in matrix.cells.items():
            line: dict[str, object] = {"teacher": teacher, "row": name}
            for student in matrix.students:
                cell = cells.get((teacher, student))
                line[student] = None if cell is None else cell.score.mean
                line[f"{student} sd"] = None if cell is None else cell.score.sd
                line[f"{student} seeds"] = 0 if cell is None else cell.score.n
                line[f"{student} failed"] = None if cell is None else cell.failed
                line[f"{student} below the bound"] = None if cell is None else cell.below
                line[f"{student} collapsed"] = None if cell is None else cell.collapsed
            data.append(line)
    columns = (
        Column("teacher", lambda row: str(row["teacher"]), numeric=False),
        Column("row", lambda row: str(row["row"]), numeric=False),
        *(Column(student, _shown(matrix, student)) for student in matrix.students),
    )
    what = measure_in_words(matrix.measure).capitalize()
    note = f"{what}: mean ± standard deviation over seeds (their number), students across. {LEGEND}"
    ours = frozenset(range(0, len(data), max(len(matrix.cells), 1)))
    title = f"{what} from each teacher to each student, {matrix.dataset}"
    return Table(f"pairs-{slug(matrix.dataset)}", title, pd.DataFrame(data), columns, note, ours, most=200)


def _shown(matrix: PairMatrix, student: str) -> Callable[[Row], str]:
    return lambda row: cell_in_words(matrix.cells[row["row"]].get((row["teacher"], student)))


def pair_lines(matrix: PairMatrix, width: int) -> Iterator[str]:
    """The matrix for a terminal: a block of each contestant; students beside each other as far as there is room."""
    teachers = formatting.shortened(matrix.teachers, 13)
    heads = formatting.shortened(matrix.students, 16)
    counts = {cell.score.n for cells in matrix.cells.values() for cell in cells.values()}
    words = {
        name: {pair: cell_in_words(cells.get(pair), 2, seeds=len(counts) > 1) for pair in matrix.places}
        for name, cells in matrix.cells.items()
    }
    first = 2 + max(map(len, teachers.values()))
    each = max([len(text) for cells in words.values() for text in cells.values()] + [len(head) for head in heads])
    at_once = max((width - first) // (each + 1), 1)
    each_has = f"; {formatting.plural(max(counts), 'seed')} each" if len(counts) == 1 else ""
    yield f"{matrix.dataset}: {measure_in_words(matrix.measure)}, teachers down and students across{each_has}"
    for start in range(0, len(matrix.students), at_once):
        students = matrix.students[start : start + at_once]
        yield f"{'':{first}}" + "".join(f" {heads[student]:>{each}}" for student in students)
        for name, cells in words.items():
            yield name
            for teacher in matrix.teachers:
                shown = "".join(f" {cells[teacher, student]:>{each}}" for student in students)
                yield f"  {teachers[teacher]:{first - 2}}{shown}".rstrip()
