"""`acgkd logs`: what a submitted driver prints."""

import sys
from typing import Annotated

import typer

from acgkd.exit_codes import ExitCode
from sweeps.cli.commands._options import JobServer, SubmittedSweep, examples, submitted_job
from sweeps.cli.console import print_line

EPILOG = examples(
    "acgkd logs /shared/mutag --address http://head:8265",
    "acgkd logs acgkd-mutag-1f3a5c70-2 --address http://head:8265 --follow",
)


def logs(
    sweep: SubmittedSweep,
    address: JobServer,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until the job ends; exits as it did.")] = False,
) -> None:
    """Show what the driver of a submitted sweep has printed, and with `--follow` what it prints until it ends.

    A folder means the latest job of the sweep there. With `--follow` the exit code is the driver's, and 130 where the
    job was stopped. Ctrl-C ends the view alone: the job continues.
    """
    from sweeps.executors.job_server.client import JobServer

    server = JobServer(address)
    job = submitted_job(server, sweep)
    if not follow:
        sys.stdout.write(server.logs(job.id))
        print_line(f"Job {job.id}: {job.state.lower()}")
        return
    ended = server.follow(job.id, sys.stdout.write)
    print_line(f"Job {ended.id}: {ended.state.lower()}")
    if ended.state == "STOPPED":
        raise typer.Exit(ExitCode.INTERRUPTED)
    if ended.state == "FAILED":
        if ended.exit_code is None:
            print_line(ended.message)
        raise typer.Exit(ExitCode.LOOK if ended.exit_code is None else ended.exit_code)
