"""What `acgkd run` says at the end of a sweep: the best trials, where the rest is, and what failed."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from acgkd.errors import AnalysisError
from acgkd.exit_codes import ExitCode
from sweeps.cli.console import err, out, print_line, print_note

if TYPE_CHECKING:
    import pandas as pd

    from sweeps.engine.snapshot import Summary


def finish(folder: Path, summary: "Summary") -> None:
    """Prints the table of trials and writes the report.

    Args:
        folder: of the sweep, as the user named it.
        summary: what this start came to.

    Raises:
        typer.Exit: with exit code 1, where a trial failed or none was completed.
    """
    from analysis import reports
    from analysis.records.frame import load

    frame = load([folder])  # read once: a long sweep has thousands of records
    table = reports.pareto_table(frame)
    print_table(table, folder)
    print_student(table, folder)
    print_line(f"Report: {reports.write(frame, folder / 'report')}")
    failed = summary.counts.get("failed", 0)
    if failed:
        err.print(f"{failed} of {sum(summary.counts.values())} trials failed; `acgkd status {folder}` tells why.")
    for line in summary.set_aside:
        err.print(line, markup=False)
    for label, why in summary.set_back.items():
        err.print(
            f"{label} waits for the next start: lost again and again without getting further ({why}).", markup=False
        )
    unfinished = summary.set_back or summary.set_aside
    if failed or unfinished or (summary.counts and not summary.counts.get("completed", 0)):
        raise typer.Exit(ExitCode.LOOK)


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
    return f"`{shlex.join(['acgkd', 'report', str(folder)])}` makes the report."


def print_table(frame: "pd.DataFrame", folder: Path) -> None:
    """The best trials and the lines to read them against, as `analysis.reports.pareto_table` has them.

    Args:
        frame: all of them.
        folder: where the report will be; named where it holds more than is shown.
    """
    from sweeps.display.tables import excerpt, to_rich

    found = excerpt(frame)
    table, left_out = to_rich(found, out)
    out.print(table)
    if left_out:
        out.print(f"Columns without room: {', '.join(left_out)}.", markup=False, highlight=False)
    if found.more:
        print_line(f"{found.more} All of them: {folder}/report/tables/trials.csv")
    if frame.attrs.get("codes"):
        print_note(frame.attrs["codes"])
    if frame.attrs["searched"]:
        print_selection(frame)


def print_student(frame: "pd.DataFrame", folder: Path) -> None:
    """Where the chosen trial's student of the first seed is, and what loads it; nothing where none was chosen."""
    from sweeps.store.folder import SweepFolder

    files = SweepFolder(folder)
    for number in frame.loc[frame["chosen"], "trial"]:
        student = files.student_file(files.trial_name(int(number)), 0)
        if student.is_file():
            print_line(f"Student: {student} (for `acgkd.load_student`)")


def print_selection(frame: "pd.DataFrame") -> None:
    """How the marked trials were selected; nothing where none is marked."""
    sentences = [f"Chosen by the objectives alone: {label}." for label in frame.loc[frame["chosen"], "label"]]
    if (frame["on_front"] & ~frame["chosen"]).any():
        sentences.append("Front: no trial is better in all of them.")
    if sentences:
        out.print(" ".join(sentences), markup=False, highlight=False)
