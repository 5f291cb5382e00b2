"""The folder of a suite: its file, its sweeps, and who works on it."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from acgkd.errors import FolderError, SweepError
from analysis.records.file_names import as_text
from analysis.records.suites import suite_file
from analysis.records.suites.suite_file import CalibratedRow, SuiteFile
from analysis.records.sweep_file import Change
from sweeps.engine.user_requests import stop as stop_sweep
from sweeps.spec.values import differences, leaves, plain
from sweeps.store.atomic import Lock, write
from sweeps.store.folder import SweepFolder
from sweeps.store.storage_errors import reading
from sweeps.store.trial import now
from sweeps.store.writable import require_own
from sweeps.suites.suite_loading import SuiteSpec

LOOK_EVERY_S = 0.25
# What a folder may hold before its `suite.json` is there.
_EARLY = frozenset({"suite.lock", "suite.yaml", "stop", "launch"})  # and `sweeps`, as long as it is empty


class SuiteFolder:
    """Names and places of a suite's files.

    Args:
        path: the folder; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path / suite_file.NAME
        self.spec = path / "suite.yaml"
        self.lock_file = path / "suite.lock"
        self.stop_file = path / "stop"
        self.sweeps = path / suite_file.SWEEPS

    def sweep(self, name: str) -> Path:
        """The folder of one sweep."""
        return self.sweeps / name

    def comparison(self, reference: str, first: bool) -> Path:
        """Where the comparison of all sweeps with one reference is.

        Args:
            reference: its label.
            first: whether it is the suite's first.
        """
        return self.path / ("comparison" if first else f"comparison-{reference}")

    @property
    def lock(self) -> Lock:
        """One driver at a time."""
        return Lock(self.lock_file)

    def read(self) -> SuiteFile | None:
        """What the folder says of itself; None where it says nothing yet.

        Raises:
            SweepError: the file is damaged.
            FolderError: a newer version wrote it.
        """
        try:
            with reading("Restore it."):
                return suite_file.read_suite(self.path)
        except FileNotFoundError:
            return None

    def require(self) -> SuiteFile:
        """As `read`, where there must be one.

        Raises:
            FolderError: there is none.
        """
        found = self.read()
        if found is None:
            raise FolderError(f"A suite folder holds `suite.json`, but {self.path} does not. Is the path right?")
        return found

    def write(self, found: SuiteFile) -> None:
        """Replaces the folder's account of itself."""
        write(self.file, found.model_dump_json(indent=2) + "\n")

    # ---- started

    def make(self) -> None:
        """Makes the folder if need be.

        Raises:
            FolderError: there is something else at that place, or it cannot be written.
        """
        empty = self.sweeps.is_dir() and not any(self.sweeps.glob("*"))
        early = _EARLY | ({self.sweeps.name} if empty else set())
        require_own(self.path, "suite", self.file.name, early)
        self.sweeps.mkdir(exist_ok=True)

    def match(self, suite: SuiteSpec, calibrations: Sequence[CalibratedRow], command: str) -> SuiteFile:
        """Makes sure that the folder is of this suite, and notes what it has now and how it was started.

        What its sweeps can take of a change is each sweep's to say, when it is started.

        Args:
            suite: the suite.
            calibrations: of its rows, as far as they are known.
            command: that started it.

        Raises:
            FolderError: it is of another suite.
        """
        known = self.read()
        if known is not None and known.name != suite.name:
            raise FolderError(
                f"{self.path} is of the suite '{known.name}', but this one is '{suite.name}'. Choose another folder "
                "with `--out`."
            )
        value = dict(plain(suite.value)[0])
        changes = () if known is None else known.changes
        if known is not None and known.digest != suite.digest:
            changes = (*changes, Change(at=now(), lines=tuple(differences(leaves(known.spec), leaves(value)))))
        found = SuiteFile(
            name=suite.name,
            digest=suite.digest,
            created_at=known.created_at if known is not None else now(),
            command=as_text(command) or (known.command if known is not None else ""),
            members=tuple(member.entry() for member in suite.members),
            calibrations=tuple(calibrations),
            failures={},
            changes=changes,
            spec=value,
        )
        if suite.text or not self.spec.exists():
            write(self.spec, suite.text)
        self.write(found)
        return found

    # ---- stopped

    @property
    def asked_to_stop(self) -> bool:
        """Whether the driver that works on the suite shall leave."""
        return self.stop_file.exists()

    def stop(self, wait_s: float, say: Callable[[str], None] = lambda text: None) -> bool:
        """Asks the driver that works on the suite to stop as at the first Ctrl-C.

        Args:
            wait_s: how long to wait until it has left.
            say: called once it is asked, with who it is.

        Returns:
            Whether it has left; it obeys even if it has not yet.

        Raises:
            SweepError: no driver works on the folder.
        """
        members = self.require().members
        if not self.lock.held():
            raise SweepError(
                f"Only a suite that runs can be stopped, but no driver works on {self.path}. The next `acgkd run` "
                "resumes it."
            )
        write(self.stop_file, "", durable=False)
        say(self.lock.holder())
        asked: set[str] = set()
        end = time.monotonic() + wait_s
        while True:
            asked |= {member.name for member in members if member.name not in asked and self._stop(member.name)}
            if not self.lock.held():
                self.stop_file.unlink(missing_ok=True)
                return True
            if time.monotonic() >= end:
                return False
            time.sleep(LOOK_EVERY_S)

    def _stop(self, name: str) -> bool:
        """Asks the driver of one sweep, if there is one."""
        folder = SweepFolder(self.sweep(name))
        if not folder.sweep.exists() or not folder.lock().held():
            return False
        try:
            stop_sweep(folder, 0.0)
        except SweepError:  # it has just ended
            return False
        return True
