"""Ray's job server, which runs a driver on a cluster: asked over HTTP, from any machine that reaches it."""

import asyncio
import contextlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acgkd.errors import ConfigError, SweepError

if TYPE_CHECKING:
    from ray.job_submission import JobDetails

ENDED = ("STOPPED", "SUCCEEDED", "FAILED")
# From SIGTERM to SIGKILL, for a driver that is asked to stop; Ray's own 3 s are too few to keep its work.
STOP_S = 30
LOOK_EVERY_S = 0.5
_OVERRIDE = ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS")  # with these Ray would pass over the address that was given


@dataclass(frozen=True)
class ServerJob:
    """A job as the server knows it.

    Args:
        id: that it was submitted under.
        state: Ray's word, as ``RUNNING``.
        exit_code: of its driver; None before it has ended, and where it was stopped.
        message: what the server says of it.
    """

    id: str
    state: str
    exit_code: int | None
    message: str

    @property
    def ended(self) -> bool:
        """Whether it is over, one way or another."""
        return self.state in ENDED


class JobServer:
    """A job server.

    Args:
        address: ``http://HOST:8265``.

    Raises:
        ConfigError: it is no such address.
        SweepError: nothing answers there, it wants another token, or Ray's client is not installed.
    """

    def __init__(self, address: str) -> None:
        if not re.fullmatch(r"https?://[^/\s]+(/.*)?", address):
            raise ConfigError(
                f"A job server is named http://HOST:PORT, with 8265 for PORT as a rule, but got {address!r}."
            )
        self._address = address
        try:
            from ray.job_submission import JobSubmissionClient
        except ImportError as error:
            raise _not_installed(error) from error
        # Its notes on packages that it uploads are of no use to a user.
        logging.getLogger("ray.dashboard.modules.dashboard_sdk").setLevel(logging.WARNING)
        logging.getLogger("ray.dashboard.modules.job.sdk").setLevel(logging.WARNING)
        with self._asking(), _without(_OVERRIDE):
            self._client = JobSubmissionClient(address)

    def submit(self, name: str, entrypoint: str, files: Path) -> None:
        """Starts a job.

        Args:
            name: that no job of this server has had.
            entrypoint: a line for a shell.
            files: folder that travels with it, and in which it starts.
        """
        environment = {
            "working_dir": str(files),
            "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_S)},
        }
        with self._asking():
            self._client.submit_job(entrypoint=entrypoint, submission_id=name, runtime_env=environment)

    def jobs(self) -> list[ServerJob]:
        """All jobs that it knows, the latest last."""
        with self._asking():
            found = sorted(self._client.list_jobs(), key=lambda job: job.start_time or 0)
        return [_job(job) for job in found if job.submission_id]

    def job(self, name: str) -> ServerJob:
        """One job as it is now."""
        with self._asking():
            return _job(self._client.get_job_info(name))

    def logs(self, name: str) -> str:
        """All that a job has printed."""
        with self._asking():
            return str(self._client.get_job_logs(name))

    def follow(self, name: str, say: Callable[[str], object]) -> ServerJob:
        """Hands on what a job prints until it ends.

        Returns:
            The job, which has ended.
        """

        async def tail() -> None:
            async for text in self._client.tail_job_logs(name):
                say(text)

        with self._asking():
            asyncio.run(tail())
        while not (job := self.job(name)).ended:
            time.sleep(LOOK_EVERY_S)
        return job

    def stop(self, name: str, wait_s: float) -> bool:
        """Asks a job to stop, and waits until it has.

        Returns:
            Whether it has stopped.
        """
        with self._asking():
            self._client.stop_job(name)
        end = time.monotonic() + wait_s
        while not (ended := self.job(name).ended) and time.monotonic() < end:
            time.sleep(LOOK_EVERY_S)
        return ended

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        from ray.exceptions import AuthenticationError

        try:
            yield
        except AuthenticationError as error:
            raise SweepError(
                f"The job server at {self._address} wants its cluster's token. Set RAY_AUTH_MODE=token and "
                "RAY_AUTH_TOKEN_PATH, a file that holds it."
            ) from error
        except (RuntimeError, OSError) as error:  # the errors of `requests` are among the latter
            if "ray[default]" in str(error):
                raise _not_installed(error) from error
            raise SweepError(
                f"Ray's job server must answer at {self._address}, but: {_sentence(error)}. A cluster has one where "
                "its head was started with `ray start --head --include-dashboard=true`."
            ) from error


def _job(details: "JobDetails") -> ServerJob:
    state = str(getattr(details.status, "value", details.status))
    return ServerJob(str(details.submission_id), state, details.driver_exit_code, str(details.message or ""))


def _sentence(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__).rstrip(".")[:300]


def _not_installed(error: Exception) -> SweepError:
    return SweepError(
        f"Ray's job client comes with `pip install acgkd[cluster]`, but is not there: {_sentence(error)}."
    )


@contextlib.contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    before = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(before)
