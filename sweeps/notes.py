"""What a spec may say and is yet worth knowing before hours of work."""

from acgkd.config import flatten
from sweeps import parameters as inline
from sweeps.probe import survey
from sweeps.spec import SweepSpec


def notes(spec: SweepSpec) -> list[str]:
    """One sentence for each."""
    lines = []
    if spec.teacher.checkpoint is not None and spec.dataset is not None and spec.dataset.split_file is None:
        lines.append(
            "No accuracy is reported: nothing says which samples trained `teacher/checkpoint`. "
            "`dataset/split_file` would."
        )
    found = survey(spec.suggest)
    fixed = flatten(spec.method.model_dump(), "method")
    for name in found.parameters:
        if name in fixed:
            lines.append(
                f"`{name}` is searched; its fixed value {inline.show(fixed[name])} counts for `distill` alone."
            )
    if any(objective.floor == "control" for objective in spec.objectives) and spec.floor_control() is None:
        lines.append("No trial is held against a control: `controls` has no lower one, such as `random_graphs`.")
    if len(spec.replicates.seeds) < 3:
        lines.append("With fewer than 3 seeds the report's intervals say little.")
    return lines
