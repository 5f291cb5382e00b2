"""Sweep folders whose history is planted: values at rungs, attempts on machines, work that was lost."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from analysis.records.record import Record
from tests.analysis_tests import made_up

BEGAN = datetime(2026, 3, 1, 8, tzinfo=UTC)


def at(seconds: float) -> str:
    """A time of the sweep, as trial files write it."""
    return (BEGAN + timedelta(seconds=seconds)).isoformat()


def attempt(replicate: int, start: float, end: float | None, **facts: Any) -> dict[str, Any]:
    """One attempt of a trial file; without an end it is under way."""
    known = {"outcome": "completed", "progress": 1.0, "generation": 1, "host": "node-1", "attempt": 0}
    if end is None:
        known |= {"outcome": None, "progress": 0.0, "host": ""}
    return (
        known | {"replicate": replicate, "started_at": at(start), "finished_at": "" if end is None else at(end)} | facts
    )


def halved(
    folder: Path,
    rungs: Mapping[int, Mapping[str, float | None]],
    *,
    ends: Mapping[int, str] | None = None,
    attempts: Mapping[int, Sequence[Mapping[str, Any]]] | None = None,
    seeds: int = 3,
    reduction: int = 2,
    records: Sequence[Record] = (),
    **facts: Any,
) -> Path:
    """A sweep with early stopping that minimises `validation_divergence`.

    Args:
        folder: to be made.
        rungs: values by trial and rung; one at the rung of all seeds completes the trial, else the last one stops it.
        ends: states of trials that ended, or stand, otherwise.
        attempts: of trials; none are known of others.
        seeds: replicates of each trial.
        reduction: one in so many continues.
        records: besides those of completed trials.
        facts: other fields of the sweep file.
    """
    made = list(records)
    states = {n: "completed" if str(seeds) in found else "pruned" for n, found in rungs.items()} | dict(ends or {})
    for number, found in rungs.items():
        done = seeds if states[number] == "completed" else max((int(float(rung)) for rung in found), default=0)
        for replicate in range(done):
            made.append(
                made_up.record(
                    label=f"trial {number}", trial=number, replicate=replicate,
                    objectives={"validation_divergence": found.get(str(seeds), 0.5)},
                )
            )  # fmt: skip
    objectives = (("validation_divergence", "minimize", True),)
    made_up.write_folder(folder, made, seeds=seeds, objectives=objectives, trials=len(rungs))
    sweep = json.loads((folder / "sweep.json").read_text())
    sweep["spec"]["scheduler"] = {"name": "halving", "reduction": reduction, "fractions": [0.5]}
    (folder / "sweep.json").write_text(json.dumps(sweep | facts))
    for number, found in rungs.items():
        whole = str(seeds) in found
        judged = {rung: value for rung, value in found.items() if rung != str(seeds)}
        last = list(judged)[-1:] if states[number] == "pruned" else []
        trial = {
            "schema_version": 3,
            "number": number,
            "state": states[number],
            "values": [found[str(seeds)]] if whole else None,
            "replicates": seeds if whole else None,
            "rungs": {rung: {"values": [value], "promoted": [rung] != last} for rung, value in judged.items()},
            "attempts": [dict(item) for item in (attempts or {}).get(number, ())],
        }
        path = folder / "trials" / f"{number:04d}" / "trial.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(trial))
    return folder


def by_seed(
    folder: Path, accuracies: Mapping[int, Sequence[float]], controls: Mapping[str, Sequence[float]] | None = None,
    teacher: Sequence[float] = (),
) -> Path:  # fmt: skip
    """A sweep whose trials and controls have these test accuracies, one for each seed from 100; trial 0 is the best."""
    seeds = len(next(iter(accuracies.values())))
    records = []
    for number, values in accuracies.items():
        for replicate, value in enumerate(values):
            quality = {"test_accuracy": value, "validation_accuracy": 0.9 - number / 100}
            records.append(
                made_up.record(
                    label=f"trial {number}", trial=number, replicate=replicate, quality=quality,
                    objectives={"validation_accuracy": 0.9 - number / 100},
                )
            )  # fmt: skip
    for label, values in (controls or {}).items():
        for replicate, value in enumerate(values):
            quality = {"test_accuracy": value}
            records.append(
                made_up.record(kind="control", label=label, replicate=replicate, method=label, quality=quality)
            )
    for replicate, value in enumerate(teacher):
        quality = {"teacher_test_accuracy": value}
        records.append(made_up.record(kind="teacher", label="teacher", replicate=replicate, quality=quality))
    return made_up.write_folder(folder, records, seeds=seeds)
