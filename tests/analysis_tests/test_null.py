"""Null is a value like any other, and not what stands for a parameter that was not active."""

import csv
import json
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.figures.scatters import scatters
from analysis.records.cell_values import as_text, from_text, shown
from analysis.records.frame import Frame, from_records, load
from analysis.reports import write
from analysis.statistics.view import view_of

GOLDEN = Path(__file__).parents[1] / "golden"
MIXED = (None, True, 4, 2.5, "4", "null", "NULL", "None", "(null)", "true", "NA", "nan", "", '"4"', "pairs")
ABSENT = object()

pytestmark = pytest.mark.usefixtures("without_figures")


def kind(value: object) -> tuple[type, object]:
    return type(value), value


@given(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text())
def test_every_value_has_a_cell_of_its_own(value: object) -> None:
    cell = as_text(value)
    assert kind(from_text(cell)) == kind(value)
    assert from_text(cell) is None or cell != "(null)"


def test_readers_see_values_as_a_spec_has_them() -> None:
    assert [shown(as_text(value)) for value in (None, "null", True, "true", 4, "4", "pairs")] == [
        "null", '"null"', "true", '"true"', "4", '"4"', "pairs",
    ]  # fmt: skip
    assert [shown(value) for value in (None, True, 4, 0.00123456)] == ["null", "true", "4", "0.001235"]


def frame_of(made_up: ModuleType, values: list[object]) -> Frame:
    records = [
        made_up.record(trial=n, label=f"trial {n}", parameters={} if value is ABSENT else {"p": value})
        for n, value in enumerate(values)
    ]
    return from_records(records)


def decoded(column: pd.Series) -> list[object]:
    return [ABSENT if pd.isna(cell) else from_text(cell) for cell in column]


@pytest.mark.parametrize("values", [[*MIXED, ABSENT], [None, None], [None, 4, ABSENT], ["4", "8"], ["null", ABSENT]])
def test_values_survive_csv_and_parquet_read_in_the_plainest_way(
    made_up: ModuleType, tmp_path: Path, values: list[object]
) -> None:
    frame = frame_of(made_up, values)
    frame.to_csv(tmp_path / "rows.csv")
    frame.to_parquet(tmp_path / "rows.parquet")
    for rows in (frame.rows, pd.read_csv(tmp_path / "rows.csv"), pd.read_parquet(tmp_path / "rows.parquet")):
        assert [kind(value) for value in decoded(rows["param/p"])] == [kind(value) for value in values]


def test_null_of_a_fixed_setting_is_not_a_setting_that_is_not_there(made_up: ModuleType, tmp_path: Path) -> None:
    known = [{"at_once": None, "rate": 0.5}, {"at_once": 4, "rate": 0.5}, {"rate": 1.0}]
    for name, settings in (("mixed", known), ("null", known[:1]), ("numbers", known[1:])):
        records = [made_up.record(trial=n, label=f"trial {n}", settings=each) for n, each in enumerate(settings)]
        made_up.write_folder(tmp_path / name, records, seeds=1)
    frame = load([tmp_path / name for name in ("mixed", "null", "numbers")])
    frame.to_csv(tmp_path / "rows.csv")
    frame.to_parquet(tmp_path / "rows.parquet")
    for rows in (frame.rows, pd.read_csv(tmp_path / "rows.csv"), pd.read_parquet(tmp_path / "rows.parquet")):
        assert decoded(rows["setting/at_once"]) == [None, 4, ABSENT, None, 4, ABSENT]
        assert rows["setting/rate"].tolist() == [0.5, 0.5, 1.0, 0.5, 0.5, 1.0]
    assert str(frame.of("numbers").rows["setting/at_once"].dtype) == "Int64"
    assert frame.of("null").rows["setting/at_once"].tolist() == ["(null)"]


@pytest.mark.parametrize(("values", "dtype"), [([True, ABSENT], "boolean"), ([1, 2], "Int64"), ([1, 0.5], "float64")])
def test_columns_without_null_keep_their_types(made_up: ModuleType, values: list[object], dtype: str) -> None:
    assert str(frame_of(made_up, values).rows["param/p"].dtype) == dtype


def test_a_sweep_of_numbers_beside_one_with_null_keeps_its_numbers(made_up: ModuleType, tmp_path: Path) -> None:
    for name, values in (("numbers", [4, 8]), ("mixed", [4, None])):
        records = [
            made_up.record(trial=n, label=f"trial {n}", parameters={"p": value}) for n, value in enumerate(values)
        ]
        made_up.write_folder(tmp_path / name, records, seeds=1)
    frame = load([tmp_path / "numbers", tmp_path / "mixed"])
    assert frame.rows["param/p"].tolist() == ["4", "8", "4", "(null)"]
    assert str(frame.of("numbers").rows["param/p"].dtype) == "Int64"
    assert frame.of("mixed").rows["param/p"].tolist() == ["4", "(null)"]


# ---- in a report, and in records from packed files


def searched(made_up: ModuleType, folder: Path) -> Path:
    """Twenty-four trials: a choice with null, one that is null throughout, and one that is active in a half."""
    choices = [None, 4, "4", True]
    records = []
    for number in range(24):
        chosen = choices[number % 4]
        parameters = {"method/choice": chosen, "method/nothing": None}
        if number % 2:
            parameters["method/half"] = None if number % 3 else 2
        score = 0.8 + (0.1 if chosen is None else 0.0) + number / 1000
        records.append(
            made_up.record(
                trial=number, label=f"trial {number}", parameters=parameters,
                objectives={"validation_accuracy": score}, quality={"test_accuracy": score},
            )
        )  # fmt: skip
    return made_up.write_folder(folder, records, seeds=1, trials=24)


def test_null_stands_in_tables_figures_and_importance(made_up: ModuleType, tmp_path: Path) -> None:
    folder = searched(made_up, tmp_path / "sweep")
    path = write([folder], tmp_path / "report")
    text = path.with_name("report.md").read_text()
    settings = pd.read_csv(path.parent / "tables" / "settings.csv", keep_default_na=False).set_index("parameter")
    assert set(settings.loc["method/choice"]) == {"null"}, "the best five trials all chose null"
    assert set(settings.loc["method/nothing"]) == {"null"}
    assert set(settings.loc["method/half"]) == {"–"}
    assert "A dash: not active in that trial." in text
    importance = pd.read_csv(path.parent / "tables" / "importance.csv", keep_default_na=False).set_index("parameter")
    assert importance.loc["method/choice", "best_category"] == "null"
    assert importance.loc["method/choice", "active"] == 24
    assert importance.loc["method/half", "active"] == 12
    content = {pair[0].parameter: pair[0] for pair in scatters(view_of(load([folder]))).pairs}
    assert set(content["param/method/choice"].categories) == {"null", "4", '"4"', "true"}
    assert len(content["param/method/choice"].x) == 24
    assert content["param/method/nothing"].categories == ("null",)
    with (path.parent / "records.csv").open() as file:
        cells = [row["param/method/choice"] for row in csv.DictReader(file)]
    assert set(cells) == {"(null)", "4", '"4"', "true"}


def test_a_sweep_in_which_everything_is_active_needs_no_word_on_dashes(made_up: ModuleType, tmp_path: Path) -> None:
    records = [
        made_up.record(trial=n, label=f"trial {n}", parameters={"p": None}, objectives={"validation_accuracy": 0.8})
        for n in range(2)
    ]
    path = write([made_up.write_folder(tmp_path / "s", records, seeds=1)], tmp_path / "report")
    assert "not active" not in path.with_name("report.md").read_text()


def test_null_and_scales_are_known_from_packed_records() -> None:
    frame = load([GOLDEN / "packed_version_1.parquet"])
    view = view_of(frame)
    column = frame.rows.loc[frame.rows["kind"] == "trial", "param/method/synthesis/graphs_at_once"]
    assert set(column) == {"(null)", "4"}
    assert view.distributions["param/method/transfer/rate"].log
    assert view.distributions["param/method/synthesis/graphs_at_once"].choices == (None, 4)
    quality, _ = view.importance
    assert {item.parameter: item.active for item in quality.items}["param/method/synthesis/graphs_at_once"] == 24
    drawn = {pair[0].parameter: pair[0] for pair in scatters(view).pairs}
    assert drawn["param/method/synthesis/graphs_at_once"].categories == ("null", "4")
    assert drawn["param/method/transfer/rate"].logarithmic


def test_the_log_scale_of_a_narrow_range_comes_from_the_trial_files(made_up: ModuleType, tmp_path: Path) -> None:
    records = [
        made_up.record(
            trial=n, label=f"trial {n}", parameters={"t": 1.0 + n}, objectives={"validation_accuracy": n / 10}
        )
        for n in range(4)
    ]
    folder = made_up.write_folder(tmp_path, records, seeds=1)
    (pair,) = scatters(view_of(load([folder]))).pairs
    assert not pair[0].logarithmic, "guessed from 1 to 4"
    distributions = json.dumps(
        {"name": "FloatDistribution", "attributes": {"low": 1.0, "high": 10.0, "log": True, "step": None}}
    )
    for path in folder.glob("trials/*/trial.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "distributions": {"t": distributions}}))
    (pair,) = scatters(view_of(load([folder]))).pairs
    assert pair[0].logarithmic
