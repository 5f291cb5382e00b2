"""`acgkd export`: a student for others, with its card: safetensors, a `torch.export` program, ONNX."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sweeps.cli.commands._options import TrustCode, examples
from sweeps.cli.commands._student import Replicate, StudentPath, Trial, named
from sweeps.cli.console import print_line

EPILOG = examples(
    "acgkd export runs/mutag --to safetensors --out mutag/student.safetensors",
    "acgkd export runs/mutag --trial 7 --to torch --out mutag/student.pt2",
    "acgkd export student.pt --to onnx --out mutag/student.onnx",
)


class Form(StrEnum):
    """What can be written."""

    SAFETENSORS = "safetensors"
    TORCH = "torch"
    ONNX = "onnx"


def export(
    source: StudentPath,
    to: Annotated[Form, typer.Option("--to", help="The form.", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", metavar="F", help="The file: *.safetensors, *.pt2 or *.onnx.", show_default=False)
    ],
    trial: Trial = None,
    replicate: Replicate = 0,
    edge_weight: Annotated[
        bool, typer.Option("--edge-weight", help="A program of graphs takes a weight of each edge too.")
    ] = False,
    trust_code: TrustCode = False,
) -> None:
    """Write a student in a form that others can use, with a model card beside it.

    `safetensors` is for `acgkd.load_student`; `torch` is a program that runs with torch alone, for any number of
    nodes, edges, graphs or images; `onnx` is the same for ONNX's runtimes. The file is read again and compared with
    the student on 50 graphs (or some images) before it gets its name, and the largest difference is printed. The card,
    `README.md` (of further files in the folder `<file>.README.md`), says what the student was made from, what it is
    worth, what it takes, and how it is called.
    """
    from acgkd.files.addresses import address_of
    from acgkd.students.exporting import export_student
    from acgkd.students.saving import prior_of
    from sweeps.cli import model_card
    from sweeps.store.writable import require_writable

    found = named(source, trial, replicate, trust_code)
    require_writable(out.parent)
    done = export_student(found.student, out, to=to.value, prior=found.prior, edge_weight=edge_weight)
    again: list[object] = ["acgkd", "export", address_of(source) or source]
    again += [] if trial is None else ["--trial", trial]
    again += ["--replicate", replicate] if replicate else []
    again += ["--to", to.value, "--out", out, *(["--edge-weight"] if edge_weight else [])]
    again += ["--trust-code"] if trust_code else []
    card = model_card.place(out)
    made_by = model_card.command(again)
    prior = found.prior or prior_of(found.student)
    text = model_card.card(found.student, prior, out.name, to.value, found.known, made_by, done.named)
    card.write_text(text, encoding="utf-8")
    print_line(f"{out}: the largest difference on {done.samples} is {done.difference:.2g}. Card: {card}")
