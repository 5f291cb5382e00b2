"""On Ray, jobs are asked for ahead of need, workers stay warm, and others start while a teacher is made."""

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sweeps.engine.driver import NoJob
from sweeps.executors.ray.jobs import unpacked
from sweeps.worker.idle_runner import WARM_UP
from sweeps.worker.messages import Job, Report

KEYS = ("run", "storage", "checkpoint_config", "trial_name_creator", "trial_dirname_creator")


class Driver(SimpleNamespace):
    """Always has another job."""

    def next(self) -> Job | NoJob:
        self.at_work += 1
        return Job("trial", f"trial-{self.at_work:04d}", "trial", (0,), {0: 0}, 1, number=self.at_work)


@pytest.mark.parametrize(("places", "waiting"), [(1, 0), (2, 0), (7, 0), (8, 1), (15, 1), (64, 8)])
def test_one_more_than_fits_waits_with_ray_for_every_eight_places(lab: ModuleType, places: int, waiting: int) -> None:
    from sweeps.executors.ray.tune.search import SweepSearch

    driver: Any = Driver(at_work=0, slots=1, spec=lab.make_spec())
    search = SweepSearch(driver, lambda: places)
    handed_out = 0
    while search.next_job() is not None:
        handed_out += 1
    assert handed_out == places + waiting


def test_with_few_places_the_next_job_is_there_before_a_worker_ends(lab: ModuleType) -> None:
    from sweeps.executors.ray.tune.search import SweepSearch

    driver: Any = Driver(at_work=0, slots=1, stopping=False, spec=lab.make_spec())
    search = SweepSearch(driver, lambda: 2)
    search._trainable, search._spec = object, {name: None for name in KEYS}
    assert [search.next_trial() is None for _ in range(3)] == [False, False, True]
    assert driver.at_work == 2  # in the turn in which a worker got its job, nothing is asked for
    assert search.next_trial() is None
    assert driver.at_work == 3
    assert search.next_trial() is None
    assert driver.at_work == 3
    driver.at_work -= 1  # one has ended
    found = search.next_trial()
    assert found is not None
    assert unpacked(found.config).number == 3
    assert driver.at_work == 2


def test_what_is_there_before_a_worker_ends_is_not_begun_once_the_sweep_stops(lab: ModuleType) -> None:
    from sweeps.executors.ray.tune.search import SweepSearch

    driver: Any = Driver(at_work=0, slots=1, stopping=False, spec=lab.make_spec())
    search = SweepSearch(driver, lambda: 1)
    search._trainable, search._spec = object, {name: None for name in KEYS}
    assert [search.next_trial() is None for _ in range(3)] == [False, True, True]
    assert driver.at_work == 2
    driver.at_work, driver.stopping = 1, True
    assert search.next_trial() is None
    assert search.is_finished()


class Teaching(SimpleNamespace):
    """One job is at work, a teacher; then there is another."""

    there = False

    def next(self) -> Job | NoJob:
        return Job("trial", "trial-0000", "trial 0", (0,), {0: 0}, 1, number=0) if self.there else NoJob.TEACHER


@pytest.mark.parametrize(("trials", "places", "beside"), [(9, 2, 1), (9, 4, 3), (3, 4, 2), (1, 4, 0)])
def test_other_workers_start_while_a_teacher_is_made(lab: ModuleType, trials: int, places: int, beside: int) -> None:
    from sweeps.executors.ray.tune.search import SweepSearch

    driver: Any = Teaching(at_work=1, slots=1, spec=lab.make_spec(trials=trials))
    search = SweepSearch(driver, lambda: places)
    found = [search.next_job() for _ in range(9)]
    assert [job.replicates for job in found if isinstance(job, Job)] == [()] * beside
    assert search.teaching
    driver.there = True
    job = search.next_job()
    assert isinstance(job, Job)
    assert job.name == "trial-0000"
    assert not search.teaching


class Controller(SimpleNamespace):
    """Ray Tune's, as far as the scheduler looks."""

    def get_live_trials(self) -> list[Any]:
        return list(self.trials)


def test_a_worker_that_is_warm_waits_for_the_teacher_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    from sweeps.executors.ray.jobs import packed
    from sweeps.executors.ray.tune import scheduler

    def trial(name: str, job: Job, status: str) -> Any:
        held = {"trial_id": name, "config": packed(job), "status": status, "placement_group_factory": None}
        return SimpleNamespace(**held, update_resources=lambda wanted: None)

    def job(kind: Any, name: str) -> Job:
        return Job(kind, name, name, (0,), {0: 0}, 1)

    driver, placement = SimpleNamespace(slots=2), SimpleNamespace(of=lambda job: None)
    search, clock = SimpleNamespace(teaching=True, idle_s=0.0), [0.0]
    monkeypatch.setattr(scheduler.time, "monotonic", lambda: clock[0])
    asked = scheduler.SweepScheduler(driver, placement, search)  # type: ignore[arg-type]
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
    search.teaching = False
    assert asked.on_trial_result(controller, warm, report) == "STOP"
    asked.on_trial_error(controller, warm)  # nobody is blamed: the driver has no job of this name


def test_room_for_warm_workers_is_given_back_while_a_job_waits_that_asks_for_something_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from sweeps.executors.ray.tune.warm_workers import WarmWorkers

    object_cache: Any = pytest.importorskip("ray.tune.utils.object_cache")
    cache = object_cache._ObjectCache(may_keep_one=True)
    controller = SimpleNamespace(_tune_controller=SimpleNamespace(_actor_cache=cache))

    def asking(needs: str) -> Any:
        return SimpleNamespace(placement_group_factory=needs)

    warm = WarmWorkers()
    warm.keep(controller, [], "core", 3)
    assert [cache.cache_object("core", worker) for worker in range(4)] == [True, True, True, False]
    warm.keep(controller, [asking("core")], "core", 2)
    assert list(cache.flush_cached_objects()) == [0]
    warm.keep(controller, [asking("core"), asking("device")], "device", 2)
    assert cache.total_max_objects == 0
    cache.increase_max("device")  # as Ray does for a job that waits
    assert list(cache.flush_cached_objects()) == [1, 2]
    other = WarmWorkers()
    for _ in range(2):
        other.keep(SimpleNamespace(), [], "core", 2)
    assert [record.message[:32] for record in caplog.records] == ["This Ray keeps one idle worker: "]


def test_idle_workers_are_given_back_after_half_a_minute_without_a_job(
    lab: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweeps.executors.ray.tune import search as search_module
    from sweeps.executors.ray.tune.scheduler import SweepScheduler

    object_cache: Any = pytest.importorskip("ray.tune.utils.object_cache")
    cache = object_cache._ObjectCache(may_keep_one=True)
    controller: Any = Controller(trials=[], _tune_controller=SimpleNamespace(_actor_cache=cache))
    clock = [100.0]
    monkeypatch.setattr(search_module.time, "monotonic", lambda: clock[0])
    driver: Any = Driver(at_work=1, slots=3, spec=lab.make_spec(), stopping=False)
    monkeypatch.setattr(Driver, "next", lambda self: NoJob.WAIT)  # the last one is at work
    search = search_module.SweepSearch(driver, lambda: 3)
    scheduler = SweepScheduler(driver, None, search)  # type: ignore[arg-type]
    rooms = []
    for at in (100.0, 129.0, 131.0):
        clock[0] = at
        assert search.next_trial() is None
        scheduler.choose_trial_to_run(controller)
        rooms.append(cache.total_max_objects)
    assert rooms == [3, 3, 0]
    driver.at_work = 3  # all places are taken: none is idle
    assert search.next_trial() is None
    assert search.idle_s == 0.0
