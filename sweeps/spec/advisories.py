"""What a spec may say and is yet worth knowing before hours of work."""

from datetime import UTC, datetime

from acgkd.config import flatten
from acgkd.errors import AcgkdError
from analysis.statistics.judged_parts import remark
from sweeps.spec.checks.dataset_checks import data_judge
from sweeps.spec.checks.model_checks import inactive_terms
from sweeps.spec.controls import METHOD_NAME, lower_controls
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.spec.values import show


def notes(spec: SweepSpec) -> list[str]:
    """One sentence for each."""
    lines = []
    if spec.teacher.checkpoint is not None and spec.dataset is not None and spec.dataset.split_file is None:
        lines.append(
            "No accuracy is reported: nothing says which samples trained `teacher/checkpoint`. "
            "`dataset/split_file` would."
        )
    found = spec.inspection.survey(spec.space)
    fixed = flatten(spec.method.model_dump(), "method")
    for name in () if found is None else found.parameters:
        if name in fixed and not _used_by_controls(spec, name, fixed[name]):
            lines.append(
                f"`{name}` is searched; its fixed value {show(fixed[name])} is ignored by trials; `distill` uses it."
            )
    if any(objective.floor == "control" for objective in spec.objectives) and spec.floor_control() is None:
        such = "".join(f", such as `{name}`" for name in lower_controls(spec.method, spec.student)[:1])
        lines.append(
            "No lower control is configured, so there is no floor: add one to `controls` (of a suite, to "
            f"`suite/methods`){such}."
        )
    lines += inactive_terms(spec)
    deadline = spec.budget.deadline
    if deadline is not None and datetime.fromisoformat(deadline) <= datetime.now(UTC):
        lines.append(f"The deadline {deadline} is over: nothing will run.")
    never = why_never_together(spec)
    if spec.replicates.stacked == "auto" and never:
        lines.append(f"`replicates/stacked: auto` changes nothing: replicates are taught one by one, for {never}.")
    lines += _small_parts(spec)
    if len(spec.replicates.seeds) < 3:
        lines.append("With fewer than 3 seeds the report's intervals say little.")
    return lines


def why_never_together(spec: SweepSpec) -> str:
    """What in a spec keeps the replicates of a trial from being taught together, whatever its models; else nothing."""
    if spec.scheduler.name == "halving":
        return "`scheduler: halving` may stop a trial after the first of them"
    if spec.artefacts.validation_curves:
        return "`artefacts/validation_curves` looks at each on its way"
    return "" if len(spec.replicates.seeds) > 1 else "there is one seed"


def _small_parts(spec: SweepSpec) -> list[str]:
    """Parts of the data that judge and are too small for it, as far as that is known without loading them."""
    from acgkd.run.class_sizes import class_sizes

    if spec.dataset is None or not data_judge(spec.dataset, spec.teacher):
        return []
    try:
        sizes = class_sizes(spec.dataset)
    except AcgkdError:
        return []  # a start says what is wrong
    judging = {part: sizes[part] for part in ("validation", "test") if sizes.get(part)}
    said = (remark(part, sum(count > 0 for count in each), min(each)) for part, each in judging.items())
    return [sentence for sentence in said if sentence is not None]


def _used_by_controls(spec: SweepSpec, name: str, value: object) -> bool:
    """Whether some control is run with the fixed value of a setting that trials search."""
    if name == METHOD_NAME:
        return False
    chosen = (flatten(control.choice(spec.method).model_dump(), "method") for control in spec.controls)
    return any(name in settings and settings[name] == value for settings in chosen)
