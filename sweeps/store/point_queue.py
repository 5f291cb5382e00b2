"""Points of the user's that wait to become trials: one file each in `queue/`, in the order of their names."""

import json
import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from acgkd.errors import SweepError
from sweeps.store.atomic import create, read_json

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

    def add(self, parameters: Mapping[str, Any]) -> str:
        """Adds a point that was checked.

        Args:
            parameters: values by slash path; the sampler suggests the rest.

        Returns:
            The name of its file.

        Raises:
            StorageError: the disk or the quota is full.
        """
        queue = self._folder.queue
        queue.mkdir(exist_ok=True)
        numbers = [int(name[:4]) for name in self._names() if name[:4].isdecimal()]
        name = f"{max(numbers, default=0) + 1:04d}-{uuid.uuid4().hex[:8]}.json"
        create(queue / name, json.dumps({"parameters": dict(parameters)}) + "\n")
        return name

    def _names(self) -> list[str]:
        with suppress(FileNotFoundError, NotADirectoryError):
            found = (path.name for path in self._folder.queue.iterdir())
            return sorted(name for name in found if name.endswith(".json") and not name.startswith("."))
        return []

    def waiting(self, known: Collection[str] = ()) -> list[str]:
        """The names of its files, the next one first.

        Args:
            known: those that are trials already.
        """
        return [name for name in self._names() if name not in known]

    def read(self, name: str) -> dict[str, Any]:
        """The values that a point fixes, by slash path.

        Raises:
            SweepError: the file is damaged or gone.
        """
        parameters = (read_json(self._folder.queue / name) or {}).get("parameters")
        if not isinstance(parameters, dict):
            raise SweepError(f"{self._folder.queue / name} must hold `parameters`, but does not.")
        return parameters

    def remove(self, name: str) -> None:
        """Removes a file whose trial is there."""
        (self._folder.queue / name).unlink(missing_ok=True)

    def put_aside(self, name: str) -> None:
        """Moves a file that cannot become a trial to the logs."""
        self._folder.logs.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            (self._folder.queue / name).replace(self._folder.logs / f"refused-{name}")
