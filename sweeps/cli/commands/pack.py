"""`acgkd pack`: the records of sweep folders as one small file."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeps.cli.commands._options import examples, local_place, read_place, require_sweep
from sweeps.cli.console import plural, print_line

if TYPE_CHECKING:
    from analysis.records.packed import Packed

EPILOG = examples(
    "acgkd pack runs/mutag --out mutag.parquet",
    "acgkd pack runs/mutag runs/ptc_mr --out records/all.parquet",
)


def pack(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Sweep folders and suite folders.", show_default=False)
    ],
    to: Annotated[
        Path,
        typer.Option(
            "--out", callback=local_place, metavar="FILE", help="The file, `.parquet`; replaced if it is there."
        ),
    ],
) -> None:
    """Pack the records and trial files of sweeps, and of all sweeps of a suite, into one Parquet file.

    It is small enough to be shared or kept under version control, names no machine and no folder, and `acgkd report`
    and `analysis.load` read it like a folder. `acgkd unpack` makes a folder of it again, from which the sweep resumes.
    Plug-ins that the sweep ran are in it, as Python code. Teachers, students, loss curves and checkpoints stay behind;
    validation curves (`artefacts: {validation_curves: true}`) are written beside it, as `FILE-curves.json`. Folders
    are only read and may be at work.
    """
    from analysis.records.suites.suite_file import is_suite, sweep_folders
    from sweeps.interchange import merging, packed_curves, packed_records

    folders = [read_place(folder) for folder in folders]
    folders = [place for folder in folders for place in (sweep_folders(folder) if is_suite(folder) else [folder])]
    for folder in folders:
        require_sweep(folder)
    merging.require_place(to)
    packs = merging.pack_folders(folders)
    packed_records.write(to, packs)
    curves = packed_curves.write_curves(to, packs, folders)
    print_packs(to, packs)
    if curves is not None:
        print_line(f"Validation curves: {curves}")


def print_packs(path: Path, packs: "Mapping[str, Packed]") -> None:
    """What a file of packed records holds.

    Args:
        path: of the file.
        packs: what is in it.
    """
    for sweep, packed in packs.items():
        records = sum(name.startswith("records/") for name in packed.files)
        trials = sum(name.startswith("trials/") for name in packed.files)
        print_line(f"{sweep}: {plural(records, 'record')}, {plural(trials, 'trial')}")
    print_line(f"Packed records: {path}")
