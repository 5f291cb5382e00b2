"""`acgkd run`: starts a sweep, goes on with it, extends it, or finds that nothing is left to do."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweeps.cli.commands._options import Overrides, SpecFile, TrustCode, examples
from sweeps.cli.console import err, out

if TYPE_CHECKING:
    import pandas as pd

EPILOG = examples(
    "acgkd run specs/quickstart.yaml",
    "acgkd run specs/mutag.yaml --trials 48",
    "acgkd run specs/mutag.yaml --out /shared/mutag --address auto --set resources/gpu=0.25",
    "acgkd run specs/quickstart.yaml --in-process",
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
) -> None:
    """Run a sweep; run it again to go on with it.

    Everything is kept in the sweep folder. The same command goes on where the last one stopped, whether it was
    interrupted, killed or lost; with a larger budget it adds trials; with nothing left to do it says so. A spec that
    no longer matches its folder is refused, and the difference shown: only `budget`, `resources`
    and `artefacts` may change.

    Ctrl-C (or SIGTERM) once stops cleanly and keeps what was done; twice stops at once. At the end come the table of
    trials and `report/report.html` in the sweep folder.
    """
    from sweeps.cli.commands.check import print_summary
    from sweeps.cli.live_table import Display
    from sweeps.spec.advisories import notes
    from sweeps.spec.loading import check_tree
    from sweeps.spec.raw import read_tree

    if in_process and address != "local":
        raise typer.BadParameter("--in-process runs without Ray, so it takes no --address.")
    tree = read_tree(spec, [*(overrides or ()), *([f"budget/trials={trials}"] if trials is not None else [])])
    read = check_tree(tree, trust_code)
    target = folder or Path("runs") / read.name
    print_summary(read)
    for note in notes(read):
        out.print(f"Note: {note}", style="yellow", markup=False, highlight=False)
    out.print(f"Sweep folder: {target}\n", markup=False, highlight=False, soft_wrap=True)

    with Display(f"{read.name}", err) as display:
        summary = _executor(in_process)(
            read,
            target,
            command=shlex.join(["acgkd", *sys.argv[1:]]),
            address=None if in_process else address,
            watch=display.watch,
            spec_text=tree.text,
            trust_code=trust_code,
        )
    if summary.interrupted:
        err.print("Stopped. What was done is kept; the same command goes on from here.")
        raise typer.Exit(130)
    if summary.nothing_to_do:
        more = "" if read.space is None else ": the budget is met. `--trials N` with a larger N adds trials"
        out.print(f"Nothing is left to do{more}.")
    _finish(target, summary)


def _executor(in_process: bool) -> Any:
    if in_process:
        from sweeps.executors import inprocess

        return inprocess.run
    from sweeps.executors.ray import tuner

    return tuner.run


def _finish(folder: Path, summary: Any) -> None:
    from analysis import reports

    path = reports.write([folder], folder / "report")
    found = reports.pareto_table(folder)
    out.print(_table(found))
    if found.attrs["searched"]:
        out.print("Chosen by the objectives alone. Front: no trial is better in all of them.")
    out.print(f"Report: {path}", markup=False, highlight=False, soft_wrap=True)
    failed = summary.counts.get("failed", 0)
    if failed:
        err.print(f"{failed} of {sum(summary.counts.values())} trials failed; `acgkd status {folder}` tells why.")
        if not summary.counts.get("completed", 0):
            raise typer.Exit(1)


def _table(frame: "pd.DataFrame") -> Any:
    """The trials, best first, and the lines to read them against."""
    from rich.table import Table

    from sweeps.cli.live_table import number

    objective, searched = frame.attrs["objective"], frame.attrs["searched"]
    measures = list(dict.fromkeys([objective, "share", "seconds", "multiply_adds"]))
    titles = {"share": "recovered\nshare", "seconds": "\nseconds"}
    table = Table(
        box=None,
        padding=(0, 1, 0, 0),
        header_style="bold",
        title=f"{'Trials, best first' if searched else 'Methods'} (± standard deviation over runs)",
        title_justify="left",
    )
    table.add_column("\n", no_wrap=True)
    table.add_column("\nruns", no_wrap=True)
    table.add_column("test\naccuracy", justify="right", no_wrap=True)
    for name in measures:
        table.add_column(titles.get(name, name.replace("_", "\n", 1)), justify="right", no_wrap=True)
    table.add_column("\n", no_wrap=True)
    for row in frame.to_dict("records"):
        spread = "" if _missing(row["test_accuracy_sd"]) else f" ± {row['test_accuracy_sd']:.3f}"
        accuracy = "–" if _missing(row["test_accuracy"]) else f"{row['test_accuracy']:.3f}{spread}"
        done, _, planned = str(row["replicates"]).partition(" of ")
        short = "" if _missing(row["outcomes"]) else _not_completed(str(row["outcomes"]))
        mark = short if not searched else "chosen" if row["chosen"] else "front" if row["on_front"] else short
        table.add_row(
            str(row["label"]),
            f"{done}/{planned}",
            accuracy,
            *(number(None if _missing(row[name]) else row[name]) for name in measures),
            mark,
            style="bold green" if row["chosen"] and searched else None,
        )
    return table


def _not_completed(outcomes: str) -> str:
    """`2 completed, 1 pruned` without what went well."""
    return ", ".join(part for part in outcomes.split(", ") if not part.endswith(" completed"))


def _missing(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))
