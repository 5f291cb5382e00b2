"""Our wheel, and empty environments to install it into."""

import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


class Environment:
    """A virtual environment with nothing in it but what is installed here.

    Libraries are found where the running environment has them. Its own `.pth` files are not read there, so that the
    checkout of an editable install stays unseen.
    """

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        self.python = folder / "bin" / "python"
        (self.site,) = (folder / "lib").glob("python*/site-packages")
        libraries = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
        (self.site / "libraries.pth").write_text("\n".join(libraries) + "\n")
        self.work = folder / "work"
        self.work.mkdir()

    def pip(self, *arguments: str | Path) -> None:
        command = [sys.executable, "-m", "pip", "--python", self.python, "--quiet", "--disable-pip-version-check"]
        done = self._run([*command, *arguments])
        assert done.returncode == 0, done.stdout + done.stderr

    def install(self, *arguments: str | Path) -> None:
        self.pip("install", "--no-index", "--no-deps", "--no-compile", *arguments)

    def acgkd(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The console script, in a folder of its own."""
        return self._run([self.python.with_name("acgkd"), *arguments])

    def run_module(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run([self.python, "-m", "acgkd", *arguments])

    def call(self, code: str) -> subprocess.CompletedProcess[str]:
        return self._run([self.python, "-c", code])

    def _run(self, command: list[str | Path]) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        environment = {**kept, "ACGKD_CACHE": str(self.work / "cache"), "COLUMNS": "200"}
        return subprocess.run(command, cwd=self.work, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "environment")


@pytest.fixture
def hand_made(tmp_path: Path) -> Callable[[str, Mapping[str, str]], Path]:
    """Packs files as the wheel of a distribution."""

    def pack(name: str, files: Mapping[str, str]) -> Path:
        info = f"{name.replace('-', '_')}-1.0.dist-info"
        metadata = {
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{path},,\n" for path in [*files, *metadata, f"{info}/RECORD"])
        path = tmp_path / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for member, text in {**files, **metadata, f"{info}/RECORD": record}.items():
                archive.writestr(member, text)
        return path

    return pack
