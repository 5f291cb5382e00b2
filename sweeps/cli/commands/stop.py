"""`acgkd stop`: ends a running sweep cleanly, from any machine that sees its folder, or the cluster that it runs on."""

from pathlib import Path
from typing import Annotated

import typer

from sweeps.cli.commands._options import SubmittedSweep, examples, read_place, require_sweep, submitted_job
from sweeps.cli.console import err, out, print_line

EPILOG = examples(
    "acgkd stop runs/mutag",
    "acgkd stop /shared/mutag --wait 300",
    "acgkd stop /shared/mutag --address http://head:8265",
)


def stop(
    sweep: SubmittedSweep,
    wait: Annotated[
        float, typer.Option("--wait", metavar="S", min=0.0, help="Wait up to so many seconds until it has stopped.")
    ] = 30.0,
    address: Annotated[
        str | None,
        typer.Option(
            "--address", metavar="URL", help="Ray's job server, for a sweep that was submitted.", show_default=False
        ),
    ] = None,
) -> None:
    """Stop a running sweep or suite cleanly, as its first Ctrl-C does; the same `acgkd run` resumes it.

    The driver keeps checkpoints of what runs and ends with exit code 130. It is asked by a file in the sweep folder, so
    it may run on another machine. With `--address` the job server is asked to which it was submitted, and the folder
    need not be seen from here. With no driver at work there is nothing to stop: exit code 1, as when the driver has
    not stopped in time; it stops then as soon as it can.
    """
    from sweeps.cli.suite_commands import is_suite, stop_suite
    from sweeps.engine.user_requests import stop
    from sweeps.store.folder import SweepFolder

    if address is not None:
        _stop_job(address, sweep, wait)
        return
    folder = read_place(Path(sweep))
    if is_suite(folder):
        stop_suite(folder, wait)
        return
    require_sweep(folder)
    if stop(SweepFolder(folder), wait, lambda driver: print_line(f"Asked the driver ({driver}) to stop.")):
        out.print("It has stopped. The command that started the sweep resumes it.")
    elif wait:
        err.print("It still works, and stops as soon as it can.")
        raise typer.Exit(1)


def _stop_job(address: str, sweep: str, wait: float) -> None:
    from acgkd.errors import SweepError
    from sweeps.executors.job_server.client import JobServer

    server = JobServer(address)
    job = submitted_job(server, sweep)
    if job.ended:
        raise SweepError(
            f"Only a job that runs can be stopped, but {job.id} has ended ({job.state.lower()}). The next `acgkd "
            "submit` resumes the sweep."
        )
    print_line(f"Asked the job {job.id} to stop.")
    if server.stop(job.id, wait):
        out.print("It has stopped. The command that submitted the sweep resumes it.")
    elif wait:
        err.print("It still works, and stops as soon as it can.")
        raise typer.Exit(1)
