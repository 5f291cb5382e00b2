"""Replicates one by one, paired by seed: the best trials, the controls and the teacher."""

import pandas as pd

from acgkd.errors import NothingToShowError
from analysis import formatting
from analysis.figures.canvas import picture
from analysis.figures.trust.seed_lines import paint_seeds, seed_lines
from analysis.page.blocks import Block, Column, Table
from analysis.statistics.history.attempts import name_of
from analysis.statistics.trust.seed_effects import SeedTable, missing, sentence
from analysis.statistics.view import View

_MOST_COLUMNS = 9


def seed_blocks(view: View) -> list[Block]:
    """The figure and the table; nothing without a complete trial."""
    try:
        content = seed_lines(view)
    except NothingToShowError:
        return []
    table = content.table
    best = "The best trials by what chooses, all" if view.searched else "The method, all"
    caption = (
        f"A column is a seed, a line a setting. {best} controls and the teacher, each replicate by itself: where lines "
        f"dip together the seed is hard, whatever the setting. {missing(table)}"
    )
    title = f"{table.name.capitalize()} by seed"
    drawn = paint_seeds(content)
    return [picture("seeds", title, caption.strip(), drawn, sentence(table)), _by_seed(view, table)]


def _by_seed(view: View, table: SeedTable) -> Table:
    data = pd.DataFrame({"seed": table.seeds})
    shown = [Column("seed", lambda row: str(row["seed"]))]
    lines = {name_of(view, number): table.trials.loc[number] for number in table.numbers}
    lines |= {str(label): values for label, values in table.controls.iterrows()}
    if table.teacher.notna().any():
        lines["teacher"] = table.teacher
    for label, values in lines.items():
        data[label] = values.to_numpy()
    # All trials are in the files; beside controls and teacher there is room for the first few.
    others = len(lines) - len(table.numbers)
    trials = [name_of(view, number) for number in table.numbers][: max(1, _MOST_COLUMNS - others)]
    for label in [*trials, *list(lines)[len(table.numbers) :]]:
        shown.append(Column(label, lambda row, label=label: formatting.share(row[label])))  # type: ignore[misc]
    left = len(table.numbers) - len(trials)
    more = f"{formatting.plural(left, 'more trial')} are in `tables/by-seed.csv`." if left else ""
    note = f"{table.name.capitalize()}; a row is a seed, and so a pair. {more}".strip()
    return Table("by-seed", "Pairs by seed", data, tuple(shown), note, most=30)
