"""Made-up sweep folders: plausible numbers from a seeded generator, with trials that fail in every way."""

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np

from analysis.records.parts.environment import Environment
from analysis.records.parts.quality import Quality
from analysis.records.parts.run_cost import Cost
from analysis.records.parts.run_identity import Identity
from analysis.records.record import Record

PRIOR = {"nodes": [10, 28], "mean_degree": 2.2, "features": "categorical", "feature_count": 7, "classes": 2}
SPEC = """name: {name}
dataset: mutag
teacher: gin-5-64
student: gin-3-32
method: acgkd
space: acgkd_core
objectives: [validation_accuracy, multiply_adds]
replicates: {{seeds: {seeds}, vary: [split, teacher, draws]}}
budget: {{trials: {trials}}}
"""


def record(
    *,
    label: str = "trial 0",
    kind: Any = "trial",
    trial: int | None = 0,
    replicate: int = 0,
    outcome: Any = "completed",
    method: str = "acgkd",
    sweep: str = "made-up",
    vary: tuple[str, ...] = ("split", "teacher", "draws"),
    quality: dict[str, Any] | None = None,
    cost: dict[str, Any] | None = None,
    environment: dict[str, Any] | None = None,
    **rest: Any,
) -> Record:
    """One record with sensible values for all that is not given."""
    measured = {
        "teacher_test_accuracy": 0.86,
        "majority_accuracy": 0.66,
        "validation_accuracy": 0.84,
        "validation_divergence": 0.12,
        "test_accuracy": 0.82,
        "test_agreement": 0.9,
        "predicted_classes": 2,
        "train_size": 113,
        "validation_size": 19,
        "test_size": 56,
    }
    if kind == "teacher":
        measured = {name: value for name, value in measured.items() if name.startswith(("teacher", "majority"))}
    spent = {"synthesis_s": 4.0, "transfer_s": 2.0, "multiply_adds": 2e9, "student_ms_per_1000": 41.0}
    return Record(
        identity=Identity(
            sweep=sweep,
            kind=kind,
            trial=trial if kind == "trial" else None,
            label=label,
            replicate=replicate,
            seed=100 + replicate,
            vary=list(vary),
            fingerprint=f"{trial or 0:016x}",
            method=method,
            dataset="mutag",
            teacher="gin-5-64",
            student=None if kind == "teacher" else "gin-3-32",
            prior=PRIOR,
        ),
        outcome=outcome,
        quality=Quality(**{**measured, **(quality or {})}) if outcome == "completed" else Quality(**(quality or {})),
        cost=Cost(**{**spent, **(cost or {})}) if outcome == "completed" else Cost(**(cost or {})),
        environment=Environment(
            **{
                "device": "cpu",
                "device_name": "some CPU",
                "host": "node-1",
                "torch": "2.13.0",
                "calibration_s": 0.021,
                **(environment or {}),
            }
        ),
        progress=rest.pop("progress", 1.0 if outcome == "completed" else 0.4),
        **rest,
    )


def write_folder(
    folder: Path,
    records: list[Record],
    *,
    seeds: int = 3,
    objectives: tuple[tuple[str, str, bool], ...] = (("validation_accuracy", "maximize", True),),
    name: str = "made-up",
    trials: int = 8,
    metadata: bool = True,
) -> Path:
    """Writes a sweep folder; without `metadata` there are records only."""
    (folder / "records").mkdir(parents=True, exist_ok=True)
    for item in records:
        who = item.identity
        stem = (
            f"trial-{who.trial:04d}"
            if who.kind == "trial"
            else "teacher"
            if who.kind == "teacher"
            else f"control-{who.label}"
        )
        (folder / "records" / f"{stem}-{who.replicate:02d}.json").write_text(item.model_dump_json())
    if not metadata:
        return folder
    (folder / "spec.yaml").write_text(SPEC.format(name=name, seeds=list(range(100, 100 + seeds)), trials=trials))
    sweep = {
        "name": name,
        "spec": {"name": name, "replicates": {"seeds": list(range(100, 100 + seeds)), "vary": ["split"]}},
        "command": f"acgkd run {name}.yaml",
        "versions": {"acgkd": "0.1.0", "python": "3.11.7", "torch": "2.13.0", "optuna": "5.0.0", "ray": "2.60.0"},
        "objectives": [{"name": n, "direction": d, "uses_real_data": r} for n, d, r in objectives],
        "created_at": "2025-05-01T08:00:00+00:00",
    }
    (folder / "sweep.json").write_text(json.dumps(sweep))
    by_trial: dict[int, list[Record]] = {}
    for item in records:
        if item.identity.kind == "trial" and item.identity.trial is not None:
            by_trial.setdefault(item.identity.trial, []).append(item)
    for number, items in by_trial.items():
        outcomes = [item.outcome for item in items]
        done = all(outcome == "completed" for outcome in outcomes) and len(items) == seeds
        soft = {"diverged", "out_of_memory", "timed_out"}
        state = "completed" if done else "failed" if "failed" in outcomes else "pruned"
        state = "infeasible" if soft & set(outcomes) else state
        attempts = [
            {
                "replicate": item.identity.replicate,
                "attempt": 0,
                "epoch": 1 + number // 40,
                "outcome": item.outcome,
                "message": item.message,
                "started_at": f"2025-05-01T08:{number % 60:02d}:00+00:00",
                "finished_at": f"2025-05-01T08:{number % 60:02d}:30+00:00",
                "progress": item.progress,
            }
            for item in items
        ]
        if number % 23 == 5:
            attempts.insert(0, {**attempts[0], "epoch": 1, "outcome": "interrupted", "progress": 0.5})
        path = folder / "trials" / f"{number:04d}" / "trial.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps({"number": number, "state": state, "parameters": items[0].parameters, "attempts": attempts})
        )
    return folder


def keep_samples(folder: Path) -> None:
    """Pseudo-images of two classes, of every trial and control."""
    draw = np.random.default_rng(0)
    (folder / "samples").mkdir()
    for path in (folder / "records").glob("*-00.json"):
        np.savez_compressed(
            folder / "samples" / f"{path.stem}.npz",
            format=np.array(1),
            modality=np.array("images"),
            drawn=np.array(8),
            found=np.array([5, 3]),
            label=np.array([0, 0, 1, 1]),
            confidence=draw.random(4),
            pixels=draw.integers(0, 256, (4, 8, 8, 1), dtype=np.uint8),
            outside=np.zeros(4),
        )


def plausible(folder: Path, trials: int = 60, seeds: int = 3, seed: int = 1, name: str = "mutag-acgkd") -> Path:
    """A sweep as it might be: conditional and categorical parameters, pruned and failed trials, controls, curves."""
    draw = random.Random(seed)
    hard = [draw.gauss(0, 0.03) for _ in range(seeds)]
    teachers = [min(0.93, 0.862 + hard[r] + draw.gauss(0, 0.01)) for r in range(seeds)]
    majorities = [0.661 + draw.gauss(0, 0.02) for _ in range(seeds)]
    records = []

    def quality(replicate: int, mean: float) -> dict[str, Any]:
        test = round((mean + hard[replicate] * 0.8 + draw.gauss(0, 0.02)) * 56) / 56
        validation = round(min(1, mean + hard[replicate] * 0.8 + draw.gauss(0, 0.045)) * 19) / 19
        return {
            "teacher_test_accuracy": teachers[replicate],
            "majority_accuracy": majorities[replicate],
            "validation_accuracy": validation,
            "validation_divergence": 0.55 - 0.5 * mean + abs(draw.gauss(0, 0.02)),
            "test_accuracy": min(1, test),
            "test_agreement": min(1, test + 0.05),
            "agreement": min(1, mean + 0.04),
            "predicted_classes": 1 if mean < 0.5 else 2,
        }

    for replicate in range(seeds):
        own = {"teacher_test_accuracy": teachers[replicate], "majority_accuracy": majorities[replicate]}
        records.append(
            record(
                label="teacher", kind="teacher", replicate=replicate, quality=own, cost={"teacher_s": 9.0}, sweep=name
            )
        )
        for label, mean, synthesis in (("random_graphs", 0.52, 0.4), ("real_data", 0.842, None)):
            cost = {"synthesis_s": synthesis, "transfer_s": 2.1 + draw.random() * 0.3}
            records.append(
                record(
                    label=label,
                    kind="control",
                    replicate=replicate,
                    method=label,
                    quality=quality(replicate, mean),
                    cost=cost,
                    sweep=name,
                )
            )
    for number in range(trials):
        adversarial = draw.random() < 0.4
        steps = draw.choice([100, 200, 300, 400])
        mode = draw.choice(["ratio", "degree", "threshold"])
        parameters: dict[str, Any] = {
            "method/synthesis/complexity/mode": mode,
            "method/synthesis/complexity/value": draw.uniform(1, 6) if mode == "degree" else draw.uniform(0.05, 0.9),
            "method/synthesis/rate": math.exp(draw.uniform(math.log(0.003), math.log(0.3))),
            "method/synthesis/steps": steps,
            "method/transfer/temperature/adversarial": adversarial,
            "method/transfer/curriculum/pace": draw.uniform(0.1, 1),
            "method/transfer/curriculum/pacing": draw.choice(["linear", "root", "geometric", "step"]),
        }
        if adversarial:
            parameters["method/transfer/temperature/high"] = draw.uniform(4, 12)
        else:
            parameters["method/transfer/temperature/value"] = draw.uniform(1, 8)
        rate = parameters["method/synthesis/rate"]
        mean = 0.845 - 0.05 * abs(math.log(rate / 0.05)) - (0.1 if mode == "threshold" else 0) - 0.00012 * (400 - steps)
        mean -= 0.008 * abs(parameters.get("method/transfer/temperature/value", 4) - 4)
        mean = max(0.36, mean + draw.gauss(0, 0.015))
        seconds = steps * (0.012 if mode == "threshold" else 0.005) * draw.uniform(0.9, 1.2)
        fate = draw.random()
        for replicate in range(seeds):
            outcome, message = "completed", ""
            if fate < 0.2 and replicate > 0:
                outcome = "pruned"
            elif 0.2 <= fate < 0.25 and replicate == 1:
                outcome, message = (
                    "diverged",
                    "The loss left the finite numbers at step 41 of synthesis; lower the rate.",
                )
            elif 0.25 <= fate < 0.27 and replicate == 2:
                outcome, message = "out_of_memory", "CUDA out of memory: tried to allocate 2.1 GiB."
            elif 0.27 <= fate < 0.29:
                outcome, message = "failed", "ValueError: a | bar, <b>markup</b> & a $dollar"
            found = quality(replicate, mean)
            done = outcome == "completed"
            records.append(
                record(
                    label=f"trial {number}",
                    trial=number,
                    replicate=replicate,
                    outcome=outcome,
                    message=message,
                    sweep=name,
                    quality=found if done else {},
                    cost={
                        "synthesis_s": seconds,
                        "transfer_s": 2.0 + draw.random() * 0.2,
                        "cpu_s": 1.02 * (seconds + 2.1),
                        "multiply_adds": steps * (9e7 if mode == "threshold" else 3e7),
                        "student_ms_per_1000": 41 + draw.gauss(0, 1.5),
                        "student_multiply_adds": 61_000,
                        "candidate_edges": 9000 if mode == "threshold" else 2400,
                        "kept_edges": 2100.5,
                        "peak_host_bytes": 612_000_000,
                    }
                    if done
                    else {"lost_s": 1.5},
                    parameters=parameters,
                    objectives={
                        "validation_accuracy": found["validation_accuracy"],
                        "multiply_adds": steps * (9e7 if mode == "threshold" else 3e7),
                    }
                    if done
                    else {},
                    selection={"floor": "random_graphs", "floor_value": 0.52},
                    environment={"host": f"node-{1 + number % 2}", "trials_alongside": 2},
                )
            )
            if outcome in ("pruned", "failed"):
                break
    objectives = (("validation_accuracy", "maximize", True), ("multiply_adds", "minimize", False))
    write_folder(folder, records, seeds=seeds, objectives=objectives, name=name, trials=trials)
    (folder / "curves").mkdir(exist_ok=True)
    for number in range(trials):
        for replicate in range(seeds):
            curve = {
                stage: {
                    "step": list(range(0, 300, 5)),
                    "loss": [
                        high * math.exp(-step / 60) + low + draw.random() * 0.1 * low for step in range(0, 300, 5)
                    ],
                }
                for stage, high, low in (("synthesis", 30 + 3 * replicate, 0.4), ("transfer", 2, 0.3))
            }
            (folder / "curves" / f"trial-{number:04d}-{replicate:02d}.json").write_text(json.dumps(curve))
    (folder / "records" / "trial-0099-00.json").write_text('{"schema_version": 1, "identity": {"sweep"')
    return folder
