"""What a teaching stage takes, counted from its settings before it begins."""

import math

from acgkd.settings.transfer_stage import TransferConfig
from acgkd.transfer.curriculum import admitted_share


def teaching_work(config: TransferConfig, pool: int, teacher: float, student: float) -> float:
    """Multiply-adds of all its steps, those of measuring difficulties among them.

    Args:
        config: how the student is taught.
        pool: how many pseudo-samples there are.
        teacher: multiply-adds of one forward pass over one sample.
        student: the same of the student.
    """
    how, passes, measured = config.curriculum, [0.0, 0.0], False
    asked = how.difficulty != "edges" or how.labels == "teacher"
    for done in range(config.steps):
        share = admitted_share(done / config.steps, pacing=how.pacing, pace=how.pace, start=how.start)
        stale = how.difficulty == "gap" and done % max(1, config.steps // 20) == 0
        if share < 1 and asked and (stale or not measured):
            measured = True
            passes = [passes[0] + pool, passes[1] + pool * (how.difficulty == "gap")]
        size = config.batch_size if config.repeats else min(config.batch_size, math.ceil(share * pool))
        passes = [passes[0] + size, passes[1] + 3 * size]
    again = config.recalibration * min(config.batch_size, pool)
    return passes[0] * teacher + (passes[1] + again) * student
