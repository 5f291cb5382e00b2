"""What should I use? The chosen trial and why, how to have it again and load it, and what other trials are for."""

import shlex

import pandas as pd

from analysis import formatting
from analysis.page.blocks import Block, Code, Column, Note, Section, Table
from analysis.records.file_names import as_text
from analysis.reports._best import best
from analysis.reports._columns import accuracy_columns, chosen_rows, cost_columns, notes_of
from analysis.reports._comparison import methods
from analysis.statistics.search.purposes import purposes
from analysis.statistics.view import View

TITLE = "What should I use?"


def what_to_use(view: View) -> Section:
    """The section; of a sweep without a space, its method beside the controls."""
    if not view.searched:
        return Section(TITLE, (*methods(view), *_at_hand(view)))
    selection, *rest = best(view)
    return Section(TITLE, (selection, *_at_hand(view), *_for_what(view), *rest))


def _at_hand(view: View) -> list[Block]:
    """The command that runs the chosen trial again, its student's file, and how to load it."""
    number, folder = view.choice.trial, view.metadata.folder
    if number is None or folder is None:
        return []
    name = as_text(folder.name)
    command = f"acgkd reproduce {shlex.quote(name)} --trial {number} --out {shlex.quote(name)}-again"
    command += " --trust-code" if view.metadata.sweep.runs_code else ""
    named = f"trial {number}" if view.searched else str(view.trials["method"].iloc[0])
    title = f"Run {named} again, from the folder that holds `{name}`, and compare figure by figure"
    blocks: list[Block] = [Code(command, title)]
    files = sorted((folder / "students").glob(f"trial-{number:04d}-*.pt"))
    if not files:
        blocks.append(Note(f"No student of {named} is kept in `{name}/students`."))
        return blocks
    path = f"{name}/students/{as_text(files[0].name)}"
    lines = ("import acgkd", f"student = acgkd.load_student({path!r})", "logits = student(data)")
    which = "its student" if len(files) == 1 else f"the student of its first replicate, one of {len(files)}"
    return [*blocks, Code("\n".join(lines), f"Load {which}")]


def _for_what(view: View) -> list[Block]:
    found = {purpose.trial: "; ".join(purpose.uses) for purpose in purposes(view)}
    if not found:
        return []
    rows = view.trials[view.trials["trial"].isin(found)]
    rows = rows.assign(
        use=pd.Series([found[int(number)] for number in rows["trial"]], index=rows.index, dtype="string"),
        _place=[list(found).index(int(number)) for number in rows["trial"]],
    ).sort_values("_place")
    table = view.with_references(rows.drop(columns="_place"))
    first, _, *others = accuracy_columns(view)
    use = Column("for what", lambda row: formatting.words(row["use"]), numeric=False)
    columns = (first, use, *others, *cost_columns(view))
    note = " ".join(("Nothing here was chosen by the test split.", notes_of(columns)))
    return [Table("for-what", "Which trial for what", table, columns, note, chosen_rows(view, table), most=len(table))]
