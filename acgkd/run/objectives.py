"""What a run can be judged by: one table, from which specs, evaluation, records and reports take what they know.

Adding an objective is adding a line here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from acgkd.errors import ConfigError, nearest

if TYPE_CHECKING:
    from acgkd.run.distillation import Distillation
    from acgkd.run.evaluator import Evaluator

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class ObjectiveKind:
    """One thing to make as large or as small as possible.

    Args:
        direction: whether more is better.
        measure: ``measure(evaluator, run)``: its value now, of a cost what it will be at the end; None where a run
            cannot be judged by it. Where `uses_real_data`, it is asked only if there is a validation part.
        uses_real_data: whether it looks at the validation part: then the selection is not data-free.
        is_cost: whether it measures work and not quality.
    """

    direction: Direction
    measure: "Callable[[Evaluator, Distillation], float | None]"
    uses_real_data: bool = False
    is_cost: bool = False


OBJECTIVES: dict[str, ObjectiveKind] = {
    "validation_accuracy": ObjectiveKind(
        "maximize", lambda evaluator, run: evaluator.validation_accuracy(run.student), uses_real_data=True
    ),
    "validation_divergence": ObjectiveKind(
        "minimize", lambda evaluator, run: evaluator.validation_divergence(run.student), uses_real_data=True
    ),
    "agreement": ObjectiveKind("maximize", lambda evaluator, run: evaluator.agreement(run.student)),
    "agreement_overlap": ObjectiveKind(
        "maximize", lambda evaluator, run: evaluator.worth(run.student).agreement_overlap
    ),
    "multiply_adds": ObjectiveKind("minimize", lambda _, run: run.expected_multiply_adds, is_cost=True),
    "seconds": ObjectiveKind("minimize", lambda _, run: run.expected_seconds, is_cost=True),
    "student_multiply_adds": ObjectiveKind(
        "minimize", lambda evaluator, run: evaluator.multiply_adds(run.student), is_cost=True
    ),
}


def objective_kind(name: str) -> ObjectiveKind:
    """The entry of that name.

    Raises:
        ConfigError: there is none; the message holds the nearest name and all known ones.
    """
    if name not in OBJECTIVES:
        raise ConfigError(
            f"No objective is called `{name}`. {nearest(name, OBJECTIVES)}Known: {', '.join(OBJECTIVES)}."
        )
    return OBJECTIVES[name]
