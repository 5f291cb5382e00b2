"""`acgkd status`: how far a sweep is, read from its folder."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeps.cli.commands._nodes import print_nodes
from sweeps.cli.commands._options import Json, SweepFolderPath, examples, require_sweep
from sweeps.cli.console import out, plural, print_facts, print_line, print_text

if TYPE_CHECKING:
    from sweeps.store.progress.failure_groups import FailureGroup
    from sweeps.store.progress.status import Status

EPILOG = examples("acgkd status runs/quickstart", "acgkd status runs/mutag --watch", "acgkd status runs/mutag --json")
EVERY_S = 2.0
NUMBERS = 12
HIDDEN = (
    "seconds",
    "cpu_s",
    "contention",
    "remarks",
    "control_remarks",
    "failures",
    "overcome",
    "retried",
    "enqueued",
    "nodes",
)


def status(
    folder: SweepFolderPath,
    json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every two seconds, until Ctrl-C.")] = False,
) -> None:
    """Show how far a sweep or a suite is: trials by state, records by outcome, what failed and whose fault it was.

    Failures that are alike are shown together, with how many there were, the trials, and the file of the last
    traceback; `acgkd why` says more of one trial. Reads files only: it needs no running driver and disturbs none, and
    works on a copy of the folder.
    """
    from sweeps.cli.suite_commands import is_suite, status_suite
    from sweeps.store.folder import SweepFolder

    if is_suite(folder):
        status_suite(folder, json=json, watch=watch)
        return
    require_sweep(folder)
    files = SweepFolder(folder)
    if json:
        from json import dumps

        print_text(dumps(files.status().to_json(), indent=2))
        return
    _print(folder, files.status())
    while watch:
        time.sleep(EVERY_S)
        files.refresh()
        found = files.status()
        out.clear()
        _print(folder, found)


def _print(folder: Path, found: "Status") -> None:
    facts = {key: value for key, value in found.to_json().items() if key not in HIDDEN}
    if found.retried:
        facts["waits_again"] = f"{plural(found.retried, 'trial')} after a failed attempt"
    if found.enqueued:
        facts["enqueued"] = f"{plural(found.enqueued, 'point')}, run before anything is suggested"
    if not found.stopped:
        del facts["stopped"]
    if found.seconds is not None:
        facts["work"] = f"{found.seconds:.3g} s in completed replicates, {found.cpu_s:.3g} s of CPU time"
    if found.contention:
        facts["shared_machine"] = found.contention
    if found.remarks:
        facts["students"] = _counted(found.remarks)
    if found.control_remarks:
        named = [f"{label}: {_counted(counts)}" for label, counts in found.control_remarks.items()]
        facts["students_of_controls"] = "; ".join(named)
    if not found.failures:
        facts["failures"] = "none"
    print_facts((key.replace("_", " "), _text(value)) for key, value in facts.items())
    if len(found.nodes) > 1:
        print_nodes(found.nodes)
    for title, groups in (("Failures", found.failures), ("Failures that a later attempt has overcome", found.overcome)):
        if groups:
            print_line(f"\n{title}", "bold")
        for group in groups:
            print_facts(_lines(folder, group), indent=2, style="")
    first = next((number for group in (*found.failures, *found.overcome) for number in group.trials), None)
    if first is not None:
        print_line(f"\nMore: acgkd why {folder} {first}")


def _counted(remarks: dict[str, int]) -> str:
    return ", ".join(f"{count} {remark}" for remark, count in remarks.items())


def _lines(folder: Path, group: "FailureGroup") -> list[tuple[str, str]]:
    whose = f", fault of the {group.cause}" if group.cause else ""
    numbers = ", ".join(map(str, group.trials[:NUMBERS])) + (", ..." if len(group.trials) > NUMBERS else "")
    of = [f"trial{'s' if len(group.trials) > 1 else ''} {numbers}"] if numbers else []
    of += [", ".join(group.labels[:NUMBERS])] if group.labels else []
    lines = [(f"{group.count} x", group.message), ("", f"{group.outcome}{whose}; {'; '.join(of)}")]
    lines += [("", f"on {', '.join(group.hosts)}")] if group.hosts else []
    lines += [("", f"traceback: {folder / group.log}")] if group.log else []
    return lines


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items()) or "none"
    if isinstance(value, list):
        return "\n".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)
