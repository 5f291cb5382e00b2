"""What Ray Tune runs in its workers: a job at a time, in a warm process that keeps nothing between two jobs.

The executor sends this class as code and all that it needs as bytes. So a worker enters by `acgkd.guard`, and looks at
`sweeps` and `analysis` as files before it imports either. This file imports nothing of ours but guard and errors.
"""

import contextlib
import os
import pickle
import signal
import socket
from typing import TYPE_CHECKING

from ray import get_runtime_context, tune

from acgkd.errors import NodeError, WorkerSpentError
from acgkd.guard import require_own_packages

if TYPE_CHECKING:
    from sweeps.worker.guarded_runner import GuardedRunner
    from sweeps.worker.job_runner import JobRunner


class SweepTrainable(tune.Trainable):  # type: ignore[misc]  # Ray has no types
    """Jobs of a sweep, as Ray Tune sees them: each step does about a second of work and returns a report."""

    _runner: "JobRunner | GuardedRunner | None" = None

    def setup(self, config: dict[str, bytes], work: bytes = b"") -> None:
        """Takes the first job of this process.

        Args:
            config: Ray's, with the pickled job under ``job``.
            work: spec, folder and experiments, pickled.
        """
        self._work = work
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
            WorkerSpentError: the job continues in another process.
            Exception: what no trial can be blamed for.
        """
        if self._runner is None:
            require_own_packages()
            self._runner = self._begin()
        report = self._runner.step()
        if self._runner.tainted:
            self._runner = None
            raise WorkerSpentError("the worker ran out of memory or lost its device, and is replaced")
        if self._ending:
            self.cleanup()
            raise WorkerSpentError("the worker was asked to end (SIGTERM), kept its work, and is replaced")
        return {"report": report}

    def _begin(self) -> "JobRunner | GuardedRunner":
        from sweeps.store.shared_cache import require_visible
        from sweeps.worker.guarded_runner import runner_for

        spec, folder, experiments = pickle.loads(self._work)
        if not folder.sweep.is_file():
            raise NodeError(
                f"Every node must see the sweep folder under the same path, but {socket.gethostname()} has no "
                f"{folder.path}. Put it on a filesystem that all nodes share."
            )
        require_visible(folder.cache, folder.path)
        os.chdir(folder.path)
        runner = runner_for(spec, folder, pickle.loads(self._job), experiments)
        runner.node = get_runtime_context().get_node_id()
        return runner

    def cleanup(self) -> None:
        """Keeps the work of a job that is broken off; Ray calls this when a worker leaves in order."""
        if self._runner is not None and not self._runner.done:
            with contextlib.suppress(Exception):  # what cannot be kept is done again
                self._runner.checkpoint()
        self._runner = None
