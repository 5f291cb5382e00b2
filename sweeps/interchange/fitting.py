"""Which records a spec would make today: their settings compared with today's, setting by setting."""

import math
from collections.abc import Mapping

from analysis.records.record import Record
from sweeps.code.settings_check import SettingsCheck
from sweeps.spec.sections import Objective
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.experiments import Experiments


class Today:
    """What a spec would make today.

    Args:
        spec: the sweep.
        experiments: knows the settings of a run.
    """

    def __init__(self, spec: SweepSpec, experiments: Experiments) -> None:
        self.spec = spec
        self._settings = SettingsCheck(spec, experiments)
        self._labels = {control.label for control in spec.controls}

    def misfit(self, record: Record) -> str:
        """Why a record is not what its replicate would be today; empty where it is.

        The record belongs to the same trials: its number, label and replicate stay as they are.
        """
        who, seeds = record.identity, self.spec.replicates.seeds
        if who.replicate >= len(seeds) or seeds[who.replicate] != who.seed:
            return f"seed {who.seed} is not replicate {who.replicate}"
        judged = who.kind != "teacher" and record.outcome == "completed"
        if judged and set(record.objectives) != {item.name for item in self.spec.objectives}:
            return "objectives are others"
        return self.difference(record, record.parameters)

    def difference(self, record: Record, point: Mapping[str, object]) -> str:
        """The first setting in which a record differs, as ``path: then is now``; empty where none does.

        Args:
            record: of a trial, control or teacher.
            point: a trial's parameters in today's space.
        """
        who = record.identity
        if who.kind == "control" and who.label not in self._labels:
            return f"no control is called '{who.label}'"
        found = self._settings.differences(who.kind, who.label, point, record.settings)
        return found[0].splitlines()[0] if found else ""


def objectives_of(record: Record, objectives: tuple[Objective, ...]) -> dict[str, float | None]:
    """The values of objectives as a record holds them, whether or not its search looked at them.

    Args:
        record: of a trial or control that has ended.
        objectives: of the spec.

    Returns:
        By name; None where the record does not hold it as a finite number.
    """
    values = {objective.name: record.measured(objective.name) for objective in objectives}
    return {name: value if value is not None and math.isfinite(value) else None for name, value in values.items()}
