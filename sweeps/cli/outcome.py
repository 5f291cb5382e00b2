"""What `acgkd run` says at the end of a sweep: the best trials, where the rest is, and what failed."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from acgkd.errors import AnalysisError
from acgkd.exit_codes import ExitCode
from analysis.stores.copies import shown
from sweeps.cli import finished
from sweeps.cli.console import err, out, print_line, print_note
from sweeps.cli.ending import Ending

if TYPE_CHECKING:
    import pandas as pd

    from sweeps.display.tables import Excerpt
    from sweeps.engine.snapshot import Summary

REPORT = Path("report") / "report.html"


def finish(folder: Path, summary: "Summary", identity: str | None = None) -> None:
    """Prints the table of trials and writes the report.

    Args:
        folder: of the sweep, as the user named it.
        summary: what this start came to.
        identity: of the spec and the code, where the next start need not look at any record if nothing has changed.

    Raises:
        typer.Exit: with exit code 1, where a trial failed or none was completed.
    """
    from analysis import reports
    from analysis.records.frame import load

    frame = load([folder])  # read once: a long sweep has thousands of records
    ending = ending_of(reports.pareto_table(frame), folder, summary)
    reports.write(frame, folder / "report")
    if identity is not None and (summary.nothing_to_do or (summary.ended_by and not ending.unfinished)):
        finished.keep(folder, identity, ending.as_tree())
    show(ending, folder)


def show(ending: Ending, folder: Path) -> None:
    """Prints how a sweep has ended, where its student and report are, and what is to be looked at.

    Raises:
        typer.Exit: with exit code 1, where something is.
    """
    print_table(ending.table, folder)
    for note in ending.notes:
        print_note(note)
    if ending.selection:
        out.print(ending.selection, markup=False, highlight=False)
    for name in ending.students:
        print_line(f"Student: {folder / name} (for `acgkd.load_student`)")
    print_line(f"Report: {folder / REPORT}")
    for line in ending.failures:
        err.print(line, markup=False, highlight=False)
    if ending.look:
        raise typer.Exit(ExitCode.LOOK)


def ending_of(table: "pd.DataFrame", folder: Path, summary: "Summary") -> Ending:
    """What is said at the end of a start.

    Args:
        table: as `analysis.reports.pareto_table` has it.
        folder: of the sweep, as the user named it.
        summary: what the start came to.
    """
    from sweeps.display.tables import excerpt

    failed, counts = summary.counts.get("failed", 0), summary.counts
    failures = []
    if failed:
        failures = [f"{failed} of {sum(counts.values())} trials failed; `acgkd status {shown(str(folder))}` tells why."]
    failures += summary.set_aside
    failures += [
        f"{label} waits for the next start: lost again and again without getting further ({why})."
        for label, why in summary.set_back.items()
    ]
    unfinished = bool(summary.set_back or summary.set_aside)
    return Ending(
        table=excerpt(table),
        notes=tuple(table.attrs[key] for key in ("codes", "students", "seconds", "agreement") if table.attrs.get(key)),
        selection=selection(table) if table.attrs["searched"] else "",
        students=tuple(_students(table, folder)),
        failures=tuple(failures),
        ended_by=summary.ended_by,
        unfinished=unfinished,
        look=bool(failed or unfinished or (counts and not counts.get("completed", 0))),
    )


def report_so_far(folder: Path) -> None:
    """Writes the report of a sweep that was broken off, if it has a record; a report can also be made later."""
    from analysis import reports

    if not any((folder / "records").glob("*.json")):
        return
    try:
        print_line(f"Report so far: {reports.write([folder], folder / 'report')}")
    except (AnalysisError, OSError) as error:
        err.print(f"The report could not be made: {error} {report_command(folder)}", markup=False)


def report_command(folder: Path) -> str:
    """What makes the report later, as a sentence."""
    return f"`{shlex.join(['acgkd', 'report', shown(str(folder))])}` makes the report."


def print_table(found: "Excerpt", folder: Path) -> None:
    """The best trials and the lines to read them against.

    Args:
        found: what is shown of them.
        folder: where the report will be; named where it holds more than is shown.
    """
    from sweeps.display.tables import to_rich

    table, left_out = to_rich(found, out)
    out.print(table)
    if left_out:
        out.print(f"Columns without room: {', '.join(left_out)}.", markup=False, highlight=False)
    if found.more:
        print_line(f"{found.more} All of them: {folder}/report/tables/trials.csv")


def _students(frame: "pd.DataFrame", folder: Path) -> Iterator[str]:
    """The files of the chosen trial's student of the first seed; nothing where none was chosen."""
    from sweeps.store.folder import SweepFolder
    from sweeps.store.sharing.shared_files import names

    files = SweepFolder(folder)
    for number in frame.loc[frame["chosen"], "trial"]:
        student = files.student_file(files.trial_name(int(number)), 0)
        if student.is_file() or student.name in names(files.students):
            yield str(student.relative_to(folder))


def selection(frame: "pd.DataFrame") -> str:
    """How the marked trials were selected; empty where none is marked."""
    sentences = [f"Chosen by the objectives alone: {label}." for label in frame.loc[frame["chosen"], "label"]]
    if (frame["on_front"] & ~frame["chosen"]).any():
        sentences.append("Front: no trial is better in all of them.")
    return " ".join(sentences)
