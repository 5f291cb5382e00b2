"""`acgkd why`: what happened to one trial."""

from typing import TYPE_CHECKING, Annotated

import typer

from acgkd.errors import ConfigError, FolderError
from sweeps.cli.commands._options import Json, SweepFolderPath, examples, require_sweep
from sweeps.cli.console import out, print_facts, print_line, print_text

if TYPE_CHECKING:
    from analysis.records.record import Record
    from sweeps.store.folder import SweepFolder
    from sweeps.store.trial import Attempt, Trial

EPILOG = examples("acgkd why runs/mutag 7", "acgkd why runs/mutag 7 --json")
LOG_LINES = 20


def why(
    folder: SweepFolderPath,
    trial_number: Annotated[str, typer.Argument(metavar="TRIAL", help="Number of the trial.", show_default=False)],
    json: Json = False,
) -> None:
    """Show what happened to a trial: its settings, every attempt, and the end of its last traceback.

    Each attempt is shown with its machine, how it ended and whose fault that was, its seconds, and the work that was
    lost so far. Reads files only.
    """
    from sweeps.store.folder import SweepFolder

    require_sweep(folder)
    if not trial_number.isdecimal():
        raise ConfigError(
            f"`acgkd why` takes the number of a trial, but got {trial_number!r}. Of controls and teachers "
            f"`{folder}/logs/driver.log` has what failed, and `{folder}/records` how they ended."
        )
    files, number = SweepFolder(folder), int(trial_number)
    trial = next((trial for trial in files.trials() if trial.number == number), None)
    if trial is None:
        raise FolderError(
            f"{folder} has no trial {number}. Trials are numbered from 0; `acgkd status` says how many there are."
        )
    if json:
        print_text(trial.model_dump_json(indent=2))
        return
    stopped = next((entry.reason for entry in trial.rungs.values() if not entry.promoted), "")
    state = f"{trial.state}{', enqueued by the user' if trial.enqueued else ''}"
    print_facts([("trial", str(number)), ("state", state), ("message", _first_line(trial.message) or stopped or "–")])
    print_line("\nSettings", "bold")
    print_facts([(name, _plain(value)) for name, value in trial.parameters.items()] or [("none", "")], indent=2)
    print_line("\nAttempts", "bold")
    for attempt in trial.attempts:
        _print_attempt(files, trial, attempt)
    if not trial.attempts:
        out.print("  none yet")
    _print_logs(files, trial)


def _print_attempt(files: "SweepFolder", trial: "Trial", attempt: "Attempt") -> None:
    facts = [f"{attempt.outcome or 'under way'}", *([f"fault of the {attempt.cause}"] if attempt.cause else [])]
    facts += [f"on {attempt.host}"] if attempt.host else []
    facts += [f"{attempt.progress:.0%} done"] if attempt.outcome else []
    facts += [f"{attempt.seconds:.1f} s kept"] if attempt.seconds is not None else []
    facts += [f"{attempt.lost_s:.1f} s lost so far"] if attempt.lost_s else []
    lines = [(f"replicate {attempt.replicate}, attempt {attempt.attempt + 1}", ", ".join(facts))]
    lines += [("", f"{attempt.started_at} to {attempt.finished_at or 'now'}")]
    lines += [("", _first_line(attempt.message))] if attempt.message else []
    lines += [("", said) for said in _remarks(files, trial, attempt)]
    lines += [("", f"traceback: {files.path / attempt.log}")] if attempt.log else []
    print_facts(lines, indent=2, style="")


def _remarks(files: "SweepFolder", trial: "Trial", attempt: "Attempt") -> list[str]:
    """What stands out of the student of a replicate that completed, and how healthy its synthesis was."""
    from acgkd.agreement.health_facts import Health
    from analysis.statistics.trust.outcome_bounds import remarks

    record = None
    if attempt.outcome == "completed":
        record = files.read_record(files.trial_name(trial.number), attempt.replicate)
    if record is None:
        return []
    quality = record.quality.model_dump()
    health, found = Health.of(quality), remarks(quality)
    return [*_work(record), *([", ".join(found)] if found else []), *([health.verdict] if health.known else [])]


def _work(record: "Record") -> list[str]:
    """Seconds beside CPU seconds, and whether the machine was shared; nothing of records that do not say it."""
    from analysis.statistics.trust.contention import contended, seconds_of

    if record.cost.cpu_s is None:
        return []
    tree = record.model_dump()
    took = f"{seconds_of(tree['cost']):.3g} s of synthesis + transfer, {record.cost.cpu_s:.3g} s of CPU time"
    return [took + (": the machine was shared with other work" if contended(tree) else "")]


def _print_logs(files: "SweepFolder", trial: "Trial") -> None:
    from sweeps.store.folder import last_lines

    log = next((files.path / attempt.log for attempt in reversed(trial.attempts) if attempt.log), None)
    named = f"trial {trial.number}"
    about = [line for line in last_lines(files.driver_log) if f"  {named}," in line or f"({named}" in line]
    for title, lines in (("Last traceback", [] if log is None else last_lines(log)), ("Log", about)):
        if lines:
            print_line(f"\n{title}", "bold")
            for line in lines[-LOG_LINES:]:
                print_line(f"  {line}")


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""


def _plain(value: object) -> str:
    from sweeps.spec.values import plain_word

    return plain_word(value)
