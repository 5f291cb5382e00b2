"""A request that the driver of a sweep shall stop, as a file: it works from every machine that sees the folder."""

import json
from typing import TYPE_CHECKING

from acgkd.errors import SweepError
from sweeps.store.atomic import read_json, write
from sweeps.store.sharing.shared_files import newest, remove

if TYPE_CHECKING:
    from sweeps.store.folder import SweepFolder


class StopRequest:
    """The file `stop` of a sweep. It holds the generation that shall stop, so no later start obeys it.

    Args:
        folder: of the sweep.
    """

    def __init__(self, folder: "SweepFolder") -> None:
        self._path = folder.stop

    def make(self, generation: int) -> None:
        """Asks the start of that number to stop.

        Raises:
            StorageError: the disk or the quota is full.
        """
        write(self._path, json.dumps({"generation": generation}) + "\n", durable=False)

    @property
    def generation(self) -> int | None:
        """The number of the start that shall stop; None where none shall, or the file is damaged."""
        try:
            number = (read_json(newest(self._path)) or {}).get("generation")
        except (OSError, SweepError):
            return None
        return number if isinstance(number, int) else None

    def remove(self) -> None:
        """Removes the request: it was obeyed, or is of an earlier start."""
        remove(self._path)
