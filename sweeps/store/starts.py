"""The starts of a sweep, one small file each: how long they took, and at what they died."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from acgkd.errors import SweepError
from analysis.records.node_accounts import NodeAccount, node_accounts
from sweeps.store.atomic import read_json, write

Facts = Mapping[str, Any]
Starts = Mapping[Path, Facts | None]  # what each file says, the oldest first; None where one is damaged


def note(folder: Path, generation: int, facts: Mapping[str, object]) -> None:
    """Keeps what is known of a start.

    Args:
        folder: of the starts.
        generation: number of the start.
        facts: plain values; ``seconds`` count towards the budget of hours.
    """
    write(folder / f"{generation:04d}.json", json.dumps(dict(facts)), durable=False)


def read(folder: Path) -> Starts:
    """What is known of each start, the oldest first."""
    found: dict[Path, dict[str, object] | None] = {}
    for path in sorted(folder.glob("[0-9]*.json")):
        try:
            found[path] = read_json(path) or {}
        except SweepError:
            found[path] = None
    return found


def seconds_used(known: Starts, *, before: int | None = None) -> float:
    """Seconds that all starts took, or those before one; a start whose file is damaged adds none."""
    return sum(_seconds(facts) or 0.0 for path, facts in known.items() if before is None or int(path.stem) < before)


def deaths_in_process(folder: Path, generation: int) -> list[str]:
    """The jobs at which earlier starts died, which ran them in their own process: latest first.

    Ends at the first start that was closed in order, that ran its jobs elsewhere, or whose file is damaged.

    Args:
        folder: of the starts.
        generation: number of the start that asks.
    """
    jobs = []
    for earlier in range(generation - 1, 0, -1):
        try:
            facts = read_json(folder / f"{earlier:04d}.json") or {}
        except SweepError:
            break
        if not facts.get("in_process") or facts.get("closed"):
            break
        jobs.append(str(facts.get("job", "")))
    return jobs


def crashed(known: Starts) -> set[str]:
    """Keys of the teachers, controls and added seeds at which some start saw a process of their own crash."""
    noted = (item for facts in known.values() for item in _noted(facts))
    return {str(item.get("key")) for item in noted if item.get("outcome") == "crashed"}


def side_failures(known: Starts, alive: bool) -> list[dict[str, object]]:
    """Failed attempts at teachers, controls and added seeds, in the order of the starts.

    Where a driver died that ran one of them in its own process, that is one, too.

    Args:
        known: the starts.
        alive: whether a driver works on the sweep now, whose start has not died.
    """
    found = []
    for number, facts in enumerate(known.values(), 1):
        found += list(_noted(facts))
        key = str((facts or {}).get("job", ""))
        name, _, replicate = key.rpartition("-")
        died = facts and facts.get("in_process") and not facts.get("closed") and not (alive and number == len(known))
        if died and replicate.isdecimal() and not name.startswith("trial-"):
            label = name.removeprefix("control-")
            which = {"key": key, "label": label, "replicate": int(replicate), "host": "", "log": ""}
            found.append({**which, "outcome": "lost", "cause": "platform", "message": "the driver died with it"})
    return found


def _noted(facts: Facts | None) -> Iterator[dict[str, object]]:
    noted = (facts or {}).get("failures")
    if isinstance(noted, list):
        yield from (item for item in noted if isinstance(item, dict) and isinstance(item.get("key"), str))


def set_aside(known: Starts, generation: int) -> list[str]:
    """Nodes that got no more work in a start, a sentence each.

    Args:
        known: the starts.
        generation: number of the start.
    """
    lines = next((facts for path, facts in known.items() if path.stem == f"{generation:04d}"), None) or {}
    said = lines.get("set_aside")
    return [str(line) for line in said] if isinstance(said, list) else []


def nodes(known: Starts) -> tuple[NodeAccount, ...]:
    """What each node did, over all starts; a start whose file is damaged adds nothing."""
    return node_accounts(known.values())


def last_activity(folder: Path, *others: Path) -> str | None:
    """When a start, or one of some other folders, was last written: UTC, ISO 8601."""
    touched = max((path.stat().st_mtime for path in (*folder.glob("*.json"), *others)), default=None)
    return None if touched is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(touched))


def damaged(known: Starts) -> list[Path]:
    """Files that cannot be read: their seconds are missing in the budget of hours, and nothing else is."""
    return [path for path, facts in known.items() if _seconds(facts) is None]


def damage(path: Path) -> str:
    """What is said of a damaged file."""
    return f"{path} is damaged and was ignored: the seconds of that start are missing in the budget of hours."


def _seconds(facts: Facts | None) -> float | None:
    """Seconds of a start; None where its file is damaged."""
    try:
        return None if facts is None else float(facts.get("seconds", 0.0))
    except (TypeError, ValueError):
        return None
