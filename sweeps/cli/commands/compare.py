"""`acgkd compare`: methods over data sets, in one joint table."""

from pathlib import Path
from typing import Annotated

import typer

from sweeps.cli.commands._options import examples
from sweeps.cli.console import out, print_line

EPILOG = examples(
    "acgkd compare runs/mutag runs/ptc_mr runs/proteins",
    "acgkd compare records.parquet --baseline acgkd --targets targets.yaml --out comparison",
    "acgkd compare records.parquet --targets targets.yaml --template page.md.j2 --out docs",
    "acgkd compare runs/mutag wandb.csv --columns method=Name,accuracy=test_acc,seed=seed,dataset:mutag",
)


def compare(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="PLACE...",
            help="Sweep folders, suite folders, packed records, tables of trials (CSV, TSV, Parquet), storage URLs of "
            "Optuna studies.",
            show_default=False,
        ),
    ],
    baseline: Annotated[
        str | None,
        typer.Option(
            help="Row or method that the others are compared with.",
            show_default="the method of the first sweep's chosen trial",
        ),
    ] = None,
    by: Annotated[
        str, typer.Option(help="Columns of the joint table: `dataset`, `pair`, a column of the records; or `method`.")
    ] = "dataset",
    measure: Annotated[
        str, typer.Option(help="What is compared: a quality (`ratio`, `agreement`, ...) or a cost (`seconds`, ...).")
    ] = "test_accuracy",
    equal: Annotated[
        str | None,
        typer.Option(
            help="Rivals and controls by rows with no more `seconds`, `multiply_adds`, `steps` or `settings` than "
            "the baseline.",
            show_default="any rows",
        ),
    ] = None,
    to: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the page.")] = Path("comparison"),
    targets: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML file of targets to judge.", show_default=False)
    ] = None,
    template: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A page of your own: Markdown that asks for the comparison's tables, figures and numbers.",
            show_default=False,
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=COLUMN,...",
            help="Where the columns of tables are: `accuracy=test_acc`; `dataset:mutag` is one value for all rows.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Compare methods over data sets: one joint table, differences to a baseline, tests, and what each row had.

    Every other method is represented by its best published row, chosen by validation accuracy; nothing is chosen by the
    test split. What is published, and what is reduced, follows from what methods declare. Writes `report.html` (one
    file that asks nothing of the network), `report.md`, the tables as CSV, Parquet, Markdown and LaTeX and the figures
    as SVG and PNG, to a new folder or that of an earlier comparison; with `--template` that page alone, and the figures
    that it shows. Sweeps of perturbed settings, as suites make them, are left out.
    """
    from analysis.api import compare_methods
    from analysis.comparison.comparison_page import TITLE
    from analysis.comparison.terminal_lines import head_lines
    from analysis.page.render import require_own
    from sweeps.interchange.method_defaults import published_methods
    from sweeps.store.writable import require_writable

    if template is None:
        require_own(to, TITLE)
    found = compare_methods(
        places,
        baseline=baseline,
        by=by,
        measure=measure,
        equal=equal,
        published=published_methods(),
        targets=targets or (),
        columns=columns or (),
    )
    require_writable(to)
    page = found.write(to) if template is None else found.fill(template, to)
    for line in found.lines(out.width) if template is None else head_lines(found, out.width):
        print_line(line)
    print_line(f"{'Comparison' if template is None else 'Page'}: {page}")
