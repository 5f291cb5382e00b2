"""`acgkd stop`: ends a running sweep cleanly, from any machine that sees its folder."""

from typing import Annotated

import typer

from sweeps.cli.commands._options import SweepFolderPath, examples, require_sweep
from sweeps.cli.console import err, out, print_line

EPILOG = examples("acgkd stop runs/mutag", "acgkd stop /shared/mutag --wait 300")


def stop(
    folder: SweepFolderPath,
    wait: Annotated[
        float, typer.Option("--wait", metavar="S", min=0.0, help="Wait up to so many seconds until it has stopped.")
    ] = 30.0,
) -> None:
    """Stop a running sweep cleanly, as its first Ctrl-C does; the same `acgkd run` resumes it.

    The driver keeps checkpoints of what runs and ends with exit code 130. It is asked by a file in the sweep folder, so
    it may run on another machine. With no driver at work there is nothing to stop: exit code 1, as when the driver has
    not stopped in time; it stops then as soon as it can.
    """
    from sweeps.engine.user_requests import stop
    from sweeps.store.folder import SweepFolder

    require_sweep(folder)
    if stop(SweepFolder(folder), wait, lambda driver: print_line(f"Asked the driver ({driver}) to stop.")):
        out.print("It has stopped. The command that started the sweep resumes it.")
    elif wait:
        err.print("It still works, and stops as soon as it can.")
        raise typer.Exit(1)
