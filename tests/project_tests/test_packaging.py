"""The wheel: three packages with all that they need at run time, nothing else, and it works where it is unpacked."""

import json
import re
import shutil
import subprocess
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("acgkd", "analysis", "sweeps")
OTHER_FILES = {
    "acgkd/py.typed",
    "analysis/py.typed",
    "analysis/page/templates/report.html",
    "analysis/page/templates/report.css",
    "analysis/page/templates/trials.js",
    "analysis/page/templates/pointer.js",
    "analysis/page/templates/tables.js",
    "analysis/page/templates/live.js",
    "sweeps/cli/templates/my_teacher.py.txt",
    "sweeps/cli/templates/own-teacher.yaml",
    "sweeps/launching/templates/directives.sh",
    "sweeps/launching/templates/environment.sh",
    "sweeps/launching/templates/head.sh",
    "sweeps/launching/templates/nodes.sh",
    "sweeps/launching/templates/one_node.sh",
    "sweeps/launching/templates/ray_node.sh",
    "sweeps/launching/templates/requeue.sh",
    "sweeps/py.typed",
    "sweeps/spec.schema.json",
    "sweeps/suite.schema.json",
}
SPECS = {path.stem for path in (ROOT / "specs").glob("*.yaml")}


def test_it_holds_three_packages_and_what_they_read(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    meta = {name for name in names if re.fullmatch(r"acgkd-[^/]*\.dist-info", name.split("/")[0])}
    sources = {str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert len(sources) > 100
    assert names - meta == sources | OTHER_FILES | {f"sweeps/shipped_specs/{name}.yaml" for name in SPECS}
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
    assert set(re.findall(r"^Provides-Extra: (\w+)$", metadata, re.M)) == {
        "cluster",
        "dashboard",
        "dev",
        "docs",
        "export",
        "images",
        "storage",
        "trackers",
    }
    core = re.findall(r"^Requires-Dist: (?!.*extra ==)([\w-]+)", metadata, re.M)
    assert "ray" in core
    assert not {"pytest", "ruff", "mypy", "optuna-dashboard"} & set(core)


SMALL = (
    "--set=dataset.options.graphs=60",
    "--set=teacher=gin-2-8",
    "--set=teacher.epochs=1",
    "--set=student=gin-2-4",
    "--set=method.synthesis.graphs=6",
    "--set=method/transfer/steps=2",
    "--set=space=smoke",
    "--set=replicates/seeds=[0]",
    "--set=budget/trials=1",
)


def succeeds(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_from_an_empty_environment_and_folder_one_can_look_around(environment: Any, wheel: Path) -> None:
    environment.install(wheel)
    acgkd = environment.acgkd
    found = succeeds(environment.call("import acgkd, analysis, sweeps; print(acgkd.__file__, sweeps.__file__)"))
    assert found.split() == [str(environment.site / name / "__init__.py") for name in ("acgkd", "sweeps")]
    assert re.fullmatch(r"acgkd \d+\.\d+\.\d+\S*\n", succeeds(acgkd("--version")))
    assert succeeds(environment.run_module("--version")) == succeeds(acgkd("--version"))
    assert set(json.loads(succeeds(acgkd("list", "specs", "--json")))["specs"]) == SPECS
    assert "acgkd run quickstart.yaml" in succeeds(acgkd("init"))
    schema = (environment.work / "quickstart.yaml").read_text().splitlines()[0].partition("$schema=")[2]
    assert json.loads(Path(schema).read_text()) == json.loads((ROOT / "sweeps" / "spec.schema.json").read_text())
    assert Path(schema).is_relative_to(environment.site)


@pytest.mark.slow
def test_from_an_empty_environment_and_folder_the_quickstart_runs(environment: Any, wheel: Path) -> None:
    environment.install(wheel)
    acgkd = environment.acgkd
    assert f"{environment.site}/sweeps/shipped_specs/quickstart.yaml is valid." in succeeds(
        acgkd("check", "quickstart")
    )
    assert "runs/quickstart/report/report.html" in succeeds(acgkd("run", "quickstart", "--in-process", *SMALL))
    assert (environment.work / "runs" / "quickstart" / "report" / "report.html").stat().st_size > 10_000
    rows = {row["what"]: row for row in reversed(json.loads(succeeds(acgkd("doctor", "--json"))))}
    assert rows["packages"]["text"].endswith(str(environment.site))
    assert {rows[what]["state"] for what in ("packages", "folder", "cache")} == {"ok"}


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_from_an_empty_environment_plugins_run_in_process_and_on_ray(environment: Any, wheel: Path) -> None:
    """One of each kind, from files that lie nowhere near the package."""
    environment.install(wheel)
    acgkd, home = environment.acgkd, environment.work / "mine"
    shutil.copytree(ROOT / "docs" / "examples" / "plugins", home, ignore=shutil.ignore_patterns("__pycache__"))
    listed = json.loads(succeeds(acgkd("list", "--plugin", "mine", "--json")))
    own = {"methods": "chance", "models": "oneround", "datasets": "wheels", "spaces": "chance_space"}
    assert all(name in listed[kind] for kind, name in (own | {"reports": "endings", "trackers": "lines"}).items())
    spec = ("mine/sweep.yaml", "--trust-code", "--set=budget/trials=1", "--set=teacher/epochs=1")
    for folder, where in (("alone", ("--in-process",)), ("cluster", ())):
        assert f"{folder}/report/report.html" in succeeds(acgkd("run", *spec, "--out", folder, *where))
        records = [json.loads(path.read_bytes()) for path in (environment.work / folder / "records").glob("*.json")]
        assert {record["outcome"] for record in records} == {"completed"}
        assert all(record["code"]["files"]["plugins/mine/chance.py"] for record in records)
        assert "trial-0000" in (environment.work / folder / "trackers" / "lines" / "runs.txt").read_text()
    succeeds(acgkd("report", "cluster", "--name=endings", "--plugin=mine", "--trust-code", "--out=endings"))
    assert "random\\_graphs" in (environment.work / "endings" / "report.md").read_text()


@pytest.mark.slow
def test_from_an_empty_environment_a_distribution_adds_one_of_each_kind(
    environment: Any, wheel: Path, hand_made: Callable[[str, Mapping[str, str]], Path]
) -> None:
    """By entry points, under names of its own; nothing of it needs to be trusted by a flag."""
    examples = ROOT / "docs" / "examples" / "plugins"
    files = {f"acme_parts/{path.name}": path.read_text() for path in examples.glob("*.py")}
    entries = {
        "methods": "acme_chance = acme_parts.chance:METHOD",
        "models": "acme_round = acme_parts.oneround:MODEL",
        "datasets": "acme_wheels = acme_parts.wheels",
        "spaces": "acme_space = acme_parts.chance_space:suggest",
        "reports": "acme_endings = acme_parts.endings:build",
        "trackers": "acme_lines = acme_parts.lines:TRACKER",
    }
    points = "".join(f"[acgkd.{kind}]\n{entry}\n" for kind, entry in entries.items())
    environment.install(wheel)
    environment.install(hand_made("acme-parts", {**files, "acme_parts-1.0.dist-info/entry_points.txt": points}))
    acgkd = environment.acgkd
    listed = json.loads(succeeds(acgkd("list", "--json")))
    assert all(entry.split()[0] in listed[kind] for kind, entry in entries.items())
    (environment.work / "sweep.yaml").write_text(
        "dataset: acme_wheels\nteacher: {preset: acme_round-16, epochs: 1}\nstudent: acme_round-4\n"
        "method: {name: acme_chance, synthesis: {steps: 2}}\nspace: acme_space\nbudget: {trials: 1}\n"
        "controls: []\ntrackers: acme_lines\n"
    )
    assert "sweep.yaml is valid." in succeeds(acgkd("check", "sweep.yaml"))
    assert "run/report/report.html" in succeeds(acgkd("run", "sweep.yaml", "--in-process", "--out", "run"))
    (record,) = (environment.work / "run" / "records").glob("trial*.json")
    assert json.loads(record.read_bytes())["code"]["files"]["plugins/acme_parts.chance:METHOD (acme-parts)"]
    assert "trial-0000" in (environment.work / "run" / "trackers" / "acme_lines" / "runs.txt").read_text()
    succeeds(acgkd("report", "run", "--name=acme_endings", "--out=endings"))
    assert "| trial 0 |    0 | completed |" in (environment.work / "endings" / "report.md").read_text()


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


def test_the_script_of_everything_runs_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    lines = re.findall(r"^ *step (.+)", (ROOT / ".ci" / "run").read_text(), re.M)
    steps = {word for line in lines for word in line.split() if re.fullmatch("[a-z-]+", word)}
    assert steps <= targets
    wanted = {"install", "test", "lint", "types", "floors", "docs", "realdata", "browser", "cluster", "wheel"}
    assert steps == {*wanted, "lower-ends", "pythons"}
