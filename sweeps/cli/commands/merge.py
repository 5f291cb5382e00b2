"""`acgkd merge`: several files of packed records as one."""

from pathlib import Path
from typing import Annotated

import typer

from sweeps.cli.commands._options import examples, local_place
from sweeps.cli.commands.pack import print_packs

EPILOG = examples("acgkd merge laptop.parquet cluster.parquet --out both.parquet")


def merge(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Packed records.", show_default=False)],
    to: Annotated[
        Path,
        typer.Option(
            "--out", callback=local_place, metavar="FILE", help="The file, `.parquet`; replaced if it is there."
        ),
    ],
) -> None:
    """Merge packed records: of several sweeps, or of one sweep's parts that were run in several places.

    What is in several files has to be the same in all of them; where it is not, nothing is written, and the records
    are named. Two things may differ: the seconds of a teacher that each place trained, and how far a trial was when
    it was packed; then the later state is kept.
    """
    from sweeps.interchange import merging, packed_records

    merging.require_place(to)
    packs = merging.merge((str(path), merging.read_packed(path)) for path in files)
    packed_records.write(to, packs)
    print_packs(to, packs)
