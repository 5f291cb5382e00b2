"""Which records a spec would make today: their settings compared with today's, setting by setting."""

import json
import math
from collections.abc import Mapping
from typing import Any

from acgkd.errors import AcgkdError
from analysis.records.record import Cost, Quality, Record
from sweeps.spec.sections import Objective
from sweeps.spec.sweep_spec import PLACES, SweepSpec
from sweeps.spec.values import plain_word
from sweeps.worker.experiments import Experiments

# What makes a teacher. `device` and where files lie say nothing of what a run is.
_OF_TEACHERS = ("dataset/", "teacher/", "vary", "prior/feature_count", "prior/classes")
_IGNORED = frozenset({*PLACES, "device"})
_STAGES = ("synthesis_s", "transfer_s", "joint_s")


class Today:
    """What a spec would make today.

    Args:
        spec: the sweep.
        experiments: knows the settings of a run.
    """

    def __init__(self, spec: SweepSpec, experiments: Experiments) -> None:
        self.spec = spec
        self._experiments = experiments
        self._controls = {
            control.label: experiments.settings(spec.control_config(control.label)) for control in spec.controls
        }
        self._fixed = experiments.settings(spec.run_config({}))

    def misfit(self, record: Record) -> str:
        """Why a record is not what its replicate would be today; empty where it is.

        The record belongs to the same trials: its number, label and replicate stay as they are.
        """
        who, seeds = record.identity, self.spec.replicates.seeds
        if who.replicate >= len(seeds) or seeds[who.replicate] != who.seed:
            return f"seed {who.seed} is not replicate {who.replicate}"
        if who.kind == "teacher":
            return self.of_teacher(record)
        if record.outcome == "completed" and set(record.objectives) != {item.name for item in self.spec.objectives}:
            return "objectives are others"
        if who.kind == "control":
            return self.of_control(record)
        return self.of_trial(record, record.parameters)

    def of_teacher(self, record: Record) -> str:
        """The first setting in which a teacher differs; empty where none does."""
        return first_difference(record.settings, self._fixed, _OF_TEACHERS)

    def of_control(self, record: Record) -> str:
        """The first setting in which a control differs; empty where none does."""
        label = record.identity.label
        if label not in self._controls:
            return f"no control is called '{label}'"
        return first_difference(record.settings, self._controls[label])

    def of_trial(self, record: Record, point: Mapping[str, object]) -> str:
        """The first setting in which a trial's replicate differs; empty where none does.

        Args:
            record: of the replicate.
            point: its parameters in today's space.
        """
        try:
            now = self._experiments.settings(self.spec.run_config(point)) if point else self._fixed
        except AcgkdError as error:
            return str(error).splitlines()[0]
        return first_difference(record.settings, now)


def first_difference(then: Mapping[str, Any], now: Mapping[str, Any], roots: tuple[str, ...] = ("",)) -> str:
    """The first setting in which two flat trees differ, as ``path: then is now``; empty where none does.

    Args:
        then: settings by slash path.
        now: likewise.
        roots: beginnings of the paths that are compared.
    """
    for path in dict.fromkeys([*then, *now]):
        if path in _IGNORED or not path.startswith(roots):
            continue
        values = [tree.get(path) for tree in (then, now)]
        # An empty section says nothing; what the other tree has below it is found by itself.
        if json.dumps(values[0]) != json.dumps(values[1]) and any(value not in ({}, None) for value in values):
            before, after = (plain_word(tree[path]) if path in tree else "(not set)" for tree in (then, now))
            return f"{path}: {before} is now {after}"
    return ""


def objectives_of(record: Record, objectives: tuple[Objective, ...]) -> dict[str, float | None]:
    """The values of objectives as a record holds them, among its objectives or among what was measured.

    Args:
        record: of a trial or control that has ended.
        objectives: of the spec.

    Returns:
        By name; None where the record does not hold it, or not as a finite number.
    """
    return {objective.name: _value(record, objective.name) for objective in objectives}


def _value(record: Record, name: str) -> float | None:
    value = record.objectives.get(name)
    if value is None and name == "seconds":
        stages = [seconds for stage in _STAGES if (seconds := getattr(record.cost, stage)) is not None]
        value = sum(stages) if stages else None
    elif value is None:
        part = record.quality if name in Quality.model_fields else record.cost if name in Cost.model_fields else None
        value = None if part is None else getattr(part, name)
    return value if value is not None and math.isfinite(value) else None
