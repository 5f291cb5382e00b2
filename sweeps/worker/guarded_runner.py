"""A job in a process of its own below the worker: if that process dies and the worker lives, the job killed it.

Used where two workers died at one and the same place of a replicate. To die a third time there, with the worker looking
on, is no chance any more.
"""

import contextlib
import pickle
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe

from sweeps.faults.classification import failure_of
from sweeps.faults.failure import Failure, JobFailedError
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.worker.device_share import limit_device_memory
from sweeps.worker.experiments import Experiments
from sweeps.worker.idle_runner import IdleRunner
from sweeps.worker.job_runner import JobRunner
from sweeps.worker.messages import Job, Report
from sweeps.worker.replicate_runner import crash_file, trace_file
from sweeps.worker.watchdog import left_trace

LEAVING_S = 10.0
_START = "import sys; sys.path[:] = {path!r}; from sweeps.worker.guarded_runner import serve; serve({handle})"


class GuardedRunner:
    """As `JobRunner`, with the work done by a child process.

    Args:
        spec: the sweep.
        folder: its folder.
        job: what to do.
        experiments: where experiments come from.
    """

    def __init__(self, spec: SweepSpec, folder: SweepFolder, job: Job, experiments: Experiments) -> None:
        self.folder, self.job = folder, job
        self.node = ""
        self.tainted = self.done = False
        self._replicate = job.replicates[0]
        self._connection, theirs = Pipe()
        with theirs:
            program = _START.format(path=sys.path, handle=theirs.fileno())
            self._child = subprocess.Popen([sys.executable, "-c", program], pass_fds=[theirs.fileno()])
        self._connection.send_bytes(pickle.dumps((spec, folder, job, experiments)))

    def step(self) -> Report:
        """Lets the child do about a second of work.

        Raises:
            JobFailedError: the child died.
            Exception: what the child's step raised.
        """
        answer = self._ask("step")
        assert isinstance(answer, Report), "a step answers with a report"
        self._replicate = answer.replicate
        return replace(answer, node=self.node)

    def checkpoint(self) -> None:
        """Keeps the work that was done, and lets the child go."""
        with contextlib.suppress(JobFailedError):  # what cannot be kept is done again
            self._ask("checkpoint")
        self.close()

    def close(self) -> None:
        """Lets the child go."""
        self._connection.close()
        try:
            self._child.wait(LEAVING_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _ask(self, what: str) -> Report | None:
        try:
            self._connection.send(what)
            answer, self.done, self.tainted = self._connection.recv()
        except (EOFError, OSError):
            raise JobFailedError(self._crash()) from None
        if self.done or isinstance(answer, BaseException):
            self.close()
        if isinstance(answer, JobFailedError):  # the child knows its host alone
            raise JobFailedError(replace(answer.failure, node=self.node or answer.failure.node))
        if isinstance(answer, BaseException):
            raise answer
        found: Report | None = answer
        return found

    def _crash(self) -> Failure:
        self.close()
        name, replicate = self.job.name, self._replicate
        stacks = left_trace(crash_file(self.folder, name, replicate)) or ""
        self.folder.keep_trace(name, replicate, self.job.attempts.get(replicate, 0), stacks)
        hung = left_trace(trace_file(self.folder, name, replicate))
        how = "a step hung" if hung else f"its process died{_how(self._child.returncode)}"
        line = stacks.splitlines()[0] if stacks else "twice before its worker died at the same place"
        message = f"{how}: {line}"
        return Failure("trial", "timed_out" if hung else "crashed", message, stacks, socket.gethostname(), self.node)


def _how(code: int) -> str:
    """` by SIGKILL`, or ` with exit code 1`."""
    if code >= 0:
        return f" with exit code {code}"
    try:
        return f" by {signal.Signals(-code).name}"
    except ValueError:
        return f" by signal {-code}"


def serve(handle: int) -> None:
    """What the child does: steps as it is asked, until the worker is gone.

    Args:
        handle: of the connection to the worker.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the worker says when to leave
    with Connection(handle) as connection, contextlib.suppress(EOFError, BrokenPipeError):
        spec, folder, job, experiments = pickle.loads(connection.recv_bytes())
        limit_device_memory(spec.resources.gpu, alone=job.alone)
        runner = JobRunner(spec, folder, job, experiments)
        while True:
            what = connection.recv()
            answer: object = None
            try:
                if what == "step":
                    answer = runner.step()
                else:
                    runner.checkpoint()
            except Exception as error:
                answer = _portable(error)
            connection.send((answer, runner.done, runner.tainted))


def _portable(error: Exception) -> Exception:
    """The error, or what can be sent of it: exceptions of users need not survive being pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return JobFailedError(failure_of(error))
    return error


Runner = JobRunner | GuardedRunner | IdleRunner


def runner_for(spec: SweepSpec, folder: SweepFolder, job: Job, experiments: Experiments) -> Runner:
    """What does a job: in this process, or guarded where the job asks for it."""
    if not job.replicates:
        return IdleRunner(experiments)
    if job.guarded:
        return GuardedRunner(spec, folder, job, experiments)
    limit_device_memory(spec.resources.gpu, alone=job.alone)
    return JobRunner(spec, folder, job, experiments)
