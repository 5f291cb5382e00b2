"""What `status` says of records as they are on disk: students that stand out, and what was worked."""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from acgkd.errors import SweepError
from analysis.statistics.trust.contention import contended, seconds_of, sentence
from analysis.statistics.trust.outcome_bounds import remarks
from sweeps.store.atomic import read_json

if TYPE_CHECKING:
    from sweeps.store.folder import SweepFolder

# Status is asked for every few seconds, and reads nothing else of so many files.
MOST_READ = 1000
Records = Iterable[Mapping[str, Any]]


def trial_records(folder: "SweepFolder") -> list[dict[str, Any]]:
    """The records of trials, damaged ones left out; none of thousands."""
    paths, found = list(folder.records.glob("trial-*.json")), []
    for path in paths if len(paths) <= MOST_READ else ():
        with suppress(SweepError):
            found.append(read_json(path) or {})
    return found


def remarks_of(records: Records) -> dict[str, int]:
    """Of how many replicates each remark is."""
    return dict(sorted(Counter(said for record in records for said in remarks(record.get("quality", {}))).items()))


def remarks_by_label(records: Records) -> dict[str, dict[str, int]]:
    """The same by label, those without any left out."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        rows.setdefault(str(record.get("identity", {}).get("label", "")), []).append(record)
    found = {label: remarks_of(rows[label]) for label in sorted(rows)}
    return {label: said for label, said in found.items() if said}


def work_of(records: Records) -> dict[str, Any]:
    """`seconds`, `cpu_s` and `contention` of a status: completed replicates that say their CPU time."""
    done = [record for record in records if record.get("outcome") == "completed"]
    timed = [record for record in done if record.get("cost", {}).get("cpu_s") is not None]
    if not timed:
        return {}
    return {
        "seconds": round(sum(seconds_of(record["cost"]) for record in timed), 3),
        "cpu_s": round(sum(record["cost"]["cpu_s"] for record in timed), 3),
        "contention": sentence(item for item in map(contended, timed) if item is not None),
    }
