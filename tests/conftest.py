import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.workers import scheduler, starts_ray

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
    gc.disable()  # while modules are imported, which leave next to none
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in its background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.pop("COLUMNS", None)
        os.environ.pop("LINES", None)
    else:
        config.stash[_CACHE] = os.environ["ACGKD_CACHE"] = tempfile.mkdtemp(prefix="acgkd-tests-cache-")
        os.environ.pop("ACGKD_CACHE_LIMIT", None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What lives as long as these tests is not looked through for garbage again and again, and the rest seldom.

    That took a twentieth of their time: torch, pandas and the tests themselves are half a million objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    gc.enable()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Removes the cache of these tests."""
    if _CACHE in config.stash:
        shutil.rmtree(config.stash[_CACHE], ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers (`make test`), what takes long begins first, so that no worker is left with it at the end.

    That is what starts Ray, then the other tests of whole sweeps; last come those of single functions.
    """
    if not config.getoption("numprocesses", None) and "PYTEST_XDIST_WORKER" not in os.environ:
        return
    items.sort(key=lambda item: item.path.parent.name, reverse=True)
    items.sort(key=lambda item: not starts_ray(item.path))


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of one file stay in one worker, and those that start Ray all in the same one."""
    return scheduler(config, log)


@pytest.fixture(scope="session", autouse=True)
def _nothing_waits_for_the_disk() -> Iterator[None]:
    """What is written is not synced to the disk: that is for power cuts, which no test makes.

    A sweep of six trials that do nothing spends half its time on it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


@pytest.fixture(autouse=True)
def warned_of_nothing() -> None:
    """What is logged once in a process is logged in each test that looks for it."""
    if "acgkd.runtime" in sys.modules:
        sys.modules["acgkd.runtime"].warn_once.cache_clear()


def leave_out_pixels(patch: pytest.MonkeyPatch) -> None:
    """Figures of reports are made and not rendered."""
    patch.setattr("analysis.figures.drawing.png_of", lambda drawn: b"\x89PNG")
    patch.setattr("analysis.figures.drawing.svg_of", lambda drawn: "<svg/>")


def leave_out_figures(patch: pytest.MonkeyPatch) -> None:
    """Reports are made whole but for the drawing of their figures, which takes most of the time.

    For tests that judge something else; those of figures and pages render them.
    """
    leave_out_pixels(patch)
    patch.setattr("analysis.figures.drawing.fill", lambda made, paint: None)


@pytest.fixture
def without_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_out_pixels(monkeypatch)


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_out_figures(monkeypatch)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache of its own, and no data that anybody has fetched."""
    monkeypatch.setenv("ACGKD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ACGKD_DATA", raising=False)


@pytest.fixture
def data_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of every data set, or empty ones in their places: enough for specs that are checked and not run."""
    if "ACGKD_DATA" in os.environ:
        return
    from acgkd.datasets import DATASETS
    from acgkd.datasets._readers.idx import NAMES
    from acgkd.datasets.cifar10 import ARCHIVE

    files = [f"{name}/{file}.gz" for name in ("mnist", "fashion_mnist") for file in NAMES] + [f"cifar10/{ARCHIVE}"]
    files += [
        f"tu/{DATASETS[name].source.partition('.zip')[0].rpartition('/')[2]}.zip"
        for name in DATASETS
        if not DATASETS[name].takes
    ]
    for file in files:
        path = tmp_path / "data at hand" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setenv("ACGKD_DATA", str(tmp_path / "data at hand"))
