"""A whole sweep with real teachers, pseudo-graphs and students, as small as it can be."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch_geometric.data import Batch

import acgkd
from acgkd.datasets._readers.motif_graphs import make as make_motifs
from analysis.figures.canvas import Picture
from analysis.page.render import Note
from analysis.records import frame, pseudo_samples
from analysis.reports._samples import samples
from analysis.statistics.view import view_of
from sweeps.cli.app import main
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.interchange.optuna_export import export_study
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder

SPEC = {
    "name": "small",
    "dataset": {"name": "motifs"},
    "teacher": {"preset": "gin-2-8", "epochs": 1},
    "student": "gin-2-8",
    "method": {"name": "acgkd", "synthesis": {"graphs": 8, "steps": 4}, "transfer": {"steps": 6, "batch_size": 4}},
    "space": {"method/synthesis/rate": {"type": "float", "low": 0.01, "high": 1.0, "log": True}},
    "objectives": ({"name": "validation_divergence"}, {"name": "multiply_adds"}),
    "sampler": {"name": "random"},
    "scheduler": "halving",
    "replicates": {"seeds": (0, 1), "vary": ("split", "teacher", "draws")},
    "budget": {"trials": 4},
    "controls": ("random_graphs", "real_data"),
    "artefacts": {"samples": 2, "agreement": True},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    threads = torch.get_num_threads()
    path = tmp_path_factory.mktemp("sweep")
    summary = run_sweep(SweepSpec.model_validate(SPEC), path, InProcess())
    torch.set_num_threads(threads)
    assert sum(summary.counts.values()) == 4
    assert set(summary.counts) <= {"completed", "pruned"}
    return path


def test_every_row_is_there_and_whole(folder: Path) -> None:
    rows = frame.load([folder]).rows
    kinds = rows.groupby("kind").size().to_dict()
    assert kinds["teacher"] == 2
    assert kinds["control"] == 4
    assert kinds["trial"] >= 4
    done = rows[(rows["kind"] != "teacher") & (rows["outcome"] == "completed")]
    for column in (
        "test_accuracy",
        "validation_divergence",
        "agreement",
        "multiply_adds",
        "transfer_s",
        "calibration_s",
    ):
        assert done[column].notna().all(), column
    assert set(rows["process"]) != {0}
    assert rows["started_at"].str.len().min() > 0
    trials = rows[rows["kind"] == "trial"]
    # Defaults of the method are in the settings, though the spec says nothing of them.
    assert trials["setting/method/transfer/temperature/mode"].notna().all()
    assert (trials["setting/method/synthesis/rate"] == trials["param/method/synthesis/rate"]).all()


def test_the_controls_came_before_the_first_rung(folder: Path) -> None:
    records = [json.loads(path.read_text()) for path in (folder / "records").glob("*.json")]
    controls = [r["environment"]["finished_at"] for r in records if r["identity"]["kind"] == "control"]
    first = json.loads((folder / "trials/0000/trial.json").read_text())["attempts"][0]["started_at"]
    assert max(controls) <= first


def test_the_report_shows_pseudo_samples_and_no_real_ones(folder: Path) -> None:
    view = view_of(frame.load([folder]))
    blocks = samples(view)
    titles = {block.title for block in blocks if isinstance(block, Picture)}
    assert titles == {f"Pseudo-graphs of trial {view.choice.trial}", "Pseudo-graphs of random_graphs"}
    assert [block.text for block in blocks if isinstance(block, Note)][1:] == [
        "`real_data` has no pseudo-samples. It is taught with real data, which are never kept."
    ]
    for path in sorted((folder / "samples").iterdir()):
        kept = pseudo_samples.read(path)
        assert kept is not None
        assert path.stat().st_size < 20_000
        assert (kept.label.tolist() == [0, 0, 1, 1]) == (not kept.absent) == ("real_data" not in path.name)


def test_students_can_be_loaded_called_and_exported(folder: Path) -> None:
    students = sorted((folder / "students").iterdir())
    completed = [path for path in (folder / "records").glob("*.json") if '"outcome":"completed"' in path.read_text()]
    assert len(students) == len(completed) - 2, "all but the teachers' rows"
    batch = Batch.from_data_list(make_motifs(seed=1, graphs=3))
    given = (batch.x, batch.edge_index, batch.batch)
    for path in (students[0], students[-1]):
        student = acgkd.load_student(path)
        logits = student(*given)
        assert logits.shape == (3, 2)
        assert torch.isfinite(logits).all()
        torch.testing.assert_close(torch.export.export(student, given).module()(*given), logits)


def test_the_study_can_be_exported(folder: Path, tmp_path: Path) -> None:
    import optuna

    from acgkd.errors import SweepError

    url = f"sqlite:///{tmp_path}/study.db"
    assert export_study(folder, url) == 4
    study = optuna.load_study(study_name="small", storage=url)
    expected = [trial.parameters for trial in SweepFolder(folder).read_trials()]
    assert [trial.params for trial in study.trials] == expected
    assert study.metric_names == ["validation_divergence", "multiply_adds"]
    assert export_study(folder, url) == 4  # again: nothing is new
    assert len(optuna.load_study(study_name="small", storage=url).trials) == 4
    optuna.create_study(study_name="other", storage=url)
    with pytest.raises(SweepError, match="has a study called 'other', which is not of this sweep"):
        export_study(folder, url, "other")
    with pytest.raises(SweepError, match="storage that Optuna can open"):
        export_study(folder, "nonsense://")
    with pytest.raises(SweepError, match=r"sweep\.json"):
        export_study(tmp_path, url)


@pytest.mark.usefixtures("whole_reports")
@pytest.mark.cluster
def test_a_trial_is_reproduced_to_the_last_bit_and_confirmed(folder: Path, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    shutil.copytree(folder, sweep)
    number = view_of(frame.load([sweep])).choice.trial
    assert main(["reproduce", str(sweep), "--trial", str(number), "--out", str(tmp_path / "again")]) == 0
    assert main(["confirm", str(sweep), "--seeds", "2", "--in-process"]) == 0
    fresh = frame.load([sweep / "confirm" / f"trial-{number:04d}"]).rows
    assert fresh.groupby("kind").size().to_dict() == {"control": 4, "teacher": 2, "trial": 2}
    assert set(fresh["seed"]) == {2, 3}
    assert "Confirmation on fresh seeds" in (sweep / "report" / "report.md").read_text()
    assert (sweep / "confirm" / f"trial-{number:04d}" / "samples" / "trial-0000-00.npz").is_file()
