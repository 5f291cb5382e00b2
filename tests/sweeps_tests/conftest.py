import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _loaded(name: str) -> ModuleType:
    """A module beside this one; test folders are no packages, so it is loaded by its path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_loaded("processes")  # tests import it by this name


@pytest.fixture(scope="session")
def lab() -> ModuleType:
    """The fake experiments, under the name by which subprocesses and workers import it."""
    return _loaded("fake_experiments")
