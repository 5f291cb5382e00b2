"""`acgkd unpack`: packed records become a sweep folder, from which the sweep resumes."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from sweeps import shipped
from sweeps.cli.commands._options import Overrides, TrustCode, examples, local_place
from sweeps.cli.console import plural, print_line, print_reasons, print_run

EPILOG = examples(
    "acgkd unpack mutag.parquet --spec specs/mutag.yaml --out runs/mutag",
    "acgkd unpack all.parquet --sweep mutag --spec specs/mutag.yaml --out runs/mutag",
    "acgkd unpack graph-methods.parquet --spec graph-methods --out runs/graph-methods",
)


def unpack(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Packed records.", show_default=False)],
    spec: Annotated[
        Path,
        typer.Option(
            "--spec",
            metavar="SPEC",
            help="The sweep or suite: a file, or a shipped name.",
            callback=shipped.locate,
        ),
    ],
    to: Annotated[
        Path, typer.Option("--out", callback=local_place, metavar="DIR", help="The sweep folder; made if need be.")
    ],
    sweep: Annotated[
        str | None,
        typer.Option("--sweep", metavar="NAME", help="Which sweep of the file.", show_default="the spec's name"),
    ] = None,
    overrides: Overrides = None,
    trust_code: TrustCode = False,
) -> None:
    """Make a sweep folder of packed records, so that the sweep can be resumed or extended.

    Takes what the spec would make today. Without a space that is record by record, and a changed control is run
    again; a search fits as a whole or not at all (`acgkd fork` takes over a part of one). The spec of a suite takes
    those of its sweeps that the file holds. What is in the folder already stays as it is. Teachers and students are not
    in the file: the next start makes what it needs of them. Plug-ins are, and stand in for those that are gone.
    """
    from sweeps.interchange import packed_plugins
    from sweeps.interchange.merging import read_packed, unpack
    from sweeps.spec.loading import check_tree
    from sweeps.spec.raw import is_suite_tree, read_tree
    from sweeps.worker.experiments import AcgkdExperiments

    tree = read_tree(spec, overrides or ())
    packs = read_packed(file)
    packed_plugins.stand_in(packs.values())
    command = shlex.join(["acgkd", *sys.argv[1:]])
    if is_suite_tree(tree):
        from sweeps.suites.suite_loading import check_suite
        from sweeps.suites.unpacking import unpack_suite

        if sweep is not None:
            raise typer.BadParameter("A suite takes all of its sweeps that the file holds, so it takes no --sweep.")
        suite = check_suite(tree, trust_code)
        unpacked = unpack_suite(file, suite, to, packs=packs, command=command, trust_code=trust_code)
    else:
        read = check_tree(tree, trust_code)
        experiments = AcgkdExperiments.of(read, trust_code)
        text = tree.text
        unpacked = [unpack(file, read, to, experiments, sweep=sweep, packs=packs, command=command, spec_text=text)]
    for found in unpacked:
        print_line(f"{found.sweep}: {plural(found.records, 'record')} of this spec; {plural(found.made, 'new file')}")
        print_reasons("Records left out", found.refused)
    print_run(spec, to, overrides or (), trust_code)
