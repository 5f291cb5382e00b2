"""On Ray, jobs are handed out ahead of need, and workers start while a teacher is made."""

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sweeps.engine.driver import NoJob
from sweeps.worker.idle_runner import WARM_UP
from sweeps.worker.messages import Job, Report


class Driver(SimpleNamespace):
    """Always has another job."""

    def next(self) -> Job | NoJob:
        self.at_work += 1
        return Job("trial", f"trial-{self.at_work:04d}", "trial", (0,), {0: 0}, 1, number=self.at_work)


@pytest.mark.parametrize(("places", "ahead"), [(1, 1), (2, 1), (15, 1), (64, 8)])
def test_one_more_than_fits_for_every_eight_places(lab: ModuleType, places: int, ahead: int) -> None:
    from sweeps.executors.ray.search import SweepSearcher

    driver: Any = Driver(at_work=0, slots=1, spec=lab.make_spec())
    searcher = SweepSearcher(driver, lambda: places)
    handed_out = 0
    while searcher.suggest(str(handed_out)) is not None:
        handed_out += 1
    assert handed_out == places + ahead


class Teaching(SimpleNamespace):
    """One job is at work, a teacher; then there is another."""

    there = False

    def next(self) -> Job | NoJob:
        return Job("trial", "trial-0000", "trial 0", (0,), {0: 0}, 1, number=0) if self.there else NoJob.TEACHER


@pytest.mark.parametrize(("trials", "places", "beside"), [(9, 2, 1), (9, 4, 3), (3, 4, 2), (1, 4, 0)])
def test_other_workers_start_while_a_teacher_is_made(lab: ModuleType, trials: int, places: int, beside: int) -> None:
    from sweeps.executors.ray.jobs import unpacked
    from sweeps.executors.ray.search import SweepSearcher

    driver: Any = Teaching(at_work=1, slots=1, spec=lab.make_spec(trials=trials))
    searcher = SweepSearcher(driver, lambda: places)
    found = [searcher.suggest(str(number)) for number in range(9)]
    jobs = [unpacked(config) for config in found if isinstance(config, dict)]
    assert [job.replicates for job in jobs] == [()] * beside
    assert searcher.teaching
    driver.there = True
    assert isinstance(config := searcher.suggest("9"), dict)
    assert unpacked(config).name == "trial-0000"
    assert not searcher.teaching


class Controller(SimpleNamespace):
    """Ray Tune's, as far as the scheduler looks."""

    def get_live_trials(self) -> list[Any]:
        return list(self.trials)


def test_a_worker_that_is_warm_waits_for_the_teacher_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    from sweeps.executors.ray import scheduler
    from sweeps.executors.ray.jobs import packed

    def trial(name: str, job: Job, status: str) -> Any:
        return SimpleNamespace(trial_id=name, config=packed(job), status=status, update_resources=lambda wanted: None)

    def job(kind: Any, name: str) -> Job:
        return Job(kind, name, name, (0,), {0: 0}, 1)

    driver, placement = SimpleNamespace(slots=2), SimpleNamespace(of=lambda job: None)
    teaching, clock = [True], [0.0]
    monkeypatch.setattr(scheduler.time, "monotonic", lambda: clock[0])
    asked = scheduler.SweepScheduler(driver, placement, lambda: teaching[0])  # type: ignore[arg-type]
    teacher = trial("a", job("teacher", "teacher"), "PENDING")
    warm = trial("b", WARM_UP, "PENDING")
    controller: Any = Controller(trials=[teacher, warm])
    for each in controller.trials:
        asked.on_trial_add(controller, each)
        clock[0] += 1
    report = {"report": Report(-1, 0.0)}
    assert asked.on_trial_result(controller, warm, report) == "CONTINUE"  # the teacher's own worker is starting
    clock[0] = 60.0
    assert asked.on_trial_result(controller, warm, report) == "STOP"  # no place for it but this one
    teacher.status = "RUNNING"
    assert asked.on_trial_result(controller, warm, report) == "CONTINUE"
    controller.trials = [warm, trial("c", job("trial", "trial-0000"), "PENDING")]
    asked.on_trial_add(controller, controller.trials[1])
    assert asked.choose_trial_to_run(controller) is controller.trials[1]  # the older one needs no warm worker
    teaching[0] = False
    assert asked.on_trial_result(controller, warm, report) == "STOP"
    asked.on_trial_error(controller, warm)  # nobody is blamed: the driver has no job of this name
