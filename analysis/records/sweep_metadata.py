"""The ledger: what a sweep folder says of itself beside its records. All of it may be missing; that is then said."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.records.file_names import all_as_text, as_text

KNOWN_DIRECTIONS = {"validation_accuracy": "maximize", "agreement": "maximize", "validation_divergence": "minimize"}


@dataclass(frozen=True)
class Objective:
    """What the search looked at."""

    name: str
    direction: str
    uses_real_data: bool | None = None

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return -1 if self.direction.startswith("min") else 1


@dataclass(frozen=True)
class Attempt:
    """One try at a replicate."""

    trial: int
    replicate: int
    attempt: int
    epoch: int
    outcome: str
    message: str = ""
    started_at: str = ""
    finished_at: str = ""
    progress: float = 0.0


@dataclass(frozen=True)
class SweepMetadata:
    """A sweep's own account.

    Args:
        source: the frame's name of the folder.
        folder: where it is.
        name: of the sweep.
        spec: the spec's tree.
        spec_text: the spec as the user wrote it.
        command: that started the sweep.
        versions: of the packages that ran it.
        objectives: in the order of the spec; the first one chooses.
        created_at: UTC, ISO 8601.
        states: trial number to waiting, running, completed, pruned, infeasible or failed.
        messages: trial number to what the sweep noted of it, where it did.
        attempts: all tries at all replicates.
        gaps: what was not there or could not be read, in words.
    """

    source: str
    folder: Path
    name: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    spec_text: str = ""
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    objectives: tuple[Objective, ...] = ()
    created_at: str = ""
    states: Mapping[int, str] = field(default_factory=dict)
    messages: Mapping[int, str] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    gaps: tuple[str, ...] = ()

    def planned(self) -> int | None:
        """Replicates that each trial should have, from the spec; None where it does not say."""
        replicates = self.spec.get("replicates")
        seeds = replicates.get("seeds") if isinstance(replicates, Mapping) else None
        if isinstance(seeds, bool):
            return None
        return seeds if isinstance(seeds, int) else len(seeds) if isinstance(seeds, list) and seeds else None

    def curves(self, trial: int) -> dict[int, dict[str, dict[str, list[float]]]]:
        """Loss curves of a trial: replicate to stage to column; empty where none were kept."""
        found = {}
        for path in sorted((self.folder / "curves").glob(f"trial-{trial:04d}-*.json")):
            data = _json(path)
            replicate = path.stem.rsplit("-", 1)[-1]
            if isinstance(data, dict) and replicate.isdigit():
                found[int(replicate)] = {stage: curve for stage, curve in data.items() if _is_curve(curve)}
        return found


def read(source: str, folder: Path) -> SweepMetadata:
    """Reads what there is; never fails for what there is not."""
    gaps: list[str] = []
    sweep = _json(folder / "sweep.json")
    if not isinstance(sweep, dict):
        gaps.append("`sweep.json` is missing or unreadable: objectives, command and versions are not known.")
        sweep = {}
    try:
        spec_text = (folder / "spec.yaml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        gaps.append("`spec.yaml` is missing or unreadable.")
        spec_text = ""
    states: dict[int, str] = {}
    messages: dict[int, str] = {}
    attempts: list[Attempt] = []
    for path in sorted((folder / "trials").glob("*/trial.json")):
        data = _json(path)
        if not isinstance(data, dict) or not isinstance(data.get("number"), int):
            gaps.append(f"`trials/{path.parent.name}/trial.json` is unreadable: its state and attempts are not known.")
            continue
        states[data["number"]] = str(data.get("state", "unknown"))
        if data.get("message"):
            messages[data["number"]] = str(data["message"])
        attempts.extend(_attempt(data["number"], item) for item in _list(data.get("attempts")))
    if not states:
        gaps.append("There are no trial files: states and attempts are not known.")
    return SweepMetadata(
        source=source,
        folder=folder,
        name=str(sweep.get("name") or as_text(folder.name)),
        spec=_mapping(sweep.get("spec")),
        spec_text=spec_text,
        command=_command(sweep.get("command")),
        versions={str(key): str(value) for key, value in _mapping(sweep.get("versions")).items()},
        objectives=tuple(_objective(item) for item in _list(sweep.get("objectives")) if item.get("name")),
        created_at=str(sweep.get("created_at") or ""),
        states=states,
        messages=messages,
        attempts=tuple(attempts),
        gaps=tuple(gaps),
    )


def _json(path: Path) -> Any:
    try:
        return all_as_text(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _command(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _objective(item: Mapping[str, Any]) -> Objective:
    name = str(item["name"])
    direction = str(item.get("direction") or KNOWN_DIRECTIONS.get(name, "minimize"))
    real = item.get("uses_real_data")
    return Objective(name, direction, real if isinstance(real, bool) else None)


def _attempt(trial: int, item: Mapping[str, Any]) -> Attempt:
    return Attempt(
        trial=trial,
        replicate=_number(item.get("replicate")),
        attempt=_number(item.get("attempt")),
        epoch=_number(item.get("epoch")),
        outcome=str(item.get("outcome") or "under way"),
        message=str(item.get("message") or ""),
        started_at=str(item.get("started_at") or ""),
        finished_at=str(item.get("finished_at") or ""),
        progress=float(item["progress"]) if isinstance(item.get("progress"), (int, float)) else 0.0,
    )


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _is_curve(curve: Any) -> bool:
    return (
        isinstance(curve, dict)
        and isinstance(curve.get("step"), list)
        and isinstance(curve.get("loss"), list)
        and len(curve["step"]) == len(curve["loss"]) > 0
        and all(isinstance(value, (int, float)) for value in [*curve["step"], *curve["loss"]])
    )
