"""The control groups that this process is in, as Linux shows them as folders."""

from collections.abc import Iterator
from pathlib import Path

GROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def groups_of(controller: str, groups: Path = GROUPS, own: Path = OWN) -> Iterator[Path]:
    """The folders of this process's group and of all above it that limit something.

    Args:
        controller: ``cpu`` or ``memory``.
        groups: where control groups are mounted.
        own: the file that names those of this process.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = groups if not controllers else groups / controller
        folder = root / place.lstrip("/")
        # In a container the path may be that of the host, which is not mounted here; then the root holds the limit.
        for group in (folder, *folder.parents):
            yield group
            if group == root:
                break
