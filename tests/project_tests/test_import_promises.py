"""What an import does not load: each promise in a fresh process, since modules stay once they are there."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPECS = [str(path) for path in sorted((ROOT / "specs").glob("*.yaml"))]
HEAVY = ("torch", "torch_geometric", "ray", "optuna", "pandas")
RAY = {
    "sweeps.executors.ray.placement",
    "sweeps.executors.ray.trainable",
    "sweeps.executors.ray.search",
    "sweeps.executors.ray.scheduler",
}

EVERY_MODULE = """
import importlib, pkgutil
package = importlib.import_module({package!r})
for found in pkgutil.walk_packages(package.__path__, {package!r} + "."):
    if found.name not in {left_out!r}:
        importlib.import_module(found.name)
"""


# All specs in one process: what one of them loads would be seen.
CHECK_EVERY_SPEC = f"""
from sweeps.cli.app import main
assert [main(["check", path]) for path in {SPECS!r}] == [0] * {len(SPECS)}, "a shipped spec is valid"
"""


def loaded(code: str, names: tuple[str, ...]) -> set[str]:
    """Which of `names` are there after `code` has run; what it prints is swallowed."""
    program = (
        f"import contextlib, io, sys\nwith contextlib.redirect_stdout(io.StringIO()):\n    exec({code!r}, {{}})\n"
        f"print(*[name for name in {names!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import acgkd", (*HEAVY, "numpy", "pydantic")),
        ("import sweeps", (*HEAVY, "numpy", "pydantic")),
        ("import analysis", (*HEAVY, "numpy", "pydantic")),
        ("import acgkd.__main__", (*HEAVY, "pydantic", "typer", "analysis", "sweeps")),
        ("from sweeps.cli.app import main; main(['--help'])", HEAVY),
        ("from sweeps.cli.app import main; main(['list'])", HEAVY),
        ("from acgkd.methods import METHODS; [METHODS[name].config() for name in METHODS]", HEAVY),
        ("from acgkd.models import MODELS; [MODELS[name] for name in MODELS]", HEAVY),
        ("from acgkd.datasets import DATASETS; [DATASETS[name].known for name in DATASETS]", HEAVY),
        (CHECK_EVERY_SPEC, HEAVY),
        ("from analysis.reports import REPORTS; [REPORTS[name] for name in REPORTS]", ("torch", "ray", "optuna")),
    ],
)
@pytest.mark.usefixtures("data_at_hand")
def test_looking_around_loads_nothing_heavy(code: str, names: tuple[str, ...]) -> None:
    assert loaded(code, names) == set()


@pytest.mark.parametrize(
    ("package", "left_out", "names"),
    [
        # torch_geometric brings pandas; that acgkd does not use it is import-linter's to say.
        ("acgkd", set(), ("ray", "optuna", "yaml", "typer", "rich", "sweeps", "analysis")),
        ("analysis", set(), ("torch", "torch_geometric", "ray", "optuna", "acgkd.run", "sweeps")),
        ("sweeps", RAY, ("ray", "torch", "torch_geometric")),
    ],
)
def test_all_modules_of_a_package_together_do_not_load_strangers(
    package: str, left_out: set[str], names: tuple[str, ...]
) -> None:
    assert loaded(EVERY_MODULE.format(package=package, left_out=left_out), names) == set()


@pytest.mark.parametrize(
    ("name", "key", "content", "loads"),
    [
        ("split.json", "dataset: {name: motifs, split_file: split.json}", b'{"train": [0], "validation": [1]}', False),
        ("teacher.pt", "teacher: {preset: gin-5-64, checkpoint: teacher.pt}", b"", True),
    ],
)
def test_a_checkpoint_is_what_a_check_needs_torch_for_and_a_split_file_is_not(
    name: str, key: str, content: bytes, loads: bool, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    said = {"dataset": "dataset: motifs", "teacher": "teacher: gin-5-64"}
    said[key.partition(":")[0]] = key
    (tmp_path / "spec.yaml").write_text("\n".join([*said.values(), "student: gin-3-32", "method: acgkd", ""]))
    code = f"from sweeps.cli.app import main; assert main(['check', {str(tmp_path / 'spec.yaml')!r}]) == 2"
    assert ("torch" in loaded(code, HEAVY)) == loads


def test_the_watch_sees_what_is_loaded() -> None:
    assert len(SPECS) >= 5
    assert loaded("import optuna", HEAVY) >= {"optuna"}
