"""`acgkd submit`: hands a sweep to a cluster, driver and all."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from acgkd.errors import FolderInUseError
from acgkd.files.addresses import address_of
from sweeps.cli.commands._options import JobServer, Overrides, SweepFile, TrialsOption, TrustCode, changes, examples
from sweeps.cli.console import print_line, print_note

EPILOG = examples(
    "acgkd submit specs/mutag.yaml --address http://head:8265 --out /shared/mutag",
    "acgkd logs /shared/mutag --address http://head:8265 --follow",
    "acgkd stop /shared/mutag --address http://head:8265",
)


def submit(
    spec: SweepFile,
    address: JobServer,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="The sweep folder, as the cluster sees it.",
            show_default="runs/<name of the spec>",
        ),
    ] = None,
    overrides: Overrides = None,
    trials: TrialsOption = None,
    trust_code: TrustCode = False,
    python: Annotated[
        str, typer.Option("--python", metavar="PATH", help="The interpreter that has acgkd, as the head sees it.")
    ] = "python",
) -> None:
    """Run a sweep as a job of a Ray cluster, so that this machine may be switched off.

    The driver runs on the cluster, with the spec, the files that it names, and your own code beside it; the sweep
    folder is one that every node sees. Submitting again resumes: with nothing left to do the job says so and ends. A
    sweep that runs is not submitted a second time: exit code 73.
    """
    from sweeps.code import plugin_copies
    from sweeps.executors.job_server.client import JobServer
    from sweeps.launching import submission
    from sweeps.spec.loading import check_tree
    from sweeps.spec.raw import read_tree

    said = changes(overrides, trials=trials)
    tree = read_tree(spec, said)
    if folder is None or address_of(folder) is None:
        plugin_copies.stand_in(folder or Path("runs") / tree.name)
    read = check_tree(tree, trust_code)
    target = submission.place_of(str(folder or Path("runs") / read.name))
    server = JobServer(address)
    jobs = server.jobs()
    first = submission.name_of(target)
    running = [job.id for job in jobs if submission.number_of(job.id, first) and not job.ended]
    if running:
        raise FolderInUseError(
            f"One driver at a time may work on {target}, but the job {running[-1]} does. Follow it with `acgkd logs`, "
            "or stop it with `acgkd stop`, each with `--address`."
        )
    name = submission.next_name(target, [job.id for job in jobs])
    with tempfile.TemporaryDirectory(prefix="acgkd-submit-") as files:
        bundle = submission.pack(tree, read, spec, said, trust_code, Path(files))
        server.submit(name, submission.entrypoint(bundle, target, python), Path(files))
    for line in plugin_copies.said_of_gone():
        print_note(f"Note: {line}")
    print_line(f"Submitted: {name}{'' if name == first else ', which resumes the sweep'}")
    print_line(f"Sweep folder: {target}, on the cluster")
    print_line(f"Follow it: acgkd logs {name} --address {address} --follow")
