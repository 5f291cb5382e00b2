"""What is known of an attempt that ended without a result."""

from dataclasses import dataclass, replace

from analysis.records.record import Cause, Outcome
from sweeps.store.trial import signature

NODE_DIED = "its node died"


@dataclass(frozen=True)
class Failure:
    """How an attempt failed, and whose fault it was.

    Args:
        cause: the trial itself, the machine, the cache, the node, or the platform.
        outcome: what the attempt is booked as: an outcome of the trial's own, else ``lost``.
        message: the exception and its text, or what happened in words.
        trace: the traceback or stacks, if there are any.
        host: name of the machine; empty where it is not known.
        node: what the executor calls the machine, different for any two of them; the host's name if left out.
    """

    cause: Cause
    outcome: Outcome
    message: str
    trace: str = ""
    host: str = ""
    node: str = ""

    @property
    def signature(self) -> str:
        """Equal for failures that are one and the same: the first line without numbers, addresses and paths."""
        return signature(self.message)

    def at(self, host: str, node: str = "") -> "Failure":
        """The failure with the machine on which it happened, unless that is known."""
        return replace(self, host=self.host or host, node=self.node or node or host)

    def __str__(self) -> str:
        return self.message.splitlines()[0] if self.message else self.outcome


class JobFailedError(Exception):
    """A job could not continue, and not because of what was to be done: another attempt may succeed.

    Args:
        failure: what happened.
    """

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure)

    def __str__(self) -> str:
        return str(self.failure)
