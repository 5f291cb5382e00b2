"""What one method came to over its settings, and the tables of such studies."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from acgkd.config import MethodChoice, flatten
from acgkd.methods import parse_method
from analysis.records.record import Record
from analysis.statistics.intervals import Interval
from benchmarks._lib import tables
from benchmarks._lib.tables import Results, number
from benchmarks.images._claim import FIGURES, REACHED, Contrast, Spread, contrast, level, spread
from benchmarks.images._robustness import Variant, hyper_parameters
from sweeps.spec.sweep_spec import SweepSpec

# Outcomes of a method that failed at a setting, and not of a machine or of the program.
FAILED = ("diverged", "out_of_memory", "timed_out")


@dataclass(frozen=True)
class Study:
    """What one method came to over its settings.

    Args:
        label: of the method.
        method: at its defaults.
        accuracies: by label of the setting, the defaults under the method's; means over seeds of test accuracy.
        failed: labels of runs that count as the majority class.
        broken: settings with a run that ended without saying anything of the method: an error of the program.
        teacher: its accuracy; NaN where it is not known.
        test_size: samples that accuracies are of; 0 where it is not known.
        runs: of every setting.
        single: variants with one hyper-parameter perturbed.
        together: variants with all of them perturbed.
    """

    label: str
    method: MethodChoice
    accuracies: Mapping[str, float]
    failed: Sequence[str]
    broken: Sequence[str]
    teacher: float
    test_size: int
    runs: int
    single: Sequence[Variant]
    together: Sequence[Variant]

    @classmethod
    def of(
        cls,
        label: str,
        spec: SweepSpec,
        found: Sequence[Record],
        single: Sequence[Variant],
        together: Sequence[Variant],
    ) -> "Study":
        """From the records of a method's sweep; settings without all their seeds are left out."""
        mine = [item for item in found if item.identity.sweep == spec.name and item.identity.kind != "teacher"]
        known = [item.quality for item in mine if item.quality.majority_accuracy is not None]
        values: dict[str, list[float]] = {}
        failed, broken = [], []
        for record in mine:
            name = label if record.identity.kind == "trial" else record.identity.label
            if record.outcome == "completed" and record.quality.test_accuracy is not None:
                values.setdefault(name, []).append(record.quality.test_accuracy)
            elif record.outcome in FAILED and known:
                values.setdefault(name, []).append(float(known[0].majority_accuracy or 0.0))
                failed.append(name)
            elif record.outcome not in FAILED:
                broken.append(name)
        whole = len(spec.replicates.seeds)
        means = {name: statistics.fmean(each) for name, each in values.items() if len(each) == whole}
        teacher = math.nan if not known else float(known[0].teacher_test_accuracy or math.nan)
        size = int(known[0].test_size or 0) if known else 0
        return cls(label, spec.method, means, failed, sorted(set(broken)), teacher, size, whole, single, together)

    @property
    def settings(self) -> list[str]:
        """Labels of all settings: the defaults, one hyper-parameter perturbed, all of them."""
        return [self.label, *(variant.label for variant in (*self.single, *self.together))]

    @property
    def missing(self) -> list[str]:
        """Labels of settings that have not been run yet, or not whole; none that is broken."""
        return [name for name in self.settings if name not in self.accuracies and name not in self.broken]

    @property
    def complete(self) -> bool:
        """Whether every setting is there."""
        return all(name in self.accuracies for name in self.settings)

    def values(self, variants: Sequence[Variant]) -> dict[str, float]:
        """Accuracy of some settings, by label, as far as they are there."""
        return {item.label: self.accuracies[item.label] for item in variants if item.label in self.accuracies}

    @property
    def best(self) -> float:
        """Of all settings that are there; NaN for none."""
        mine = [self.accuracies[name] for name in self.settings if name in self.accuracies]
        return max(mine, default=math.nan)

    def spread(self, variants: Sequence[Variant]) -> Spread | None:
        """What some settings come to; None below two."""
        found = list(self.values(variants).values())
        return spread(found, self.best, self.teacher) if len(found) > 1 else None


def standing_table(studies: Sequence[Study], elsewhere: Results) -> list[str]:
    """Each method's defaults: its hyper-parameters, what else the spec says, and what another comparison has instead.

    Args:
        studies: of all methods.
        elsewhere: the comparison.
    """
    rows = []
    for study in studies:
        places, here = hyper_parameters(study.method), flatten(parse_method(study.method)[1].model_dump())
        perturbed = [path for each in places.values() for path in each]
        stand = (f"{name.replace('_', ' ')} {_listed(each.values())}" for name, each in places.items())
        said = flatten({"synthesis": study.method.synthesis, "transfer": study.method.transfer})
        rest = (f"`{path}` {here[path]}" for path in said if path in here and path not in perturbed)
        rows.append([study.label, "; ".join(stand), "; ".join(rest), _instead(study.method, here, elsewhere)])
    return tables.table(
        ("method", "hyper-parameters, at their defaults", "also said", "otherwise in the table above"), rows
    )


def _listed(values: Iterable[float]) -> str:
    return " and ".join(f"{value:g}" for value in dict.fromkeys(values))


def _instead(method: MethodChoice, here: Mapping[str, object], elsewhere: Results) -> str:
    """What another comparison sets of a method where this one sets something else."""
    spec = elsewhere.spec
    known = {item.label: spec.control_config(item.label).method for item in spec.controls}
    known[spec.method.name] = spec.method
    if method.name not in known:
        return "not run there"
    there = flatten(parse_method(known[method.name])[1].model_dump())
    # What is left out there is the method's own to say, and may come to the same.
    others = {path: value for path, value in there.items() if value is not None and value != here.get(path)}
    return "; ".join(f"`{path}` {value}" for path, value in others.items())


def spread_table(studies: Sequence[Study], kind: str) -> list[str]:
    """One row for each method: what its settings come to.

    Args:
        studies: of all methods.
        kind: ``single`` or ``together``.
    """
    header = (
        "method", "defaults", "best", "settings", "mean (95 %)", "deviation from the median (95 %)", "sd", "worst",
        "within a point of its best", f"at {REACHED:g} of its teacher", "failed runs",
    )  # fmt: skip
    rows = []
    for study in studies:
        variants = study.single if kind == "single" else study.together
        names = {item.label for item in variants}
        row = [study.label, number(study.accuracies.get(study.label, math.nan), 3), number(study.best, 3)]
        row.append(f"{len(study.values(variants))} of {len(variants)}")
        failed, found = str(sum(name in names for name in study.failed)), study.spread(variants)
        if found is None:
            rows.append([*row, *["–"] * 6, failed])
            continue
        cells = [_plain(found.mean), _plain(found.deviation), f"{found.mean.sd:.3f}", f"{found.worst:.3f}"]
        rows.append([*row, *cells, f"{found.near:.2f}", number(found.reached, 2), failed])
    return tables.table(header, rows)


def single_table(studies: Sequence[Study]) -> list[str]:
    """Accuracy with one hyper-parameter perturbed: a row for each of a method, a column for each factor."""
    factors = sorted({factor for study in studies for item in study.single for factor in item.factors.values()})
    rows = []
    for study in studies:
        for name in dict.fromkeys(each for item in study.single for each in item.factors):
            cells = {item.factors[name]: item.label for item in study.single if name in item.factors}
            shown = [number(study.accuracies.get(cells.get(factor, ""), math.nan), 3) for factor in factors]
            rows.append([study.label, name.replace("_", " "), *shown])
    return tables.table(("method", "hyper-parameter", *(f"× {factor:g}" for factor in factors)), rows)


def contrasts(studies: Sequence[Study], main: str) -> list[Contrast]:
    """The method of the claim against every other, over joint draws; empty before all of them are there."""
    known = {study.label: study for study in studies}
    rivals = [study for study in studies if study.label != main]
    if main not in known or not rivals or not all(study.complete for study in studies):
        return []
    ours = known[main].values(known[main].together)
    return [contrast(study.label, ours, study.values(study.together), len(rivals)) for study in rivals]


def contrast_table(found: Sequence[Contrast], main: str) -> list[str]:
    """One row for each rival."""
    each = f"{100 * level(FIGURES * len(found)):.4g} %"
    figures = (f"mean of `{main}` minus its ({each})", f"its deviation minus that of `{main}` ({each})")
    header = ("rival", "draws", *figures, "the claim")
    rows = [[item.rival, str(item.mean.n), signed(item.mean), signed(item.deviation), item.verdict] for item in found]
    return tables.table(header, rows)


def _plain(found: Interval) -> str:
    return f"{found.mean:.3f} ({found.low:.3f} to {found.high:.3f})".replace("-", "−")


def signed(found: Interval) -> str:
    """``+0.021 (−0.010 to 0.052)``."""
    return f"{found.mean:+.3f} ({found.low:.3f} to {found.high:.3f})".replace("-", "−")
