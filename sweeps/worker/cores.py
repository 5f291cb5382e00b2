"""How many cores this process may use: those that the system leaves to it, not those of the machine."""

import os
from pathlib import Path

from sweeps.worker.control_groups import GROUPS, OWN, groups_of


def usable_cores(groups: Path = GROUPS, own: Path = OWN) -> int:
    """Cores within this process's affinity and the limits of its control groups; at least 1.

    Args:
        groups: where control groups are mounted.
        own: the file that names those of this process.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # no such call outside Linux
        cores = os.cpu_count() or 1
    limits = (_quota(group) for group in groups_of("cpu", groups, own))
    return max(1, min([cores, *(int(limit) for limit in limits if limit is not None)]))


def threads_of(cpu: float) -> int:
    """How many threads a job has here.

    Args:
        cpu: cores that it asks for.
    """
    return max(1, min(int(cpu), usable_cores()))


def _quota(group: Path) -> float | None:
    try:
        if (group / "cpu.max").is_file():  # version 2: quota and period
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):  # no file, or `max`
        return None
