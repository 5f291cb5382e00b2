"""A student by what a user names: a file, or a sweep folder, whose chosen trial's it is."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acgkd.errors import ConfigError
from sweeps.cli.commands._options import read_place, require_sweep
from sweeps.cli.model_card import Known, command

if TYPE_CHECKING:
    from torch import nn

    from acgkd.priors import Prior

StudentPath = Annotated[
    Path,
    typer.Argument(
        metavar="DIR|STUDENT", help="A sweep folder, or a student's file (.pt, .safetensors).", show_default=False
    ),
]
Trial = Annotated[
    int | None,
    typer.Option("--trial", metavar="N", help="Of a sweep: that trial's.", show_default="the chosen"),
]
Replicate = Annotated[int, typer.Option("--replicate", metavar="I", min=0, help="Of a sweep: index of the seed.")]


@dataclass(frozen=True)
class Named:
    """A student, and what is known of it."""

    student: "nn.Module"
    prior: "Prior | None"
    known: Known


def named(source: Path, trial: int | None, replicate: int, trust_code: bool = False) -> Named:
    """Loads the student that is named.

    Raises:
        ConfigError: it is a program.
        FolderError: the sweep has no such student.
        CheckpointError: the file is not one.
    """
    from acgkd.files.addresses import address_of
    from acgkd.students.saving import load_student, prior_from, prior_of

    if source.suffix in (".pt2", ".onnx"):
        raise ConfigError(
            f"{source} is a program for others, of which no student is made again. Name the student's file (`.pt`, "
            "`.safetensors`) or the sweep folder."
        )
    if not os.path.isdir(source) and (address_of(source) is None or source.suffix in (".pt", ".safetensors")):
        student = load_student(source)
        return Named(student, prior_of(student), Known())
    source = read_place(source)
    require_sweep(source)
    from sweeps.sweep import open_sweep

    sweep = open_sweep(source)
    number = sweep.chosen() if trial is None else trial
    student = sweep.student(number, replicate, trust_code=trust_code)
    known = _known(source, number, replicate)
    prior = prior_of(student) or prior_from(known.record.get("prior"))
    return Named(student, prior, known)


def _known(folder: Path, trial: int, replicate: int) -> Known:
    from analysis.records.frame import load
    from analysis.statistics.pool_worth import worth_of
    from analysis.statistics.view import view_of
    from analysis.stores.copies import copy_of, shown
    from sweeps.store.folder import SweepFolder

    files = SweepFolder(folder)
    record = files.read_record(files.trial_name(trial), replicate)
    view = view_of(load([folder]))
    rows = view.trials
    mine = rows[rows["trial"] == trial]
    row: dict[str, object] = {} if mine.empty else {str(name): value for name, value in mine.iloc[0].items()}
    flat = {} if record is None else {**record.row(), "prior": record.identity.prior}
    again = ["acgkd", "reproduce", folder, "--trial", trial, "--replicate", replicate, "--out"]
    again.append(f"{folder if copy_of(folder) is None else folder.name}-again")
    again += ["--trust-code"] if files.require_sweep().runs_code else []
    return Known(row, flat, shown(command(again)), worth_of(view, trial))
