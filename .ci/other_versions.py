"""Tests with other versions than those of `.venv`: the lower ends in `pyproject.toml`, and other Pythons.

Run by `make lower-ends` and `make pythons`. What cannot be tested on this machine is named in the last lines.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))

# Gigabytes for each Python, and their lower ends are pinned to more than they are: not installed a second time.
HEAVY = ("torch", "torch_geometric", "ray")
TOOLS = ("hypothesis", "jsonschema", "pytest", "pytest-timeout", "pytest-xdist")

LOWER_PYTHON = "3.11"
# Of the tests of sweeps those that ask most of the libraries whose lower ends are tested: pydantic, Optuna, pandas, ...
LOWER = (
    "archive", "bad_specs", "budgets", "compare_command", "comparison", "conditions", "display_tables", "driver",
    "enqueue", "export", "fork", "formats", "front_door", "halving", "history", "inprocess", "node_table", "objectives",
    "packing", "parameters", "sampling", "strict_yaml", "sweep_spec", "trackers", "trial_states", "values",
)  # fmt: skip
LOWER_TESTS = (
    "tests/analysis_tests",
    *(f"tests/sweeps_tests/test_{name}.py" for name in LOWER),
    "tests/contract_tests/test_every_report.py",
    "tests/contract_tests/test_every_spec.py",
    # The file is what the pinned pydantic makes; others write the same numbers differently.
    "--deselect=tests/contract_tests/test_every_spec.py::test_the_shipped_schema_is_up_to_date",
)
PLAIN = (
    "atomic", "driver", "guard", "halving", "parameters", "progress_display", "stopwatch", "strict_yaml", "trial_states"
)  # fmt: skip
# Those that need neither torch nor Ray.
PLAIN_TESTS = (
    "tests/analysis_tests",
    *(f"tests/sweeps_tests/test_{name}.py" for name in PLAIN),
)

IMPORTS = """
import importlib, pkgutil, sys
heavy, missing, count = set(sys.argv[1].split(",")), [], 0
for package in ("acgkd", "analysis", "sweeps"):
    path = importlib.import_module(package).__path__
    for found in pkgutil.walk_packages(path, package + ".", onerror=lambda _: None):
        try:
            importlib.import_module(found.name)
            count += 1
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] not in heavy:
                raise
            missing.append(found.name)
print(f"{count} modules imported; {len(missing)} need " + ", ".join(sorted(heavy)))
assert count > 100
"""


def lower_ends() -> list[str]:
    """Runs the tests with the oldest versions that `pyproject.toml` admits; torch and Ray are those of `.venv`."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" != LOWER_PYTHON:
        return [f"lower ends: they are tested on Python {LOWER_PYTHON}, and `.venv` has {sys.version.split()[0]}"]
    floors = dict(re.findall(r"^([\w-]+)(?:\[.*?\])?>=([\d.]+)", "\n".join(PROJECT["dependencies"]), re.MULTILINE))
    floors = {name: floor for name, floor in floors.items() if name not in HEAVY}
    python = _environment(".venv-lower", Path(sys.executable), [f"{name}=={floor}.*" for name, floor in floors.items()])
    libraries = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    _add_paths(python, [str(ROOT), *libraries])
    for name, floor in floors.items():
        found = subprocess.check_output([python, "-c", f"import importlib.metadata as m; print(m.version({name!r}))"])
        version = found.decode().strip()
        if not f"{version}.".startswith(f"{floor}."):
            raise SystemExit(f"{name} {floor} was asked for, but {version} is there")
        print(f"{name} {version}")
    _pytest(python, LOWER_TESTS)
    return [f"lower ends of {', '.join(HEAVY)}: tested with those of `.venv`"]


def pythons() -> list[str]:
    """Imports everything that needs no torch, and runs tests that need none, on the other Pythons that there are."""
    untested = []
    for version in re.findall(r"Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE):
        if version == f"{sys.version_info.major}.{sys.version_info.minor}":
            continue
        interpreter = _interpreter(version)
        if interpreter is None:
            untested.append(f"Python {version}: there is no python{version} here")
            continue
        print(f"-- Python {version}: {interpreter}", flush=True)
        wanted = [line.split("#")[0] for line in PROJECT["dependencies"] if not re.match("|".join(HEAVY), line)]
        python = _environment(f".venv-{version}", interpreter, wanted)
        _add_paths(python, [str(ROOT)])
        subprocess.run([python, "-W", "error", "-c", IMPORTS, ",".join(HEAVY)], cwd=ROOT, check=True)
        _pytest(python, PLAIN_TESTS)
        untested.append(f"Python {version} with {', '.join(HEAVY)}")
    return untested


def _interpreter(version: str) -> Path | None:
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{version}"), *sorted(kept.glob(f"{version}.*/bin/python"), reverse=True)]
    for candidate in filter(None, candidates):
        # A shim of pyenv may be there and lead nowhere.
        done = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.startswith(f"Python {version}."):
            return Path(candidate)
    return None


def _environment(name: str, interpreter: Path, wanted: list[str]) -> Path:
    """A fresh environment with `wanted`; what else they need comes in the pinned version."""
    folder = ROOT / name
    if interpreter.resolve() == Path(sys.executable).resolve():
        venv.create(folder, clear=True, with_pip=True, symlinks=True)
    else:
        subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
    # What a line fixes by itself is not pinned once more, nor the core that pydantic fixes.
    fixed = {_normal(re.split(r"[^\w.-]", line)[0]) for line in wanted if "==" in line}
    pins = [f"{pin}=={number}" for pin, number in PINS.items() if _normal(pin) not in {*fixed, "pydantic-core"}]
    (folder / "constraints.txt").write_text("\n".join(pins) + "\n")
    python = folder / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
    subprocess.run([*pip, "--constraint", folder / "constraints.txt", *wanted, *TOOLS], check=True)
    return python


def _add_paths(python: Path, paths: list[str]) -> None:
    (site,) = (python.parents[1] / "lib").glob("python*/site-packages")
    (site / "checkout.pth").write_text("\n".join(paths) + "\n")


def _pytest(python: Path, arguments: tuple[str, ...]) -> None:
    """Runs tests; what old libraries deprecate among themselves is no error."""
    marks = "not slow and not ray and not realdata and not browser and not gpu and not cluster"
    plugins = [part for name in ("pytest_timeout", "xdist.plugin", "no:cacheprovider") for part in ("-p", name)]
    command = [python, "-m", "pytest", "-q", *plugins, "-n", "2", "-m", marks]
    # Plugins of the borrowed libraries would be loaded too.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    # Optuna leaves the connections of its SQLite storages open, of which Python 3.13 warns.
    command += ["-W", "default::DeprecationWarning", "-W", "ignore:unclosed database:ResourceWarning", *arguments]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    try:
        left = {"lower-ends": lower_ends, "pythons": pythons}[sys.argv[1]]()
    except subprocess.CalledProcessError as failure:
        raise SystemExit(f"failed: {' '.join(map(str, failure.cmd))[:500]}") from None
    for line in left:
        print(f"NOT TESTED: {line}")
