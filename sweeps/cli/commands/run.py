"""`acgkd run`: starts a sweep, resumes it, extends it, or finds that nothing is left to do."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acgkd.errors import RayLostError
from acgkd.exit_codes import ExitCode
from sweeps.cli.commands._options import Overrides, Plugin, SpecFile, TrialsOption, TrustCode, changes, examples
from sweeps.cli.console import err, print_line, print_note
from sweeps.cli.deadline import INTERRUPTED, Deadline
from sweeps.cli.outcome import REPORT, finish, report_command, report_so_far, show

if TYPE_CHECKING:
    from sweeps.cli.ending import Ending
    from sweeps.spec.sweep_spec import SweepSpec


EPILOG = examples(
    "acgkd run quickstart",
    "acgkd run specs/mutag.yaml --trials 48",
    "acgkd run specs/mutag.yaml --out /shared/mutag --address auto --set resources/gpu=0.25",
    "acgkd run quickstart --in-process",
    "acgkd run suite-small",
)


def run(
    spec: SpecFile,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="The sweep folder, or s3://bucket/name.",
            show_default="runs/<name of the spec>",
        ),
    ] = None,
    overrides: Overrides = None,
    trials: TrialsOption = None,
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
    plugin: Plugin = None,
    accept_code_change: Annotated[
        bool,
        typer.Option(
            "--accept-code-change",
            help="Continue though a default or your own code has changed since the folder's rows were made.",
        ),
    ] = False,
) -> None:
    """Run a sweep, or a suite of sweeps; run it again to resume or extend it.

    Everything is kept in the sweep folder. The same command resumes where the last one stopped, whether it was
    interrupted, killed or lost; a larger budget extends the sweep; with nothing left to do it says so. A spec may
    change where every result so far keeps its meaning: more seeds, a wider space, another control, limits, early
    stopping, an objective that all records hold. Other changes are refused, and the difference shown. So is a folder
    whose rows were made with other defaults, or with other code of yours; with `--accept-code-change` it is continued,
    and the report says which rows are whose.

    Ctrl-C (or SIGTERM, or SIGHUP) stops cleanly within 15 seconds and keeps what was done; a second one stops at once.
    At the end come a table of the best trials and `report/report.html` in the sweep folder; of a suite, methods by data
    sets by pairs in one spec, the table of methods and `comparison/report.html`.
    """
    if folder is not None:
        folder = writable_place(folder)
        require_free(folder)  # before imports that take seconds
    from sweeps.cli.commands.check import print_summary
    from sweeps.cli.suite_commands import run_suite
    from sweeps.code import plugin_copies
    from sweeps.spec.advisories import notes
    from sweeps.spec.loading import check_tree
    from sweeps.spec.raw import is_suite_tree, read_tree
    from sweeps.store import starts

    if in_process and address != "local":
        raise typer.BadParameter("--in-process runs without Ray, so it takes no --address.")
    tree = read_tree(spec, changes(overrides, plugin, trials))
    plugin_copies.stand_in(folder or Path("runs") / tree.name)
    if is_suite_tree(tree):
        run_suite(tree, folder, None if in_process else address, trust_code, accept_code_change)
        return
    read = check_tree(tree, trust_code)
    target = folder or Path("runs") / read.name
    print_summary(read)
    for note in notes(read):
        print_note(f"Note: {note}")
    print_line(f"Sweep folder: {target}\n")
    require_free(target)
    for path in starts.damaged(starts.read(target / "starts")):
        print_note(f"Note: {starts.damage(path)}")
    identity = None if trust_code else identity_of(read)
    if identity is not None and (ending := known_ending(target, identity)) is not None:
        print_line(nothing_left(ending.ended_by))
        show(ending, target)
        return
    from sweeps.display import progress
    from sweeps.executors.base import run_sweep
    from sweeps.executors.inprocess import InProcess
    from sweeps.executors.ray.executor import Ray

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
        print_line(nothing_left(summary.ended_by))
    elif summary.ended_by:
        print_line(f"The sweep has ended: {summary.ended_by}.")
    finish(target, summary, identity)


def nothing_left(ended_by: str) -> str:
    """That a start has nothing to do, and how to extend the sweep."""
    from sweeps.store.budgets import way_on

    return "Nothing is left to do" + (f": {ended_by}. {way_on(ended_by)}" if ended_by else ".")


def identity_of(spec: "SweepSpec") -> str:
    """What must be equal for a finished sweep to stay finished: the whole spec, its files, this package, plug-ins."""
    from acgkd.code_digest import package_digest, plugin_digests
    from acgkd.config import fingerprint

    return fingerprint(
        {**spec.model_dump(mode="json"), **spec.files(), "package": package_digest(), "plugins": plugin_digests()}
    )


def known_ending(folder: Path, identity: str) -> "Ending | None":
    """How a sweep has ended in which nothing has changed since; None where that is not known."""
    from sweeps.cli import finished
    from sweeps.cli.ending import Ending

    content = finished.known(folder, identity)
    if content is None or not (folder / REPORT).is_file():
        return None
    try:
        return Ending.of_tree(content)
    except (KeyError, TypeError):  # of another version
        return None


def require_free(folder: Path) -> None:
    """Refuses a folder on which a driver works; imports nothing that takes time.

    Raises:
        FolderInUseError: another driver works on it.
    """
    from sweeps.store.sharing.lease import lock_of

    lock_of(folder, print_note).require_free()


def writable_place(folder: Path) -> Path:
    """The folder of a sweep to be run: of one on an object store the copy of this machine.

    Raises:
        FolderError: no such store can hold a sweep, or it cannot be written.
        StorageError: it cannot be read.
    """
    from sweeps.store.writable import place_for_run

    return place_for_run(folder)
