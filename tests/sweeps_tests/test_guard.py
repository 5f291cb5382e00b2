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


@pytest.fixture
def site(tmp_path):
    """Our packages as installed, as far as the guard looks at them."""
    for name in ("acgkd", "sweeps", "analysis"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_bytes((HOME / name / "__init__.py").read_bytes())
    for name in ("guard", "errors", "__main__"):
        (tmp_path / "acgkd" / f"{name}.py").write_bytes((HOME / "acgkd" / f"{name}.py").read_bytes())
    return tmp_path


def test_packages_side_by_side_pass(site):
    assert call(CALL, site).stdout == "ours\n"


RAN = "from pathlib import Path\nPath('ran').touch()\n"


@pytest.mark.parametrize("name", ["sweeps", "analysis"])
@pytest.mark.parametrize("text", [RAN, f"{RAN}__distribution__ = 'other'\n", f"'\xe9'\n{RAN}", ""])
def test_a_foreign_package_laid_over_ours_is_refused_and_does_not_run(site, name, text):
    # What another distribution of that name does: it replaces `__init__.py` and leaves our other files.
    file = site / name / "__init__.py"
    file.write_bytes(text.encode("latin-1"))
    done = call(CALL, site)
    assert done.returncode == 1
    assert f"ForeignPackageError: The package `{name}` must be" in done.stderr
    assert f"{file} has been overwritten" in done.stderr
    assert "--force-reinstall" in done.stderr
    assert not (site / "ran").exists()


def test_what_is_left_of_a_package_is_refused(site):
    (site / "sweeps" / "__init__.py").unlink()
    assert f"no `__init__.py` is left of it in {site / 'sweeps'}" in alone(site)
    (site / "sweeps").rmdir()
    assert "there is none of that name" in alone(site)


def alone(site):
    """What the guard says where no site-packages, and with them this checkout, are on the path."""
    command = [sys.executable, "-S", "-c", CALL]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=site, check=False).stderr


def test_a_stray_file_one_folder_below_ours_is_refused(site):
    (site / "below").mkdir()
    (site / "below" / "analysis.py").write_text('__distribution__ = "acgkd"\n')
    assert f"{site / 'below' / 'analysis.py'} comes first on the path" in call(CALL, site / "below", site).stderr


ENTER = "import sys; from acgkd.__main__ import main; sys.argv = ['acgkd', 'list', 'reports']; sys.exit(main())"


def test_the_command_refuses_a_stray_file_and_does_not_run_it(tmp_path):
    (tmp_path / "analysis.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    # As with the console script: our packages come after what PYTHONPATH names.
    code = f"import sys; sys.path.append({str(HOME)!r}); sys.path.remove(''); {ENTER}"
    done = call(code, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert f"{tmp_path / 'analysis.py'} comes first on the path" in done.stderr
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
        ({"__distribution__": "other"}, "has been overwritten"),
        ({"__file__": "/elsewhere/analysis/__init__.py"}, "/elsewhere/analysis/__init__.py comes first on the path"),
        ({"__file__": None}, "no `__init__.py` is left of it"),
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
