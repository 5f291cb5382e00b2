import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def lab() -> ModuleType:
    """The fake experiments, under the name by which subprocesses and workers import it."""
    path = Path(__file__).with_name("fake_experiments.py")
    spec = importlib.util.spec_from_file_location("fake_experiments", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fake_experiments"] = module
    spec.loader.exec_module(module)
    return module
