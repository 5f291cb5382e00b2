"""`acgkd run`: starts a sweep, resumes it, extends it, or finds that nothing is left to do."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from acgkd.errors import RayLostError
from acgkd.exit_codes import ExitCode
from sweeps.cli.commands._options import Overrides, SpecFile, TrustCode, examples
from sweeps.cli.console import err, print_line, print_note
from sweeps.cli.deadline import Deadline
from sweeps.cli.outcome import finish, report_command, report_so_far

INTERRUPTED = "Interrupted. What was done is kept; the same command resumes."

EPILOG = examples(
    "acgkd run quickstart",
    "acgkd run specs/mutag.yaml --trials 48",
    "acgkd run specs/mutag.yaml --out /shared/mutag --address auto --set resources/gpu=0.25",
    "acgkd run quickstart --in-process",
)


def run(
    spec: SpecFile,
    folder: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="The sweep folder.", show_default="runs/<name of the spec>"),
    ] = None,
    overrides: Overrides = None,
    trials: Annotated[
        int | None, typer.Option("--trials", metavar="N", help="Short for --set budget/trials=N.", show_default=False)
    ] = None,
    address: Annotated[
        str,
        typer.Option(
            help="Where Ray is: `local` starts it on this machine, `auto` finds the running cluster, or an address."
        ),
    ] = "local",
    in_process: Annotated[
        bool, typer.Option("--in-process", help="Run the same trials one after the other in this process, without Ray.")
    ] = False,
    trust_code: TrustCode = False,
    accept_code_change: Annotated[
        bool,
        typer.Option(
            "--accept-code-change",
            help="Continue though a default or your own code has changed since the folder's rows were made.",
        ),
    ] = False,
) -> None:
    """Run a sweep; run it again to resume or extend it.

    Everything is kept in the sweep folder. The same command resumes where the last one stopped, whether it was
    interrupted, killed or lost; a larger budget extends the sweep; with nothing left to do it says so. A spec may
    change where every result so far keeps its meaning: more seeds, a wider space, another control, limits, early
    stopping, an objective that all records hold. Other changes are refused, and the difference shown. So is a folder
    whose rows were made with other defaults, or with other code of yours; with `--accept-code-change` it is continued,
    and the report says which rows are whose.

    Ctrl-C (or SIGTERM, or SIGHUP) stops cleanly within 15 seconds and keeps what was done; a second one stops at once.
    At the end come a table of the best trials and `report/report.html` in the sweep folder.
    """
    if folder is not None:
        require_free(folder)  # before imports that take seconds
    from sweeps.cli.commands.check import print_summary
    from sweeps.display import progress
    from sweeps.executors.base import run_sweep
    from sweeps.executors.inprocess import InProcess
    from sweeps.executors.ray.executor import Ray
    from sweeps.spec.advisories import notes
    from sweeps.spec.loading import check_tree
    from sweeps.spec.raw import read_tree
    from sweeps.store import starts
    from sweeps.store.budgets import way_on

    if in_process and address != "local":
        raise typer.BadParameter("--in-process runs without Ray, so it takes no --address.")
    tree = read_tree(spec, [*(overrides or ()), *([f"budget/trials={trials}"] if trials is not None else [])])
    read = check_tree(tree, trust_code)
    target = folder or Path("runs") / read.name
    print_summary(read)
    for note in notes(read):
        print_note(f"Note: {note}")
    print_line(f"Sweep folder: {target}\n")
    require_free(target)
    for path in starts.damaged(target / "starts"):
        print_note(f"Note: {starts.damage(path)}")
    command = shlex.join(["acgkd", *sys.argv[1:]])
    executor = InProcess() if in_process else Ray(address)
    with Deadline(f"{INTERRUPTED} {report_command(target)}") as deadline:
        try:
            with progress(read.name) as display:
                summary = run_sweep(
                    read,
                    target,
                    executor,
                    command=command,
                    watch=display.watch,
                    spec_text=tree.text,
                    trust_code=trust_code,
                    accept_code_change=accept_code_change,
                    say=lambda text: err.print(f"Note: {text}", style="yellow", markup=False, highlight=False),
                )
        except RayLostError as error:
            deadline.begin(ExitCode.START_AGAIN, f"{error} {report_command(target)}")
            report_so_far(target)
            raise
        except KeyboardInterrupt:
            err.print(f"{INTERRUPTED} {report_command(target)}", markup=False)
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        if summary.interrupted:
            err.print(INTERRUPTED)
            report_so_far(target)
            raise typer.Exit(ExitCode.INTERRUPTED)
    if summary.nothing_to_do:
        why = f": {summary.ended_by}. {way_on(summary.ended_by)}" if summary.ended_by else "."
        print_line(f"Nothing is left to do{why}")
    elif summary.ended_by:
        print_line(f"The sweep has ended: {summary.ended_by}.")
    finish(target, summary)


def require_free(folder: Path) -> None:
    """Refuses a folder that is no folder, or on which a driver works; imports nothing that takes time.

    Raises:
        FolderError: it is an address of an object store, or another driver works on it.
    """
    from sweeps.store.atomic import Lock
    from sweeps.store.writable import require_path

    require_path(folder)
    Lock(folder / "driver.lock").require_free()
