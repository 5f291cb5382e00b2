"""The starts of a sweep, one small file each: how long they took, and at what they died."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from acgkd.errors import SweepError
from analysis.records.node_accounts import NodeAccount, node_accounts
from sweeps.store.atomic import read_json, write


def note(folder: Path, generation: int, facts: Mapping[str, object]) -> None:
    """Keeps what is known of a start.

    Args:
        folder: of the starts.
        generation: number of the start.
        facts: plain values; ``seconds`` count towards the budget of hours.
    """
    write(folder / f"{generation:04d}.json", json.dumps(dict(facts)), durable=False)


def seconds_used(folder: Path, *, before: int | None = None) -> float:
    """Seconds that all starts took, or those before one; a start whose file is damaged adds none."""
    starts = _seconds(folder).items()
    return sum(seconds or 0.0 for path, seconds in starts if before is None or int(path.stem) < before)


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


def crashed(folder: Path) -> set[str]:
    """Keys of the teachers, controls and added seeds at which some start saw a process of their own crash."""
    return {str(item.get("key")) for item in _noted(folder) if item.get("outcome") == "crashed"}


def side_failures(folder: Path, alive: bool) -> list[dict[str, object]]:
    """Failed attempts at teachers, controls and added seeds, in the order of the starts.

    Where a driver died that ran one of them in its own process, that is one, too.

    Args:
        folder: of the starts.
        alive: whether a driver works on the sweep now, whose start has not died.
    """
    found = []
    paths = sorted(folder.glob("[0-9]*.json"))
    for path in paths:
        found += list(_noted(folder, path.name))
        with suppress(SweepError):
            facts = read_json(path) or {}
            key = str(facts.get("job", ""))
            name, _, replicate = key.rpartition("-")
            died = facts.get("in_process") and not facts.get("closed") and not (alive and path == paths[-1])
            if died and replicate.isdecimal() and not name.startswith("trial-"):
                label = name.removeprefix("control-")
                which = {"key": key, "label": label, "replicate": int(replicate), "host": "", "log": ""}
                found.append({**which, "outcome": "lost", "cause": "platform", "message": "the driver died with it"})
    return found


def _noted(folder: Path, pattern: str = "[0-9]*.json") -> Iterator[dict[str, object]]:
    for path in sorted(folder.glob(pattern)):
        with suppress(SweepError):
            noted = (read_json(path) or {}).get("failures")
            yield from (item for item in noted or () if isinstance(item, dict) and isinstance(item.get("key"), str))


def set_aside(folder: Path, generation: int) -> list[str]:
    """Nodes that got no more work in a start, a sentence each.

    Args:
        folder: of the starts.
        generation: number of the start.
    """
    try:
        return [str(line) for line in (read_json(folder / f"{generation:04d}.json") or {}).get("set_aside", [])]
    except (SweepError, TypeError):
        return []


def nodes(folder: Path) -> tuple[NodeAccount, ...]:
    """What each node did, over all starts; a start whose file is damaged adds nothing."""
    found: list[object] = []
    for path in sorted(folder.glob("[0-9]*.json")):
        with suppress(SweepError):
            found.append(read_json(path))
    return node_accounts(found)


def last_activity(folder: Path, *others: Path) -> str | None:
    """When a start, or one of some other folders, was last written: UTC, ISO 8601."""
    touched = max((path.stat().st_mtime for path in (*folder.glob("*.json"), *others)), default=None)
    return None if touched is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(touched))


def damaged(folder: Path) -> list[Path]:
    """Files that cannot be read: their seconds are missing in the budget of hours, and nothing else is."""
    return [path for path, seconds in _seconds(folder).items() if seconds is None]


def damage(path: Path) -> str:
    """What is said of a damaged file."""
    return f"{path} is damaged and was ignored: the seconds of that start are missing in the budget of hours."


def _seconds(folder: Path) -> dict[Path, float | None]:
    """Seconds of each start; None where its file is damaged."""
    found: dict[Path, float | None] = {}
    for path in sorted(folder.glob("[0-9]*.json")):
        try:
            found[path] = float((read_json(path) or {}).get("seconds", 0.0))
        except (SweepError, TypeError, ValueError):
            found[path] = None
    return found
