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
        same_code = partial(require_same_code, folder, spec, experiments, accept=accept_code_change, say=say)
        startup.match(folder, spec, command=command, spec_text=spec_text, same_code=same_code)
        found = revive(folder, folder.read_trials())
        for line in found.lines:
            say(line)
        kept = {trial.number: trial for trial in found.trials}
        kept_students.tidy(spec.artefacts.students, spec.directions, folder, kept)
        over = passed(limits(spec))
        if over or (startup.complete(spec, folder, found.trials) and not found.teachers):
            table, stopwatch = TrialTable(spec, folder, experiments, found.trials), Stopwatch(None)
            table.records.of_all_pruned(found.trials)
            yield Driver(table, experiments, stopwatch, command=command, nothing_to_do=True)
            return
        generation = folder.begin_generation()
        hours, deadline = spec.budget.hours, spec.budget.deadline
        stopwatch = Stopwatch(
            None if hours is None else 3600 * hours,
            folder.seconds_used(before=generation),
            None if deadline is None else datetime.fromisoformat(deadline).timestamp(),
        )
        folder.remove_temporaries()
        StopRequest(folder).remove()  # of an earlier start, which has ended
        table = TrialTable(spec, folder, experiments, found.trials, generation)
        table.teachers_without_row = found.teachers
        table.recover()
        driver = Driver(table, experiments, stopwatch, command=command, watch=watch)
        try:
            with driver.progress:
                yield driver
        finally:
            driver.close()
