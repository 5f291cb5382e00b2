"""What people call: reading sweeps, the trials that no other beats, paired comparisons, what decides."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path

import pandas as pd

from acgkd.errors import FrameError, NothingToShowError, SourceError
from analysis.comparison.comparing import compared
from analysis.comparison.joint import Comparison
from analysis.comparison.published import Published
from analysis.comparison.reading import read_places
from analysis.comparison.targets import read_targets, targets_of
from analysis.records import frame as frames
from analysis.records.cell_values import shown
from analysis.records.frame import Frame
from analysis.records.sweep_file import Direction
from analysis.statistics.importance import Importances, importances
from analysis.statistics.paired import Paired, paired
from analysis.statistics.selection import objective_column
from analysis.statistics.view import View, view_of

Run = int | str
"""A trial by its number, or a trial or control by its label: ``3``, ``"trial 3"``, ``"noise"``, ``"chosen"``."""


def load(*folders: Path | str) -> Frame:
    """Reads sweeps.

    Args:
        folders: sweep folders, or files of packed records (``.parquet``).

    Returns:
        A frame, one row for each replicate of a trial or control and one for each teacher. ``frame.rows`` is a pandas
        table; ``frame.unreadable`` names files that are not records.

    Raises:
        MissingFolderError: a path is neither.
        NewerVersionError: a newer version wrote a file; nothing is then half read.
        TypeError: a folder is no path.

    Example:
        >>> frame = analysis.load("runs/mutag-gin", "runs/mutag-gcn")
        >>> frame.rows.groupby("source")["test_accuracy"].mean()
    """
    for folder in folders:
        if not isinstance(folder, (str, PathLike)):
            raise TypeError(
                f"`load` takes paths of folders, `load(*folders)`, but got a value of type {type(folder).__name__}."
            )
    return frames.load(folders)


def pareto(
    frame: Frame, objectives: Mapping[str, Direction] | None = None, *, source: str | None = None
) -> pd.DataFrame:
    """The complete trials that no other complete trial beats in all objectives.

    Args:
        frame: as `load` reads it.
        objectives: direction by column of the result, or by the name of one of the sweep's objectives:
            ``{"test_accuracy": "maximize", "seconds": "minimize"}``. The sweep's own if left out; of one alone, that
            and multiply-adds.
        source: name of the sweep, where the frame holds several.

    Returns:
        One row for each trial on the front, best first: ``trial``, ``method``, means over replicates (each accuracy
        ``x`` with ``x_sd``, ``x_low``, ``x_high``; costs; ``objective/...``), parameters (``param/...``), and
        ``chosen``.

    Raises:
        FrameError: a column is not there, or is no number.
        SourceError: the sweep is not in the frame.

    Example:
        >>> analysis.pareto(frame, {"test_accuracy": "maximize", "seconds": "minimize"})
    """
    view = view_of(frame, source)
    if objectives is None:
        marks = view.own_front
    else:
        marks = view.on_front([(_column(view, name), direction) for name, direction in objectives.items()])
    ranked = view.ranked[marks[view.ranked.index]].reset_index(drop=True)
    return ranked.assign(chosen=(ranked["trial"] == view.choice.trial).fillna(False).astype("bool"))


def compare(
    frame: Frame,
    a: Run,
    b: Run,
    *,
    column: str = "test_accuracy",
    on: Sequence[str] = ("dataset", "seed"),
    source: str | tuple[str, str] | None = None,
) -> Paired:
    """Compares two trials or controls seed by seed.

    Args:
        frame: as `load` reads it.
        a: the one: a trial's number, a label, or ``"chosen"`` for the trial that the sweep chose.
        b: the other.
        column: what to compare: a column of the frame, or ``seconds`` or ``ratio``.
        on: columns that make a pair.
        source: name of the sweep, where the frame holds several; or of that of `a` and that of `b`.

    Returns:
        The mean difference ``a - b`` with its 95 % interval (corrected where the seed varied the split), p-value, and
        in how many pairs `a` is larger, equal and smaller. Only completed replicates of seeds that both have enter.

    Raises:
        SourceError: there is no such sweep, trial or control.
        FrameError: there is no such column, or it holds no numbers.
        PairingError: a pair occurs twice.

    Example:
        >>> analysis.compare(frame, "chosen", "random_graphs").difference
    """
    first, second = source if isinstance(source, tuple) else (source, source)
    left, right = _run(view_of(frame, first), a), _run(view_of(frame, second), b)
    for rows in (left, right):
        _require_numbers(rows, column)
    return paired(left, right, column, on)


def compare_methods(
    places: Frame | Sequence[Path | str],
    *,
    baseline: str | None = None,
    by: str = "dataset",
    measure: str = "test_accuracy",
    equal: str | None = None,
    published: Published | None = None,
    targets: Path | str | Sequence[Mapping[str, object]] = (),
    columns: Iterable[str] = (),
) -> Comparison:
    """Compares all methods of any number of sweeps, over data sets.

    Args:
        places: sweep folders, files of packed records, tables of trials (CSV, TSV, Parquet), storage URLs of Optuna
            studies; or the frame read from them.
        baseline: row or method that the others are compared with; the method of the first sweep's chosen trial if left
            out.
        by: what the columns of the joint table are: ``dataset``, ``pair``, or a column of the frame. ``method`` is
            ``dataset`` the other way round.
        measure: what is compared: a quality or a cost, such as ``ratio`` or ``seconds``; it chooses nobody.
        equal: ``seconds``, ``multiply_adds``, ``steps`` or ``settings``: rivals and controls by rows with no more of it
            than the baseline.
        published: what the methods declare, `sweeps.published_methods()`. Without it no row is called a control,
            reduced or not published.
        targets: a YAML file with a list under ``targets``, or such a list.
        columns: where the columns of tables are: ``"accuracy=test_acc"``, ``"dataset:mutag"``.

    Returns:
        The comparison. ``rows`` has one line for each row of each data set; ``overall()`` a table of aggregates by
        title of each joint table; ``verdicts`` what became of the targets; ``write(out)`` makes the page.

    Raises:
        MissingFolderError: a place is nothing that can be read.
        RecordError: a table lacks columns; the message names them.
        SourceError: nobody has the baseline's name.
        FrameError: there is no column `by`, or no such measure or cost.
        ConfigError: a target breaks a law.

    Example:
        >>> analysis.compare_methods(["runs/mutag", "runs/ptc_mr"], baseline="acgkd").write("comparison")
    """
    frame, homes = (places, {}) if isinstance(places, Frame) else read_places(places, columns)
    wanted = read_targets(Path(targets)) if isinstance(targets, Path | str) else targets_of(targets)
    return compared(
        frame, baseline=baseline, by=by, measure=measure, equal=equal, published=published, places=homes, targets=wanted
    )


def importance(
    frame: Frame, target: str | None = None, direction: Direction | None = None, *, source: str | None = None
) -> pd.DataFrame:
    """How far results differ between the values of each hyper-parameter by itself (the Cramér-von Mises index).

    Args:
        frame: as `load` reads it.
        target: what to be good at: a column of `pareto`'s result, or the name of an objective; the sweep's first
            objective if left out.
        direction: ``maximize`` or ``minimize``; must be given with a `target` that is none of the sweep's objectives.
        source: name of the sweep, where the frame holds several.

    Returns:
        One row for each hyper-parameter that varied, the most important first: ``parameter``, ``importance`` (sum: 1),
        ``rank_correlation`` (Spearman's, of numbers), ``best`` (the best category), ``active`` (in how many trials).

    Raises:
        NothingToShowError: there are too few complete trials, or they do not differ.
        FrameError: there is no such column, it holds no numbers, or its direction is not known.
        SourceError: the sweep is not in the frame.

    Example:
        >>> analysis.importance(frame, "seconds", "minimize")
    """
    view = view_of(frame, source)
    found = view.importance[0] if target is None else _importance(view, target, direction)
    if not found.items:
        raise NothingToShowError(
            f"No importances can be given for {found.target}: {found.reason}; with a value there are {found.trials}."
        )
    return pd.DataFrame(
        [
            {
                "parameter": item.parameter.removeprefix("param/"),
                "importance": item.share,
                "rank_correlation": item.rank_correlation,
                "best": shown(item.best),
                "active": item.active,
            }
            for item in found.items
        ]
    )


def _importance(view: View, target: str, direction: Direction | None) -> Importances:
    known = {item.name: item.direction for item in view.objectives}
    toward = direction or known.get(target.removeprefix("objective/"))
    if toward is None:
        raise FrameError(f"`direction` must say whether more of `{target}` is better: `maximize` or `minimize`.")
    names = view.frame.parameters()
    return importances(view.complete, _column(view, target), toward, names, view.distributions)


def _column(view: View, name: str) -> str:
    """The summary's column of a quantity, or of an objective by its name."""
    own = next((item for item in view.objectives if item.name == name), None)
    column = (objective_column(view.trials, own) if own is not None else "") or name
    _require_numbers(view.trials, column)
    return column


def _require_numbers(rows: pd.DataFrame, column: str) -> None:
    if column not in rows.columns:
        raise FrameError(f"A column of numbers is needed, but there is none called '{column}'.")
    if not pd.api.types.is_numeric_dtype(rows[column]):
        raise FrameError(f"A column of numbers is needed, but `{column}` holds {rows[column].dtype}.")


def _run(view: View, which: Run) -> pd.DataFrame:
    """The rows of a trial or control."""
    rows = view.rows
    if which == "chosen":
        if view.choice.trial is None:
            raise SourceError(f"No trial of {view.metadata.source} is chosen: {view.choice.reason}.")
        which = view.choice.trial
    own = rows["kind"] != "teacher"
    found = rows[own & (rows["trial"] == which if isinstance(which, int) else rows["label"] == which).fillna(False)]
    if found.empty:
        labels = list(dict.fromkeys(rows.loc[own, "label"]))
        listed = ", ".join(labels[:12]) + (" …" if len(labels) > 12 else "")
        raise SourceError(
            f"A trial's number, a label or `chosen` is needed, but {view.metadata.source} has no {which!r}. "
            f"It has {listed or 'none'}."
        )
    return found
