"""Workers that stay warm: those that end their jobs are there for the next ones, all of them."""

import logging
from collections.abc import Hashable, Iterable
from typing import Any, Protocol


class Asking(Protocol):
    """What is used of a Ray trial here: what it asks for."""

    placement_group_factory: Hashable


class WarmWorkers:
    """Has Ray Tune keep as many idle workers as there are places.

    By itself it keeps those that a job waits for already, and one. Where two end before the next jobs are there, it
    ends one of them, and starts another in its place: seconds of imports.

    While a job waits that asks for something else, none is kept for it to wait behind.
    """

    def __init__(self) -> None:
        self._kept: tuple[Hashable, int] | None = None
        self._warned = False

    def keep(self, controller: object, waiting: Iterable[Asking], latest: Hashable, places: int) -> None:
        """Makes room for idle workers, or takes it back.

        Args:
            controller: Ray Tune's, as schedulers get it.
            waiting: jobs that have no worker yet.
            latest: what the latest job asked for: the next one probably asks for the same.
            places: how many jobs fit; 0 keeps none but for jobs that wait, and one.
        """
        cache: Any = getattr(getattr(controller, "_tune_controller", None), "_actor_cache", None)
        if not (hasattr(cache, "increase_max") and hasattr(cache, "decrease_max")):
            if not self._warned:
                self._warned = True
                logging.getLogger(__name__).warning(
                    "This Ray keeps one idle worker: short trials start anew more often."
                )
            return
        wanted = (latest, places) if all(job.placement_group_factory == latest for job in waiting) else None
        if wanted == self._kept:
            return
        if self._kept is not None:
            cache.decrease_max(*self._kept)
        if wanted is not None:
            cache.increase_max(*wanted)
        self._kept = wanted
