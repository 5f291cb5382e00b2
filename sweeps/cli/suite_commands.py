"""What commands do with a suite, where a sweep may stand too."""

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from acgkd.errors import AnalysisError, RayLostError
from acgkd.exit_codes import ExitCode
from sweeps.cli.console import err, out, plural, print_facts, print_line, print_note, print_text
from sweeps.cli.deadline import INTERRUPTED, Deadline

if TYPE_CHECKING:
    from sweeps.spec.raw import SpecTree
    from sweeps.suites.members import Member
    from sweeps.suites.running import SuiteOutcome
    from sweeps.suites.suite_loading import SuiteSpec
    from sweeps.suites.suite_status import SuiteStatus

EVERY_S = 2.0


def run_suite(
    tree: "SpecTree", folder: Path | None, address: str | None, trust_code: bool, accept_code_change: bool
) -> None:
    """Runs a suite, writes its comparison and prints it.

    Args:
        tree: its spec.
        folder: where it lives; ``runs/<name>`` if left out.
        address: where Ray is; None runs it in this process.
        trust_code: as of `acgkd run`.
        accept_code_change: as of `acgkd run`.

    Raises:
        typer.Exit: with exit code 1 where something failed, with 130 where it was interrupted.
    """
    from sweeps.executors.inprocess import InProcess
    from sweeps.executors.ray.executor import Ray
    from sweeps.store.atomic import Lock
    from sweeps.suites.running import run_members
    from sweeps.suites.suite import shown
    from sweeps.suites.suite_loading import check_suite

    suite = check_suite(tree, trust_code)
    target = folder or Path("runs") / suite.name
    print_suite(suite)
    print_line(f"Suite folder: {target}\n")
    Lock(target / "suite.lock").require_free()
    command = shlex.join(["acgkd", *sys.argv[1:]])
    later = f"`{shlex.join(['acgkd', 'compare', str(target)])}` compares what is there."
    with Deadline(f"{INTERRUPTED} {later}") as deadline:
        try:
            outcome = run_members(
                suite,
                target,
                InProcess() if address is None else Ray(address),
                command=command,
                show=shown,
                tell=lambda text: err.print(text, markup=False, highlight=False, soft_wrap=True),
                say=lambda text: err.print(f"Note: {text}", style="yellow", markup=False, highlight=False),
                trust_code=trust_code,
                accept_code_change=accept_code_change,
            )
        except RayLostError as error:
            deadline.begin(ExitCode.START_AGAIN, f"{error} {later}")
            raise
        except KeyboardInterrupt:
            err.print(f"{INTERRUPTED} {later}", markup=False)
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        if outcome.interrupted:
            err.print(INTERRUPTED)
            _write(target, show=False)
            raise typer.Exit(ExitCode.INTERRUPTED)
    if outcome.nothing_to_do:
        print_line("Nothing is left to do.")
    _write(target, show=True)
    _finish(outcome, target)


def _write(target: Path, *, show: bool) -> None:
    """Writes the comparisons, and prints them where they are whole; one that cannot be made can be made later."""
    from sweeps.suites.suite_folder import SuiteFolder
    from sweeps.suites.suite_pages import write_pages

    try:
        for page in write_pages(SuiteFolder(target)):
            for line in page.comparison.lines(out.width) if show else ():
                print_line(line)
            print_line(f"Comparison{'' if show else ' so far'}: {page.path}")
    except (AnalysisError, OSError) as error:
        again = shlex.join(["acgkd", "compare", str(target)])
        err.print(f"The comparison could not be made: {error} `{again}` makes it.", markup=False)


def _finish(outcome: "SuiteOutcome", target: Path) -> None:
    for name, why in outcome.failures.items():
        err.print(f"{name} was not run to its end: {why}", markup=False, highlight=False)
    for name, summary in outcome.summaries.items():
        if summary.counts.get("failed", 0):
            err.print(f"The trial of {name} failed; `acgkd status {target / 'sweeps' / name}` tells why.", markup=False)
        for line in (*summary.set_aside, *(f"{label} waits: {why}" for label, why in summary.set_back.items())):
            err.print(f"{name}: {line}", markup=False)
    if not outcome.sound:
        raise typer.Exit(ExitCode.LOOK)


# ---- what it is


def print_suite(suite: "SuiteSpec") -> None:
    """What a suite would run: its sweeps, and the rows of each."""
    rows = sum(len(member.rows) for member in suite.members)
    facts = [
        ("suite", suite.name),
        ("sweeps", f"{len(suite.members)}: {rows} rows, {plural(suite.runs, 'run')} with all seeds"),
        ("budgets", _budgets(suite)),
    ]
    groups: dict[str, list[str]] = {}
    for member in suite.members:
        said = f"{len(member.rows) - 1} perturbed settings of {member.study}, and its own" if member.study else ""
        groups.setdefault(said or "; ".join(row.title for row in member.rows), []).append(_place(member))
    print_facts(facts)
    for rows_said, places in groups.items():
        print_line("")
        for place in places:
            print_line(place, "bold")
        print_facts([("", rows_said)], indent=0)


def _place(member: "Member") -> str:
    what = f"search of {plural(member.trials, 'trial')}" if member.searches else plural(len(member.rows), "row")
    return f"{member.title}: {what} x {plural(member.seeds, 'seed')}"


def _budgets(suite: "SuiteSpec") -> str:
    from sweeps.suites.calibration import timed_rows

    timed = [(member, row) for member in suite.members for row in timed_rows(member)]
    if not timed:
        return "each row its own"
    given = sum(row.entry.label in suite.section.calibrated.get(item.dataset.label, {}) for item, row in timed)
    said = [f"{len(timed)} rows take the seconds of their reference"]
    said += [f"steps of {given} are given"] if given else []
    said += [f"{len(timed) - given} are measured at the start"] if given < len(timed) else []
    return ", ".join(said)


def check_suite(tree: "SpecTree", spec: Path, trust_code: bool) -> None:
    """Checks a suite and lists what it would run.

    Raises:
        SpecError: something is wrong; it holds all faults.
    """
    from sweeps.spec.advisories import notes
    from sweeps.suites.suite_loading import check_suite as check

    suite = check(tree, trust_code)
    print_suite(suite)
    print_line("")
    found: dict[str, list[str]] = {}
    for member in suite.members:
        for note in notes(member.spec(trust_code)):
            found.setdefault(note, []).append(member.name)
    for note, names in found.items():
        where = "" if len(names) == len(suite.members) else f" ({plural(len(names), 'sweep')}, {names[0]} first)"
        print_note(f"Note: {note}{where}")
    out.print(f"{spec} is valid.", style="green", markup=False, highlight=False, soft_wrap=True)


# ---- how far it is


def status_suite(folder: Path, *, json: bool, watch: bool) -> None:
    """Shows how far a suite is."""
    from sweeps.suites.suite_folder import SuiteFolder
    from sweeps.suites.suite_status import suite_status

    files = SuiteFolder(folder)
    if json:
        from json import dumps

        print_text(dumps(suite_status(files).to_json(), indent=2))
        return
    _print_status(suite_status(files))
    while watch:
        time.sleep(EVERY_S)
        found = suite_status(files)
        out.clear()
        _print_status(found)


def _print_status(found: "SuiteStatus") -> None:
    states = ", ".join(f"{count} {state}" for state, count in found.states.items())
    print_facts(
        [
            ("suite", found.name),
            ("driver alive", "yes" if found.driver_alive else "no"),
            ("sweeps", states),
            ("runs", f"{found.done:,} of {found.runs:,}"),
            ("hours", f"{found.hours:g}"),
            ("calibrated", plural(found.calibrated, "row")),
        ]
    )
    print_line("")
    print_facts(
        (
            (
                f"{member.dataset}, {member.pair}",
                f"{member.state}, {member.done} of {member.runs} runs{_bad(member.outcomes)}",
            )
            for member in found.members
        ),
        style="",
    )
    failed = [member for member in found.members if member.message]
    for member in failed:
        print_line(f"\n{member.name}", "bold")
        print_facts([("", member.message)], indent=0)


def _bad(outcomes: dict[str, int]) -> str:
    said = ", ".join(f"{count} {name}" for name, count in outcomes.items() if name != "completed")
    return f" ({said})" if said else ""


def stop_suite(folder: Path, wait: float) -> None:
    """Stops a suite that runs.

    Raises:
        SweepError: no driver works on the folder.
        typer.Exit: with exit code 1, where it has not stopped in time.
    """
    from sweeps.suites.suite_folder import SuiteFolder

    if SuiteFolder(folder).stop(wait, lambda driver: print_line(f"Asked the driver ({driver}) to stop.")):
        out.print("It has stopped. The command that started the suite resumes it.")
    elif wait:
        err.print("It still works, and stops as soon as it can.")
        raise typer.Exit(ExitCode.LOOK)


def is_suite(folder: Path) -> bool:
    """Whether a folder is a suite's."""
    from analysis.records.suites.suite_file import is_suite as holds_suite

    return holds_suite(folder)
