"""A sweep from Python: run it, open its folder, look at its trials, load a student."""

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from acgkd.errors import FolderError
from analysis.stores.copies import copy_of, shown
from sweeps.engine.snapshot import Snapshot, Watch
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.spec.values import plain_word
from sweeps.steering import SteeredSweep
from sweeps.store.folder import SweepFolder
from sweeps.store.progress.status import Status
from sweeps.store.sharing.shared_files import names
from sweeps.store.writable import place_for_run, place_of

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from analysis.statistics.view import View
    from sweeps.executors.base import Executor

OnProgress = Callable[[Snapshot], None]


def run(
    spec: SweepSpec | Path | str | Mapping[str, object],
    folder: Path | str | None = None,
    *,
    executor: "Executor | None" = None,
    on_progress: OnProgress | Literal["show"] | None = "show",
    overrides: Sequence[str] | Mapping[str, object] = (),
    trust_code: bool = False,
    accept_code_change: bool = False,
) -> "Sweep":
    """Runs a sweep; run again, it resumes, is extended, or finds that nothing is left to do.

    Args:
        spec: the sweep: a spec, a file, the name of a shipped spec, or a mapping with the keys of a file.
        folder: where everything is kept, or ``s3://bucket/name``; ``runs/<name of the spec>`` if left out.
        executor: `InProcess()` or `Ray(address=...)`; Ray on this machine if left out.
        on_progress: called with a `Snapshot` at every change and at least every two seconds, also from another thread;
            ``"show"`` shows progress in the terminal or notebook; None is silent.
        overrides: laid over the spec, as with `load`; not together with a finished `SweepSpec`.
        trust_code: let the spec name Python functions, as ``module:function``, and a command under `on_end`.
        accept_code_change: continue though the folder's rows were made with other settings (a default has moved) or
            with other code of yours than today's; the report then says which rows are whose.

    Returns:
        The sweep, interrupted or not: `Sweep.status()` says which.

    Raises:
        SpecError: the spec is not valid; it holds all faults.
        FolderError: the folder is another sweep's, another driver works on it, or no such store can hold a sweep.
        StorageError: the folder is full, cannot be read or written, or was removed.
        RayLostError: Ray was lost; the same call resumes.
        SweepError: the executor cannot run the sweep.
        KeyboardInterrupt: at the second Ctrl-C; the first one ends cleanly.
    """
    from sweeps.code import plugin_copies
    from sweeps.executors.base import run_sweep
    from sweeps.executors.ray.executor import Ray
    from sweeps.spec.loading import spec_of

    target = None if folder is None else place_for_run(folder)
    if target is not None:
        plugin_copies.stand_in(target)
    read = spec_of(spec, overrides, trust_code)
    target = target or Path("runs") / read.name
    with _watching(read.name, on_progress) as watch:
        run_sweep(
            read,
            target,
            executor or Ray(),
            command=_command(),
            watch=watch,
            trust_code=trust_code,
            accept_code_change=accept_code_change,
        )
    return Sweep(target)


@contextmanager
def _watching(name: str, on_progress: OnProgress | str | None) -> Iterator[Watch | None]:
    if on_progress != "show":
        yield None if isinstance(on_progress, str) else on_progress
        return
    from sweeps.display import progress

    with progress(name) as shown:
        yield shown.watch


def _command() -> str:
    """What the record says of how the sweep was started."""
    return f"sweeps.run in {Path(sys.argv[0]).name or 'an interactive session'}"


def open_sweep(folder: Path | str) -> "Sweep":
    """Opens the folder of a sweep; reads files only, so the sweep may be running elsewhere.

    Raises:
        FolderError: it is not a sweep folder.
    """
    return Sweep(folder)


class Sweep(SteeredSweep):
    """A sweep by its folder. Every call reads the files as they are now.

    Args:
        folder: that a run has made; of an address (``s3://bucket/name``) the attribute is the copy here.

    Raises:
        FolderError: it is not a sweep folder.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = place_of(folder)
        self._folder = SweepFolder(self.folder)
        if not os.path.isfile(self._folder.sweep):
            raise FolderError(f"A sweep folder holds `sweep.json`, but {folder} does not. Is the path right?")

    @property
    def _files(self) -> SweepFolder:
        """The files as they are now."""
        self._folder.refresh()
        return self._folder

    def status(self) -> Status:
        """How far the sweep is: trials by state, failures, time used."""
        return self._files.status()

    def trials(self) -> "pd.DataFrame":
        """All trials with a record, best first, one row each.

        Returns:
            Indexed by trial number, with columns ``chosen``, ``on_front``, ``completed`` of ``planned`` replicates,
            ``outcomes`` in words, the parameters under their slash paths, and of each measure its mean over completed
            replicates and, under ``<name>_sd``, its standard deviation.
        """
        import pandas as pd

        view = self._view()
        rows = view.trials.assign(chosen=view.trials["trial"] == view.choice.trial, on_front=view.own_front)
        order = pd.concat([view.ranked, view.unranked]).index
        rows = rows.loc[order].set_index("trial").rename(columns=lambda name: name.removeprefix("param/"))
        parameters = [name.removeprefix("param/") for name in view.trials.columns if name.startswith("param/")]
        first = ["chosen", "on_front", "completed", "planned", "outcomes", *parameters]
        return rows[[*first, *(name for name in rows.columns if name not in first)]]

    @property
    def best(self) -> "pd.Series[Any] | None":
        """The chosen trial's row of `trials`: best by the first objective among complete ones; None without any."""
        table = self.trials()
        chosen = table[table["chosen"]]
        return None if chosen.empty else chosen.iloc[0]

    @property
    def front(self) -> "pd.DataFrame":
        """The rows of `trials` that no other trial beats in every objective."""
        table = self.trials()
        return table[table["on_front"]]

    def student(self, trial: int | str | None = None, replicate: int = 0, *, trust_code: bool = False) -> "nn.Module":
        """The student of one run, in evaluation mode, ready to be called.

        Args:
            trial: its number, or the label of a control; the chosen trial if left out.
            replicate: index of the seed.
            trust_code: let code of yours that the spec names build the student, of which the file holds weights alone.

        Raises:
            FolderError: there is no such student; the message says which there are, and how to get one again that
                `artefacts/students` did not keep.
            CheckpointError: its file holds weights alone, and no code is trusted that builds it.
        """
        from sweeps.followups.built_again import read_back

        chosen = self.chosen() if trial is None else trial
        files = self._files
        name = files.trial_name(chosen) if isinstance(chosen, int) else files.control_name(chosen)
        path = files.student_file(name, replicate)
        files.fetch(path)
        if not os.path.isfile(path) and isinstance(chosen, int):
            self._refuse_removed(chosen, replicate)
        if not os.path.isfile(path):
            known = (
                ", ".join(name.removesuffix(".pt") for name in names(files.students) if name.endswith(".pt"))
                or "none yet"
            )
            raise FolderError(
                f"{shown(str(path))} is the student that was asked for, but it is not there. There are: {known}."
            )
        return read_back(self.folder, Path(path), chosen, replicate, trust_code).eval()

    def _beside(self, name: str) -> str:
        """A folder for what is made of this sweep: on this machine, wherever the sweep is."""
        return f"{self.folder.name if copy_of(self.folder) else self.folder}-{name}"

    def _refuse_removed(self, number: int, replicate: int) -> None:
        """Says how to get the student again of a run that completed."""
        files, sweep = self._files, self._files.require_sweep()
        record = files.read_record(files.trial_name(number), replicate)
        artefacts = sweep.spec.get("artefacts")
        keep = artefacts.get("students", "all") if isinstance(artefacts, dict) else "all"
        if record is None or record.outcome != "completed":
            return
        said = [f"{path}={plain_word(value)}" for path, value in record.parameters.items()]
        command = ["acgkd", "distill", "SPEC", *(part for text in said for part in ("--set", text))]
        command += ["--seed", str(record.identity.seed), "--out", self._beside(f"trial-{number}")]
        raise FolderError(
            f"The student of trial {number}, replicate {replicate}, is not there any more; `artefacts: "
            f"{{students: {keep}}}` says whose are kept. Run it alone to get it again, with the sweep's spec and what "
            f"else `--set` said then:\n{shlex.join(command)}"
        )

    def chosen(self) -> int:
        """The number of the chosen trial.

        Raises:
            FolderError: none is complete yet.
        """
        best = self.best
        if best is None:
            raise FolderError(
                f"No trial of {self._folder.shown} is complete yet, so none is chosen. Name one by its number."
            )
        return int(str(best.name))

    def report(self, out: Path | str | None = None, name: str = "sweep") -> Path:
        """Writes the report.

        Args:
            out: its folder; ``report`` in the sweep folder if left out.
            name: which report, see `acgkd list reports`.

        Returns:
            The path of `report.html`.
        """
        from analysis import reports

        return reports.write([self.folder], out or self.folder / "report", name)

    def _view(self) -> "View":
        from analysis.records.frame import load
        from analysis.statistics.view import view_of

        return view_of(load([self.folder]))

    def __repr__(self) -> str:
        status = self.status()
        counts = ", ".join(f"{count} {state}" for state, count in status.trials.items()) or "no trials yet"
        return f"Sweep({status.name!r}, {counts}, folder={self._folder.shown!r})"

    def _repr_html_(self) -> str:
        from analysis.reports import pareto_table
        from sweeps.display.tables import to_html

        return f"<p>{escape(repr(self))}</p>{to_html(pareto_table(self.folder))}"
