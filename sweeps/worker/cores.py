"""How many cores this process may use: those that the system leaves to it, not those of the machine."""

import os
from collections.abc import Iterator
from pathlib import Path


def usable_cores(groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Cores within this process's affinity and the limits of its control groups; at least 1.

    Args:
        groups: where control groups are mounted.
        own: the file that names those of this process.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # no such call outside Linux
        cores = os.cpu_count() or 1
    return max(1, min([cores, *(int(limit) for limit in _limits(groups, own))]))


def _limits(groups: Path, own: Path) -> Iterator[float]:
    """Cores' worth of time that each control group above this process admits."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = groups if not controllers else groups / "cpu"
        folder = root / place.lstrip("/")
        # In a container the path may be that of the host, which is not mounted here; then the root holds the limit.
        for group in (folder, *folder.parents):
            limit = _quota(group)
            if limit is not None:
                yield limit
            if group == root:
                break


def _quota(group: Path) -> float | None:
    try:
        if (group / "cpu.max").is_file():  # version 2: quota and period
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):  # no file, or `max`
        return None
