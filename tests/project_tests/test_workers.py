"""`make test` shares the tests out by file: what a file prepares is prepared in one process, whoever has how many."""

import os
from pathlib import Path

import pytest

from tests.workers import group_of, starts_ray

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("number", range(3))
def test_tests_of_one_file_run_in_one_worker(number: int) -> None:
    place = Path(os.environ["ACGKD_CACHE"]) / "workers of one file"  # shared by all workers
    with place.open("a") as file:
        file.write(os.environ.get("PYTEST_XDIST_WORKER", "alone") + "\n")
    if number == 2:
        assert len(set(place.read_text().split())) == 1


def test_files_that_start_ray_are_one_group_where_they_are_few(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "tests/sweeps_tests/test_ray_executor.py"
    assert starts_ray(ROOT / name)
    assert not starts_ray(Path(__file__).with_name("test_layout.py"))
    monkeypatch.setattr(pytestconfig.option, "markexpr", "not slow and not cluster")
    assert group_of(f"{name}::test_x[a@b]", pytestconfig) == "ray"
    assert group_of("tests/project_tests/test_layout.py::test_x[a::b]", pytestconfig).endswith("test_layout.py")
    monkeypatch.setattr(pytestconfig.option, "markexpr", "cluster and not slow")
    assert group_of(f"{name}::test_x", pytestconfig) == name
