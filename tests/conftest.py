import importlib.util
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
