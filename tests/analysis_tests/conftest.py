from types import ModuleType

import pytest

from tests.analysis_tests import made_up as made_up_module


@pytest.fixture(scope="session")
def made_up() -> ModuleType:
    """The maker of sweep folders."""
    return made_up_module
