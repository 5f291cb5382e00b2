"""A sweep folder of any size with plausible numbers: nothing is trained, all that a report reads is there."""

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from analysis.records.parts.environment import Environment
from analysis.records.parts.quality import Quality
from analysis.records.parts.run_cost import Cost
from analysis.records.parts.run_identity import Identity
from analysis.records.record import Record

SEEDS = 3
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_FLOAT = '{{"name": "FloatDistribution", "attributes": {{"low": {low}, "high": {high}, "log": {log}, "step": null}}}}'
_CHOICE = '{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "root", "geometric", "step"]}}'


def made_sweep(folder: Path, records: int, workers: int = 16) -> Path:
    """Writes a sweep with so many records of trials, a third of which early stopping ended at its first rung.

    Args:
        folder: to be made.
        records: of trials; teachers and controls come on top.
        workers: places of work, on four machines.
    """
    draw = np.random.default_rng(7)
    for name in ("records", "trials"):
        (folder / name).mkdir(parents=True)
    hard = draw.normal(0, 0.03, SEEDS)
    free = [0.0] * workers
    written, number = 0, 0
    while written < records:
        rate, complexity = math.exp(draw.uniform(math.log(1e-3), math.log(0.3))), float(draw.uniform(0.1, 0.9))
        temperature, pacing = float(draw.uniform(1, 8)), str(draw.choice(["linear", "root", "geometric", "step"]))
        mean = 0.85 - 0.05 * abs(math.log(rate / 0.05)) - 0.05 * complexity + draw.normal(0, 0.01)
        parameters: dict[str, Any] = {
            "method/synthesis/rate": rate,
            "method/synthesis/complexity/value": complexity,
            "method/transfer/curriculum/pacing": pacing,
        }
        if pacing != "step":
            parameters["method/transfer/temperature/value"] = temperature
        stopped = bool(draw.random() < 1 / 3)
        worker = int(np.argmin(free))
        attempts, rungs = [], {"0.5": {"values": [0.9 - mean], "promoted": not stopped}}
        for replicate in range(1 if stopped else min(SEEDS, records - written)):
            start, free[worker] = free[worker], free[worker] + (10 if stopped else 20) * (0.8 + 0.4 * draw.random())
            accuracy = float(np.clip(mean + hard[replicate] + draw.normal(0, 0.02), 0, 1))
            outcome = "pruned" if stopped else "completed"
            item = _record(number, replicate, accuracy, outcome, parameters, worker, start, free[worker])
            stem = f"trial-{number:04d}-{replicate:02d}"
            (folder / "records" / f"{stem}.json").write_text(item.model_dump_json())
            attempts.append(
                {"replicate": replicate, "attempt": 0, "generation": 1, "outcome": outcome, "progress": 0.5}
                | {"started_at": _at(start), "finished_at": _at(free[worker]), "host": f"node-{worker % 4}"}
                | {"progress": 0.5 if stopped else 1.0, "lost_s": 0.0}
            )
            rungs |= {} if stopped else {str(replicate + 1): {"values": [0.9 - mean], "promoted": True}}
            written += 1
        whole = not stopped and len(attempts) == SEEDS
        rungs.pop(str(SEEDS), None)
        trial = {
            "schema_version": 3, "number": number, "state": "completed" if whole else "pruned",
            "parameters": parameters, "distributions": _distributions(parameters), "attempts": attempts, "rungs": rungs,
            "values": [0.9 - mean] if whole else None, "replicates": SEEDS if whole else None,
        }  # fmt: skip
        path = folder / "trials" / f"{number:04d}" / "trial.json"
        path.parent.mkdir()
        path.write_text(json.dumps(trial))
        number += 1
    _references(folder, hard)
    spec = {"name": "made", "replicates": {"seeds": list(range(SEEDS)), "vary": ["split"]}}
    spec |= {"scheduler": {"name": "halving", "reduction": 3, "fractions": [0.5]}}
    objectives = [{"name": "validation_divergence", "direction": "minimize", "uses_real_data": True}]
    facts = {
        "schema_version": 3,
        "name": "made",
        "spec": spec,
        "objectives": objectives,
        "command": "acgkd run made.yaml",
    }
    (folder / "sweep.json").write_text(json.dumps(facts))
    (folder / "spec.yaml").write_text("name: made\n")
    return folder


def _distributions(parameters: dict[str, Any]) -> dict[str, str]:
    known = {
        "method/synthesis/rate": _FLOAT.format(low=0.001, high=0.3, log="true"),
        "method/synthesis/complexity/value": _FLOAT.format(low=0.1, high=0.9, log="false"),
        "method/transfer/temperature/value": _FLOAT.format(low=1.0, high=8.0, log="false"),
        "method/transfer/curriculum/pacing": _CHOICE,
    }
    return {name: known[name] for name in parameters}


def _at(seconds: float) -> str:
    return (_BEGAN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def _references(folder: Path, hard: np.ndarray) -> None:
    for replicate in range(SEEDS):
        teacher = _record(None, replicate, 0.9 + float(hard[replicate]), "completed", {}, 0, -60, -40, kind="teacher")
        (folder / "records" / f"teacher-{replicate:02d}.json").write_text(teacher.model_dump_json())
        for label, mean in (("random_graphs", 0.55), ("real_data", 0.86)):
            item = _record(
                None,
                replicate,
                mean + float(hard[replicate]),
                "completed",
                {},
                1,
                -40,
                -20,
                kind="control",
                label=label,
            )
            (folder / "records" / f"control-{label}-{replicate:02d}.json").write_text(item.model_dump_json())


def _record(
    number: int | None, replicate: int, accuracy: float, outcome: Any, parameters: dict[str, Any], worker: int,
    start: float, end: float, kind: Any = "trial", label: str = "teacher",
) -> Record:  # fmt: skip
    done = outcome == "completed" and kind != "teacher"
    quality = {"teacher_test_accuracy": 0.9, "majority_accuracy": 0.5, "train_size": 113, "test_size": 56}
    quality |= {"validation_size": 19}
    if done:
        quality |= {
            "test_accuracy": accuracy,
            "validation_accuracy": accuracy,
            "validation_divergence": 0.95 - accuracy,
        }
        quality |= {"predicted_classes": 2, "test_agreement": accuracy}
    seconds = end - start
    cost = {"synthesis_s": 0.6 * seconds, "transfer_s": 0.4 * seconds, "multiply_adds": 1e8 * seconds}
    cost |= {"student_ms_per_1000": 40.0, "student_multiply_adds": 61_000, "student_parameters": 5_000}
    return Record(
        identity=Identity(
            sweep="made", kind=kind, trial=number, label=label if number is None else f"trial {number}",
            replicate=replicate, seed=replicate, vary=["split"], fingerprint=f"{number or 0:016x}",
            method="acgkd" if kind == "trial" else label, dataset="mutag", teacher="gin-5-64",
            student=None if kind == "teacher" else "gin-3-32",
        ),
        parameters=parameters,
        outcome=outcome,
        progress=1.0 if outcome == "completed" else 0.5,
        objectives={"validation_divergence": 0.95 - accuracy} if done else {},
        quality=Quality(**quality),  # type: ignore[arg-type]
        cost=Cost(**(cost if done else {})),  # type: ignore[arg-type]
        environment=Environment(
            device="cpu", device_name="some CPU", host=f"node-{worker % 4}", started_at=_at(start), finished_at=_at(end)
        ),
    )  # fmt: skip
