"""The confirmation: what the search's figures became on seeds that it never saw."""

from collections.abc import Sequence

from analysis import formatting
from analysis.page.render import Block, Column, Note, Table
from analysis.records.confirmations import Confirmation, read
from analysis.statistics.confirmation import drops
from analysis.statistics.view import View

COLUMNS = (
    Column("", lambda row: str(row["run"]), numeric=False),
    Column("in the search", lambda row: formatting.mean_sd(row["search"], row["search_sd"])),
    Column("n", lambda row: formatting.whole(row["search_n"])),
    Column("on fresh seeds", lambda row: formatting.mean_sd(row["fresh"], row["fresh_sd"])),
    Column("n", lambda row: _count(row["fresh_n"], row["planned"])),
    Column("drop", lambda row: _signed(row["drop"])),
    Column("95 % interval", lambda row: formatting.interval(row["drop_low"], row["drop_high"])),
)
# Shares are at most 1 apart, which a t interval does not know.
_OF_SHARES = Column("95 % interval", lambda row: _clipped(row["drop_low"], row["drop_high"]))


def confirmation(view: View) -> list[Block]:
    """A note and two tables; nothing where no trial was confirmed."""
    found = read(view.metadata.folder)
    if not found:
        return []
    return [Note(f"Confirmation on fresh seeds. {explained(view, found)}"), *tables(view, found)]


def tables(view: View, found: Sequence[Confirmation]) -> tuple[Table, ...]:
    """The first objective and the test accuracy, in the search and on fresh seeds.

    Args:
        view: of the search.
        found: confirmations of its trials.
    """
    made = []
    if view.objective:
        objective = view.objectives[0]
        better = "more" if objective.sign > 0 else "less"
        data = drops(view, found, view.objective, objective.sign)
        title = f"{objective.name.replace('_', ' ').capitalize()} ({better} is better)"
        made.append(Table("confirmation-objective", title, data, COLUMNS, _NOTE))
    data = drops(view, found, "test_accuracy", 1)
    made.append(Table("confirmation-test", "Test accuracy", data, (*COLUMNS[:-1], _OF_SHARES), _NOTE))
    return tuple(made)


_NOTE = (
    "Mean ± standard deviation over n completed replicates. Drop: how much worse the mean is on fresh seeds; its "
    "interval is Welch's, corrected for random re-splits (Nadeau and Bengio) where the seed draws the split. A dash: "
    "too few replicates, or all equal."
)


def explained(view: View, found: Sequence[Confirmation]) -> str:
    """What was selected and what was not, in words.

    Args:
        view: of the search.
        found: confirmations of its trials.
    """
    seeds = sorted({seed for item in found for seed in item.seeds})
    choice, selected = view.choice, "Before the confirmation nothing was selected."
    if view.searched and choice.trial is not None and choice.objective is not None:
        selected = (
            f"The search's figures were selected: trial {choice.trial} is the best of "
            f"{formatting.plural(choice.among, 'complete trial')} by `{choice.objective.name}` on the search's own "
            "seeds, so its figures there are optimistic."
        )
    seen = sorted(set(seeds) & {int(seed) for seed in view.whole.rows["seed"]})
    known = (
        " Since then seeds were added to the search that the confirmation has, too: on "
        f"{formatting.ranges(seen)} it is no longer fresh."
        if seen
        else ""
    )
    return (
        f"{selected} The confirmation was not selected: settings were fixed before it ran, on "
        f"{formatting.plural(len(seeds), 'seed')} that the search never saw ({formatting.ranges(seeds)}), and nothing "
        f"is chosen by it. Controls were not selected either; what they drop shows what other seeds alone do.{known}"
    )


def _signed(value: float) -> str:
    """To three places; what rounds to nothing has no sign."""
    return f"{value:z.3f}".replace("-", "−") if formatting.known(value) else formatting.DASH


def _clipped(low: float, high: float) -> str:
    known = formatting.known(low) and formatting.known(high)
    return formatting.interval(max(-1.0, low), min(1.0, high)) if known else formatting.DASH


def _count(completed: object, planned: object) -> str:
    """``10``; ``9 of 10`` where a replicate did not complete."""
    return formatting.whole(completed) if completed == planned else f"{completed} of {planned}"
