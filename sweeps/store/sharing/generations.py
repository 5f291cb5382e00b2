"""Which start of a sweep is the latest, and that there is one driver: by a lock, or on an object store by a lease."""

import time

from acgkd.cache import sync
from acgkd.errors import StaleGenerationError
from analysis.stores.copies import copy_of
from sweeps.store.atomic import Lock, create, write
from sweeps.store.paths import SweepPaths
from sweeps.store.sharing import lease
from sweeps.store.sharing.lease import Lease
from sweeps.store.sharing.shared_files import newest
from sweeps.store.storage_errors import folder_error, removed

# A worker asks three times a second; of an object store each answer costs a request.
TRUSTED_S = 2.0


class Generations(SweepPaths):
    """The starts of a sweep: counted, and known to workers of earlier ones."""

    _lease: Lease | None = None
    _checked: tuple[int, float] = (0, 0.0)

    def lock(self) -> Lock | Lease:
        """The lock that a driver holds."""
        found = lease.lock_of(self.path)
        self._lease = found if isinstance(found, Lease) else None
        return found

    def require_ours(self) -> None:
        """Lets a driver write that holds the lease of a sweep on an object store; elsewhere nothing can be lost.

        Raises:
            StorageError: another driver has taken over.
        """
        if self._lease is not None and self._lease.number:
            self._lease.require_ours()

    @property
    def generation(self) -> int:
        """The number of the latest start; 0 before the first."""
        try:
            return int(newest(self.generation_file).read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0
        except ValueError:
            return self._latest_start  # so a damaged counter can be made again

    @property
    def _latest_start(self) -> int:
        """The number of the latest start that has a file of its own."""
        return max((int(path.stem) for path in self.starts.glob("[0-9]*.json") if path.stem.isdecimal()), default=0)

    def begin_generation(self) -> int:
        """Counts the start; workers of earlier ones leave at their next commit."""
        if self._lease is not None:
            write(self.generation_file, str(self._lease.number))
            return self._lease.number  # created exclusively, so nobody else has it
        generation = max(self.generation, self._latest_start) + 1  # the counter may have been removed
        while not create(self.starts / f"{generation:04d}.json", "{}\n"):
            generation += 1  # another driver begins too, where locks do nothing
        write(self.generation_file, str(generation))
        sync(self.path)  # no number is used twice, not even after a power cut
        return generation

    def check_generation(self, generation: int) -> None:
        """Lets the latest start pass.

        Raises:
            StaleGenerationError: there has been a later one.
            StorageError: the folder is not there any more, or not to be read.
        """
        copy = copy_of(self.path)
        if copy is not None:
            if self._checked[0] != generation or time.monotonic() - self._checked[1] > TRUSTED_S:
                lease.check(copy, self.path, generation)
                self._checked = (generation, time.monotonic())
            return
        try:
            latest = self.generation
        except OSError as error:
            raise folder_error(error, self.path) or error from error
        if latest != generation:
            gone = removed(self.path) if latest == 0 else None
            raise gone or StaleGenerationError(f"start {generation} of {self.path} was followed by start {latest}")
