"""Somebody else's `analysis` or `sweeps` is refused with its path."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import analysis
from acgkd.errors import ForeignPackageError
from acgkd.guard import require_own_packages

HOME = Path(__file__).resolve().parents[2]
CALL = "from acgkd.guard import require_own_packages; require_own_packages(); print('ours')"


def call(code: str, *path: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=path[0])


def test_our_own_packages_pass():
    require_own_packages()


def test_a_stray_analysis_py_is_refused_with_its_path(tmp_path):
    (tmp_path / "analysis.py").write_text("answer = 42\n")
    done = call(CALL, tmp_path, HOME)
    assert done.returncode == 1
    assert "ForeignPackageError" in done.stderr
    assert str(tmp_path / "analysis.py") in done.stderr


def test_a_foreign_package_laid_over_ours_is_refused(tmp_path):
    # What another distribution named `sweeps` does: it replaces `__init__.py` and leaves our other files.
    for name in ("acgkd", "sweeps"):
        (tmp_path / name).symlink_to(HOME / name) if name == "acgkd" else (tmp_path / name).mkdir()
    (tmp_path / "sweeps" / "__init__.py").write_text("__version__ = '0.2.0'\n")
    done = call(CALL, tmp_path, HOME)
    assert done.returncode == 1
    assert "ForeignPackageError" in done.stderr
    assert str(tmp_path) in done.stderr
    assert "--force-reinstall" in done.stderr


ENTER = "import sys; from acgkd.__main__ import main; sys.argv = ['acgkd', 'list', 'reports']; sys.exit(main())"


def test_the_command_refuses_a_stray_file_and_does_not_run_it(tmp_path):
    (tmp_path / "analysis.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    # As with the console script: our packages come after what PYTHONPATH names.
    code = f"import sys; sys.path.append({str(HOME)!r}); sys.path.remove(''); {ENTER}"
    done = call(code, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert f"{tmp_path / 'analysis.py'} is imported instead" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "ran").exists()


def test_the_command_enters_where_our_packages_are_ours(tmp_path):
    done = call(ENTER, HOME)
    assert done.returncode == 0
    assert "sweep" in done.stdout


def test_the_console_script_enters_by_the_guard():
    scripts = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"acgkd": "acgkd.__main__:main"}


@pytest.mark.parametrize(
    ("changes", "fragment"),
    [
        ({"__distribution__": "other"}, "is imported instead"),
        ({"__file__": "/elsewhere/analysis/__init__.py"}, "/elsewhere/analysis/__init__.py is imported instead"),
        ({"__file__": None}, "has no file of its own"),
    ],
)
def test_each_kind_of_impostor_is_named(monkeypatch, changes, fragment):
    for name, value in changes.items():
        monkeypatch.setattr(analysis, name, value)
    with pytest.raises(ForeignPackageError, match="`analysis`") as caught:
        require_own_packages()
    assert fragment in str(caught.value)


def test_a_package_that_fails_to_import_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "analysis", None)
    with pytest.raises(ForeignPackageError, match="importing it fails"):
        require_own_packages()
