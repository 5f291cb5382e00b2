"""One start of a sweep, from taking its folder's lock to releasing it."""

import contextlib
import warnings
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from sweeps.code.same_code import Say, require_same_code
from sweeps.engine import startup
from sweeps.engine.driver import Driver
from sweeps.engine.limits import limits
from sweeps.engine.resuming.missing_records import revive
from sweeps.engine.snapshot import Watch
from sweeps.engine.stopwatch import Stopwatch
from sweeps.engine.trials.trial_table import TrialTable
from sweeps.journal.journal import Journal
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store import kept_students
from sweeps.store.budgets import passed
from sweeps.store.stop_request import StopRequest
from sweeps.worker.experiments import Experiments


@contextlib.contextmanager
def open_driver(
    spec: SweepSpec,
    path: Path,
    experiments: Experiments,
    *,
    command: str = "",
    spec_text: str = "",
    watch: Watch | None = None,
    accept_code_change: bool = False,
    say: Say = warnings.warn,
    cache: Path | None = None,
) -> Iterator[Driver]:
    """A start of a sweep, from taking its folder's lock to releasing it.

    Args:
        spec: the sweep.
        path: its folder; made if need be.
        experiments: where experiments come from.
        command: that started it, for the record.
        spec_text: the spec as the user wrote it.
        watch: called with a snapshot at every change and at least every two seconds, also from another thread.
        accept_code_change: take rows of other settings or of other code of the user's than today's.
        say: called with a text for each thing that the user should know before the start.
        cache: where teachers and the like are kept; `cache` in the sweep folder if left out.

    Raises:
        SweepError: the folder is not this sweep's, or another driver works on it.
    """
    folder = startup.reserve(path)
    folder.cache = cache or folder.cache
    with folder.lock():
        if restored := folder.restore_trials():
            folder.note(restored)
            say(restored)
        same_code = partial(require_same_code, folder, spec, experiments, accept=accept_code_change, say=say)
        startup.match(folder, spec, command=command, spec_text=spec_text, same_code=same_code)
        before, journal = folder.read_trials(), Journal(folder, spec)
        journal.catch_up(before)
        found = revive(folder, before)
        for line in found.lines:
            say(line)
        kept = {trial.number: trial for trial in found.trials}
        kept_students.tidy(spec.artefacts.students, spec.directions, folder, kept)
        for line in kept_students.missing(spec.artefacts.students, spec.directions, folder, kept):
            say(line)
        over = passed(limits(spec))
        if over or (startup.complete(spec, folder, found.trials) and not found.teachers):
            table, stopwatch = TrialTable(spec, folder, experiments, found.trials, journal), Stopwatch(None)
            table.records.of_all_pruned(found.trials)
            yield Driver(table, experiments, stopwatch, command=command, nothing_to_do=True)
            return
        generation = journal.generation = folder.begin_generation()
        hours, deadline = spec.budget.hours, spec.budget.deadline
        stopwatch = Stopwatch(
            None if hours is None else 3600 * hours,
            folder.seconds_used(before=generation),
            None if deadline is None else datetime.fromisoformat(deadline).timestamp(),
        )
        folder.remove_temporaries()
        folder.sync_entries()  # of what an earlier start may not have waited for
        StopRequest(folder).remove()  # of an earlier start, which has ended
        table = TrialTable(spec, folder, experiments, found.trials, journal)
        table.teachers_without_row = found.teachers
        journal.began(command)
        table.recover()
        driver = Driver(table, experiments, stopwatch, command=command, watch=watch)
        error: BaseException | None = None
        try:
            with driver.progress:
                yield driver
        except BaseException as raised:
            error = raised
            if isinstance(raised, Exception):
                driver.refused(raised)
            raise
        finally:
            driver.close()
            with contextlib.suppress(Exception):  # a folder that is gone has been said
                journal.ended(*_ending(driver, error))
            folder.keep_logs()


def _ending(driver: Driver, error: BaseException | None) -> tuple[str, str, dict[str, int]]:
    """How a start came to its end, why, and its trials by state."""
    error = error or driver.fatal
    counts = dict(driver.snapshot().counts)
    if error is not None:
        asked = isinstance(error, KeyboardInterrupt | GeneratorExit)
        return "interrupted" if asked else "failed", str(error) or type(error).__name__, counts
    summary = driver.summary()
    return "interrupted" if summary.interrupted else "completed", summary.ended_by or driver.progress.message, counts
