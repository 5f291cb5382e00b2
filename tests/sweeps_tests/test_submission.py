"""What travels with a submitted sweep, what its jobs are called, and what is refused; `test_job_server.py` submits."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from acgkd.errors import ConfigError, SweepError
from sweeps.cli.app import main
from sweeps.cli.commands._options import submitted_job
from sweeps.executors.job_server.client import JobServer, ServerJob
from sweeps.launching import submission, submitted
from sweeps.spec.loading import check_tree
from sweeps.spec.raw import read_tree
from sweeps.store.atomic import Lock

SPEC = """\
name: mine
dataset: motifs
teacher: {preset: "my_models:build", epochs: 1}
student: gin-2-4
method: {name: acgkd, synthesis: {graphs: 6, steps: 2}, transfer: {steps: 2, batch_size: 4}}
space: smoke
budget: {trials: 3}
"""
MODELS = """\
from parts.layers import LAYERS
from acgkd.models import build_model


def build(prior):
    return build_model(f"gin-{LAYERS}-8", prior.feature_count, prior.classes)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "project"
    (home / "parts").mkdir(parents=True)
    (home / "mine.yaml").write_text(SPEC)
    (home / "my_models.py").write_text(MODELS)
    (home / "parts" / "layers.py").write_text("LAYERS = 2\n")
    (home / "data.bin").write_bytes(bytes(1000))  # of nobody's concern
    monkeypatch.chdir(tmp_path)
    return home


def packed(spec: Path, into: Path, *changes: str, trust_code: bool = True) -> submission.Bundle:
    tree = read_tree(spec, changes)
    into.mkdir()
    return submission.pack(tree, check_tree(tree, trust_code), spec, changes, trust_code, into)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_spec_and_the_code_that_it_loads_travel_and_nothing_else(project: Path, tmp_path: Path) -> None:
    bundle = packed(project / "mine.yaml", tmp_path / "out", "budget/trials=2")
    assert files(tmp_path / "out") == ["mine.yaml", "my_models.py", "parts/layers.py"]
    assert bundle == submission.Bundle("mine.yaml", ("--set", "budget/trials=2", "--trust-code"))


def test_files_that_a_spec_names_travel_and_are_found_where_they_arrive(project: Path, tmp_path: Path) -> None:
    graphs = {"options": {"graphs": 60}}
    split = {"train": list(range(40)), "validation": list(range(40, 50)), "test": list(range(50, 60))}
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "split.json").write_text(json.dumps(split))
    spec = project / "plain.yaml"
    text = SPEC.replace('{preset: "my_models:build", epochs: 1}', "gin-2-8")
    spec.write_text(text.replace("dataset: motifs", f"dataset: {json.dumps({'name': 'motifs', **graphs})}"))
    changes = ("dataset/split_file=elsewhere/split.json", "replicates={seeds: [0], vary: [teacher, draws]}")
    bundle = packed(spec, tmp_path / "out", *changes, trust_code=False)
    assert files(tmp_path / "out") == ["named/split.json", "plain.yaml"]
    assert bundle.options[-2:] == ("--set", 'dataset/split_file="named/split.json"')
    os.chdir(tmp_path / "out")
    read = check_tree(read_tree(Path("plain.yaml"), bundle.options[1::2]), False)
    assert read.dataset.split_file == str(tmp_path / "out" / "named" / "split.json")


def test_what_is_too_large_stays(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "LIMIT", 100)
    with pytest.raises(ConfigError, match="Put them on a filesystem that the cluster sees"):
        packed(project / "mine.yaml", tmp_path / "out")


def test_a_folder_is_named_as_the_cluster_reads_it(project: Path) -> None:
    assert submission.place_of("runs/mine") == f"{project.parent}/runs/mine"
    assert submission.place_of("s3:/bucket/mine") == "s3://bucket/mine"


def test_jobs_are_called_after_the_folder_and_counted() -> None:
    first = submission.name_of("/shared/my sweep")
    assert first.startswith("acgkd-my-sweep-")
    assert submission.name_of("/elsewhere/my sweep") != first
    assert submission.next_name("/shared/my sweep", ["other", f"{submission.name_of('/shared/my')}-7"]) == first
    assert submission.next_name("/shared/my sweep", [first, f"{first}-9", f"{first}-10"]) == f"{first}-11"


class Known:
    """Stands in for a server that knows some jobs."""

    def __init__(self, *names: str) -> None:
        self._jobs = [ServerJob(name, "RUNNING", None, "") for name in names]

    def jobs(self) -> list[ServerJob]:
        return self._jobs


def test_a_job_is_found_by_its_name_or_by_its_folder(project: Path) -> None:
    first = submission.name_of(str(project.parent / "runs" / "mine"))
    server: Any = Known(first, "raysubmit_1", f"{first}-2")
    assert submitted_job(server, "runs/mine").id == f"{first}-2"
    assert submitted_job(server, first).id == first
    with pytest.raises(ConfigError, match=f"none of runs/other. Its jobs: {first}, {first}-2"):
        submitted_job(server, "runs/other")


def test_what_travelled_is_put_into_the_sweep_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = project.parent / "sweep"
    called: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda path, arguments: called.append(arguments))
    config = {"runtime_env": {"working_dir": "gcs://_ray_pkg_0.zip", "env_vars": {"A": "1"}}, "metadata": {}}
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps(config))
    for text in (SPEC, SPEC + "# edited\n"):
        (project / "mine.yaml").write_text(text)
        monkeypatch.chdir(project)
        submitted.main(str(sweep), "mine.yaml", "--trust-code")
        assert (sweep / "launch" / "job" / "mine.yaml").read_text() == text
        assert Path.cwd() == sweep / "launch" / "job"
    expected = ["run", "mine.yaml", "--out", str(sweep), "--address", "auto", "--trust-code"]
    assert called[-1] == [sys.executable, "-P", "-m", "acgkd", *expected]
    assert json.loads(os.environ["RAY_JOB_CONFIG_JSON_ENV_VAR"])["runtime_env"] == {"env_vars": {"A": "1"}}
    # A folder on which somebody works is left as it is.
    (project / "mine.yaml").write_text("another spec")
    monkeypatch.chdir(project)
    with Lock(sweep / "driver.lock"):
        assert submitted.main(str(sweep), "mine.yaml") == 73
    assert "another one does" in capsys.readouterr().err
    assert (sweep / "launch" / "job" / "mine.yaml").read_text() == SPEC + "# edited\n"


@pytest.mark.parametrize("address", ["auto", "local", "head:8265", "127.0.0.1:6379"])
def test_an_address_is_that_of_a_job_server(address: str, capsys: pytest.CaptureFixture[str], project: Path) -> None:
    assert main(["submit", str(project / "mine.yaml"), "--trust-code", "--address", address]) == 2
    assert "http://HOST:PORT" in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_named() -> None:
    with pytest.raises(SweepError, match=r"must answer at http://127.0.0.1:9, but: .*--include-dashboard=true"):
        JobServer("http://127.0.0.1:9")


def test_without_rays_client_one_sentence_says_what_to_install(project: Path) -> None:
    code = (
        "import sys; sys.modules.update(aiohttp=None, requests=None)\n"
        "from sweeps.cli.app import main\n"
        "sys.exit(main(['logs', 'x', '--address', 'http://127.0.0.1:9']))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "200"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert "Ray's job client comes with `pip install acgkd[cluster]`, but is not there" in done.stderr
    assert "Traceback" not in done.stderr
