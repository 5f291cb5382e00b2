"""The reports: one file each, whose name is the key. Listing them imports none of them, and no pandas.

An entry exports `build(frame, context) -> Report`, a pure function of what was read.
"""

import difflib
import pkgutil
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from acgkd.errors import UnknownReportError

if TYPE_CHECKING:
    import pandas as pd

    from analysis.page.render import Report
    from analysis.records.frame import Frame
    from analysis.reports._view import Context

__all__ = ["REPORTS", "Build", "Reports", "pareto_table", "write"]


class Build(Protocol):
    """What an entry exports under the name `build`."""

    def __call__(self, frame: "Frame", context: "Context") -> "Report":
        """Makes the report."""
        ...


class Reports:
    """The catalogue of reports, found by their files."""

    def names(self) -> list[str]:
        """The keys, sorted; files that start with ``_`` are parts of reports."""
        return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __getitem__(self, name: str) -> Build:
        """Loads one report.

        Raises:
            UnknownReportError: no file of that name.
        """
        known = self.names()
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            hint = f"Did you mean '{close[0]}'? " if close else ""
            raise UnknownReportError(f"No report is called '{name}'. {hint}Known: {', '.join(known)}.")
        build: Build = import_module(f"{__name__}.{name}").build
        return build


REPORTS = Reports()


def write(folders: Iterable[Path | str], out: Path | str, name: str = "sweep") -> Path:
    """Reads sweep folders, makes one report and writes it, with all records beside it as one CSV and Parquet table.

    Args:
        folders: sweep folders; at least one.
        out: folder of the report; made if need be.
        name: key of the report.

    Returns:
        The path of `report.html`.

    Raises:
        UnknownReportError: no report of that name.
        MissingFolderError: a path is not a folder.
        RecordError: a record is newer than this version can read.
    """
    from analysis.page import render
    from analysis.records.frame import load
    from analysis.reports._view import Context

    build = REPORTS[name]
    frame = load(folders)
    return render.write(build(frame, Context.read(frame)), Path(out), frame.rows)


def pareto_table(folder: Path | str) -> "pd.DataFrame":
    """What the terminal shows at the end of a sweep: the trials, best first, with the lines to read them against.

    Columns: ``label``, ``trial``, ``replicates`` (``3 of 3``), ``test_accuracy``, ``test_accuracy_sd``, the first
    objective under its own name, ``share`` (recovered), ``seconds``, ``multiply_adds``, ``outcomes`` (in words),
    ``on_front`` (of the sweep's own objectives, or of the objective and multiply-adds where there is one only),
    ``chosen``. Trials that are not complete come after those that are; controls, teacher and majority class come
    last. In ``attrs`` are ``objective``, ``direction`` and ``searched``: whether the trials are points of a space; if
    not, the one trial goes by its method's name.

    Raises:
        MissingFolderError: the path is not a folder.
        RecordError: a record is newer than this version can read.
    """
    from analysis.records.frame import load
    from analysis.reports._best import terminal_table
    from analysis.reports._view import Context

    frame = load([folder])
    context = Context.read(frame)
    return terminal_table(context.views(frame)[0])
