"""The wheel: three packages with all that they need at run time, nothing else, and it works where it is unpacked."""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("acgkd", "analysis", "sweeps")
OTHER_FILES = {
    "acgkd/py.typed",
    "analysis/py.typed",
    "analysis/page/templates/report.html",
    "sweeps/py.typed",
    "sweeps/spec.schema.json",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def test_it_holds_three_packages_and_what_they_read(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    meta = {name for name in names if re.fullmatch(r"acgkd-[^/]*\.dist-info", name.split("/")[0])}
    sources = {str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert len(sources) > 100
    assert names - meta == sources | OTHER_FILES
    assert {name.split("/", 1)[1] for name in meta} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
    }


def test_it_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (meta,) = {name.split("/")[0] for name in archive.namelist()} - set(PACKAGES)
        metadata = archive.read(f"{meta}/METADATA").decode()
        scripts = archive.read(f"{meta}/entry_points.txt").decode().split()
    assert scripts == ["[console_scripts]", "acgkd", "=", "acgkd.__main__:main"]
    assert "\nName: acgkd\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert set(re.findall(r"^Provides-Extra: (\w+)$", metadata, re.M)) == {"dashboard", "cluster", "dev", "images"}
    core = re.findall(r"^Requires-Dist: (?!.*extra ==)([\w-]+)", metadata, re.M)
    assert "ray" in core
    assert not {"pytest", "ruff", "mypy", "optuna-dashboard"} & set(core)


def test_what_it_unpacks_to_works(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    (tmp_path / "empty").mkdir()
    code = "import sys; sys.argv[0] = 'acgkd'; from acgkd.__main__ import main; sys.exit(main())"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "ACGKD_CACHE": str(tmp_path / "cache")}

    def acgkd(*arguments: str) -> str:
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, cwd=tmp_path / "empty", env=environment, capture_output=True, text=True)
        assert done.stdout, done.stderr
        return done.stdout

    rows = {row["what"]: row for row in json.loads(acgkd("doctor", "--json"))}
    assert rows["packages"]["state"] == "ok"
    assert rows["packages"]["text"].endswith(str(tmp_path / "site"))
    assert rows["folder"]["state"] == "ok"
    assert json.loads(acgkd("check", "--schema")) == json.loads((ROOT / "sweeps" / "spec.schema.json").read_text())


def test_everything_that_any_extra_names_is_pinned() -> None:
    pins = re.findall(r"^([\w.-]+)==[\w.+]+$", (ROOT / "constraints.txt").read_text(), re.M)
    assert len(pins) == len((ROOT / "constraints.txt").read_text().split())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    named = {_normal(re.match(r"[\w.-]+", line).group()) for line in wanted}  # type: ignore[union-attr]
    assert named <= set(map(_normal, pins))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
