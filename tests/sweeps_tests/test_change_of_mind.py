"""What may change in a sweep that has run, and what the change leaves as it was."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd.errors import FolderError
from analysis import reports
from analysis.records.frame import load
from analysis.statistics.common_seeds import over_all_seeds
from analysis.statistics.view import view_of
from sweeps.engine.snapshot import Summary
from sweeps.engine.trials.sampling import Study
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.store.folder import SweepFolder


def go(lab: ModuleType, folder: Path, **changes: Any) -> Summary:
    return run_sweep(lab.make_spec(**changes), folder, InProcess(), experiments=lab.FakeExperiments())


def records(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (folder / "records").glob("*.json")}


def refused(lab: ModuleType, folder: Path, **changes: Any) -> str:
    before = (folder / "sweep.json").read_text(), records(folder)
    with pytest.raises(FolderError) as caught:
        go(lab, folder, **changes)
    assert ((folder / "sweep.json").read_text(), records(folder)) == before
    assert "acgkd fork" in str(caught.value)
    return str(caught.value)


FREE = [
    {"timeout_s": 500.0},
    {"scheduler": "halving"},
    {"scheduler": {"name": "halving", "reduction": 4}},
    {"controls": ({"name": "random_graphs"},)},
    {"failures": {"stop_after": 2}},
]


@pytest.mark.parametrize("change", FREE, ids=lambda change: str(next(iter(change))))
def test_what_says_how_to_continue_may_change(lab: ModuleType, tmp_path: Path, change: dict[str, Any]) -> None:
    go(lab, tmp_path, trials=4)
    before = records(tmp_path)
    go(lab, tmp_path, trials=6, **change)
    after = records(tmp_path)
    assert {name: after[name] for name in before} == before
    assert len(SweepFolder(tmp_path).read_trials()) == 6
    assert go(lab, tmp_path, trials=6, **change).nothing_to_do


def test_a_control_that_was_added_runs_and_a_changed_one_is_refused(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=2, controls=({"name": "random_graphs"},))
    more = ({"name": "random_graphs"}, {"name": "acgkd", "label": "short", "transfer": {"steps": 5}})
    go(lab, tmp_path, trials=2, controls=more)
    assert len(list((tmp_path / "records").glob("control-*.json"))) == 4
    other = ({"name": "random_graphs"}, {"name": "acgkd", "label": "short", "transfer": {"steps": 6}})
    assert "`short` has run as it was; give the changed one a label of its own" in refused(
        lab, tmp_path, trials=2, controls=other
    )


def test_an_objective_that_all_records_hold_may_be_added(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=5)
    objectives = [{"name": "validation_accuracy", "floor": None}, {"name": "multiply_adds"}]
    go(lab, tmp_path, trials=7, objectives=objectives)
    for trial in SweepFolder(tmp_path).read_trials():
        rows = [SweepFolder(tmp_path).read_record(f"trial-{trial.number:04d}", index) for index in (0, 1)]
        expected = sum(row.quality.validation_accuracy or 0.0 for row in rows if row) / 2
        assert trial.values == pytest.approx((expected, (trial.values or (0, 0))[1]))
    view = view_of(load([tmp_path]))
    assert view.objectives[0].name == "validation_accuracy"
    assert view.choice.trial is not None
    assert view.choice.among == 7
    absent = [{"name": "agreement", "floor": None}]
    assert "hold no `agreement`" in refused(lab, tmp_path, trials=7, objectives=absent)


def test_objectives_of_rungs_stay(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=8, scheduler="halving")
    objectives = [{"name": "validation_accuracy", "floor": None}]
    assert "its rungs hold no others" in refused(lab, tmp_path, trials=8, scheduler="halving", objectives=objectives)


def wider(lab: ModuleType, high: float = 2.0, kinds: tuple[str, ...] = ("a", "b", "c")) -> dict[str, Any]:
    space = dict(lab.SPACE)
    space["method/synthesis/rate"] = {"type": "float", "low": 0.0, "high": high}
    space["method/synthesis/kind"] = {"type": "categorical", "choices": kinds}
    return space


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsga2", "gp", "qmc"])
def test_a_wider_space_and_trials_count_where_they_lie_in_it(lab: ModuleType, tmp_path: Path, sampler: str) -> None:
    startup = 10 if sampler == "gp" else 2  # it takes longest: it asks for two trials in either space
    settings: dict[str, Any] = {"sampler": {"name": sampler, "startup_trials": startup}, "seeds": (0,)}
    go(lab, tmp_path, trials=6, **settings)
    reported = [trial.values for trial in SweepFolder(tmp_path).read_trials()]
    go(lab, tmp_path, trials=12, space=wider(lab), **settings)
    trials = SweepFolder(tmp_path).read_trials()
    assert [trial.values for trial in trials[:6]] == reported
    assert {trial.parameters["method/synthesis/kind"] for trial in trials} <= {"a", "b", "c"}
    # Narrowed again, those outside are left out of what the sampler sees.
    spec = lab.make_spec(trials=14, space=wider(lab, high=0.5, kinds=("a", "b", "c")), **settings)
    study = Study(spec, trials, space_changed=True)
    counted = [trial for trial in study._study.trials if trial.params]
    assert {trial.number for trial in counted} == {
        trial.number for trial in trials if trial.parameters["method/synthesis/rate"] <= 0.5
    }
    run_sweep(spec, tmp_path, InProcess(), experiments=lab.FakeExperiments())
    assert len(SweepFolder(tmp_path).read_trials()) == 14


def test_other_parameters_make_another_space(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=2)
    space = {name: entry for name, entry in lab.SPACE.items() if name != "method/synthesis/width"}
    said = refused(lab, tmp_path, trials=2, space=space)
    assert "these are new or gone: `method/synthesis/width`" in said


@pytest.mark.usefixtures("whole_reports")
def test_more_seeds_leave_known_values_and_compare_over_common_seeds(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=5, seeds=(0, 1), controls=({"name": "random_graphs"},))
    reported = {trial.number: trial.values for trial in SweepFolder(tmp_path).read_trials()}
    before = records(tmp_path)
    more: dict[str, Any] = {
        "seeds": (0, 1, 2, 3),
        "controls": ({"name": "random_graphs"},),
        "replicates": {"seeds": (0, 1, 2, 3), "vary": ("split", "teacher", "draws"), "extend": "front"},
    }
    go(lab, tmp_path, trials=5, **more)
    assert {trial.number: trial.values for trial in SweepFolder(tmp_path).read_trials()} == reported
    sweep = SweepFolder(tmp_path).require_sweep()
    (extension,) = sweep.extensions
    assert (extension.first, extension.stop) == (2, 4)
    assert 0 < len(extension.trials) < 5
    after = records(tmp_path)
    assert {name: after[name] for name in before} == before
    added = {name for name in after if '"added":true' in after[name]}
    assert added == {f"trial-{number:04d}-{index:02d}.json" for number in extension.trials for index in (2, 3)}
    assert len([name for name in after if name.startswith("control-")]) == 4
    assert go(lab, tmp_path, trials=5, **more).nothing_to_do
    view = view_of(load([tmp_path]))
    assert view.planned == 2
    assert set(view.trials["completed"]) == {2}
    assert view.choice.among == 5
    everything = over_all_seeds(view.whole, view.metadata)
    assert set(everything["trial"]) == set(extension.trials)
    assert set(everything["completed"]) == {4}
    report = reports.write([tmp_path], tmp_path / "report").with_suffix(".md").read_text()
    assert "Trials with more seeds" in report
    assert "compare all trials over the first 2 seeds" in " ".join(report.split())


def test_with_all_extended_all_seeds_are_common(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=3, seeds=(0,))
    go(lab, tmp_path, trials=4, seeds=(0, 1))
    assert len(list((tmp_path / "records").glob("trial-*.json"))) == 8
    view = view_of(load([tmp_path]))
    assert view.planned == 2
    assert set(view.trials["completed"]) == {2}


def test_an_extension_that_was_broken_off_is_finished(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=3, seeds=(0,))
    go(lab, tmp_path, trials=3, seeds=(0, 1))
    whole = lab.table(tmp_path)
    (tmp_path / "records" / "trial-0001-01.json").unlink()
    assert not go(lab, tmp_path, trials=3, seeds=(0, 1)).nothing_to_do
    assert lab.table(tmp_path) == whole


def test_pruned_trials_get_no_more_seeds(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=12, seeds=(0, 1), scheduler="halving")
    states = {trial.number: trial.state for trial in SweepFolder(tmp_path).read_trials()}
    go(lab, tmp_path, trials=12, seeds=(0, 1, 2), scheduler="halving")
    (extension,) = SweepFolder(tmp_path).require_sweep().extensions
    assert set(extension.trials) == {number for number, state in states.items() if state == "completed"}


def test_seeds_may_not_be_changed_or_left_out(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=1, seeds=(0, 1))
    assert "not changed or left out" in refused(lab, tmp_path, trials=1, seeds=(0,))
    assert "not changed or left out" in refused(lab, tmp_path, trials=1, seeds=(1, 0))


def test_what_shapes_every_result_is_refused_with_the_reason(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=1)
    said = refused(lab, tmp_path, trials=1, student="gin-2-16", timeout_s=3.0)
    assert "student/preset: gin-3-32 is now gin-2-16 (it shapes every result)" in said
    assert "timeout_s" not in said


def test_a_trial_with_added_seeds_keeps_its_values_when_a_record_is_made_again(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=3, seeds=(0, 1))
    go(lab, tmp_path, trials=3, seeds=(0, 1, 2, 3))
    reported = {trial.number: trial.values for trial in SweepFolder(tmp_path).read_trials()}
    whole = lab.table(tmp_path)
    (tmp_path / "records" / "trial-0001-00.json").unlink()
    with pytest.warns(UserWarning, match="trial-0001-00.json is gone: trial 1 runs it again"):
        assert not go(lab, tmp_path, trials=3, seeds=(0, 1, 2, 3)).nothing_to_do
    assert {trial.number: trial.values for trial in SweepFolder(tmp_path).read_trials()} == reported
    assert lab.table(tmp_path) == whole


def test_a_trial_off_the_front_that_loses_a_record_runs_that_one_alone(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=4, seeds=(0, 1))
    replicates = {"seeds": (0, 1, 2), "vary": ("split", "teacher", "draws"), "extend": "front"}
    go(lab, tmp_path, trials=4, replicates=replicates)
    (extension,) = SweepFolder(tmp_path).require_sweep().extensions
    off = next(number for number in range(4) if number not in extension.trials)
    before, whole = SweepFolder(tmp_path).read_trials()[off].values, lab.table(tmp_path)
    (tmp_path / "records" / f"trial-{off:04d}-01.json").unlink()
    with pytest.warns(UserWarning, match="is gone"):
        go(lab, tmp_path, trials=4, replicates=replicates)
    assert SweepFolder(tmp_path).read_trials()[off].values == before
    assert lab.table(tmp_path) == whole
    # Later for all: those off the front run the added seed, too.
    go(lab, tmp_path, trials=4, replicates={**replicates, "extend": "all"})
    assert len(list((tmp_path / "records").glob("trial-*.json"))) == 12
    assert SweepFolder(tmp_path).read_trials()[off].values == before
