import importlib.util
import sys
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tests.conftest import leave_out_figures

if TYPE_CHECKING:
    from s3_server import S3


def _loaded(name: str) -> ModuleType:
    """A module beside this one; test folders are no packages, so it is loaded by its path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


for name in ("power_cuts", "processes", "raylets", "s3_server"):  # by which tests import them
    _loaded(name)


@pytest.fixture(scope="module", autouse=True)
def _short_reports() -> Iterator[None]:
    """Commands that are run in the process of these tests read what a report is made from and write a line.

    Making one takes as long as such a sweep. Tests that look into a report ask for `whole_reports`.
    """
    from analysis import reports
    from analysis.records import frame

    def short(places: "frame.Frame | Iterable[Path | str]", out: Path | str, name: str = "sweep") -> Path:
        assert reports.REPORTS[name]
        if not isinstance(places, frame.Frame):
            frame.load(places)
        page = Path(out) / "report.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("a report")
        return page

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(short, "whole", reports.write, raising=False)
        patch.setattr(reports, "write", short)
        leave_out_figures(patch)
        yield


@pytest.fixture
def whole_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports are made, whole but for the drawing of their figures."""
    from analysis import reports

    monkeypatch.setattr(reports, "write", vars(reports.write)["whole"])


@pytest.fixture(scope="session")
def lab() -> ModuleType:
    """The fake experiments, under the name by which subprocesses and workers import it."""
    return _loaded("fake_experiments")


@pytest.fixture(scope="module")
def s3() -> "Iterator[S3]":
    """A server of object storage on loopback."""
    from s3_server import serving

    with serving() as server:
        yield server


@pytest.fixture
def address(s3: "S3") -> str:
    """Where a sweep may lie there, for one test."""
    from s3_server import BUCKET

    return f"s3://{BUCKET}/{uuid.uuid4().hex[:8]}/fake"
