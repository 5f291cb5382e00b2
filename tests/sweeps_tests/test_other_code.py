"""A worker whose package is not the driver's gets no work; a worker that sees other files of the user's neither."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd.errors import OtherCodeError
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.worker.experiments import AcgkdExperiments

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_the_error_names_host_and_both_sides_and_can_be_pickled() -> None:
    error = OtherCodeError("node7", "acgkd 0.0.9 (code aa)", "acgkd 0.1.0 (code bb)")
    again = pickle.loads(pickle.dumps(error))
    assert (again.host, again.theirs, again.ours) == ("node7", "acgkd 0.0.9 (code aa)", "acgkd 0.1.0 (code bb)")
    for fact in ("node7", "acgkd 0.0.9 (code aa)", "acgkd 0.1.0 (code bb)"):
        assert fact in str(again)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another copy of the package, with one default edited."""
    home = tmp_path_factory.mktemp("copy")
    for name in ("acgkd", "sweeps", "analysis"):
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    edited = home / "acgkd" / "settings" / "transfer_stage.py"
    edited.write_text(edited.read_text() + "\n# edited\n")
    return home


# The trainable as the driver sends it: its own code and that of the digest by value, all else by name.
SEND = """
import sys
from ray import cloudpickle
from acgkd import code_digest
from sweeps.executors.ray import trainable
for module in (trainable, code_digest):
    cloudpickle.register_pickle_by_value(module)
work = cloudpickle.dumps(None)
with open(sys.argv[1], "wb") as file:
    cloudpickle.dump((trainable.SweepTrainable, work, trainable.code_here()), file)
"""
BEGIN = """
import sys, pickle
from acgkd.errors import OtherCodeError
with open(sys.argv[1], "rb") as file:
    kind, work, code = pickle.load(file)
worker = kind.__new__(kind)
worker.setup({"job": b""}, work, code)
try:
    worker.step()
except OtherCodeError as error:
    print(error)
    assert not any(name.startswith("sweeps.") for name in sys.modules)
"""


def python(program: str, home: Path, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": str(home)},
        cwd=home,  # it comes first on the path
        capture_output=True,
        text=True,
        check=check,
    )


@pytest.mark.ray  # which it imports
@pytest.mark.cluster
def test_a_worker_with_another_copy_of_the_package_begins_nothing(copy: Path, tmp_path: Path) -> None:
    python(SEND, ROOT, str(tmp_path / "sent"))
    said = python(BEGIN, copy, str(tmp_path / "sent")).stdout
    assert said.startswith("Every node must run the driver's code, but ")
    assert said.count("(code ") == 2
    same = python(BEGIN, ROOT, str(tmp_path / "sent"), check=False)
    assert "cannot unpack" in same.stderr, (
        "with the driver's own code it gets as far as its work, of which there is none"
    )


DRIVE = """
import os, sys
from pathlib import Path
from fake_experiments import FakeExperiments, make_spec
from sweeps.executors.base import run_sweep
from sweeps.executors.ray.executor import Ray
os.environ["PYTHONPATH"] = sys.argv[1] + os.pathsep + os.environ["PYTHONPATH"]  # for the workers alone
run_sweep(make_spec(trials=1, seeds=(0,)), Path(sys.argv[2]), Ray(), experiments=FakeExperiments())
"""


@pytest.mark.cluster
@pytest.mark.ray
def test_on_ray_no_job_is_done_by_another_copy(copy: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE)])}
    done = subprocess.run(
        [sys.executable, "-c", DRIVE, str(copy), str(tmp_path / "sweep")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Every node must run the driver's code, but " in done.stderr
    assert not list((tmp_path / "sweep" / "records").glob("*.json"))


def test_a_worker_that_sees_other_files_of_the_users(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("def build(prior):\n    return None\n")
    monkeypatch.chdir(tmp_path)
    experiments: Any = AcgkdExperiments(trust_code=True)

    spec = lab.make_spec(teacher={"preset": "mine:build", "checkpoint": "mine.pt"})
    assert list(experiments.user_files(spec, fresh=True)) == ["mine.py"]
    sent = pickle.loads(pickle.dumps(experiments))
    sent.require_user_files()
    (tmp_path / "mine.py").write_text("def build(prior):\n    return 1\n")
    with pytest.raises(OtherCodeError, match=r"has mine.py with the digest .* and the driver has mine.py with"):
        sent.require_user_files()
    (tmp_path / "mine.py").unlink()
    with pytest.raises(OtherCodeError, match=r"has no mine\.py and the driver has"):
        sent.require_user_files()


def test_every_record_says_what_ran(lab: ModuleType, tmp_path: Path) -> None:
    import json

    from acgkd import __version__
    from acgkd.code_digest import package_digest

    run_sweep(lab.make_spec(trials=2), tmp_path, InProcess(), experiments=lab.FakeExperiments(hurry=True))
    for path in (tmp_path / "records").glob("*.json"):
        code = json.loads(path.read_text())["code"]
        assert code == {"version": __version__, "package": package_digest(), "plugins": {}, "files": {}}
