"""Trials that wait for a worker: the oldest first, each when its pause is over, some with nothing beside them."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """How a trial waits.

    Args:
        due: when its pause is over, on the clock of `time.monotonic`.
        alone: whether it runs with nothing beside it.
        nodes: on which it failed in this start.
    """

    due: float = 0.0
    alone: bool = False
    nodes: tuple[str, ...] = ()


class RetryQueue:
    """Numbers of trials, each with how it waits."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._nodes: dict[int, tuple[str, ...]] = {}

    def add(self, number: int, pause_s: float = 0.0, *, alone: bool = False, node: str = "") -> None:
        """Lets a trial wait.

        Args:
            number: of the trial.
            pause_s: for how long at least.
            alone: whether it runs with nothing beside it.
            node: where it has just failed.
        """
        before = self._nodes.get(number, ())
        self._nodes[number] = nodes = (*before, node) if node and node not in before else before
        self._entries[number] = Entry(time.monotonic() + pause_s if pause_s else 0.0, alone, nodes)

    def discard(self, number: int) -> None:
        """The trial waits no more, and will not again: where it failed is forgotten."""
        self._entries.pop(number, None)
        self._nodes.pop(number, None)

    def take(self, at_work: int) -> tuple[int, Entry] | None:
        """The oldest trial that may run now, which then waits no more; None where there is none.

        Args:
            at_work: how many jobs are out.
        """
        now = time.monotonic()
        for number, entry in sorted(self._entries.items()):
            if entry.due <= now:
                if entry.alone and at_work:
                    return None  # others end first, and none begins before it
                return number, self._entries.pop(number)
        return None

    @property
    def first_is_alone(self) -> bool:
        """Whether the oldest trial that may run now needs to be alone."""
        now = time.monotonic()
        due = (entry for _, entry in sorted(self._entries.items()) if entry.due <= now)
        return next((entry.alone for entry in due), False)

    def __bool__(self) -> bool:
        return bool(self._entries)
