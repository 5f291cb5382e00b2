"""How the sweep went: outcomes of replicates, counts, messages, and the history of attempts."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from acgkd.errors import NothingToShowError
from analysis import formatting
from analysis.figures.canvas import picture
from analysis.figures.outcome_bars import bars, paint_bars
from analysis.page.render import Block, Column, Note, Table
from analysis.records.trial_file import Attempt
from analysis.statistics.history.attempt_accounts import cause_sentence, causes
from analysis.statistics.history.attempts import every
from analysis.statistics.view import View


def outcomes(view: View) -> list[Block]:
    """How attempts ended, with the messages of replicates that did not complete, and the history of starts."""
    rows = view.frame.rows
    blocks = [*_picture(view), _counts(view)]
    bad = rows[(rows["kind"] != "teacher") & ~rows["outcome"].isin(["completed", "pruned"])]
    if len(bad):
        blocks.append(_messages(bad))
    blocks.extend(_attempts(view))
    return blocks


def _picture(view: View) -> list[Block]:
    """How attempts ended, by cause."""
    counted = causes(every(view))
    try:
        drawn = paint_bars(bars(counted))
    except NothingToShowError as reason:
        return [Note(str(reason))]
    caption = (
        "Attempts at replicates of trials, controls and teachers, those that were repeated "
        "among them. Means elsewhere are over completed replicates only, each with its count."
    )
    return [picture("outcomes", "Outcomes by cause", caption, drawn, cause_sentence(counted))]


def _counts(view: View) -> Table:
    states = Counter(trial.state for trial in view.metadata.trials.values())
    runs = view.frame.rows[view.frame.rows["kind"] == "trial"]
    ended = Counter(str(value) for value in runs["outcome"])
    lost = float(view.frame.rows["lost_s"].fillna(0).sum())
    attempts = str(len(view.metadata.attempts)) if view.metadata.trials else formatting.DASH
    rows = [
        ("trials with a record", str(len(view.trials))),
        ("… complete, with all replicates", str(len(view.complete))),
        *((f"trials in state {state.replace('_', ' ')}", str(number)) for state, number in sorted(states.items())),
        ("replicates per trial, planned", str(view.planned) if view.planned else formatting.DASH),
        ("replicates of trials with a record", str(len(runs))),
        *((f"… {outcome.replace('_', ' ')}", str(number)) for outcome, number in sorted(ended.items())),
        ("attempts recorded", attempts),
        *((f"… failed, fault of the {cause}", str(number)) for cause, number in sorted(_causes(view).items())),
        ("lost work", formatting.seconds(lost)),
    ]
    data = pd.DataFrame(rows, columns=["what", "number"])
    columns = (Column("", lambda row: str(row["what"]), numeric=False), Column("", lambda row: str(row["number"])))
    return Table("counts", "Counts", data, columns, most=60)


def _causes(view: View) -> Counter[str]:
    """Failed attempts by whose fault it was, where the sweep keeps that."""
    return Counter(attempt.cause for _, attempt in view.metadata.attempts if attempt.cause is not None)


def _messages(bad: pd.DataFrame) -> Table:
    data = bad[["label", "replicate", "attempt", "outcome", "progress", "message"]].reset_index(drop=True)
    columns = (
        Column("", lambda row: str(row["label"]), numeric=False),
        Column("replicate", lambda row: formatting.whole(row["replicate"])),
        Column("outcome", lambda row: str(row["outcome"]).replace("_", " "), numeric=False),
        Column(
            "progress",
            lambda row: f"{100 * row['progress']:.0f} %" if formatting.known(row["progress"]) else formatting.DASH,
        ),
        Column("message", lambda row: formatting.words(row["message"])[:300], numeric=False),
    )
    return Table("failures", "Replicates that neither completed nor were pruned", data, columns, folded=len(data) > 12)


def _attempts(view: View) -> list[Block]:
    if not view.metadata.attempts:
        return []
    by_start: dict[int, list[Attempt]] = {}
    for _, attempt in view.metadata.attempts:
        by_start.setdefault(attempt.generation, []).append(attempt)
    data = pd.DataFrame([_start(number, items) for number, items in sorted(by_start.items())])
    replicates = {(number, attempt.replicate) for number, attempt in view.metadata.attempts}
    again = len(view.metadata.attempts) - len(replicates)
    columns = (
        Column("start", lambda row: str(row["start"])),
        Column("attempts", lambda row: str(row["attempts"])),
        Column("how they ended", lambda row: str(row["outcomes"]), numeric=False),
        Column("first began", lambda row: formatting.words(row["first"])[:19].replace("T", " "), numeric=False),
        Column("last ended", lambda row: formatting.words(row["last"])[:19].replace("T", " "), numeric=False),
    )
    note = f"One line per start of the sweep; {formatting.plural(again, 'attempt')} repeated a replicate."
    return [Table("attempts", "Starts and attempts", data, columns, note)]


def _start(number: int, items: Sequence[Attempt]) -> dict[str, object]:
    """The attempts of one start as a row."""
    ended = Counter((item.outcome or "under way").replace("_", " ") for item in items)
    return {
        "start": number,
        "attempts": len(items),
        "outcomes": ", ".join(f"{count} {name}" for name, count in sorted(ended.items())),
        "first": min((item.started_at for item in items if item.started_at), default=""),
        "last": max((item.finished_at for item in items if item.finished_at), default=""),
    }
