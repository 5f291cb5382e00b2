"""What `deploy/` holds, as far as one machine can check it: files and commands exist, and schemas admit the YAML."""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml

from sweeps.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
TEXT = {"type": "string", "minLength": 1}
POD = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["containers"],
            "additionalProperties": False,
            "properties": {
                "terminationGracePeriodSeconds": {"type": "integer"},
                "containers": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["name", "image", "resources"],
                        "additionalProperties": False,
                        "properties": {
                            "name": TEXT,
                            "image": TEXT,
                            "ports": {
                                "items": {
                                    "required": ["containerPort", "name"],
                                    "properties": {"containerPort": {"type": "integer"}, "name": TEXT},
                                }
                            },
                            "resources": {
                                "additionalProperties": False,
                                "properties": {key: {"additionalProperties": TEXT} for key in ("requests", "limits")},
                            },
                            "volumeMounts": {"items": {"required": ["name", "mountPath"]}},
                        },
                    },
                },
                "volumes": {"items": {"required": ["name"]}},
            },
        }
    },
}
START = {"type": "object", "additionalProperties": {"type": "string"}}
# Those parts of KubeRay's `RayJob` (ray.io/v1) that are used here, as its documentation has them.
RAY_JOB = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "additionalProperties": False,
    "properties": {
        "apiVersion": {"const": "ray.io/v1"},
        "kind": {"const": "RayJob"},
        "metadata": {"required": ["name"], "properties": {"name": {"pattern": r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"}}},
        "spec": {
            "type": "object",
            "required": ["entrypoint", "rayClusterSpec"],
            "additionalProperties": False,
            "properties": {
                "entrypoint": TEXT,
                "submissionMode": {"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"]},
                "shutdownAfterJobFinishes": {"type": "boolean"},
                "ttlSecondsAfterFinished": {"type": "integer", "minimum": 0},
                "backoffLimit": {"type": "integer", "minimum": 0},
                "runtimeEnvYAML": TEXT,
                "rayClusterSpec": {
                    "type": "object",
                    "required": ["headGroupSpec"],
                    "additionalProperties": False,
                    "properties": {
                        "rayVersion": {"type": "string"},
                        "enableInTreeAutoscaling": {"type": "boolean"},
                        "headGroupSpec": {
                            "required": ["template"],
                            "additionalProperties": False,
                            "properties": {"rayStartParams": START, "template": POD},
                        },
                        "workerGroupSpecs": {
                            "type": "array",
                            "items": {
                                "required": ["groupName", "template"],
                                "additionalProperties": False,
                                "properties": {
                                    "groupName": TEXT,
                                    "replicas": {"type": "integer"},
                                    "minReplicas": {"type": "integer"},
                                    "maxReplicas": {"type": "integer"},
                                    "rayStartParams": START,
                                    "template": POD,
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def understood(line: str) -> None:
    """Fails where a line of a shell calls `acgkd` as it cannot be called."""
    words = shlex.split(line)
    assert words[0] == "acgkd"
    command: Any = typer.main.get_command(app)
    command.commands[words[1]].make_context(words[1], words[2:], resilient_parsing=False)


# ---- KubeRay


def test_the_job_is_one_that_kuberay_takes() -> None:
    job = read("rayjob.yaml")
    jsonschema.validate(job, RAY_JOB)
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["rayVersion"] == version("ray")
    understood(job["spec"]["entrypoint"])
    yaml.safe_load(job["spec"]["runtimeEnvYAML"])["env_vars"]["RAY_JOB_STOP_WAIT_TIME_S"].isdecimal()
    pods = [cluster["headGroupSpec"]["template"], *(group["template"] for group in cluster["workerGroupSpecs"])]
    for pod in pods:
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        for container in pod["spec"]["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes
            assert container["image"] == pods[0]["spec"]["containers"][0]["image"]
    # What the driver names is there where it runs, and the sweep folder is on every node.
    mounts = [
        {mount["mountPath"] for mount in container["volumeMounts"]}
        for pod in pods
        for container in pod["spec"]["containers"]
    ]
    assert mounts[0] == {"/sweeps", "/spec"}
    assert all("/sweeps" in there for there in mounts)


def test_the_options_of_ray_start_exist() -> None:
    cluster = read("rayjob.yaml")["spec"]["rayClusterSpec"]
    from ray.scripts.scripts import start

    known = {option for parameter in start.params for option in parameter.opts}
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    used = {f"--{name}" for group in groups for name in group["rayStartParams"]}
    commands = read("cluster.yaml")["head_start_ray_commands"] + read("cluster.yaml")["worker_start_ray_commands"]
    used |= {option for line in commands for option in re.findall(r"--[\w-]+", line)}
    assert len(used) > 4
    assert used <= known


# ---- `ray up`


def test_the_cluster_is_one_that_ray_up_takes() -> None:
    package = find_spec("ray")
    assert package is not None
    assert package.origin is not None
    schema = json.loads((Path(package.origin).parent / "autoscaler" / "ray-schema.json").read_text())
    cluster = read("cluster.yaml")
    jsonschema.validate(cluster, schema)
    assert cluster["max_workers"] == len(cluster["provider"]["worker_ips"])


# ---- the image


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile with what follows it, on one line."""
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]  # type: ignore[misc]


def test_what_the_image_is_built_from_exists_and_is_all_that_is_needed() -> None:
    found = instructions()
    assert found[0][0] == "ARG"  # the base can be replaced
    assert {name for name, _ in found} <= {"ARG", "FROM", "ENV", "RUN", "WORKDIR", "COPY", "USER", "CMD"}
    copied = [source for name, rest in found if name == "COPY" for source in rest.split()[:-1]]
    assert all((ROOT / source).exists() for source in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]) <= set(copied)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == set(copied)
    extras = re.search(r'"\.\[([\w,]+)\]"', " ".join(rest for _, rest in found))
    assert extras is not None
    assert set(extras[1].split(",")) <= set(project["project"]["optional-dependencies"])
    arguments = {rest.split("=")[0] for name, rest in found if name == "ARG"}
    head = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert set(re.findall(r"--build-arg (\w+)=", head)) == arguments == set(re.findall(r"\$\{(\w+)\}", head))


def test_the_image_does_not_run_as_root_and_shows_that_it_works() -> None:
    found = instructions()
    assert ("USER", "acgkd") in found
    assert found.index(("RUN", "acgkd --version")) > found.index(("USER", "acgkd"))
    assert json.loads(found[-1][1]) == ["acgkd", "--help"]


@pytest.mark.slow
def test_the_image_is_built() -> None:
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("no docker daemon runs here")
    subprocess.run(
        ["docker", "build", "-q", "-f", str(DEPLOY / "Dockerfile"), "-t", "acgkd-test", str(ROOT)], check=True
    )
    done = subprocess.run(
        ["docker", "run", "--rm", "acgkd-test", "acgkd", "list", "specs"], capture_output=True, text=True
    )
    assert "quickstart" in done.stdout


# ---- what the files say of themselves


@pytest.mark.parametrize("name", ["Dockerfile", "rayjob.yaml", "cluster.yaml"])
def test_commands_and_files_that_comments_name_exist(name: str) -> None:
    comments = [line[1:] for line in (DEPLOY / name).read_text().splitlines() if line.startswith("#")]
    places = {place for line in comments for place in re.findall(r"(?<!\S)(?:deploy|specs)/[\w.]+", line)}
    assert places
    assert all((ROOT / place).is_file() for place in places)
    for line in comments:
        if line.startswith("   acgkd "):
            understood(line.strip())


def test_the_commands_of_the_guide_are_understood() -> None:
    guide = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8").split("\n## Nodes")[0]
    blocks = re.findall(r"```bash\n(?!#!)(.*?)```", guide, re.S)
    lines = [line.split("   #")[0] for block in blocks for line in block.splitlines() if line.startswith("acgkd ")]
    assert len(lines) > 10
    for line in lines:
        understood(line)
