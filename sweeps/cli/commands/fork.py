"""`acgkd fork`: a new sweep that takes over what its spec would make today of another one."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeps.cli.commands._options import (
    Overrides,
    SweepFile,
    SweepFolderPath,
    TrustCode,
    examples,
    local_place,
    require_sweep,
)
from sweeps.cli.console import out, plural, print_facts, print_line, print_reasons, print_run

if TYPE_CHECKING:
    from sweeps.interchange.forking import Forked

EPILOG = examples(
    "acgkd fork runs/mutag mutag-wide.yaml --out runs/mutag-wide",
    "acgkd fork runs/mutag specs/mutag.yaml --set replicates/seeds=[1,2] --out two",
)


def fork(
    folder: SweepFolderPath,
    spec: SweepFile,
    to: Annotated[
        Path, typer.Option("--out", callback=local_place, metavar="DIR", help="The new sweep's folder: new or empty.")
    ],
    overrides: Overrides = None,
    trust_code: TrustCode = False,
) -> None:
    """Start a new sweep with what another one has done already.

    For use when a spec has changed more than its folder takes: other parameters in the space, other seeds, other fixed
    settings. Takes over whatever the new spec would make today, setting by setting: trials whose points lie in the new
    space, controls, teachers, and the cache. Says what it took, what it did not take and why, and how to run the rest.
    The old folder is only read; it may be at work.
    """
    from sweeps.code import plugin_copies
    from sweeps.interchange.forking import fork as make
    from sweeps.spec.loading import check_tree
    from sweeps.spec.raw import read_tree
    from sweeps.worker.experiments import AcgkdExperiments

    require_sweep(folder)
    plugin_copies.stand_in(folder)
    tree = read_tree(spec, overrides or ())
    read = check_tree(tree, trust_code)
    command = shlex.join(["acgkd", *sys.argv[1:]])
    made = make(folder, read, to, AcgkdExperiments.of(read, trust_code), command=command, spec_text=tree.text)
    _print(made, folder)
    print_run(spec, to, overrides or (), trust_code)


def _print(made: "Forked", folder: Path) -> None:
    print_line(f"Taken over from {folder}", "bold")
    of_trials = f"{made.records['trial']} of {plural(made.records_there['trial'], 'record')}"
    facts = [("trials", f"{made.trials} of {made.trials_there}, {of_trials}")]
    for kind in ("control", "teacher"):
        facts += [(f"{kind}s", f"{made.records[kind]} of {plural(made.records_there[kind], 'record')}")]
    facts += [("cache", plural(made.cache, "file"))] if made.cache else []
    print_facts(facts, indent=2, style="")
    print_reasons("Records not taken over", made.refused)
    print_reasons("Trials not taken over", made.refused_trials)
    parts = [f"{plural(made.controls_left, 'run')} of controls"] if made.controls_left else []
    parts += [f"what is left of {plural(made.trials_left, 'trial')}"] if made.trials_left else []
    more = made.trials_more
    parts += ["new trials until the time is up"] if more is None else [plural(more, "new trial")] if more else []
    print_line("Left to do", "bold")
    out.print(f"  {', '.join(parts) or 'nothing'}", highlight=False)
