"""Whether a record was made with the settings that its sweep would give it today, defaults included."""

import json
from collections.abc import Mapping

from acgkd.errors import ConfigError, UnknownNameError
from sweeps.spec.sweep_spec import PLACES, SweepSpec
from sweeps.spec.values import differences
from sweeps.worker.experiments import Experiments

# Where data lie, and what computes, shape no result.
LEFT_OUT = frozenset({*PLACES, "device"})
# What makes a teacher.
TEACHER = ("dataset/", "teacher/", "vary", "prior/feature_count", "prior/classes")


class SettingsCheck:
    """Compares the flat settings of records with those of today.

    A default is the same for all trials with the same parameters and the same choices among words, so settings are
    resolved once for each such group; only where a record differs from its group are they resolved for it alone.

    Args:
        spec: the sweep.
        experiments: knows the settings of a run.
    """

    def __init__(self, spec: SweepSpec, experiments: Experiments) -> None:
        self._spec, self._experiments = spec, experiments
        self._labels = {control.label for control in spec.controls}
        self._groups: dict[str, str] = {}

    def differences(
        self, kind: str, label: str, parameters: Mapping[str, object], settings: Mapping[str, object]
    ) -> list[str]:
        """One line for each setting that is another one today: ``method/transfer/steps: 60 is now 30``.

        Args:
            kind: of the record: trial, control or teacher.
            label: the control's.
            parameters: the trial's, by slash path.
            settings: what the record was made with, by slash path.

        Raises:
            UnknownNameError: the sweep has no control of that label.
        """
        if kind == "control" and label not in self._labels:
            raise UnknownNameError(f"No control of `{self._spec.name}` has the label `{label}`.")
        own = {path for path, value in parameters.items() if _is_number(value)}
        group = json.dumps([kind, label if kind == "control" else "", _choices(parameters)], sort_keys=True)
        if group not in self._groups:
            try:
                self._groups[group] = _text(self._now(kind, label, parameters), own)
            except (ConfigError, UnknownNameError):
                self._groups[group] = ""
        if _text(_shaping(kind, settings), own) == self._groups[group]:
            return []
        try:
            now = self._now(kind, label, parameters)
        except (ConfigError, UnknownNameError) as error:
            return [f"these settings are refused now: {error}"]
        return differences(_shaping(kind, settings), now)

    def _now(self, kind: str, label: str, parameters: Mapping[str, object]) -> dict[str, object]:
        """As a record would hold them: lists for tuples."""
        if kind == "control":
            config = self._spec.control_config(label)
        else:
            config = self._spec.run_config(parameters if kind == "trial" else {})
        return _shaping(kind, json.loads(json.dumps(self._experiments.settings(config))))


def _shaping(kind: str, settings: Mapping[str, object]) -> dict[str, object]:
    """Those that shape the result; one that is null, and an empty section, are as one that is not set."""
    return {
        path: value
        for path, value in settings.items()
        if value not in (None, {}) and path not in LEFT_OUT and (kind != "teacher" or path.startswith(TEACHER))
    }


def _text(settings: Mapping[str, object], without: set[str]) -> str:
    return json.dumps({path: value for path, value in settings.items() if path not in without}, sort_keys=True)


def _choices(parameters: Mapping[str, object]) -> dict[str, object]:
    return {path: 0 if _is_number(value) else value for path, value in parameters.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
