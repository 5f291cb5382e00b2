import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """Tiny teachers, priors and runs; test folders are no packages, so the module is loaded by its path."""
    path = Path(__file__).with_name("tiny.py")
    spec = importlib.util.spec_from_file_location("acgkd_tiny", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
