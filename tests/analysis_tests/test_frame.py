import csv
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from acgkd.errors import FrameError, MissingFolderError, RecordError
from analysis.records.frame import COLUMNS, Frame, from_records, load
from analysis.records.record import SCHEMA_VERSION


def test_every_field_of_a_record_is_a_typed_column(made_up: ModuleType, tmp_path: Path) -> None:
    row = made_up.record(parameters={"a/b": 1}, objectives={"agreement": 0.5}, settings={"x": True})
    frame = load([made_up.write_folder(tmp_path, [row])])
    fixed = {name for name in row.row() if not name.startswith(("param/", "setting/", "objective/", "selection/"))}
    assert fixed <= set(COLUMNS)
    assert {name: str(frame.rows[name].dtype) for name in COLUMNS} == dict(COLUMNS)
    assert frame.rows["param/a/b"].dtype == "Int64"
    assert frame.rows["setting/x"].dtype == "boolean"
    assert frame.rows["objective/agreement"].dtype == "float64"
    assert frame.rows["train_size"].tolist() == [113]


def test_missing_numbers_stay_missing(made_up: ModuleType) -> None:
    frame = from_records([made_up.record(quality={"test_accuracy": None}, cost={"synthesis_steps": None})])
    assert frame.rows["test_accuracy"].isna().all()
    assert frame.rows["synthesis_steps"].isna().all()


def test_a_parameter_of_mixed_kinds_becomes_text(made_up: ModuleType) -> None:
    rows = [made_up.record(replicate=0, parameters={"p": "a"}), made_up.record(replicate=1, parameters={"p": 2})]
    assert from_records(rows).rows["param/p"].tolist() == ["a", "2"]


def test_files_that_are_no_records_are_listed_with_their_reason(made_up: ModuleType, tmp_path: Path) -> None:
    good = made_up.record()
    folder = made_up.write_folder(tmp_path, [good])
    records = folder / "records"
    (records / "torn.json").write_text(good.model_dump_json()[:200])
    (records / "foreign.json").write_text('{"hello": 1}')
    (records / "list.json").write_text("[1]")
    (records / "notes.txt").write_text("x")
    (records / "bytes.json").write_bytes(b"\xff\xfe\x00")
    (records / "deep.json").write_text("[" * 100_000)
    (records / "extra.json").write_text(json.dumps({**json.loads(good.model_dump_json()), "surprise": 1}))
    (records / "copy.json").write_text(good.model_dump_json())
    (records / ".trial.json.tmp").write_text("a writer's temporary file")
    (records / "folder.json").mkdir()
    frame = load([folder])
    reasons = {item.file: item.reason for item in frame.unreadable}
    assert len(frame.rows) == 1
    assert set(reasons) == {
        "torn.json", "foreign.json", "list.json", "notes.txt", "bytes.json", "deep.json", "extra.json", "folder.json",
        "trial-0000-00.json",
    }  # fmt: skip
    assert "torn" in reasons["torn.json"]
    assert "schema_version" in reasons["foreign.json"]
    assert "surprise" in reasons["extra.json"]
    assert "copy.json" in reasons["trial-0000-00.json"]


def test_a_newer_schema_is_refused_by_name(made_up: ModuleType, tmp_path: Path) -> None:
    folder = made_up.write_folder(tmp_path, [made_up.record()])
    data = {"schema_version": SCHEMA_VERSION + 1, "new": "shape"}
    (folder / "records" / "trial-0009-00.json").write_text(json.dumps(data))
    with pytest.raises(RecordError, match=rf"up to schema version {SCHEMA_VERSION}.*has version {SCHEMA_VERSION + 1}"):
        load([folder])


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFolderError, match="nowhere"):
        load([tmp_path / "nowhere"])


def test_several_folders_get_names_that_tell_them_apart(made_up: ModuleType, tmp_path: Path) -> None:
    folders = [made_up.write_folder(tmp_path / part / "sweep", [made_up.record()]) for part in ("a", "b")]
    frame = load([*folders, folders[0]])
    assert frame.sources == ["a/sweep", "b/sweep"]
    assert frame.rows["source"].tolist() == ["a/sweep", "b/sweep"]
    assert len(frame.of("a/sweep").rows) == 1
    assert frame.of("a/sweep").sources == ["a/sweep"]


def test_a_frame_checks_itself(made_up: ModuleType) -> None:
    frame = from_records([made_up.record()])
    with pytest.raises(FrameError, match="surprise"):
        Frame(frame.rows.assign(surprise=1))
    with pytest.raises(FrameError, match="seed"):
        Frame(frame.rows.drop(columns="seed"))
    with pytest.raises(FrameError, match="wrong type"):
        Frame(frame.rows.assign(seed=["a"]))
    with pytest.raises(FrameError, match="several"):
        from_records([made_up.record(), made_up.record()])


def test_csv_and_parquet_hold_every_row(made_up: ModuleType, tmp_path: Path) -> None:
    frame = from_records([made_up.record(replicate=i, parameters={"rate": 0.1 + i / 7}) for i in range(3)])
    frame.to_parquet(tmp_path / "rows.parquet")
    frame.to_csv(tmp_path / "rows.csv")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "rows.parquet"), frame.rows)
    with (tmp_path / "rows.csv").open(newline="") as file:
        assert [float(row["param/rate"]) for row in csv.DictReader(file)] == frame.rows["param/rate"].tolist()


def test_an_empty_folder_is_an_empty_frame(tmp_path: Path) -> None:
    frame = load([tmp_path])
    assert frame.rows.empty
    assert list(frame.rows.columns) == list(COLUMNS)
    assert replace(frame, unreadable=()).unreadable == ()
