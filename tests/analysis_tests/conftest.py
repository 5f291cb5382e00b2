import shutil
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.analysis_tests import made_up as made_up_module
from tests.browser import Browser, browser, found


@pytest.fixture(scope="session")
def made_up() -> ModuleType:
    """The maker of sweep folders."""
    return made_up_module


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A tab of headless Chromium."""
    if not found():
        pytest.skip("no Chromium is installed: looked for chromium, chromium-browser and google-chrome")
    folder = tmp_path_factory.mktemp("browser")
    with browser(folder / "profile") as opened:
        yield opened
    shutil.rmtree(folder, ignore_errors=True)
