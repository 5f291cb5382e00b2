"""Batch scripts for Slurm: complete, readable, and free of anything that a neighbour's job could notice."""

import os
import re
import shlex
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from acgkd.errors import ConfigError
from acgkd.files.addresses import address_of

TEMPLATES = Path(__file__).with_name("templates")
TASKS = 100  # of an elastic sweep's array; each may be requeued
PATIENCE_MIN = 20  # a requeued head waits two minutes at least
SHORTEST_MIN = 10
_TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")
_WORD = re.compile(r"[\w.,:=+@%/\[\]-]+")
_OPTIONS = {"memory": "--mem"}


class Form(Enum):
    """How a sweep is spread over nodes."""

    NODES = "a Ray cluster over all nodes of one job"
    ELASTIC = "a head, and nodes that come and go as tasks of an array"
    ONE_NODE = "Ray on one node"
    IN_PROCESS = "one trial after the other on one node, without Ray"


@dataclass(frozen=True)
class Resources:
    """What is asked of Slurm; None leaves it to the partition's defaults.

    Args:
        nodes: how many; of the elastic form, how many beside the head at a time.
        cpus: of each node; whole nodes if left out.
        gpus: of each node.
        memory: of each node, as Slurm takes it: ``16G``.
        time: limit, as Slurm takes it: ``4:00:00``.
        partition: where.
        nodes_partition: of the elastic form, where the nodes come from; `partition` if left out.
        account: who pays.
    """

    nodes: int = 1
    cpus: int | None = None
    gpus: int = 0
    memory: str | None = None
    time: str | None = None
    partition: str | None = None
    nodes_partition: str | None = None
    account: str | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, str) and not _WORD.fullmatch(value):
                option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
                raise ConfigError(f"`{option}` must be one word, as Slurm takes it, but got {value!r}.")
        if self.time is not None:
            _require_time(self.time)

    def directives(self, *, nodes: int, small: bool = False, array: bool = False) -> list[str]:
        """The lines that ask for it.

        Args:
            nodes: of the job.
            small: it runs no trials, so it needs one core, little memory and no GPU.
            array: it is the elastic form's nodes.
        """
        partition = (self.nodes_partition if array else None) or self.partition
        cores = 1 if small else self.cpus
        asked: dict[str, object] = {
            "array": f"0-{TASKS - 1}%{self.nodes}" if array else None,
            "nodes": nodes,
            "ntasks-per-node": 1,
            "cpus-per-task": cores,
            "gpus-per-node": None if small else self.gpus or None,
            "mem": "3G" if small else self.memory,
            "time": self.time,
            "partition": partition,
            "account": self.account,
        }
        lines = [f"--{name}={value}" for name, value in asked.items() if value is not None]
        return lines if cores else [*lines, "--exclusive"]


def _require_time(text: str) -> None:
    """Refuses a limit of time that Slurm does not read, or in which a job would only begin and end."""
    if text.upper() in ("UNLIMITED", "INFINITE"):
        return
    found = _TIME.fullmatch(text)
    if found is None:
        raise ConfigError(f"`--time` is a limit as Slurm takes it, `4:00:00` or `2-12:00:00`, but got '{text}'.")
    days, *rest = (None if part is None else int(part) for part in found.groups())
    first, second, third = (part or 0 for part in rest)
    if days is not None:
        minutes = 24 * 60 * days + 60 * first + second + third / 60
    elif rest[2] is not None:
        minutes = 60 * first + second + third / 60
    else:
        minutes = first + second / 60
    if 0 < minutes < SHORTEST_MIN:  # none at all means no limit
        raise ConfigError(
            f"`--time` must be {SHORTEST_MIN} minutes at least, of which two are for keeping the work, but Slurm reads "
            f"{text} as {minutes:.3g} minutes. Four hours are `4:00:00`."
        )


@dataclass(frozen=True)
class Sweep:
    """What is run.

    Args:
        spec: its file, or the name of a shipped one.
        name: of the sweep.
        folder: of the sweep; a path that every node sees.
        options: further ones of `acgkd run`.
        command: that makes the script, for the record.
    """

    spec: str
    name: str
    folder: str
    options: tuple[str, ...] = ()
    command: str = "acgkd slurm"


def scripts(sweep: Sweep, form: Form, resources: Resources, script: Path) -> dict[Path, str]:
    """The batch scripts, by the file that each belongs into.

    Args:
        sweep: what is run.
        form: how it is spread.
        resources: what is asked of Slurm.
        script: the file to be submitted; the elastic form has a second one beside it.
    """
    elastic = form is Form.ELASTIC
    if "\n" in str(script):  # it is named in comments
        raise ConfigError(f"The name of a script must be one line, but got {str(script)!r}.")
    shared: dict[str, object] = {
        "title": f"{sweep.name}: {form.value}",
        "made_by": " ".join(sweep.command.split()),
        "script": shlex.quote(str(script)),
        "submission": submission(script, form),
        "job_name": re.sub(r"[^\w.-]", "-", sweep.name),
        "environment": environment(),
        "directory": shlex.quote(os.getcwd()),
        "spec": shlex.quote(sweep.spec),
        "folder": shlex.quote(sweep.folder),
        # Nodes meet in a folder, also where the sweep lies on an object store.
        "launch": shlex.quote(
            f"{os.path.abspath(sweep.name)}-launch" if address_of(sweep.folder) else f"{sweep.folder}/launch"
        ),
        "elastic": elastic,
        "one_node": form in (Form.ONE_NODE, Form.IN_PROCESS),
        "in_process": form is Form.IN_PROCESS,
        "nodes": resources.nodes,
        "gpus": resources.gpus,
    }
    arguments = [*sweep.options, *(["--in-process"] if form is Form.IN_PROCESS else [])]
    shared["arguments"] = "".join(f" {shlex.quote(part)}" for part in arguments)
    if shared["one_node"]:
        return {script: _render("one_node.sh", {**shared, "directives": resources.directives(nodes=1)})}
    directives = resources.directives(nodes=1 if elastic else resources.nodes, small=elastic)
    made = {script: _render("head.sh", {**shared, "directives": directives})}
    if elastic:
        array = {"tasks": TASKS, "patience_min": PATIENCE_MIN, "array": True}
        directives = resources.directives(nodes=1, array=True)
        made[_nodes_script(script)] = _render("nodes.sh", {**shared, **array, "directives": directives})
    return made


def _nodes_script(script: Path) -> Path:
    return script.with_name(f"{script.stem}-nodes{script.suffix}")


def submission(script: Path, form: Form) -> list[str]:
    """The lines of a shell that submit what `scripts` makes."""
    name = shlex.quote(str(script))
    if form is not Form.ELASTIC:
        return [f"sbatch {name}"]
    nodes = shlex.quote(str(_nodes_script(script)))
    return [f"head=$(sbatch --parsable {name})", f'sbatch --dependency=after:"$head" {nodes}']


def environment() -> list[str]:
    """Lines of a shell that activate the environment of this process."""
    prefix = Path(sys.prefix)
    lines = []
    if (prefix / "conda-meta").is_dir():
        root = next((folder for folder in (prefix, *prefix.parents) if (folder / "condabin").is_dir()), prefix)
        lines = [f"source {shlex.quote(str(root / 'bin' / 'activate'))} {shlex.quote(str(prefix))}"]
    elif (prefix / "bin" / "activate").is_file():
        lines = [f"source {shlex.quote(str(prefix / 'bin' / 'activate'))}"]
    if lines:
        # Scripts of environments read variables that need not be set.
        return ["set +u", "# shellcheck disable=SC1091", *lines, "set -u"]
    return [f"export PATH={shlex.quote(str(prefix / 'bin'))}:$PATH"]


def _render(name: str, values: dict[str, object]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # `{#`, by which Jinja would begin a comment, is the length of something in a shell.
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        comment_start_string="{##",
        autoescape=False,
    )
    return templates.get_template(name).render({"array": False, **values})
