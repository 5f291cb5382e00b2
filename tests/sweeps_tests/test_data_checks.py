"""`check` looks for data where `run` will, and judges the parts that judge."""

import json
from pathlib import Path

import pytest
import torch
import yaml

from acgkd.config import DatasetConfig
from acgkd.datasets import DATASETS
from acgkd.datasets._readers import files, source
from acgkd.errors import DataError, FolderError, SpecError
from acgkd.models import build_model
from analysis import reports
from analysis.records import frame
from analysis.records.record import Record
from analysis.reports._provenance import provenance
from analysis.statistics.judged_parts import FEW, remark
from analysis.statistics.view import view_of
from sweeps.cli.app import main
from sweeps.cli.commands.check import print_summary
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.spec.advisories import notes
from sweeps.spec.loading import load

TESTS = Path(__file__).resolve().parents[1]
CASES, SPECS = TESTS / "cases", TESTS.parent / "specs"


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No data at hand, no network."""
    monkeypatch.setenv("ACGKD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ACGKD_DATA", raising=False)

    def refused(*_, **__):
        raise ConnectionError("no network")

    for module in (files, source):
        monkeypatch.setattr(module, "reach", refused)
        monkeypatch.setattr(module, "download", refused)


@pytest.mark.parametrize("name", ["mnist", "mutag"])
def test_a_check_says_what_a_run_would(name, nowhere, capsys):
    assert main(["check", str(SPECS / f"{name}.yaml")]) == 2
    output = capsys.readouterr().err
    assert "dataset/name" in output
    with pytest.raises(SpecError) as caught:
        load(SPECS / f"{name}.yaml")
    (fault,) = caught.value.faults
    with pytest.raises(DataError) as refused:
        DATASETS[name].load(DatasetConfig(name=name))
    assert fault.message == str(refused.value)
    assert (fault.path, fault.line) == ("dataset/name", line_of(SPECS / f"{name}.yaml", "dataset:"))


def line_of(path, start):
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if line.startswith(start))


def test_data_that_no_run_looks_at_are_not_looked_for(nowhere, tmp_path):
    known = DATASETS["mutag"].known
    torch.save(build_model("gin-2-8", known.feature_count, known.classes).state_dict(), tmp_path / "teacher.pt")
    given = {"preset": "gin-2-8", "checkpoint": str(tmp_path / "teacher.pt")}
    changes = {"dataset": "mutag", "teacher": given, "objectives": ["agreement"], "replicates": {"seeds": [0]}}
    assert load(CASES / "tiny.yaml", changes).dataset.name == "mutag"


def test_the_place_that_is_named_is_where_the_fault_is(nowhere, tmp_path):
    for key, place in (("root", str(tmp_path)), ("mirror", "https://example.org/mnist")):
        with pytest.raises(SpecError) as caught:
            load(SPECS / "mnist.yaml", {f"dataset/{key}": place})
        (fault,) = caught.value.faults
        assert fault.path == f"dataset/{key}"
        assert place in fault.message


@pytest.mark.parametrize(
    ("classes", "rarest", "fragment"),
    [(1, 0, "one class only"), (1, 50, "one class only"), (2, 0, "no sample of some class"), (2, 1, "1 sample of its")],
)
def test_what_is_said_of_small_parts(classes, rarest, fragment):
    assert fragment in remark("validation", classes, rarest)
    assert remark("test", 2, FEW) is None


def part_notes(source, overrides=()):
    return [note for note in notes(load(source, overrides)) if " part has " in note]


def test_one_class_is_warned_of_by_check():
    (note,) = part_notes(CASES / "one_class_validation.yaml")
    assert note.startswith("The validation part has samples of one class only")


def test_few_samples_of_a_class_are_warned_of_by_check(tmp_path):
    (note,) = part_notes(CASES / "tiny.yaml")
    assert "16 samples of its rarest class" in note
    assert part_notes(CASES / "tiny.yaml", {"dataset/options/graphs": 500}) == []
    both = part_notes(CASES / "tiny.yaml", {"dataset/options/graphs": 100})
    assert [note.split()[1] for note in both] == ["validation", "test"]
    split = tmp_path / "split.json"
    even, odd = list(range(0, 320, 2)), list(range(1, 320, 2))
    parts = {"train": even[:80] + odd[:80], "validation": even[80:110] + odd[80:110], "test": even[110:] + odd[110:129]}
    split.write_text(json.dumps(parts))
    (note,) = part_notes(CASES / "tiny.yaml", {"dataset/split_file": str(split)})
    assert "The test part has 19 samples" in note


@pytest.mark.usefixtures("data_at_hand")
def test_large_sets_give_no_false_alarm():
    assert part_notes(SPECS / "mnist.yaml") == []
    assert part_notes(SPECS / "cifar10.yaml") == []


@pytest.mark.usefixtures("whole_reports")
def test_small_parts_are_at_the_top_of_the_report(tmp_path):
    spec = load(CASES / "one_class_validation.yaml", {"budget/trials": 1})
    run_sweep(spec, tmp_path / "sweep", InProcess())
    records = [Record.model_validate_json(file.read_text()) for file in (tmp_path / "sweep" / "records").glob("*.json")]
    for record in records:
        quality = record.quality
        assert (quality.validation_classes, quality.validation_smallest_class) == (1, 0)
        assert (quality.test_classes, quality.test_smallest_class) == (2, 60)
    page = reports.write([tmp_path / "sweep"], tmp_path / "report").with_suffix(".md").read_text()
    said = "The validation part has samples of one class only"
    assert said in page
    assert page.index(said) < page.index("\n## ")
    # A record of an earlier version has no such fields, and stays readable.
    old = json.loads(records[0].model_dump_json())
    for part in ("validation", "test"):
        del old["quality"][f"{part}_classes"], old["quality"][f"{part}_smallest_class"]
    assert Record.model_validate(old).quality.validation_smallest_class is None


def graphs_at(path):
    from torch_geometric.data import Data

    pair = torch.tensor([[0, 1], [1, 0]])
    torch.save([Data(x=torch.eye(3), edge_index=pair, y=torch.tensor([number % 2])) for number in range(20)], path)


OWN = {"teacher": {"preset": "gin-2-4", "epochs": 1}, "student": "gin-2-4", "controls": []} | {
    "method": {"name": "acgkd", "synthesis": {"steps": 1}, "transfer": {"steps": 2}}
}


def test_files_are_looked_for_beside_the_spec_and_then_in_the_current_folder(tmp_path, monkeypatch):
    beside, here = tmp_path / "specs", tmp_path / "here"
    for folder in (beside, here):
        folder.mkdir()
    monkeypatch.chdir(here)
    spec = beside / "own.yaml"
    spec.write_text(yaml.safe_dump({**OWN, "dataset": {"name": "folder", "path": "graphs.pt"}}))
    graphs_at(here / "graphs.pt")
    assert load(spec).dataset.path == str(here / "graphs.pt")
    graphs_at(beside / "graphs.pt")
    assert load(spec).dataset.path == str(beside / "graphs.pt")


def test_what_is_wrong_with_files_is_said_at_their_place(tmp_path):
    (tmp_path / "graphs.pt").write_bytes(b"")
    for dataset, path, message in (
        ({"name": "folder", "path": str(tmp_path / "graphs.pt")}, "dataset/path", "graphs.pt is damaged"),
        ({"name": "folder", "path": str(tmp_path / "none")}, "dataset/path", "there is none at"),
        ({"name": "motifs", "path": "here"}, "dataset/path", "takes no `path`"),
        ({"name": "tu"}, "dataset/name", "needs `set`"),
        ({"name": "tu", "set": "MINE", "root": str(tmp_path)}, "dataset/set", "MINE was not found"),
    ):
        with pytest.raises(SpecError) as caught:
            load({**OWN, "name": "own", "dataset": dataset})
        assert [fault.path for fault in caught.value.faults] == [path]
        assert message in str(caught.value)


def test_a_sweep_over_data_of_ones_own_keeps_to_what_was_in_the_files(tmp_path, capsys):
    path = tmp_path / "graphs.pt"
    graphs_at(path)
    spec = {**OWN, "name": "own", "dataset": {"name": "folder", "path": str(path)}, "prior": {"nodes": [3, 4]}}
    run_sweep(load(spec), tmp_path / "run", InProcess())
    (record,) = (tmp_path / "run" / "records").glob("trial*.json")
    row = json.loads(record.read_bytes())
    assert row["outcome"] == "completed"
    origins = dict.fromkeys(["mean_degree", "features", "feature_count", "classes"], "measured")
    assert row["identity"]["prior_origins"] == {"nodes": "given", **origins}
    facts = dict(provenance(view_of(frame.load([tmp_path / "run"])))[0].data.to_numpy().tolist())
    assert facts["prior: who says it"] == (
        "given by the spec: nodes; measured on the data: mean degree, features, feature count, classes"
    )
    print_summary(load(spec))
    said = " ".join(capsys.readouterr().out.split())
    assert "given: 3 to 4 nodes measured on the data: mean degree 0.67, categorical features, 3 columns" in said
    torch.save(torch.load(path, weights_only=False)[:-2], path)
    with pytest.raises(FolderError, match="dataset/path"):
        run_sweep(load(spec), tmp_path / "run", InProcess())
