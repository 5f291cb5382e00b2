"""`acgkd retry`: sets failed trials back, so that the next start runs them again."""

from typing import Annotated

import typer

from acgkd.errors import ConfigError
from sweeps.cli.commands._options import SweepFolderPath, examples, require_sweep
from sweeps.cli.console import out, plural, print_line

EPILOG = examples(
    "acgkd retry runs/mutag",
    "acgkd retry runs/mutag --trial 7",
    "acgkd retry runs/mutag --outcome out_of_memory --outcome timed_out",
    "acgkd retry runs/mutag --all",
)


def retry(
    folder: SweepFolderPath,
    trials: Annotated[
        list[int] | None,
        typer.Option(
            "--trial",
            metavar="N",
            help="This trial alone, however it failed; may be given many times.",
            show_default=False,
        ),
    ] = None,
    outcomes: Annotated[
        list[str] | None,
        typer.Option(
            "--outcome",
            metavar="NAME",
            help="Trials that ended so: failed, diverged, out_of_memory, timed_out, crashed; may be given many times.",
            show_default="failed",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All trials that did not complete.")] = False,
) -> None:
    """Set failed trials back, so that the next `acgkd run` runs them again.

    For use after a fix: of your code, of the data, of a machine. Trials that completed, and trials that were pruned,
    stay as they are. What was tried before stays listed in `acgkd why`. Controls that failed are set back too, unless
    `--trial` names trials.
    """
    from sweeps.engine.resuming.retrying import UNSUCCESSFUL, retry
    from sweeps.store.folder import SweepFolder

    require_sweep(folder)
    unknown = sorted(set(outcomes or ()) - UNSUCCESSFUL)
    if unknown:
        raise ConfigError(
            f"`--outcome` takes one of {', '.join(sorted(UNSUCCESSFUL))}, but got {unknown[0]!r}. Trials that "
            "completed or were pruned are not run again."
        )
    chosen = [outcome for outcome in UNSUCCESSFUL if everything or trials or outcome in (outcomes or ["failed"])]
    if outcomes:
        chosen = [outcome for outcome in chosen if outcome in outcomes]
    found = retry(SweepFolder(folder), chosen, trials or ())
    if not found.trials and not found.controls:
        out.print("Nothing is set back: no trial or control ended so.")
        return
    parts = []
    if found.trials:
        numbers = ", ".join(map(str, found.trials[:20])) + (", ..." if len(found.trials) > 20 else "")
        parts.append(f"{plural(len(found.trials), 'trial')} ({numbers})")
    if found.controls:
        runs = ", ".join(f"{label} {index}" for label, index in found.controls)
        parts.append(f"{plural(len(found.controls), 'run')} of controls ({runs})")
    print_line(f"Set back: {' and '.join(parts)}. The command that started the sweep runs them again.")
