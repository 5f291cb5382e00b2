"""Teachers by students, for templates: the matrices of a part, and one as a table of Markdown."""

from collections.abc import Iterable

from acgkd.errors import ConfigError
from analysis.comparison.tables.pair_tables import PairMatrix, cell_in_words, pair_matrices
from analysis.comparison.templates.comparison_part import Part
from analysis.comparison.templates.markdown_words import table


def matrix(part: Part, dataset: str) -> PairMatrix:
    """All pairs of a data set.

    Raises:
        ConfigError: it was not run from several teachers to several students.
    """
    found = {each.dataset: each for each in pair_matrices(part.comparison)}
    if dataset not in found:
        known = ", ".join(found) or "none"
        raise ConfigError(
            f"`matrix` is of a data set with several teachers and students, but got '{dataset}'. Known: {known}."
        )
    return found[dataset]


def pair_table(pairs: PairMatrix, rows: Iterable[str] | None = None) -> str:
    """Teachers down and students across; below each teacher the rows of these contestants, all if left out."""
    names = list(pairs.cells) if rows is None else list(rows)
    lines = [
        [
            teacher,
            name,
            *(cell_in_words(pairs.cells.get(name, {}).get((teacher, student))) for student in pairs.students),
        ]
        for teacher in pairs.teachers
        for name in names
    ]
    return table(["teacher", "row", *pairs.students], lines)
