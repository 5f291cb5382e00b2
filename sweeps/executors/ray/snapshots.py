"""What Ray Tune writes of a run, though nobody reads it: the sweep folder holds everything. Kept small, and removed."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PREFIX = "acgkd-ray-"
LOCK = "lock"
# A folder that is younger may not be locked yet.
YOUNG_S = 60.0


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is locked while it is in use, and removed at the end; drivers that were killed left theirs."""
    _remove_abandoned()
    folder = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
    with folder as name, (Path(name) / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(name)


def _remove_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == os.getuid() and time.time() - folder.stat().st_mtime > YOUNG_S:
                with (folder / LOCK).open("a") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)


class Stateless:
    """Base of those of our objects that Ray Tune pickles into its snapshots."""

    def __getstate__(self) -> dict[str, object]:
        """Nothing."""
        return {}
