"""One driver to a sweep on an object store, which has no locks: a lease that its holder renews.

Leases are numbered, `leases/0007.json`, and each is created exclusively, so of two drivers that want the next number
one gets it, and no number is used twice. Who has the highest number is the driver; who finds a higher one than its own
leaves. The number is the start's generation too.
"""

import contextlib
import fcntl
import hashlib
import json
import math
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from acgkd.errors import FolderInUseError, StaleGenerationError, StorageError, SweepError
from analysis.stores.copies import copy_of
from analysis.stores.working_copy import WorkingCopy
from sweeps.store.atomic import Lock, holder_here, one_driver

RENEW_S = 5.0
STALE_S = 30.0
# After so long without renewal it is looked whether the lease is ours still, before anything is written.
DOUBT_S = 15.0
LOOK_EVERY_S = 0.5
LEAVE_S = 5.0  # a renewal under way that takes longer finds no store


class Lease:
    """The lock of a sweep on an object store.

    Args:
        copy: of the store.
        folder: of the sweep, in the copy.
        say: called with why it takes long.
    """

    def __init__(self, copy: WorkingCopy, folder: Path, say: Callable[[str], None] = lambda text: None) -> None:
        self._copy, self._folder, self._say = copy, folder, say
        prefix = "" if folder == copy.root else f"{copy.key(folder)}/"
        self.path = f"{prefix}leases"
        self.number = 0
        self._facts: dict[str, Any] = {}
        self._lost = False
        self._renewed_at = 0.0
        self._over = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._local: int | None = None

    # ---- held by us

    def __enter__(self) -> "Lease":
        latest = self._latest()
        if latest:
            self._wait_until_free(latest)
        token = self._lock_here()
        try:
            self._facts = {"holder": holder_here(), "machine": _machine(), "token": token, "beat": 0, "released": False}
            if not self._copy.store.create(self._key(latest + 1), _packed(self._facts)):
                raise self._refusal()
        except BaseException:
            self._release_here()
            raise
        self.number, self._renewed_at = latest + 1, time.monotonic()
        self._renewing.start()
        try:
            self._copy.refresh()  # what the last driver wrote until it left
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _release(self) -> None:
        """Ends the renewals, and then says so: one that came last would have it held by nobody."""
        self._over.set()
        try:
            self._renewing.join(LEAVE_S)
            if not self._lost and not self._renewing.is_alive():  # else the store is away, and the lease runs out
                with contextlib.suppress(SweepError):
                    self._copy.store.write(self._key(self.number), _packed({**self._facts, "released": True}))
        finally:
            self._release_here()

    def _renew(self) -> None:
        while not self._over.wait(RENEW_S):
            with contextlib.suppress(SweepError):  # the store is away: what the driver writes will say so
                self._look()
                if self._lost or self._over.is_set():
                    return
                self._facts["beat"] += 1
                self._copy.store.write(self._key(self.number), _packed(self._facts))
                self._renewed_at = time.monotonic()

    def _look(self) -> None:
        self._lost = self._lost or superseded(self._copy, self.path, self.number)

    def require_ours(self) -> None:
        """Lets the driver write that holds the lease.

        Raises:
            StorageError: another driver has taken over, or the store cannot be read.
        """
        if not self._lost and time.monotonic() - self._renewed_at > DOUBT_S:
            self._look()
        if self._lost:
            raise StorageError(
                f"Another driver has taken {self._copy.address} over; this one leaves: it had not renewed its lease "
                f"for {STALE_S:.0f} s. Everything finished so far is kept."
            )

    # ---- looked at

    def holder(self) -> str:
        """Who holds the lease, or held it last; empty where nobody has."""
        facts = self._read(self._latest())
        return str(facts.get("holder", ""))

    def held(self) -> bool:
        """Whether a driver works on the sweep: it has renewed its lease of late, by the store's clock."""
        latest = self._latest()
        facts = self._read(latest)
        if not facts or facts.get("released") or self._is_dead_here(facts):
            return False
        age_s = self._copy.store.age_s(self._key(latest))
        return age_s is not None and age_s < STALE_S

    def require_free(self) -> None:
        """Refuses a sweep on which a driver works.

        Raises:
            FolderInUseError: some process renews the lease.
        """
        latest = self._latest()
        if latest:
            self._wait_until_free(latest)

    def _wait_until_free(self, number: int) -> None:
        """Returns when the lease is released, or was not renewed for long; that takes as long as it takes."""
        first, began = self._read(number), time.monotonic()
        while True:
            facts = self._read(number)
            if not facts or facts.get("released") or self._is_dead_here(facts):
                return
            age_s = self._copy.store.age_s(self._key(number))
            if age_s is None or age_s >= STALE_S:
                return
            if facts.get("beat") != first.get("beat"):  # its holder lives
                raise self._refusal()
            if time.monotonic() - began > 1.5 * RENEW_S:
                began = math.inf  # said once
                self._say(f"Waiting, {STALE_S:.0f} s at most: {self.holder()} no longer renews its lease.")
            time.sleep(LOOK_EVERY_S)

    def _refusal(self) -> FolderInUseError:
        return one_driver(self._copy.address, self.holder())

    def _latest(self) -> int:
        found = (re.search(r"(\d+)\.json$", key) for key in self._copy.store.listed(f"{self.path}/"))
        return max((int(name[1]) for name in found if name), default=0)

    def _key(self, number: int) -> str:
        return lease_key(self.path, number)

    def _read(self, number: int) -> dict[str, object]:
        try:
            facts = json.loads(self._copy.store.read(self._key(number))) if number else {}
        except (FileNotFoundError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}

    # ---- on one machine, where a dead holder is known at once

    @property
    def _local_file(self) -> Path:
        name = hashlib.sha256(f"{self._copy.address} {self.path}".encode()).hexdigest()[:16]
        return self._copy.root.parents[1] / f"lease-{name}.lock"

    def _lock_here(self) -> str:
        """Locks a file of this machine until the process ends, however it ends; what it then holds proves it."""
        token = uuid.uuid4().hex
        handle = os.open(self._local_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise self._refusal() from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, token.encode(), 0)
        self._local = handle
        return token

    def _release_here(self) -> None:
        if self._local is not None:
            os.close(self._local)
            self._local = None

    def _is_dead_here(self, facts: dict[str, object]) -> bool:
        """Whether the holder ran on this machine and has ended."""
        if facts.get("machine") != _machine():
            return False
        try:
            is_its = self._local_file.read_text(encoding="ascii", errors="replace").strip() == facts.get("token")
        except OSError:
            return False
        return is_its and not Lock(self._local_file).held()


def lease_key(path: str, number: int) -> str:
    """The object of a lease."""
    return f"{path}/{number:04d}.json"


def superseded(copy: WorkingCopy, path: str, number: int) -> bool:
    """Whether a lease was followed by another one.

    Raises:
        StorageError: the store cannot be read.
    """
    try:
        copy.store.read(lease_key(path, number + 1))
    except FileNotFoundError:
        return False
    return True


def check(copy: WorkingCopy, folder: Path, generation: int) -> None:
    """Lets the workers of the latest start pass.

    Raises:
        StaleGenerationError: there has been a later one.
        StorageError: the store cannot be read.
    """
    if superseded(copy, Lease(copy, folder).path, generation):
        raise StaleGenerationError(f"start {generation} of {copy.address} was followed by start {generation + 1}")


def lock_of(folder: Path, say: Callable[[str], None] = lambda text: None) -> Lock | Lease:
    """What keeps a second driver from a sweep folder."""
    copy = copy_of(folder)
    return Lock(folder / "driver.lock") if copy is None else Lease(copy, folder, say)


def _packed(facts: dict[str, object]) -> bytes:
    return json.dumps(facts).encode()


def _machine() -> str:
    """The same for all processes until it is started again."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()} {boot}"
