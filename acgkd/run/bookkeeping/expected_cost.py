"""What a run will have cost at its end, said while it is under way.

So runs that are compared half-way are compared by what they will cost, and not by what they have.
"""

from collections.abc import Mapping

from acgkd.method import MethodRun
from acgkd.run.bookkeeping.stage_progress import Progress


def expected_multiply_adds(progress: Progress, run: MethodRun, before_judged: float | None) -> float:
    """Multiply-adds of the whole run: those at the end of a stage under way if it continues as so far.

    Args:
        progress: how far the run is.
        run: the method at work.
        before_judged: multiply-adds when the stage began in which the student learns; None before that.
    """
    work = run.multiply_adds()
    if progress.before_judged:
        return work * progress.still_to_come() + run.teaching_ahead()
    before = work if before_judged is None else before_judged
    return before + (work - before) * progress.still_to_come()


def expected_seconds(progress: Progress, seconds: Mapping[str, float], done: float, expected: float) -> float:
    """The same of the seconds of all stages; before the judged one those of its work, as fast as what was done.

    Args:
        progress: how far the run is.
        seconds: of each stage so far, by its name.
        done: multiply-adds so far.
        expected: multiply-adds of the whole run.
    """
    spent = sum(seconds.values())
    if progress.before_judged and done > 0:
        return spent * expected / done
    judged = next(stage.name for stage in progress.stages if stage.judged)
    return spent + seconds.get(judged, 0.0) * (progress.still_to_come() - 1)
