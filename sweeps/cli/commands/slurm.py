"""`acgkd slurm`: writes a batch script."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acgkd.errors import ConfigError, FolderError
from acgkd.files.addresses import address_of
from analysis.stores.filesystems import filesystem
from sweeps.cli.commands._options import Overrides, SpecFile, TrialsOption, TrustCode, changes, examples
from sweeps.cli.console import err, print_text

if TYPE_CHECKING:
    from sweeps.launching.slurm import Form
    from sweeps.spec.sections import Resources as Share

EPILOG = examples(
    "acgkd slurm specs/mutag.yaml --nodes 4 --cpus-per-node 16 --time 4:00:00 --out /shared/mutag -o mutag.sh",
    "acgkd slurm specs/mutag.yaml --one-node --in-process | sbatch",
    "acgkd slurm specs/mutag.yaml --elastic --nodes 8 --cpus-per-node 4 --nodes-partition spot -o mutag.sh",
)


def slurm(
    spec: SpecFile,
    nodes: Annotated[
        int,
        typer.Option("--nodes", metavar="N", min=1, help="How many; with --elastic, at a time beside the head."),
    ] = 1,
    cpus: Annotated[
        int | None,
        typer.Option("--cpus-per-node", metavar="N", min=1, help="Cores of each node.", show_default="whole nodes"),
    ] = None,
    gpus: Annotated[int, typer.Option("--gpus-per-node", metavar="N", min=0, help="GPUs of each node.")] = 0,
    memory: Annotated[
        str | None, typer.Option("--mem", metavar="SIZE", help="Of each node, as `16G`.", show_default=False)
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", metavar="LIMIT", help="Of the job, as `4:00:00`.", show_default=False)
    ] = None,
    partition: Annotated[str | None, typer.Option("--partition", metavar="NAME", show_default=False)] = None,
    nodes_partition: Annotated[
        str | None,
        typer.Option(
            "--nodes-partition",
            metavar="NAME",
            help="With --elastic, where the nodes come from; it may be one that preempts.",
            show_default="that of --partition",
        ),
    ] = None,
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", show_default=False)] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="The sweep folder.", show_default="runs/<name of the spec>"),
    ] = None,
    overrides: Overrides = None,
    trials: TrialsOption = None,
    trust_code: TrustCode = False,
    one_node: Annotated[bool, typer.Option("--one-node", help="One node, with a Ray of its own.")] = False,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="With --one-node: one trial after the other, without Ray.")
    ] = False,
    elastic: Annotated[
        bool,
        typer.Option("--elastic", help="Two scripts: a small head with the driver, and an array of nodes for it."),
    ] = False,
    script: Annotated[
        Path | None,
        typer.Option("-o", "--script", metavar="FILE", help="Where to write it.", show_default="standard output"),
    ] = None,
) -> None:
    """Write a batch script for Slurm that runs a sweep, or a suite, and resumes it until it is done.

    The script makes a Ray cluster of the job's nodes and runs the driver on it, in the environment that this command
    runs in. Two minutes before the time limit the driver keeps its work, and the job goes back into the queue. Nothing
    is submitted. With `--elastic` nodes are tasks of an array that may come, go and be preempted while the sweep runs.
    """
    from sweeps.launching import slurm as batch
    from sweeps.store.writable import require_path

    form = _form(nodes, one_node, in_process, elastic, script, nodes_partition)
    said = changes(overrides, trials=trials)
    name, shares, suite = _what(spec, said, trust_code, folder)
    share = max(shares, key=lambda each: (each.gpu, each.cpu))
    if (cpus is not None and max(each.cpu for each in shares) > cpus) or share.gpu > gpus:
        raise ConfigError(
            f"A trial must fit into a node, but takes {share.cpu:g} CPU and {share.gpu:g} GPU (`resources`), and a "
            f"node has {cpus or 'all its'} CPU and {gpus} GPU. Raise `--cpus-per-node` or `--gpus-per-node`."
        )
    target = folder or Path("runs") / name
    if suite:
        require_path(target)
    if (address := address_of(target)) is not None:
        filesystem(address)  # refuses what can hold no sweep
    options = [part for text in said for part in ("--set", text)] + (["--trust-code"] if trust_code else [])
    made = batch.scripts(
        batch.Sweep(
            spec=os.path.abspath(spec),
            name=name,
            folder=address or os.path.abspath(target),
            options=tuple(options),
            command=shlex.join(["acgkd", *sys.argv[1:]]),
        ),
        form,
        batch.Resources(nodes, cpus, gpus, memory, time, partition, nodes_partition, account),
        script or Path(f"{name}.sh"),
    )
    if script is None:
        print_text("".join(made.values()).rstrip("\n"))
        return
    for path, text in made.items():
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise FolderError(f"{path} must be writable, but: {error.strerror}. Choose another with `-o`.") from error
    lines = [f"Written: {', '.join(map(str, made))}. To submit:", *batch.submission(script, form)]
    err.print("\n  ".join(lines), markup=False, highlight=False, soft_wrap=True)


def _what(spec: Path, said: list[str], trust_code: bool, folder: Path | None) -> "tuple[str, list[Share], bool]":
    """Name, what a trial takes (of a suite, in each sweep), and whether it is a suite.

    Copies in the folder stand in for plug-ins that are gone, as when it is run.

    Raises:
        SpecError: something is wrong; it holds all faults.
    """
    from sweeps.code import plugin_copies
    from sweeps.shipped import locate
    from sweeps.spec.loading import check_tree
    from sweeps.spec.raw import is_suite_tree, read_tree
    from sweeps.suites.suite_loading import check_suite

    tree = read_tree(locate(spec), said)
    if folder is None or address_of(folder) is None:
        plugin_copies.stand_in(folder or Path("runs") / tree.name)
    if not is_suite_tree(tree):
        read = check_tree(tree, trust_code)
        return read.name, [read.resources], False
    suite = check_suite(tree, trust_code)
    return suite.name, [member.spec(trust_code).resources for member in suite.members], True


def _form(
    nodes: int, one_node: bool, in_process: bool, elastic: bool, script: Path | None, nodes_partition: str | None
) -> "Form":
    """Which script the options mean.

    Raises:
        typer.BadParameter: they contradict each other.
    """
    from sweeps.launching.slurm import Form

    if elastic and (one_node or in_process):
        raise typer.BadParameter("--elastic is for several nodes, so it takes neither --one-node nor --in-process.")
    if elastic and script is None:
        raise typer.BadParameter("--elastic writes two scripts, so it needs -o FILE.")
    if in_process and not one_node:
        raise typer.BadParameter("--in-process uses one node: add --one-node.")
    if one_node and nodes != 1:
        raise typer.BadParameter(f"--one-node takes one node, but --nodes says {nodes}.")
    if nodes_partition is not None and not elastic:
        raise typer.BadParameter("--nodes-partition is where the nodes of --elastic come from: add it, or --partition.")
    if elastic:
        return Form.ELASTIC
    return Form.IN_PROCESS if in_process else Form.ONE_NODE if one_node else Form.NODES
