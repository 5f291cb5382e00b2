"""A suite from Python: run it, open its folder, look at its sweeps, compare."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from acgkd.errors import SweepError
from analysis.records.suites.suite_file import CalibratedRow
from sweeps.code import plugin_copies
from sweeps.engine.snapshot import Snapshot, Watch
from sweeps.suites.running import SuiteOutcome, run_members
from sweeps.suites.suite_folder import SuiteFolder
from sweeps.suites.suite_loading import SuiteSpec, load_suite
from sweeps.suites.suite_status import SuiteStatus, suite_status

if TYPE_CHECKING:
    from analysis.comparison.joint import Comparison
    from sweeps.executors.base import Executor

OnProgress = Callable[[Snapshot], None]


def run_suite(
    suite: SuiteSpec | Path | str | Mapping[str, object],
    folder: Path | str | None = None,
    *,
    executor: "Executor | None" = None,
    on_progress: OnProgress | Literal["show"] | None = "show",
    overrides: Sequence[str] | Mapping[str, object] = (),
    trust_code: bool = False,
    accept_code_change: bool = False,
) -> "Suite":
    """Runs a suite; run again, it resumes, is extended, or finds that nothing is left to do.

    Args:
        suite: the suite: a spec, a file, the name of a shipped one, or a mapping with the keys of a file.
        folder: where everything is kept; ``runs/<name of the suite>`` if left out.
        executor: `InProcess()` or `Ray(address=...)`; Ray on this machine if left out.
        on_progress: called with a `Snapshot` of the sweep that runs at every change; ``"show"`` shows progress in the
            terminal or notebook; None is silent.
        overrides: laid over the spec, as with `load_suite`; not together with a finished `SuiteSpec`.
        trust_code: let specs name Python functions, as ``module:function``, and a command under `on_end`.
        accept_code_change: continue though rows were made with other settings or code than today's.

    Returns:
        The suite, interrupted or not; `Suite.outcome` says what this start came to.

    Raises:
        SpecError: the spec is not valid; it holds all faults.
        FolderError: the folder is another suite's, or another driver works on it.
        StorageError: the folder is full, cannot be read or written, or was removed.
        RayLostError: Ray was lost; the same call resumes.

    Example:
        >>> suite = sweeps.run_suite("suite-small", executor=sweeps.InProcess())
        >>> suite.compare().write("comparison")
    """
    from sweeps.executors.ray.executor import Ray

    if isinstance(suite, SuiteSpec) and overrides:
        raise SweepError(
            "`overrides` are laid over a file or a mapping, but got a finished suite. Pass them to `load_suite`."
        )
    if folder is not None:
        plugin_copies.stand_in(Path(folder))
    read = suite if isinstance(suite, SuiteSpec) else load_suite(suite, overrides, trust_code)
    target = Path(folder) if folder is not None else Path("runs") / read.name
    outcome = run_members(
        read,
        target,
        executor or Ray(),
        command="sweeps.run_suite",
        show=shown if on_progress == "show" else lambda title: nullcontext(_called(on_progress)),
        trust_code=trust_code,
        accept_code_change=accept_code_change,
    )
    return Suite(target, outcome)


def _called(on_progress: OnProgress | str | None) -> Watch | None:
    return None if isinstance(on_progress, str) else on_progress


def shown(title: str) -> AbstractContextManager[Watch | None]:
    """The progress of one sweep in the terminal or notebook."""

    @contextmanager
    def showing() -> Iterator[Watch | None]:
        from sweeps.display import progress

        with progress(title) as display:
            yield display.watch

    return showing()


def open_suite(folder: Path | str) -> "Suite":
    """Opens the folder of a suite; reads files only, so the suite may be running elsewhere.

    Raises:
        FolderError: it is no suite folder.
    """
    return Suite(folder)


class Suite:
    """A suite by its folder. Every call reads the files as they are now.

    Args:
        folder: that a run has made.
        outcome: what the start came to that made this object.

    Raises:
        FolderError: it is no suite folder.
    """

    def __init__(self, folder: Path | str, outcome: SuiteOutcome | None = None) -> None:
        self.folder = Path(folder)
        self.outcome = outcome
        self._files = SuiteFolder(self.folder)
        self._files.require()

    def status(self) -> SuiteStatus:
        """How far the suite is: its sweeps by state, runs done, why some failed."""
        return suite_status(self._files)

    @property
    def sweeps(self) -> dict[str, Path]:
        """The folders of its sweeps that have begun, by name, in its order."""
        places = {member.name: self._files.sweep(member.name) for member in self._files.require().members}
        return {name: place for name, place in places.items() if (place / "sweep.json").is_file()}

    @property
    def calibrations(self) -> tuple[CalibratedRow, ...]:
        """How many steps of rows take the seconds of the reference, measured or given."""
        return self._files.require().calibrations

    def compare(self, **options: Any) -> "Comparison":
        """Its methods over data sets, as `analysis.compare_methods` compares them, which takes the same options."""
        from analysis.api import compare_methods
        from sweeps.interchange.method_defaults import published_methods

        return compare_methods([self.folder], **{"published": published_methods(), **options})

    def stop(self, wait_s: float = 30.0) -> bool:
        """Asks the driver that runs the suite to stop as at the first Ctrl-C.

        Args:
            wait_s: how long to wait until it has left.

        Returns:
            Whether it has left; it obeys even if it has not yet.

        Raises:
            SweepError: no driver works on the folder.
        """
        return self._files.stop(wait_s)

    def __repr__(self) -> str:
        status = self.status()
        states = ", ".join(f"{count} {state}" for state, count in status.states.items())
        return f"Suite({status.name!r}, {states}, {status.done} of {status.runs} runs, folder={str(self.folder)!r})"
