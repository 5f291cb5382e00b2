"""`acgkd confirm`: the chosen trial and the controls on seeds that the search never saw."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from acgkd.errors import ConfigError
from acgkd.exit_codes import ExitCode
from sweeps.cli.commands._options import SweepFolderPath, TrustCode, examples, require_sweep
from sweeps.cli.console import err, out, plural, print_line
from sweeps.cli.deadline import INTERRUPTED, Deadline

EPILOG = examples(
    "acgkd confirm runs/mutag",
    "acgkd confirm runs/mutag --seeds 20 --front --address auto",
    "acgkd confirm runs/mutag --seed-list 101,102,103 --in-process",
)
SEEDS = 10


def confirm(
    folder: SweepFolderPath,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", metavar="N", help="So many: the next above the search's.", show_default=str(SEEDS)),
    ] = None,
    seed_list: Annotated[
        str | None, typer.Option("--seed-list", metavar="A,B,...", help="These seeds.", show_default=False)
    ] = None,
    front: Annotated[bool, typer.Option("--front", help="Every trial of the front, not the chosen one alone.")] = False,
    address: Annotated[str, typer.Option(help="Where Ray is, as for `acgkd run`.")] = "local",
    in_process: Annotated[bool, typer.Option("--in-process", help="Without Ray, one job after the other.")] = False,
    trust_code: TrustCode = False,
    accept_code_change: Annotated[
        bool, typer.Option("--accept-code-change", help="As for `acgkd run`, where a confirmation is resumed.")
    ] = False,
) -> None:
    """Run the chosen trial and the controls again, on fresh seeds.

    A search chooses the trial that looked best on its own seeds, so that trial's figures are optimistic. Here it is
    run on seeds that the search never saw; nothing is chosen by them. The confirmation is a sweep of its own in
    `confirm/trial-0007` in the sweep folder, and the same command resumes it. At the end come the figures of both
    with the drop between them and its interval; the sweep's report has them too.
    """
    from sweeps.display import progress
    from sweeps.executors.inprocess import InProcess
    from sweeps.executors.ray.executor import Ray
    from sweeps.followups import confirming

    if in_process and address != "local":
        raise typer.BadParameter("--in-process runs without Ray, so it takes no --address.")
    require_sweep(folder)
    failed = 0
    plans = confirming.plans(folder, _asked(seeds, seed_list), front)
    for plan in plans:
        fresh = plural(len(plan.spec.replicates.seeds), "fresh seed")
        print_line(f"Trial {plan.trial} on {fresh}, in {plan.folder}")
        with Deadline(INTERRUPTED), progress(plan.spec.name) as display:
            summary = confirming.run(
                plan,
                folder,
                InProcess() if in_process else Ray(address),
                command=shlex.join(["acgkd", *sys.argv[1:]]),
                watch=display.watch,
                trust_code=trust_code,
                accept_code_change=accept_code_change,
                say=lambda text: err.print(f"Note: {text}", style="yellow", markup=False, highlight=False),
            )
        if summary.interrupted:
            err.print(INTERRUPTED)
            raise typer.Exit(ExitCode.INTERRUPTED)
        if summary.nothing_to_do:
            out.print("Nothing is left to do.")
        failed += summary.counts.get("failed", 0)
    print_tables(folder)
    if failed:
        err.print(f"{plural(failed, 'confirmation')} failed; `acgkd status` of its folder tells why.")
        raise typer.Exit(ExitCode.LOOK)


def _asked(seeds: int | None, seed_list: str | None) -> int | list[int]:
    if seed_list is None:
        return SEEDS if seeds is None else seeds
    if seeds is not None:
        raise ConfigError("`--seeds` takes the next seeds and `--seed-list` names them, but got both. Leave one out.")
    try:
        return [int(seed) for seed in seed_list.split(",")]
    except ValueError:
        raise ConfigError(f"`--seed-list` takes whole numbers with commas between, but got {seed_list!r}.") from None


def print_tables(folder: Path) -> None:
    """The figures of the search and of the confirmation, and the report, which has them too."""
    from rich.markup import escape
    from rich.table import Table

    from analysis import reports
    from analysis.records.frame import load

    frame = load([folder])
    text, tables = reports.confirmation(frame)
    for shown in tables:
        table = Table(title=shown.title, title_justify="left", title_style="bold", box=None, padding=(0, 1, 0, 0))
        for column in shown.columns:
            table.add_column(column.title, justify="right" if column.numeric else "left", overflow="fold")
        for row in shown.cells():
            table.add_row(*map(escape, row))
        out.print()
        out.print(table)
    out.print()
    out.print(text, markup=False, highlight=False)
    print_line(f"Report: {reports.write(frame, folder / 'report')}")
