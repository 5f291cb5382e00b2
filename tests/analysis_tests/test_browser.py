import shutil
import struct
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from analysis.reports import write

pytestmark = pytest.mark.browser

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def chromium() -> str:
    path = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
    )
    if not path:
        pytest.skip("no Chromium is installed: looked for chromium, chromium-browser and google-chrome")
    return path


def test_a_browser_shows_the_report(chromium: str, made_up: ModuleType, tmp_path: Path) -> None:
    folder = made_up.plausible(tmp_path / "sweep", trials=24)
    made_up.keep_samples(folder)
    page = write([folder], tmp_path / "report")
    picture = tmp_path / "page.png"
    common = [chromium, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1280,2000"]
    subprocess.run([*common, f"--screenshot={picture}", page.as_uri()], check=True, capture_output=True, timeout=90)
    content = picture.read_bytes()
    assert struct.unpack(">II", content[16:24]) == (1280, 2000)
    assert len(content) > 100_000  # an empty or broken page compresses to a few kilobytes
    dom = subprocess.run(
        [*common, "--dump-dom", page.as_uri()], check=True, capture_output=True, text=True, timeout=90
    ).stdout
    assert dom.count("<svg") >= 4
    # The chosen trial and two controls.
    assert dom.count('xlink:href="data:image/png;base64,') == 3
    assert "Which hyper-parameters decide" in dom or "No importances are given" in dom
