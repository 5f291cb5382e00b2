"""How several workers of pytest-xdist share the tests.

Its own `--dist loadgroup` does so by a suffix that it gives to the names of tests, which pytest 9.2 no longer takes:
each test went wherever there was room, and both workers prepared what a file prepares, Ray included.
"""

from functools import cache
from pathlib import Path
from typing import Any

import pytest


@cache
def starts_ray(path: Path) -> bool:
    """Whether a file has tests marked `ray`; read off its text, as tests are shared out by who has imported none."""
    return "mark.ray" in path.read_text(encoding="utf-8")


def group_of(nodeid: str, config: pytest.Config) -> str:
    """Which tests stay in one worker: those of one file, as what it prepares is prepared once.

    Files that start Ray are one such group, but for `make cluster`, where nearly all do, and mostly wait.
    """
    file = nodeid.split("::")[0]
    by_file = config.getoption("markexpr").startswith("cluster")
    return "ray" if not by_file and starts_ray(config.rootpath / file) else file


def scheduler(config: pytest.Config, log: Any) -> Any:
    """Hands out one group after the other, in the order of their collection."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid, config)

    config.option.loadscopereorder = False
    return ByGroup(config, log)
