"""What an import does not load: promises in fresh processes, since modules stay once they are there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPECS = [str(path) for path in sorted((ROOT / "specs").glob("*.yaml"))]
TOOLS = ("mlflow", "tensorboard", "optuna_dashboard")
HEAVY = ("torch", "torch_geometric", "ray", "optuna", "pandas", *TOOLS)
RAY = {
    "sweeps.executors.ray.placement",
    "sweeps.executors.ray.trainable",
    "sweeps.executors.ray.tune.search",
    "sweeps.executors.ray.tune.scheduler",
    "sweeps.executors.ray.tune.job_trial",
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


EVERY_METHOD = """
from acgkd.methods import METHODS
for name in METHODS: METHODS[name]
import acgkd.run.distillation, acgkd.run.reference_pool
"""


# What is still not there after one piece of code was loaded by none before it either.
PROGRAM = """
import contextlib, io, json, sys
codes, names = map(json.loads, sys.argv[1:])
found = {}
for code in codes:
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, {})
    found[code] = [name for name in names if name in sys.modules]
print(json.dumps(found))
"""


def loaded(names: tuple[str, ...], *codes: str) -> dict[str, list[str]]:
    """Which of `names` are there after each code has run, one after the other; what they print is swallowed."""
    command = [sys.executable, "-c", PROGRAM, json.dumps(codes), json.dumps(names)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("codes", "names"),
    [
        (("import acgkd", "import sweeps", "import analysis"), (*HEAVY, "numpy", "pydantic")),
        (("import acgkd.__main__",), (*HEAVY, "pydantic", "typer", "analysis", "sweeps")),
        (
            (
                "from sweeps.cli.app import main; main(['--help'])",
                "from sweeps.cli.app import main; main(['list'])",
                "from acgkd.methods import METHODS; [METHODS[name].config() for name in METHODS]",
                "from acgkd.models import MODELS; [MODELS[name] for name in MODELS]",
                "from acgkd.datasets import DATASETS; [DATASETS[name].known for name in DATASETS]",
                CHECK_EVERY_SPEC,
            ),
            HEAVY,
        ),
        (
            ("from analysis.reports import REPORTS; [REPORTS[name] for name in REPORTS]",),
            ("torch", "ray", "optuna"),
        ),
    ],
    ids=["packages", "acgkd.__main__", "commands and catalogues", "reports"],
)
@pytest.mark.usefixtures("data_at_hand")
def test_looking_around_loads_nothing_heavy(codes: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert loaded(names, *codes) == {code: [] for code in codes}


@pytest.mark.parametrize(
    ("package", "left_out", "names"),
    [
        ("analysis", set(), ("torch", "torch_geometric", "ray", "optuna", "acgkd.run", "sweeps")),
        ("sweeps", RAY, ("ray", "torch", "torch_geometric", *TOOLS)),
    ],
)
def test_all_modules_of_a_package_together_do_not_load_strangers(
    package: str, left_out: set[str], names: tuple[str, ...]
) -> None:
    code = EVERY_MODULE.format(package=package, left_out=left_out)
    assert loaded(names, code) == {code: []}


def test_methods_load_no_data_sets_and_all_modules_of_acgkd_no_strangers() -> None:
    # torch_geometric brings pandas; that acgkd does not use it is import-linter's to say.
    strangers = ("ray", "optuna", "yaml", "typer", "rich", "sweeps", "analysis")
    data_sets = ("acgkd.datasets", "acgkd.run.experiment")
    every = EVERY_MODULE.format(package="acgkd", left_out=set())
    assert loaded((*strangers, *data_sets), EVERY_METHOD, every) == {EVERY_METHOD: [], every: list(data_sets)}


# A check that asks for torch ends there, which takes a tenth of the time that torch takes.
ENDS_AT_TORCH = """
import sys, types
class Asked(BaseException): pass
class Watch:
    def find_spec(self, name, *rest):
        if name == "torch": raise Asked
sys.meta_path.insert(0, Watch())
from sweeps.cli.app import main
try:
    assert main(["check", {spec!r}]) == 2
except Asked:
    sys.modules["torch"] = types.ModuleType("torch")
"""


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
    code = ENDS_AT_TORCH.format(spec=str(tmp_path / "spec.yaml"))
    assert ("torch" in loaded(HEAVY, code)[code]) == loads


def test_the_watch_sees_what_is_loaded() -> None:
    assert len(SPECS) >= 5
    assert "optuna" in loaded(HEAVY, "import optuna")["import optuna"]
