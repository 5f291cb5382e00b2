"""What a student must reach to be worth anything, and what synthesis it came from: one place for the bounds.

They are no outcome of a run, which is `completed` all the same: tables and reports count the replicates.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from acgkd.agreement.health_facts import Health

RATIO_BOUND = 0.75
"""Least accuracy over the teacher's; below it, or below the majority class, a student is below the bound. A choice,
made before any student was judged by it."""
REMARKS = {"collapsed": "collapsed", "below_bound": "below the bound", "stuck": "stuck"}
"""Columns of a summary, and what they count."""
NOTE = (
    f"Below the bound: replicates whose student has less than {RATIO_BOUND} of its teacher's accuracy, or less than "
    "the majority class. Stuck: those whose pseudo-samples the teacher does not give the class asked for. Collapsed: "
    "those whose student predicts one class."
)


def below_bound(accuracy: float, teacher: float, majority: float = math.nan) -> bool | None:
    """Whether a student is below the bound; None where its accuracy or its teacher's is not known.

    Args:
        accuracy: of the student, in [0, 1].
        teacher: of its teacher, on the same samples.
        majority: of the majority class there; NaN where it is not known.
    """
    if math.isnan(accuracy) or math.isnan(teacher):
        return None
    # Shares of few samples may lie on the bound, where a product's last digit must not decide.
    return accuracy < RATIO_BOUND * teacher - 1e-9 or accuracy < majority


def remarks(quality: Mapping[str, Any]) -> list[str]:
    """What stands out of one replicate, a word or two each: collapsed, below the bound, stuck.

    Args:
        quality: fields of `analysis.records.parts.quality.Quality`, or a row that has them.
    """
    named = ("test_accuracy", "teacher_test_accuracy", "majority_accuracy")
    values = [math.nan if quality.get(name) is None else float(quality[name]) for name in named]
    holds = {
        "collapsed": quality.get("predicted_classes") == 1,
        "below_bound": below_bound(*values),
        "stuck": Health.of(quality).stuck,
    }
    return [remark for name, remark in REMARKS.items() if holds[name]]


def counted(rows: Iterable[Mapping[str, object]]) -> dict[str, int]:
    """How many replicates each remark is of, by its column."""
    said = [remark for row in rows for remark in remarks(row)]
    return {name: said.count(remark) for name, remark in REMARKS.items()}
