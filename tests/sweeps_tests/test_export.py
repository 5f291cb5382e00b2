"""`acgkd export-study`: what Optuna reads is what the sweep is, also while it runs."""

from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib.pyplot as plt
import optuna
import pytest
from optuna.trial import TrialState

import analysis
import sweeps
from acgkd.errors import FolderError
from sweeps.cli.app import main
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.interchange.optuna_export import export_study

ONE = [{"name": "validation_divergence", "floor": None}]


class StopAt(InProcess):
    """Stops once a trial has one of its two replicates.

    Args:
        trial: its number.
    """

    def __init__(self, trial: int) -> None:
        object.__setattr__(self, "trial", trial)

    def execute(self, driver: Any) -> None:
        report = driver.report

        def stopping(job: Any, said: Any) -> bool:
            if job.trial == self.trial and said.record:  # type: ignore[attr-defined]
                driver.stop()
            return bool(report(job, said))

        driver.report = stopping
        super().execute(driver)


def go(lab: ModuleType, folder: Path, executor: Any = None, **changes: Any) -> Any:
    return run_sweep(lab.make_spec(**changes), folder, executor or InProcess(), experiments=lab.FakeExperiments())


def study_of(folder: Path, url: str, name: str = "fake") -> optuna.Study:
    export_study(folder, url, None if name == "fake" else name)
    return optuna.load_study(study_name=name, storage=url)


def when(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone().replace(tzinfo=None)


def compared(study: optuna.Study, folder: Path, lab: ModuleType) -> None:
    """Every trial of the study with its file."""
    trials = lab.trials(folder)
    assert len(study.trials) == len(trials)
    for found, trial in zip(study.trials, trials, strict=True):
        assert found.number == trial["number"]
        assert found.params == trial["parameters"]
        assert found.user_attrs["state"] == trial["state"]
        if trial["attempts"]:
            assert found.datetime_start == when(trial["attempts"][0]["started_at"])
        if trial["state"] in ("completed", "pruned", "infeasible", "failed"):
            assert found.datetime_complete == when(trial["attempts"][-1]["finished_at"])
        else:
            assert found.datetime_complete is None
        steps = {round(100 * float(rung)): entry["values"][0] for rung, entry in trial["rungs"].items()}
        assert found.intermediate_values == pytest.approx(steps)
        if trial["state"] == "completed":
            assert found.values == pytest.approx(trial["values"])
            assert found.constraints == {"infeasible": 0.0}


def test_a_sweep_is_all_there(lab: ModuleType, tmp_path: Path) -> None:
    folder, url = tmp_path / "s", f"sqlite:///{tmp_path}/study.db"
    go(lab, folder, trials=5)
    study = study_of(folder, url)
    compared(study, folder, lab)
    assert study.metric_names == ["validation_divergence", "multiply_adds"]
    rows = analysis.load(folder).rows
    for trial in study.trials:
        own = rows[(rows["kind"] == "trial") & (rows["trial"] == trial.number)].sort_values("replicate")
        assert trial.values == pytest.approx(
            [own["objective/validation_divergence"].mean(), own["objective/multiply_adds"].mean()]
        )
        replicates = trial.user_attrs["replicates"]
        assert [one["seed"] for one in replicates] == list(own["seed"])
        assert [one["validation_divergence"] for one in replicates] == list(own["objective/validation_divergence"])
        assert trial.user_attrs["test_accuracy"] == pytest.approx(own["test_accuracy"].mean())
        assert trial.user_attrs["seconds"] == pytest.approx(own["transfer_s"].sum())
        assert trial.user_attrs["hosts"] == list(own["host"].unique())
    sweep = sweeps.open(folder)
    assert study.user_attrs["chosen"] == sweep.best.name
    assert study.user_attrs["front"] == sorted(sweep.front.index)
    assert sorted(trial.number for trial in study.best_trials) == study.user_attrs["front"]


def test_early_stopping_is_intermediate_values_that_optuna_plots(lab: ModuleType, tmp_path: Path) -> None:
    folder, url = tmp_path / "s", f"sqlite:///{tmp_path}/study.db"
    go(lab, folder, trials=8, scheduler="halving", objectives=ONE)
    study = study_of(folder, url)
    compared(study, folder, lab)
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    assert set(study.trials[0].intermediate_values) == {50, 100}
    draw = optuna.visualization.matplotlib
    for plot in (draw.plot_optimization_history, draw.plot_timeline, draw.plot_edf):
        assert plot(study) is not None
        plt.close("all")
    assert draw.plot_slice(study, params=["method/synthesis/rate"]) is not None
    plt.close("all")
    assert len(draw.plot_intermediate_values(study).get_lines()) == 8
    plt.close("all")


def test_infeasible_and_failed_trials_show_as_such(lab: ModuleType, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    go(lab, tmp_path / "diverged", trials=2, transfer={"fault": "diverge"})
    for trial in study_of(tmp_path / "diverged", url, "diverged").trials:
        assert trial.state == TrialState.PRUNED
        assert trial.constraints["infeasible"] > 0
        assert trial.user_attrs["state"] == "infeasible"
        assert {failure["outcome"] for failure in trial.user_attrs["failures"]} == {"diverged"}
    optuna.create_study(study_name="fake", storage=url)
    with pytest.raises(FolderError, match="which is not of this sweep"):
        export_study(tmp_path / "diverged", url)
    go(lab, tmp_path / "failed", trials=2, transfer={"fault": "bug"})
    study = study_of(tmp_path / "failed", url, "failed")
    assert [trial.state for trial in study.trials] == [TrialState.FAIL] * 2
    assert "a bug" in study.trials[0].user_attrs["message"]
    assert study.user_attrs["chosen"] is None


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_exported_again_a_running_sweep_is_followed(lab: ModuleType, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "s"
    url: Any = f"sqlite:///{tmp_path}/study.db"
    if kind == "journal":
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        url = JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))
    go(lab, folder, StopAt(2), trials=4)
    study = study_of(folder, url)
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.COMPLETE, TrialState.COMPLETE, TrialState.RUNNING]
    assert study.trials[2].user_attrs["replicates"][0]["outcome"] == "completed"
    number = study._study_id
    go(lab, folder, trials=4)
    study = study_of(folder, url)
    assert study._study_id == number  # who looks at it in a browser need not go back
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 4
    if kind == "sqlite":  # others stamp the end of trial 2 with the time of the export
        compared(study, folder, lab)
    assert [trial.values for trial in study.trials] == [pytest.approx(trial["values"]) for trial in lab.trials(folder)]
    assert study.trials[2].constraints == {"infeasible": 0.0}
    before = [trial.user_attrs for trial in study.trials]
    assert [trial.user_attrs for trial in study_of(folder, url).trials] == before


def test_what_is_retried_is_opened_again(lab: ModuleType, tmp_path: Path) -> None:
    folder, url = tmp_path / "s", f"sqlite:///{tmp_path}/study.db"
    go(lab, folder, trials=2, transfer={"fault": "bug"})
    assert {trial.state for trial in study_of(folder, url).trials} == {TrialState.FAIL}
    assert main(["retry", str(folder)]) == 0
    study = study_of(folder, url)
    assert {trial.state for trial in study.trials} == {TrialState.RUNNING}
    compared(study, folder, lab)


def test_a_study_of_another_sweep_is_refused(
    lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    go(lab, tmp_path / "one", trials=1)
    go(lab, tmp_path / "two", trials=2)
    assert main(["export-study", str(tmp_path / "one"), url]) == 0
    assert main(["export-study", str(tmp_path / "two"), url]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "has a study called 'fake', which is a copy of another sweep" in said
    assert "`--name`" in said
    assert main(["export-study", str(tmp_path / "two"), url, "--name", "two"]) == 0
    assert len(optuna.load_study(study_name="fake", storage=url).trials) == 1
