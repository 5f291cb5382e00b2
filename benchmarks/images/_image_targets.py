"""What was promised of the image methods, met or missed: of runs that are all there, and against chance."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from acgkd.methods import METHODS
from analysis.statistics.intervals import t_interval
from benchmarks._lib.tables import Results
from benchmarks.images._claim import level, verdict
from benchmarks.images._image_study import FAILED, Study, contrast_table, contrasts, signed

MAIN = "rdskd"
FLOOR = "noise"
COMPACT_RATIO = 0.95
PUBLISHED_RATIO = 0.98


def targets(compact: Results, published: Results, studies: Sequence[Study]) -> list[str]:
    """What was promised, met or missed; nothing is said of runs that are not all there.

    Args:
        compact: MNIST by the compact protocol.
        published: by the published one.
        studies: of robustness.
    """
    lines = _ratio("MNIST, compact", compact, COMPACT_RATIO) + _above_floor(compact)
    if not published.rows.empty:
        lines += _ratio("MNIST, published", published, PUBLISHED_RATIO)
    return [*lines, *claim(studies)]


def claim(studies: Sequence[Study]) -> list[str]:
    """What the rule says, whole and against each rival; or what is missing."""
    found = contrasts(studies, MAIN)
    if found:
        said = verdict(found)
        higher, steadier = (
            sum(figure.low > 0 for figure in figures)
            for figures in ([item.mean for item in found], [item.deviation for item in found])
        )
        return [
            f"* the claim of accuracy and robustness, tested on digits: **{said}**; `{MAIN}`'s mean is reliably higher "
            f"than that of {higher} of {len(found)} rivals, its deviation reliably smaller than that of {steadier}",
            "",
            *contrast_table(found, MAIN),
        ]
    return [f"* The claim of robustness is not decided: {absent(studies)}.", ""]


def absent(studies: Sequence[Study]) -> str:
    """What keeps a study from being whole, in words."""
    missing = sum(len(study.missing) for study in studies)
    broken = [f"{study.label} {name}" for study in studies for name in study.broken]
    facts = [f"{missing} settings have not been run yet"] if missing else []
    if broken:
        facts.append(f"{len(broken)} ended in an error, which says nothing of a method ({', '.join(broken)})")
    return "; ".join(facts) or "there are no rivals"


def _ratio(where: str, result: Results, least: float) -> list[str]:
    law = f"{where}: `{MAIN}`'s mean at least {least:g} of its teacher's"
    values, teachers = accuracies(result, MAIN), _teachers(result)
    if len(values) < result.planned or not teachers:
        return [f"* {law}: not decided; {_counted(result, [MAIN])}"]
    ratios = [value / teachers.get(seed, fmean(teachers.values())) for seed, value in values.items()]
    found, mean = t_interval(ratios), fmean(ratios)
    ends = "" if math.isnan(found.low) else f" ({found.low:.3f} to {found.high:.3f})"
    return [_said(law, "met" if mean >= least else "missed", f"{mean:.3f}{ends}; {_counted(result, [MAIN])}")]


def _above_floor(result: Results) -> list[str]:
    law = f"MNIST, compact: every method above `{FLOOR}`"
    methods = [label for label in result.labels if _learns(result, label)]
    values = {label: accuracies(result, label) for label in [*methods, FLOOR]}
    if any(len(each) < result.planned for each in values.values()):
        return [f"* {law}: not decided; {_counted(result, list(values))}"]
    floor = values[FLOOR]
    each = level(len(methods))
    gaps = {m: t_interval([values[m][seed] - floor[seed] for seed in floor], confidence=each) for m in methods}
    below = [f"{label} {signed(gap)}" for label, gap in gaps.items() if gap.mean <= 0]
    unclear = [f"{m} {signed(gap)}" for m, gap in gaps.items() if gap.mean > 0 and not gap.low > 0]
    facts = [f"`{FLOOR}` at {fmean(floor.values()):.3f}", f"intervals of {100 * each:.4g} %"]
    facts += [f"not above: {', '.join(below)}"] if below else []
    facts += [f"above in the mean, but not beyond chance: {', '.join(unclear)}"] if unclear else []
    met = "missed" if below else "met in the mean" if unclear else "met"
    return [_said(law, met, "; ".join([*facts, _counted(result, list(values))]))]


def accuracies(result: Results, label: str) -> dict[int, float]:
    """Test accuracy of a method by seed; a run that failed is the majority class, one that is not there is left out."""
    rows, majority = result.rows, result.references().get("majority class")
    found: dict[int, float] = {}
    for row in rows[rows["label"] == label].to_dict("records"):
        if row["outcome"] == "completed" and not math.isnan(row["test_accuracy"]):
            found[int(row["seed"])] = float(row["test_accuracy"])
        elif row["outcome"] in FAILED and majority is not None:
            found[int(row["seed"])] = majority[0]
    return found


def _teachers(result: Results) -> Mapping[int, float]:
    known = result.rows[result.rows["teacher_test_accuracy"].notna()]
    return {int(row["seed"]): float(row["teacher_test_accuracy"]) for row in known.to_dict("records")}


def _counted(result: Results, labels: Sequence[str]) -> str:
    """How many runs there are, and how those ended that did not complete."""
    rows = result.rows[result.rows["label"].isin(list(labels))]
    ended = rows["outcome"].value_counts().to_dict()
    done = ended.pop("completed", 0)
    others = "".join(f", {count} {outcome.replace('_', ' ')}" for outcome, count in sorted(ended.items()))
    return f"{done} of {len(labels) * result.planned} runs completed{others}"


def _said(law: str, met: str, facts: str) -> str:
    return f"* {law}: {met}; {facts}"


def _learns(result: Results, label: str) -> bool:
    spec = result.spec
    name = label if label == spec.method.name else spec.control(label).name
    return not METHODS[name].lower_control and not METHODS[name].needs_data
