"""`acgkd doctor --address`: every node of a cluster is asked, and what is wrong with one is said."""

import json
import os
import platform
import shutil
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from acgkd import __version__
from acgkd.code_digest import package_digest
from sweeps.cli.app import main
from sweeps.cli.commands import doctor
from sweeps.cli.commands._cluster import findings
from sweeps.executors.ray import node_probe, nodes
from sweeps.executors.ray.nodes import Node

ROOT = Path(__file__).parents[2]
RESOURCES = {"CPU": 2.0, "GPU": 0.0}
SOUND: dict[str, Any] = {
    "host": "node7",
    "python": platform.python_version(),
    "torch": version("torch"),
    "ray": version("ray"),
    "acgkd": __version__,
    "code": package_digest(),
    "cores": 8,
    "gpus": [],
    "sees_folder": True,
    "free_bytes": 2**40,
    "renames": True,
    "creates_once": True,
    "clock_s": 0.01,
    "clock_error_s": 0.01,
}


def said(facts: dict[str, Any] | None = None, silence: str = "", **changes: Any) -> list[tuple[str, str]]:
    node = Node("ab", "10.0.0.7", RESOURCES, None if silence else {**SOUND, **(facts or {}), **changes}, silence)
    return list(findings(node, Path("/shared/sweeps")))


def test_a_sound_node() -> None:
    assert [state for state, _ in said()] == ["ok"] * 5
    assert said()[2][1] == "8 cores, of which Ray uses 2; no GPU"
    assert said()[3][1] == "sees /shared/sweeps: rename and exclusive create work; 1,024 GiB free"


@pytest.mark.parametrize(
    ("changes", "state", "text"),
    [
        ({"code": "0" * 16}, "bad", "it would get no work"),
        ({"acgkd": "9.9.9"}, "bad", f"acgkd 9.9.9 (code {package_digest()}), but here it is acgkd {__version__}"),
        ({"code": None, "acgkd": None}, "bad", "acgkd is not there"),
        ({"torch": "1.0"}, "note", f"torch 1.0 (here {version('torch')})"),
        ({"torch": None}, "bad", "torch missing"),
        ({"sees_folder": False}, "bad", "does not see /shared/sweeps: make it, on a filesystem that all nodes share"),
        ({"renames": False}, "bad", "a renamed file shows its old text"),
        ({"creates_once": False}, "bad", "two writers both win"),
        ({"folder_error": "PermissionError: no"}, "bad", "cannot be used: PermissionError: no"),
        ({"clock_s": -7.5}, "note", "clock 7.50 s behind ours (± 0.01 s)"),
        ({"gpus": ["H200, 139 GiB"] * 2}, "ok", "GPUs: 2 x H200, 139 GiB; Ray uses 0"),
    ],
)
def test_what_is_wrong_with_a_node_is_said(changes: dict[str, Any], state: str, text: str) -> None:
    assert any(state == found and text in line for found, line in said(**changes))


def test_a_silent_node() -> None:
    assert said(silence="no answer within 30 s") == [
        ("bad", "no answer within 30 s; a trial that is sent there would be lost")
    ]


def test_a_node_tries_the_folder(tmp_path: Path) -> None:
    (tmp_path / "trial").mkdir()
    (tmp_path / "trial" / "driver").touch()
    facts = node_probe.probe(str(tmp_path), "trial", "me")
    assert (facts["acgkd"], facts["code"]) == (__version__, package_digest())
    assert (facts["sees_folder"], facts["renames"], facts["creates_once"]) == (True, True, True)
    assert node_probe.probe(str(tmp_path), "another", "me")["sees_folder"] is False, "an equal path elsewhere"
    assert node_probe.probe(str(tmp_path / "gone"), "", "me")["sees_folder"] is False
    (tmp_path / "trial" / "file").mkdir()
    (tmp_path / "trial" / "file" / "in it").touch()
    assert "IsADirectoryError" in str(node_probe.probe(str(tmp_path), "trial", "file")["folder_error"])


def test_a_package_of_our_name_elsewhere_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path / "later")
    (tmp_path / "later" / "analysis").mkdir(parents=True)
    assert not any(str(tmp_path) in text for _, text in doctor._packages(Path()))
    (tmp_path / "later" / "analysis" / "__init__.py").touch()
    assert any(state == "note" and str(tmp_path / "later") in text for state, text in doctor._packages(Path()))


@pytest.fixture
def local() -> Iterator[None]:
    import ray

    ray.init(address="local", num_cpus=1, log_to_driver=False, include_dashboard=False)
    ray.get(ray.remote(lambda: None).remote())  # nodes are asked with a limit of time, and a worker takes long to start
    yield
    ray.shutdown()


@pytest.mark.ray
@pytest.mark.cluster
@pytest.mark.usefixtures("local")
def test_on_a_real_cluster_of_one_node(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["doctor", "--address", "auto", "--folder", str(tmp_path), "--json"]) == 0
    (node,) = json.loads(capsys.readouterr().out)
    assert (node["facts"]["code"], node["facts"]["renames"], node["resources"]["CPU"]) == (package_digest(), True, 1)
    assert abs(node["facts"]["clock_s"]) <= node["facts"]["clock_error_s"] + 0.5
    assert {finding["state"] for finding in node["findings"]} == {"ok"}
    assert list(tmp_path.iterdir()) == []
    assert main(["doctor", "--address", "auto", "--folder", str(tmp_path / "gone")]) == 1
    printed = capsys.readouterr().out
    assert "does not see" in printed
    assert max(map(len, printed.splitlines())) <= 80
    monkeypatch.setattr(node_probe, "probe", lambda *asked: time.sleep(60))
    (silent,) = nodes.ask_nodes("auto", tmp_path, limit_s=1.0)
    assert silent.silence == "no answer within 1 s"


@pytest.mark.ray
@pytest.mark.cluster
def test_two_nodes_of_which_one_has_other_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import ray
    from ray.cluster_utils import Cluster

    copy = tmp_path / "copy"
    for name in ("acgkd", "sweeps", "analysis"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "acgkd" / "losses.py").write_text("# edited\n")
    (tmp_path / "shared").mkdir()
    here = {"include_dashboard": False, "num_cpus": 1}
    cluster = Cluster(initialize_head=True, head_node_args={**here, "env_vars": {"PYTHONPATH": str(ROOT)}})
    try:
        cluster.add_node(num_cpus=1, env_vars={**os.environ, "PYTHONPATH": str(copy)})
        cluster.wait_for_nodes()
        assert main(["doctor", "--address", cluster.address, "--folder", str(tmp_path / "shared"), "--json"]) == 1
        found = json.loads(capsys.readouterr().out)
        assert len({node["name"] for node in found}) == 2, "two nodes of one host have names of their own"
        states = sorted([finding["state"] for finding in node["findings"]].count("bad") for node in found)
        assert states == [0, 1]
        assert len({node["facts"]["code"] for node in found}) == 2
    finally:
        ray.shutdown()
        cluster.shutdown()
