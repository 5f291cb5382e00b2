"""Studies of sensitivity in a frame: each a method's sweep whose controls are its perturbed settings."""

import math
import statistics
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from analysis.formatting import known, number
from analysis.records.cell_values import from_text
from analysis.records.frame import Frame
from analysis.records.record import INFEASIBLE
from analysis.robustness.claim import Contrast, contrast
from analysis.robustness.perturbations import hyper_parameters, is_draw, single_of
from analysis.robustness.setting_spread import Spread, spread_over_settings

_SETTING = "setting/method/"


@dataclass(frozen=True)
class Study:
    """What one method came to over its settings.

    Args:
        label: of the method.
        source: its sweep.
        accuracies: by label of the setting, the defaults under the method's; means over seeds of test accuracy. A run
            that diverged, crashed, or ran out of memory or time, has the majority class's.
        failed: labels of runs that did.
        broken: settings with a run that ended without saying anything of the method: an error of the program.
        partial: settings without all their seeds.
        teacher: its accuracy; NaN where it is not known.
        test_size: samples that accuracies are of; 0 where it is not known.
        seeds: of every setting.
        settings: of the method at its defaults, by slash path.
    """

    label: str
    source: str
    accuracies: Mapping[str, float]
    failed: Sequence[str]
    broken: Sequence[str]
    partial: Sequence[str]
    teacher: float
    test_size: int
    seeds: int
    settings: Mapping[str, object] = field(repr=False)

    @property
    def draws(self) -> dict[str, float]:
        """Accuracy of the settings with all hyper-parameters perturbed, by label."""
        return {label: value for label, value in self.accuracies.items() if is_draw(label)}

    @property
    def singles(self) -> dict[str, float]:
        """Accuracy of the settings with one hyper-parameter perturbed, by label."""
        return {label: value for label, value in self.accuracies.items() if single_of(label) is not None}

    @property
    def default(self) -> float:
        """Accuracy at the method's defaults; NaN where they were not run."""
        return self.accuracies.get(self.label, math.nan)

    @property
    def best(self) -> float:
        """Of all settings; NaN for none."""
        return max(self.accuracies.values(), default=math.nan)

    @property
    def hyper_parameters(self) -> dict[str, dict[str, float]]:
        """What was perturbed: by name, settings by slash path, and their values."""
        return hyper_parameters(self.settings)

    def spread(self, accuracies: Mapping[str, float]) -> Spread | None:
        """What some of its settings come to; None below two."""
        values = list(accuracies.values())
        return spread_over_settings(values, self.best, self.teacher) if len(values) > 1 else None


def studies(frame: Frame) -> list[Study]:
    """The studies of sensitivity in a frame, in the order of their sweeps.

    Args:
        frame: as `analysis.load` reads it; sweeps without perturbed settings are left out.
    """
    runs = frame.rows[frame.rows["kind"] != "teacher"]
    return [_study(source, runs[runs["source"] == source]) for source in study_sources(frame)]


def study_sources(frame: Frame) -> list[str]:
    """The names of the sweeps with rows in a frame that are studies of sensitivity.

    A suite says so of its sweeps. Of others the controls do, each by a label that a perturbed setting bears.
    """
    said = {sweep.source: sweep.study for sweep in frame.sweeps}
    rows = frame.rows[frame.rows["kind"] != "teacher"].drop_duplicates(["source", "kind", "label"])
    return [
        str(source) for source, found in rows.groupby("source", sort=False) if _is_study(said.get(str(source)), found)
    ]


def _is_study(said: str | None, rows: pd.DataFrame) -> bool:
    controls = rows[rows["kind"] == "control"]
    if said is not None:
        return bool(said)
    return len(controls) > 0 and all(_is_perturbed(str(row["label"]), row) for row in controls.to_dict("records"))


def _is_perturbed(label: str, row: Mapping[Hashable, object]) -> bool:
    """Whether a row of a sweep on its own is a perturbed setting: it names a hyper-parameter of its method."""
    single = single_of(label)
    return is_draw(label) if single is None else single[0] in hyper_parameters(_settings(row))


def _settings(row: Mapping[Hashable, object]) -> dict[str, object]:
    """A row's settings of its method, by slash path."""
    return {
        str(name).removeprefix(_SETTING): from_text(cell) if isinstance(cell, str) else cell
        for name, cell in row.items()
        if str(name).startswith(_SETTING) and known(cell)
    }


def _study(source: str, rows: pd.DataFrame) -> Study:
    trial = rows[rows["kind"] == "trial"]
    first = (trial if len(trial) else rows).iloc[0].to_dict()
    label, seeds = str(first["method"]), int(rows["seed"].nunique())
    majority = _first(rows["majority_accuracy"])
    values: dict[str, list[float]] = {}
    failed, broken = [], []
    for row in rows.to_dict("records"):
        name = label if row["kind"] == "trial" else str(row["label"])
        if row["outcome"] == "completed" and known(row["test_accuracy"]):
            values.setdefault(name, []).append(number(row["test_accuracy"]))
        elif row["outcome"] in INFEASIBLE and not math.isnan(majority):
            values.setdefault(name, []).append(majority)
            failed.append(name)
        elif row["outcome"] not in INFEASIBLE:
            broken.append(name)
    means = {name: statistics.fmean(each) for name, each in values.items() if len(each) == seeds}
    size = _first(rows["test_size"])
    return Study(
        label, source, means, failed, sorted(set(broken)), sorted(values.keys() - means.keys() - set(broken)),
        _first(rows["teacher_test_accuracy"]), 0 if math.isnan(size) else int(size), seeds, _settings(first),
    )  # fmt: skip


def contrasts(found: Iterable[Study], ours: str) -> list[Contrast]:
    """The method of a claim against every other, over the joint draws that all of them have.

    Args:
        found: as `studies` returns them.
        ours: label of the method of the claim.

    Returns:
        One for each rival; none where the method was not studied, or where a study is not whole (see `absent`).
    """
    every = list(found)
    known_ = {study.label: study for study in every}
    rivals = [study for study in every if study.label != ours]
    if ours not in known_ or not rivals or absent(every):
        return []
    return [contrast(study.label, known_[ours].draws, study.draws, len(rivals)) for study in rivals]


def absent(found: Sequence[Study]) -> str:
    """What keeps studies from being whole, in words; empty where nothing does."""
    every = {label for study in found for label in study.draws}
    missing = sum(len(every - study.draws.keys() - set(study.broken)) for study in found)
    missing += sum(len([name for name in study.partial if not is_draw(name)]) for study in found)
    broken = [f"{study.label} {name}" for study in found for name in study.broken]
    facts = [f"{missing} settings have not been run yet"] if missing else []
    if broken:
        facts.append(f"{len(broken)} ended in an error, which says nothing of a method ({', '.join(broken)})")
    return "; ".join(facts)


def _first(values: "pd.Series[float]") -> float:
    present = values.dropna()
    return float(present.iloc[0]) if len(present) else math.nan
