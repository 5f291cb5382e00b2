"""`acgkd reproduce`: one trial again elsewhere, compared figure by figure."""

import math
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acgkd.exit_codes import ExitCode
from sweeps.cli.commands._options import SweepFolderPath, TrustCode, examples, local_place, require_sweep
from sweeps.cli.console import err, print_facts, print_line
from sweeps.cli.deadline import INTERRUPTED, Deadline

if TYPE_CHECKING:
    from sweeps.followups.reproducing import Figure, Value

EPILOG = examples(
    "acgkd reproduce runs/mutag --trial 7 --out /tmp/again",
    "acgkd reproduce runs/mutag --trial 7 --replicate 0 --tolerance 1e-6 --out again",
)


def reproduce(
    folder: SweepFolderPath,
    number: Annotated[int, typer.Option("--trial", metavar="N", help="Number of the trial.")],
    to: Annotated[Path, typer.Option("--out", callback=local_place, metavar="DIR", help="Folder of the reproduction.")],
    replicate: Annotated[
        int | None, typer.Option("--replicate", metavar="I", help="This replicate alone.", show_default="all")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, help="Figures agree that are so far apart at most; 0: to the last bit.")
    ] = 0.0,
    trust_code: TrustCode = False,
) -> None:
    """Run one trial again, elsewhere and with its own seeds, and say whether its figures come out the same.

    Takes spec and parameters from the sweep's folder and makes everything else anew, teachers included, in this
    process. Compares outcome, objectives, quality and multiply-adds of each replicate, not seconds. Where figures
    differ, it says which versions and devices do. The exit code is 0 if all figures agree, 1 if one does not.
    """
    from sweeps.display import progress
    from sweeps.executors.inprocess import InProcess
    from sweeps.followups.reproducing import reproduce as make

    require_sweep(folder)
    with Deadline(INTERRUPTED), progress(f"trial {number}") as display:
        found = make(
            folder,
            number,
            to,
            InProcess(),
            replicate=replicate,
            command=shlex.join(["acgkd", *sys.argv[1:]]),
            watch=display.watch,
            trust_code=trust_code,
            say=lambda text: err.print(f"Note: {text}", style="yellow", markup=False, highlight=False),
        )
    if found.summary.interrupted:
        err.print(INTERRUPTED)
        raise typer.Exit(ExitCode.INTERRUPTED)
    names = list(dict.fromkeys(figure.name for figure in found.figures))
    groups = {name: [figure for figure in found.figures if figure.name == name] for name in names}
    print_line(f"Trial {number} of {folder}, run again in {to}", "bold")
    print_facts([(name, _verdict(group)) for name, group in groups.items()], indent=2, style="")
    differing = [name for name, group in groups.items() if any(figure.difference > tolerance for figure in group)]
    if any(figure.difference for figure in found.figures):
        print_line("\nVersions and devices that differ", "bold")
        facts = [(name, f"{then}; here {here}") for name, then, here in found.circumstances]
        print_facts(facts or [("none", "")], indent=2, style="")
    within = f" within {tolerance:g}" if tolerance else " to the last bit"
    if differing:
        print_line(f"\n{len(differing)} of {len(names)} figures do not agree{within}.", "red")
        raise typer.Exit(ExitCode.LOOK)
    print_line(f"\nAll {len(names)} figures agree{within}.", "green")


def _verdict(group: "Sequence[Figure]") -> str:
    """How far the replicates of a figure are apart: the farthest of them."""
    worst = max(group, key=lambda figure: figure.difference)
    if not worst.difference:
        return "bit-equal"
    apart = "differs" if math.isinf(worst.difference) else f"differs by {worst.difference:.3g}"
    return f"{apart} (seed {worst.seed}: {_text(worst.before)}, here {_text(worst.now)})"


def _text(value: "Value") -> str:
    return "not measured" if value is None else str(value)
