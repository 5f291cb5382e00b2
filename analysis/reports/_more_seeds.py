"""Trials with seeds that were added later: over the seeds that all trials have, and over all that they have."""

from collections.abc import Callable

from analysis import formatting
from analysis.page.render import Block, Column, Note, Row, Table
from analysis.statistics.common_seeds import over_all_seeds
from analysis.statistics.view import View


def more_seeds(view: View) -> list[Block]:
    """A note and a table; nothing where no seeds were added, or all trials have them."""
    everything = over_all_seeds(view.whole, view.metadata)
    if everything.empty or view.planned >= (view.metadata.sweep.replicates or 0):
        return []
    rows = everything.merge(view.trials, on="label", suffixes=("", "_common")).sort_values("trial")
    shown = [
        Column("", lambda row: str(row["label"]), numeric=False),
        Column("seeds", lambda row: str(row["completed"])),
    ]
    for name in dict.fromkeys((view.objective or "test_accuracy", "test_accuracy")):
        title = name.removeprefix("objective/").replace("_", " ")
        for suffix, over in (("_common", f"{view.planned} seeds"), ("", "all seeds")):
            shown.append(Column(f"{title}, {over}", _spread(name, suffix)))
    title = "Trials with more seeds"
    note = Note(
        "Seeds were added when trials had completed. Tables and figures compare all trials over the first "
        f"{formatting.plural(view.planned, 'seed')}, which all have; values reported to the sampler stay as they were."
    )
    return [note, Table("more-seeds", title, rows.reset_index(drop=True), tuple(shown))]


def _spread(name: str, suffix: str) -> Callable[[Row], str]:
    return lambda row: formatting.mean_sd(row[f"{name}{suffix}"], row[f"{name}_sd{suffix}"])
