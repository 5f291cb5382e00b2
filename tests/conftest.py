import os
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

# A busy machine makes drawing slow, and that says nothing about what is tested.
settings.register_profile("acgkd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("acgkd")


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """Tiny teachers, priors and runs on graphs; imported when asked for, as some tests run without torch."""
    return import_module("tests.tiny")


@pytest.fixture(scope="session")
def tiny_images() -> ModuleType:
    """Tiny teachers and runs on images."""
    return import_module("tests.tiny_images")


_CACHE = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Makes a cache for these tests, which never touch the user's; with several workers they share it.

    Each of several workers is given a width that no terminal has; tests are to see what one process sees.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.pop("COLUMNS", None)
        os.environ.pop("LINES", None)
    else:
        config.stash[_CACHE] = os.environ["ACGKD_CACHE"] = tempfile.mkdtemp(prefix="acgkd-tests-cache-")
        os.environ.pop("ACGKD_CACHE_LIMIT", None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Removes the cache of these tests."""
    if _CACHE in config.stash:
        shutil.rmtree(config.stash[_CACHE], ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers (`make test`), tests that start Ray run in one of them, one after the other.

    They begin first, for they take longest. All others stay together by file: what a file prepares is prepared once.
    """
    if not config.getoption("numprocesses", None) and "PYTEST_XDIST_WORKER" not in os.environ:
        return
    for item in items:
        group = "ray" if item.get_closest_marker("ray") else item.nodeid.split("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: item.get_closest_marker("ray") is None)


@pytest.fixture(autouse=True)
def warned_of_nothing() -> None:
    """What is logged once in a process is logged in each test that looks for it."""
    if "acgkd.runtime" in sys.modules:
        sys.modules["acgkd.runtime"].warn_once.cache_clear()


@pytest.fixture
def data_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of every data set, or empty ones in their places: enough for specs that are checked and not run."""
    if "ACGKD_DATA" in os.environ:
        return
    from acgkd.datasets import DATASETS
    from acgkd.datasets._readers.idx import NAMES
    from acgkd.datasets.cifar10 import ARCHIVE

    files = [f"{name}/{file}.gz" for name in ("mnist", "fashion_mnist") for file in NAMES] + [f"cifar10/{ARCHIVE}"]
    files += [f"tu/{DATASETS[name].source.partition('.zip')[0].rpartition('/')[2]}.zip" for name in DATASETS]
    for file in files:
        path = tmp_path / "data at hand" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setenv("ACGKD_DATA", str(tmp_path / "data at hand"))
