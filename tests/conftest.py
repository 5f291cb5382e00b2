import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _loaded(name: str) -> ModuleType:
    """A module beside this one; test folders are no packages, so it is loaded by its path."""
    spec = importlib.util.spec_from_file_location(f"acgkd_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """Tiny teachers, priors and runs on graphs."""
    return _loaded("tiny")


@pytest.fixture(scope="session")
def tiny_images() -> ModuleType:
    """Tiny teachers and runs on images."""
    return _loaded("tiny_images")


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
