"""What Ray Tune runs in its workers: a job at a time, in a warm process that keeps nothing between two jobs.

The executor sends this class as code and all that it needs as bytes. So a worker enters by `acgkd.guard`, and looks at
`sweeps` and `analysis` as files before it imports either, and compares all of our source files with the driver's. This
file imports nothing of ours but guard, errors and digests, and the latter come from the driver too.
"""

import contextlib
import os
import pickle
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from ray import get_runtime_context, tune

import acgkd
from acgkd.code_digest import source_digest
from acgkd.errors import AcgkdError, SweepError, WorkerSpentError
from acgkd.guard import require_own_packages

if TYPE_CHECKING:
    from sweeps.worker.guarded_runner import Runner


class SweepTrainable(tune.Trainable):  # type: ignore[misc]  # Ray has no types
    """Jobs of a sweep, as Ray Tune sees them: each step does about a second of work and returns a report."""

    _runner: "Runner | None" = None

    def setup(self, config: dict[str, bytes], work: bytes = b"", code: str = "") -> None:
        """Takes the first job of this process.

        Args:
            config: Ray's, with the pickled job under ``job``.
            work: spec, folder and experiments, pickled.
            code: what the driver runs (`code_here`).
        """
        self._work = work
        self._code = code
        self._is_ours = False
        self._job = config["job"]
        self._runner = None
        self._ending = False
        with contextlib.suppress(ValueError):  # not the main thread: then Ray ends this process as it always does
            signal.signal(signal.SIGTERM, self._end)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])

    def _end(self, number: int, frame: object) -> None:
        """SIGTERM, as batch systems send it to every process of a job: the step at hand ends, and is kept."""
        self._ending = True
        if self._runner is None:
            raise SystemExit(1)

    def reset_config(self, new_config: dict[str, bytes]) -> bool:
        """Takes the next job; whatever was left of the last one is forgotten."""
        self._job = new_config["job"]
        self._runner = None
        return True

    def step(self) -> dict[str, object]:
        """Works for about a second.

        Raises:
            OtherCodeError: this node runs other code than the driver.
            WorkerSpentError: the job continues in another process.
            Exception: what no trial can be blamed for; it says where, which until a job's first report the driver does
                not know.
        """
        try:
            if self._runner is None:
                self._runner = self._begin()
            report = self._runner.step()
        except Exception as error:
            # For `acgkd.errors.place_of`, which a node with older code has not; a class may have no room for it.
            with contextlib.suppress(AttributeError):
                error._acgkd_place = _here()  # type: ignore[attr-defined]
            raise
        if self._runner.tainted:
            self._runner = None
            raise WorkerSpentError("the worker ran out of memory or lost its device, and is replaced")
        if self._ending:
            self.cleanup()
            raise WorkerSpentError("the worker was asked to end (SIGTERM), kept its work, and is replaced")
        return {"report": report}

    def _require_same_code(self) -> None:
        if self._is_ours:
            return
        here = code_here()
        if here != self._code:
            raise _other_code(here, self._code)
        self._is_ours = True

    def _begin(self) -> "Runner":
        require_own_packages()
        self._require_same_code()
        from sweeps.store.shared_cache import require_visible
        from sweeps.worker.guarded_runner import runner_for

        spec, folder, experiments = pickle.loads(self._work)
        folder.require_visible()
        require_visible(folder.cache, folder.path)
        experiments.require_user_files()
        os.chdir(folder.path)
        runner = runner_for(spec, folder, pickle.loads(self._job), experiments)
        _, runner.node = _here()
        return runner

    def cleanup(self) -> None:
        """Keeps the work of a job that is broken off; Ray calls this when a worker leaves in order."""
        if self._runner is not None and not self._runner.done:
            with contextlib.suppress(Exception):  # what cannot be kept is done again
                self._runner.checkpoint()
        self._runner = None


def _here() -> tuple[str, str]:
    """This machine's name, and Ray's for its node."""
    return socket.gethostname(), str(get_runtime_context().get_node_id())


def code_here() -> str:
    """What this process runs, in words: ``acgkd 0.1.0 (code 0123456789abcdef)``."""
    return f"acgkd {acgkd.__version__} (code {source_digest(Path(acgkd.__file__).resolve().parents[1])})"


def _other_code(theirs: str, ours: str) -> AcgkdError:
    host = socket.gethostname()
    try:
        from acgkd.errors import OtherCodeError
    except ImportError:  # the code here is older than that class
        return SweepError(f"Every node must run the driver's code, but {host} has {theirs} and the driver has {ours}.")
    return OtherCodeError(host, theirs, ours)
