"""`acgkd pack`, `unpack`, `merge` and `fork` as the user types them, on the records of a real sweep."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from acgkd.errors import FolderError
from analysis.records import record_file
from analysis.records.packed import Packed
from sweeps.cli.app import main
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.interchange import merging, packed_records
from sweeps.store.folder import SweepFolder

GOLDEN = Path(__file__).parents[1] / "golden" / "sweep_version_1"
SPEC = str(GOLDEN / "spec.yaml")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, on one line."""
    captured = capsys.readouterr()
    assert max(map(len, captured.out.splitlines()), default=0) <= 200
    return " ".join((captured.out + captured.err).split())


def part(files: dict[str, str], fingerprint: str = "f") -> dict[str, Packed]:
    return {"tiny": Packed(fingerprint, files)}


@pytest.mark.usefixtures("whole_reports")
def test_a_sweep_is_packed_unpacked_and_has_nothing_left_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", str(GOLDEN), "--out", "records/tiny.parquet"]) == 0
    assert "tiny: 12 records, 4 trials Packed records: records/tiny.parquet" in said(capsys)
    assert main(["unpack", "records/tiny.parquet", "--spec", SPEC, "--out", "again"]) == 0
    shown = said(capsys)
    assert "tiny: 12 records of this spec; 16 new files" in shown
    assert f"Run it: acgkd run {SPEC} --out again" in shown
    assert main(["status", "again", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trials"] == {"completed": 4}
    assert main(["run", SPEC, "--out", "again", "--in-process"]) == 0
    assert "Nothing is left to do" in said(capsys)
    assert main(["report", "records/tiny.parquet"]) == 0
    assert "Trial 0 is chosen" in Path("report/report.md").read_text()
    # What is there stays as it is.
    assert main(["unpack", "records/tiny.parquet", "--spec", SPEC, "--out", "again"]) == 0
    assert "0 new files" in said(capsys)


def test_a_packed_file_and_each_of_its_records_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["pack", str(GOLDEN), "--out", "tiny.parquet"]) == 0
    read: list[str] = []

    def counted(module: ModuleType, name: str) -> None:
        whole = getattr(module, name)

        def called(*given: object) -> object:
            read.append(name)
            return whole(*given)

        monkeypatch.setattr(module, name, called)

    counted(packed_records, "read")
    counted(record_file, "parse")
    assert main(["unpack", "tiny.parquet", "--spec", SPEC, "--out", "again"]) == 0
    assert (read.count("read"), read.count("parse")) == (1, 12)


def test_a_sweep_that_is_at_work_is_not_unpacked_into(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(GOLDEN, "busy")
    assert main(["pack", "busy", "--out", "busy.parquet"]) == 0
    with SweepFolder(Path("busy")).lock():
        assert main(["unpack", "busy.parquet", "--spec", SPEC, "--out", "busy"]) == 73
    assert "another one does" in said(capsys)


def test_two_parts_of_a_sweep_become_one(capsys: pytest.CaptureFixture[str]) -> None:
    for name, gone in (("one", "trial-0003-01"), ("two", "control-random_graphs-01")):
        shutil.copytree(GOLDEN, name)
        (Path(name) / "records" / f"{gone}.json").unlink()
    # The second place trained its teachers itself, and had not ended trial 3.
    change(Path("two/records/teacher-00.json"), lambda tree: tree["cost"].update(teacher_s=99.0))
    change(Path("one/trials/0003/trial.json"), unfinished)
    assert main(["pack", "one", "--out", "one.parquet"]) == 0
    assert main(["pack", "two", "--out", "two.parquet"]) == 0
    assert main(["merge", "one.parquet", "two.parquet", "--out", "both.parquet"]) == 0
    assert "tiny: 12 records, 4 trials" in said(capsys)
    both = packed_records.read(Path("both.parquet"))["tiny"]
    assert both.files["records/teacher-00.json"] == packed_records.pack(Path("one")).files["records/teacher-00.json"]
    assert json.loads(both.files["trials/0003/trial.json"])["state"] == "completed"
    assert main(["pack", "one", "two", "--out", "both-2.parquet"]) == 0
    assert Path("both.parquet").read_bytes() == Path("both-2.parquet").read_bytes()


def change(path: Path, how: Callable[[dict[str, Any]], object]) -> None:
    tree = json.loads(path.read_text())
    how(tree)
    path.write_text(json.dumps(tree))


def unfinished(tree: dict[str, Any]) -> None:
    tree.update(state="waiting", values=None)
    del tree["attempts"][1]


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("records/trial-0001-00.json", lambda tree: tree["objectives"].update(validation_divergence=0.5)),
        ("records/control-random_graphs-00.json", lambda tree: tree["cost"].update(transfer_s=99.0)),
        ("records/teacher-00.json", lambda tree: tree["quality"].update(teacher_test_accuracy=0.5)),
        ("trials/0002/trial.json", lambda tree: tree["parameters"].update({"method/transfer/rate": 0.02})),
        ("trials/0002/trial.json", lambda tree: tree.update(values=[0.1, 0.2])),
        ("trials/0002/trial.json", lambda tree: tree["attempts"][0].update(outcome="diverged")),
    ],
)
def test_what_differs_is_named_and_nothing_is_written(
    name: str, how: Callable[[dict[str, Any]], object], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(GOLDEN, "other")
    change(Path("other") / name, how)
    assert main(["pack", str(GOLDEN), "--out", "one.parquet"]) == 0
    assert main(["pack", "other", "--out", "two.parquet"]) == 0
    assert main(["merge", "one.parquet", "two.parquet", "--out", "both.parquet"]) == 2
    assert f"these differ between one.parquet and two.parquet: {name}." in said(capsys)
    assert not Path("both.parquet").exists()


def test_parts_of_other_specs_are_not_joined() -> None:
    with pytest.raises(FolderError, match="other settings than in a"):
        merging.merge([("a", part({})), ("b", part({}, "g"))])
    joined = merging.merge([("a", part({})), ("b", {"other": Packed("g", {})})])
    assert list(joined) == ["tiny", "other"]


def test_bad_input_is_one_error_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", str(GOLDEN), "--out", "two.parquet"]) == 0
    packs = packed_records.read(Path("two.parquet"))
    packed_records.write(Path("several.parquet"), {"one": packs["tiny"], "two": packs["tiny"]})
    Path("notes.parquet").write_text("my notes")
    pd.DataFrame({"sweep": ["tiny"], "seed": [0]}).to_parquet("rows.parquet")
    changed = [*("--set", "method/transfer/steps=7"), *("--set", "teacher/epochs=3")]
    for arguments, message in (
        (["pack", ".", "--out", "a.parquet"], "A sweep folder holds `sweep.json`"),
        (["pack", str(GOLDEN), "--out", "a.csv"], "a `.parquet` file, but `--out` names a.csv"),
        (["pack", str(GOLDEN), "--out", "notes.parquet"], "must hold packed records"),
        (["merge", "none.parquet", "--out", "a.parquet"], "there is none at none.parquet"),
        (["merge", "notes.parquet", "--out", "a.parquet"], "must hold packed records"),
        (["merge", "rows.parquet", "--out", "a.parquet"], "has no column `fingerprint`. Rows of a frame"),
        (["unpack", "none.parquet", "--spec", SPEC, "--out", "x"], "there is none at none.parquet"),
        (["unpack", "several.parquet", "--spec", SPEC, "--out", "x"], "holds one, two, but not `tiny`"),
        (["unpack", "two.parquet", "--sweep", "three", "--spec", SPEC, "--out", "x"], "but not `three`"),
        (["unpack", "two.parquet", "--spec", SPEC, *changed, "--out", "x"], "teacher/epochs: 2 is now 3"),
        (["unpack", "two.parquet", "--spec", SPEC, "--set", "sampler/seed=4", "--out", "x"], "search that asked"),
        (["fork", ".", SPEC, "--out", "x"], "A sweep folder holds `sweep.json`"),
        (["fork", str(GOLDEN), SPEC, "--out", "."], "a new or empty folder"),
    ):
        assert main(arguments) == 2, arguments
        shown = said(capsys)
        assert message in shown, (message, shown)
        assert shown.count("Error:") == 1
    assert Path("notes.parquet").read_text() == "my notes"
    assert not Path("x").exists()


def test_a_fork_with_other_objectives(capsys: pytest.CaptureFixture[str]) -> None:
    changes = ["--set", "objectives=[agreement,seconds]", "--set", "budget/trials=6"]
    assert main(["fork", str(GOLDEN), SPEC, *changes, "--out", "new"]) == 0
    shown = said(capsys)
    assert "trials 4 of 4, 8 of 8 records controls 2 of 2 records teachers 2 of 2 records" in shown
    assert "Left to do 2 new trials" in shown
    assert f"Run it: acgkd run {SPEC} --set 'objectives=[agreement,seconds]' --set budget/trials=6 --out new" in shown
    for path in sorted(Path("new/trials").glob("*/trial.json")):
        records = [
            json.loads(file.read_text()) for file in Path("new/records").glob(f"trial-{path.parent.name}-*.json")
        ]
        assert len(records) == 2
        agreement = sum(record["quality"]["agreement"] for record in records) / 2
        seconds = sum(record["cost"]["synthesis_s"] + record["cost"]["transfer_s"] for record in records) / 2
        assert json.loads(path.read_text())["values"] == pytest.approx([agreement, seconds])
    assert main(["fork", str(GOLDEN), SPEC, "--set", "method/transfer/steps=7", "--out", "other"]) == 0
    shown = said(capsys)
    assert "Records not taken over 10 x method/transfer/steps: 6 is now 7" in shown
    assert "Trials not taken over 4 x method/transfer/steps: 6 is now 7" in shown
    assert "Left to do 2 runs of controls, 4 new trials" in shown


def test_a_part_is_packed_while_the_sweep_is_at_work(lab: ModuleType, tmp_path: Path) -> None:
    """Unpacked elsewhere and continued there, it is a later state of the same trials."""
    experiments = lab.FakeExperiments(hurry=True)
    spec, longer = lab.make_spec(trials=2), lab.make_spec(trials=3)
    run_sweep(spec, tmp_path / "here", InProcess(), experiments=experiments)
    packed_records.write(tmp_path / "early.parquet", merging.pack_folders([tmp_path / "here"]))
    found = merging.unpack(tmp_path / "early.parquet", longer, tmp_path / "there", experiments)
    assert (found.records, found.refused) == (6, {})
    run_sweep(longer, tmp_path / "there", InProcess(), experiments=experiments)
    late = merging.pack_folders([tmp_path / "there"])
    early = merging.read_packed(tmp_path / "early.parquet")
    for order in ((early, late), (late, early)):
        joined = merging.merge([("one", order[0]), ("two", order[1])])["fake"]
        assert joined.files.keys() == late["fake"].files.keys()
