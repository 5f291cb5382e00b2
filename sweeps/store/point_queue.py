"""Points of the user's that wait to become trials: one file each in `queue/`, in the order of their names."""

import json
import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from acgkd.cache import sync
from acgkd.errors import SweepError
from sweeps.store.atomic import create, read_json
from sweeps.store.sharing.shared_files import move, names, newest, remove

if TYPE_CHECKING:
    from sweeps.store.folder import SweepFolder


class PointQueue:
    """The queue of a sweep. Anybody may add to it at any time; the driver alone takes points out.

    A file becomes exactly one trial: the trial's file keeps its name, and a file whose name a trial has is ignored and
    removed. So no name is used again: it ends with a random part.

    Args:
        folder: of the sweep.
    """

    def __init__(self, folder: "SweepFolder") -> None:
        self._folder = folder

    def add(self, parameters: Mapping[str, object]) -> str:
        """Adds a point that was checked.

        Args:
            parameters: values by slash path; the sampler suggests the rest.

        Returns:
            The name of its file.

        Raises:
            StorageError: the disk or the quota is full.
        """
        queue = self._folder.queue
        if not queue.exists():
            queue.mkdir(exist_ok=True)
            sync(queue.parent)
        numbers = [int(name[:4]) for name in self._names() if name[:4].isdecimal()]
        name = f"{max(numbers, default=0) + 1:04d}-{uuid.uuid4().hex[:8]}.json"
        create(queue / name, json.dumps({"parameters": dict(parameters)}) + "\n")
        return name

    def _names(self) -> list[str]:
        return [name for name in names(self._folder.queue) if name.endswith(".json") and not name.startswith(".")]

    def waiting(self, known: Collection[str] = ()) -> list[str]:
        """The names of its files, the next one first.

        Args:
            known: those that are trials already.
        """
        return [name for name in self._names() if name not in known]

    def read(self, name: str) -> dict[str, object]:
        """The values that a point fixes, by slash path.

        Raises:
            SweepError: the file is damaged or gone.
        """
        parameters = (read_json(newest(self._folder.queue / name)) or {}).get("parameters")
        if not isinstance(parameters, dict):
            raise SweepError(f"{self._folder.queue / name} must hold `parameters`, but does not.")
        return parameters

    def remove(self, name: str) -> None:
        """Removes a file whose trial is there."""
        remove(self._folder.queue / name)

    def put_aside(self, name: str) -> None:
        """Moves a file that cannot become a trial to the logs."""
        self._folder.logs.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            move(self._folder.queue / name, self._folder.logs / f"refused-{name}")
