"""The reports: one file each, whose name is the key. Listing them imports none of them, and no pandas.

An entry exports `build(views) -> Report`, a pure function of what was read: one view for each sweep.
"""

import difflib
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from acgkd import plugins
from acgkd.errors import UnknownReportError

if TYPE_CHECKING:
    import pandas as pd

    from analysis.page.render import Report, Table
    from analysis.records.frame import Frame
    from analysis.statistics.view import View

__all__ = ["REPORTS", "Build", "Reports", "confirmation", "pareto_table", "write"]


class Build(Protocol):
    """What an entry exports under the name `build`."""

    def __call__(self, views: "Sequence[View]") -> "Report":
        """Makes the report of one or several sweeps."""
        ...


class Reports:
    """The catalogue of reports, found by their files."""

    def names(self) -> list[str]:
        """The keys, sorted; files that start with ``_`` and folders are parts of reports."""
        own = _own()
        return sorted([*own, *plugins.added("reports", own)])

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __getitem__(self, name: str) -> Build:
        """Loads one report.

        Raises:
            UnknownReportError: no file of that name.
            ConfigError: it is a plug-in's, which cannot be used.
        """
        more = plugins.added("reports", _own())
        if name in more:
            added: Build = more[name].load()
            return added
        known = self.names()
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            hint = f"Did you mean '{close[0]}'? " if close else ""
            raise UnknownReportError(f"No report is called '{name}'. {hint}Known: {', '.join(known)}.")
        build: Build = import_module(f"{__name__}.{name}").build
        return build


def _own() -> list[str]:
    return [item.name for item in pkgutil.iter_modules(__path__) if not (item.ispkg or item.name[0] == "_")]


REPORTS = Reports()


def write(places: "Frame | Iterable[Path | str]", out: Path | str, name: str = "sweep") -> Path:
    """Makes one report of sweeps and writes it, with all records beside it as one CSV and Parquet table.

    Args:
        places: sweep folders and files of packed records, at least one; or the frame read from them.
        out: folder of the report; made if need be.
        name: key of the report.

    Returns:
        The path of `report.html`.

    Raises:
        UnknownReportError: no report of that name.
        MissingFolderError: a path holds no records.
        RecordError: a file is newer than this version can read.
    """
    from analysis.page import render
    from analysis.statistics.view import views
    from analysis.stores.copies import keep

    build = REPORTS[name]
    frame = _frame(places)
    page = render.write(build(views(frame)), Path(out), frame.rows)
    keep(Path(out))
    return page


def pareto_table(place: "Frame | Path | str") -> "pd.DataFrame":
    """What the terminal shows at the end of a sweep: the trials, best first, with the lines to read them against.

    Columns: ``label``, ``trial``, ``replicates`` (``3 of 3``), ``test_accuracy``, ``test_accuracy_sd``, the first
    objective under its own name, ``share`` (recovered), ``seconds``, ``multiply_adds``, ``outcomes`` (in words),
    ``collapsed`` (replicates whose student predicts one class), ``on_front`` (of the sweep's own objectives, or of the
    objective and multiply-adds where there is one only), ``chosen``. Trials that are not complete come after those that
    are; controls, teacher and majority class come last. In ``attrs`` are ``objective``, ``direction`` and ``searched``:
    whether the trials are points of a space; if not, the one trial goes by its method's name. Where rows are of several
    codes, ``codes`` says whose are whose; where some waited for a shared machine, ``seconds`` says so; where trials are
    compared by agreement, ``agreement`` says what that is worth.

    Args:
        place: a sweep folder, or the frame read from one.

    Raises:
        MissingFolderError: the path holds no records.
        RecordError: a file is newer than this version can read.
    """
    from analysis.reports._terminal import terminal_table
    from analysis.statistics.view import view_of

    return terminal_table(view_of(_frame([place] if isinstance(place, Path | str) else place)))


def confirmation(place: "Frame | Path | str") -> "tuple[str, tuple[Table, ...]]":
    """What the terminal shows at the end of a confirmation: trials and controls in the search and on fresh seeds.

    Args:
        place: the folder of a sweep that has been confirmed, or the frame read from it.

    Returns:
        What was selected and what was not, in words; a table each for the first objective and the test accuracy.

    Raises:
        MissingFolderError: the path holds no records.
        RecordError: a file is newer than this version can read.
    """
    from analysis.records.confirmations import read
    from analysis.reports._confirmation import explained, tables
    from analysis.statistics.view import view_of

    view = view_of(_frame([place] if isinstance(place, Path | str) else place))
    found = read(view.metadata.folder)
    return explained(view, found).replace("`", ""), tables(view, found)


def _frame(places: "Frame | Iterable[Path | str]") -> "Frame":
    from analysis.records.frame import Frame, load

    return places if isinstance(places, Frame) else load(places)
