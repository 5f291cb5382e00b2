"""Sweeps without a space: one method as the one trial, all others beside it as labelled controls."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from sweeps.cli.commands.check import print_summary
from sweeps.cli.console import out
from sweeps.engine.driver import Driver, NoJob
from sweeps.engine.launch import open_driver
from sweeps.engine.teachers_and_controls import floors
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.worker.job_runner import JobRunner
from sweeps.worker.messages import Job, Report

CONTROLS = (
    "random_graphs",
    {"name": "acgkd", "label": "ACGKD, short", "transfer": {"steps": 5}},
    {"name": "acgkd", "label": "acgkd short", "transfer": {"steps": 5}},
    {"name": "random_graphs", "label": "less known", "prior": {"mean_degree": "unknown"}},
)
LABELS = ("random_graphs", "ACGKD, short", "acgkd short", "less known")


@pytest.fixture
def spec(lab: ModuleType) -> SweepSpec:
    made: SweepSpec = lab.make_spec(space=None, trials=None, sampler={"startup_trials": 10}, controls=CONTROLS)
    return made


def finish(driver: Driver, job: Job) -> list[Report]:
    driver.started(job)
    runner = JobRunner(driver.spec, driver.folder, job, driver.experiments)
    reports = [runner.step()]
    while driver.report(job, reports[-1]):
        reports.append(runner.step())
    return reports


def test_everything_is_paired_labelled_and_there_once(lab: ModuleType, spec: SweepSpec, tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    summary = run_sweep(spec, folder, InProcess(), experiments=lab.FakeExperiments())
    assert summary.counts == {"completed": 1}
    rows = lab.table(folder)
    seen = {(row["identity"]["kind"], row["identity"]["label"], row["identity"]["seed"]) for row in rows}
    lines = [("control", label) for label in LABELS] + [("trial", "trial 0"), ("teacher", "teacher")]
    assert seen == {(kind, label, seed) for kind, label in lines for seed in spec.replicates.seeds}
    assert len(rows) == len(seen)
    steps = {row["identity"]["label"]: row["cost"].get("transfer_steps") for row in rows}
    assert (steps["trial 0"], steps["ACGKD, short"], steps["less known"]) == (20, 5, 20)
    assert run_sweep(spec, folder, InProcess(), experiments=lab.FakeExperiments()).nothing_to_do
    status = SweepFolder(folder).status()
    assert (status.budget_trials, status.trials, status.controls) == (1, {"completed": 1}, {"completed": 8})


def test_files_have_safe_names_that_no_two_labels_share(spec: SweepSpec) -> None:
    names = [SweepFolder.control_name(control.label) for control in spec.controls]
    assert names[0] == "control-random_graphs"  # as ever: old folders resume
    assert len(set(names)) == len(names)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-") for name in names)


def test_the_long_trial_goes_first_and_controls_keep_other_workers_busy(
    lab: ModuleType, spec: SweepSpec, tmp_path: Path
) -> None:
    with open_driver(spec, tmp_path / "sweep", lab.FakeExperiments()) as driver:
        driver.prepare()
        first, second = driver.next(), driver.next()
        assert isinstance(first, Job)
        assert isinstance(second, Job)
        assert [first.kind, second.kind] == ["teacher", "teacher"]
        assert driver.next() is NoJob.TEACHER  # no control has its teacher yet
        finish(driver, second)
        ready = driver.next()  # one teacher is still being trained; the controls of the other one need not wait
        assert isinstance(ready, Job)
        assert (ready.kind, ready.replicates) == ("control", (1,))
        finish(driver, first)
        jobs = [driver.next() for _ in range(8)]
        assert [job.kind for job in jobs if isinstance(job, Job)] == ["trial", *["control"] * 7]
        assert driver.next() is NoJob.WAIT
        for job in (ready, *jobs):
            assert isinstance(job, Job)
            finish(driver, job)
        assert driver.next() is NoJob.FINISHED


def test_only_teachers_that_something_needs_are_made_again(lab: ModuleType, spec: SweepSpec, tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    run_sweep(spec, folder, InProcess(), experiments=lab.FakeExperiments())
    for path in (folder / "cache").glob("teacher-*.json"):
        path.unlink()
    assert run_sweep(spec, folder, InProcess(), experiments=lab.FakeExperiments()).nothing_to_do
    SweepFolder(folder).record_file(SweepFolder.control_name("ACGKD, short"), 1).unlink()
    with pytest.warns(UserWarning, match="is gone: it is made again"):
        assert not run_sweep(spec, folder, InProcess(), experiments=lab.FakeExperiments()).nothing_to_do
    assert lab.events(folder, "teacher") == ["teacher teacher-0", "teacher teacher-1", "teacher teacher-1"]


def test_a_control_that_dies_runs_in_the_next_start(lab: ModuleType, spec: SweepSpec, tmp_path: Path) -> None:
    with open_driver(spec, tmp_path / "sweep", lab.FakeExperiments()) as driver:
        driver.prepare()
        for _ in range(2):
            teacher = driver.next()
            assert isinstance(teacher, Job)
            finish(driver, teacher)
        trial = driver.next()
        job = driver.next()
        assert isinstance(trial, Job)
        assert isinstance(job, Job)
        for _ in range(5):
            driver.started(job)
            driver.died(job, None)
            again = driver.next()
            assert isinstance(again, Job)
            job = again if again.label == job.label else job
        assert driver.summary().set_back == {"random_graphs": "its worker died"}
    record = tmp_path / "sweep" / "records" / f"{job.name}-00.json"
    assert not record.exists()
    run_sweep(spec, tmp_path / "sweep", InProcess(), experiments=lab.FakeExperiments())
    assert json.loads(record.read_text())["outcome"] == "completed"


def test_the_floor_is_the_mean_of_the_lower_control_whatever_its_label(lab: ModuleType, tmp_path: Path) -> None:
    changes = {
        "controls": ({"name": "acgkd", "label": "first"}, {"name": "random_graphs", "label": "lower one"}),
        "objectives": [{"name": "validation_divergence"}],
    }
    spec = lab.make_spec(trials=1, scheduler="halving", **changes)
    folder = tmp_path / "sweep"
    run_sweep(spec, folder, InProcess(), experiments=lab.FakeExperiments())
    rows = [row for row in lab.table(folder) if row["identity"]["label"] == "lower one"]
    expected = sum(row["objectives"]["validation_divergence"] for row in rows) / len(rows)
    assert floors(spec, SweepFolder(folder)) == (pytest.approx(expected),)


def test_check_says_what_each_control_is(spec: SweepSpec, capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(spec)
    output = capsys.readouterr().out
    assert "1 trial of 2 replicates; nothing is searched" in output
    assert "ACGKD, short: acgkd (transfer/steps=5)" in output
    assert "less known: random_graphs (prior/mean_degree=unknown)" in output
    assert out is not None
