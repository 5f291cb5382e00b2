"""How much memory this process may use: what is free, within the limits of its control groups."""

from collections.abc import Iterator
from pathlib import Path

from sweeps.worker.control_groups import GROUPS, OWN, groups_of

UNLIMITED = 2**60  # version 1 of control groups writes a number near the largest that there is


def usable_memory(groups: Path = GROUPS, own: Path = OWN, machine: Path = Path("/proc/meminfo")) -> int | None:
    """Bytes that are free on this machine and within the limits of this process's control groups.

    Args:
        groups: where control groups are mounted.
        own: the file that names those of this process.
        machine: what the system says of its memory.

    Returns:
        None where nothing is said of it, as outside Linux.
    """
    left = (_left(group) for group in groups_of("memory", groups, own))
    found = [*_free(machine), *(amount for amount in left if amount is not None)]
    return max(0, min(found)) if found else None


def _free(machine: Path) -> Iterator[int]:
    try:
        for line in machine.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return


def _left(group: Path) -> int | None:
    """What a control group leaves; None where it has no limit."""
    for limit, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
        try:
            most = int((group / limit).read_text())
            return most - int((group / used).read_text()) if most < UNLIMITED else None
        except (OSError, ValueError):  # no file, as in the other version; or `max`
            continue
    return None
