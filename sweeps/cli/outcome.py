"""What `acgkd run` says at the end of a sweep: the best trials, where the rest is, and what failed."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

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
        typer.Exit: with exit code 1, where trials failed and none was completed.
    """
    from analysis import reports
    from analysis.records.frame import load

    frame = load([folder])  # read once: a long sweep has thousands of records
    print_table(reports.pareto_table(frame), folder)
    print_line(f"Report: {reports.write(frame, folder / 'report')}")
    failed = summary.counts.get("failed", 0)
    if failed:
        err.print(f"{failed} of {sum(summary.counts.values())} trials failed; `acgkd status {folder}` tells why.")
        if not summary.counts.get("completed", 0):
            raise typer.Exit(1)


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


def print_selection(frame: "pd.DataFrame") -> None:
    """How the marked trials were selected; nothing where none is marked."""
    sentences = [f"Chosen by the objectives alone: {label}." for label in frame.loc[frame["chosen"], "label"]]
    if (frame["on_front"] & ~frame["chosen"]).any():
        sentences.append("Front: no trial is better in all of them.")
    if sentences:
        out.print(" ".join(sentences), markup=False, highlight=False)
