"""What suites calibrated: how many steps of a row took the seconds of its reference, as the page shows it."""

import pandas as pd

from analysis import formatting
from analysis.comparison.joint import Comparison
from analysis.page.render import Column, Row, Table
from analysis.records.suites.suite_file import suite_of
from analysis.statistics.view import views

NOTE = (
    "Rows with as many steps as take the seconds of the reference: of its synthesis, or, of a method that teaches in "
    "the same stage, of synthesis and transfer together. Transfer is each row's own. Times are medians of rounds in "
    "which all rows were timed in turn, before anything was run, by the clock or, where the machine says so, in "
    "CPU seconds; they are kept, and so are the steps. Given: by the spec of the suite."
)


def calibration_rows(comparison: Comparison) -> pd.DataFrame:
    """One line for each calibrated row of the suites that are compared; empty where there is none.

    Columns: ``suite``, ``sweep``, ``row``, ``reference``, ``steps``, ``own_steps``, ``source``, ``stage``, ``step_s``,
    ``lowest_s``, ``highest_s``, ``target_s``, ``machine``, ``at``.
    """
    lines = []
    for view in views(comparison.frame):
        folder = view.metadata.folder
        suite = None if folder is None else suite_of(folder)
        if folder is None or suite is None:
            continue
        lines += [
            {"suite": suite.name, "sweep": item.member, **item.model_dump(exclude={"member", "key", "rounds"})}
            for item in suite.calibrations
            if item.member == folder.name
        ]
    return pd.DataFrame(lines)


def calibration_table(data: pd.DataFrame) -> Table:
    """The calibrations as a table."""
    columns = (
        Column("sweep", lambda row: str(row["sweep"]), numeric=False),
        Column("row", lambda row: str(row["row"]), numeric=False),
        Column("steps (its own)", _steps),
        Column("ms of a step (fastest to slowest round)", _milliseconds),
        Column("seconds to take", lambda row: formatting.seconds(row["target_s"])),
        Column("how", lambda row: str(row["source"]), numeric=False),
        Column("machine", lambda row: str(row["machine"]) or formatting.DASH, numeric=False),
    )
    return Table("calibration", "Steps that take equal seconds", data, columns, NOTE, most=300, folded=len(data) > 30)


def _steps(row: Row) -> str:
    if not formatting.known(row["steps"]):
        return "its own: nothing to learn"
    own = f" ({int(row['own_steps']):,})" if formatting.known(row["own_steps"]) else ""
    return f"{int(row['steps']):,}{own}"


def _milliseconds(row: Row) -> str:
    if not formatting.known(row["step_s"]):
        return formatting.DASH
    step, low, high = (1000 * float(row[name]) for name in ("step_s", "lowest_s", "highest_s"))
    return f"{step:.3g} ({low:.3g} to {high:.3g})"
