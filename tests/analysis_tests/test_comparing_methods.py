"""Methods over data sets: who stands for whom, with what differences, at what cost, and what became of the targets."""

import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

import analysis
from acgkd.errors import ConfigError, FrameError, MissingFolderError, RecordError, SourceError
from analysis.comparison.comparing import compared
from analysis.comparison.comparison_page import report
from analysis.comparison.joint import Comparison
from analysis.comparison.published import KnownMethod
from analysis.comparison.tables.row_tables import undecided_table
from analysis.page.render import Note, html, markdown
from analysis.records.frame import Frame, frame_of_rows
from analysis.statistics.aggregates.families import holm
from analysis.statistics.intervals import t_interval
from analysis.statistics.view import view_of
from tests.analysis_tests.simulated import TEST, TRAIN, frame

SETS = ("one", "two", "three", "four", "five")
MEANS = {name: {"ours": 0.80, "rival": 0.70, "rival (tuned on test)": 0.75, "noise": 0.5} for name in SETS}
VALIDATION = {name: {"ours": 0.8, "rival": 0.72, "rival (tuned on test)": 0.71, "noise": 0.5} for name in SETS}
KNOWN = {
    "ours": KnownMethod({"synthesis/steps": 300}),
    "rival": KnownMethod({"synthesis/steps": 1500, "synthesis/rate": 0.01, "transfer/projection": "none"}),
    "noise": KnownMethod({}, control=True),
}


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compared(frame(MEANS, seeds=4, validation=VALIDATION), published=KNOWN)


def with_settings(made: Frame, settings: dict[str, dict[str, object]]) -> Frame:
    """The frame with settings of the method by label."""
    rows = made.rows.to_dict("records")
    for row in rows:
        row |= {f"setting/method/{name}": value for name, value in settings.get(row["label"], {}).items()}
        row |= {"synthesis_steps": row.get("setting/method/synthesis/steps")}
    return frame_of_rows([{str(k): (None if v is pd.NA else v) for k, v in row.items()} for row in rows])


@pytest.mark.usefixtures("without_figures")
def test_rows_whose_students_say_one_class_are_named() -> None:
    made = frame({"one": {"ours": 0.8, "rival": 0.7}}, seeds=4)
    one_class = (made.rows["method"] == "rival") & (made.rows["seed"] < 3)
    collapsed = Frame(made.rows.assign(predicted_classes=made.rows["predicted_classes"].mask(one_class, 1)))
    lines = analysis.compare_methods(collapsed, published={}).lines(80)
    assert [line.split()[:2] for line in lines if line[:1].strip() == "" and "rival" in line] == [["rival", "c"]]
    assert not any(line.startswith("one") and " c " in line for line in lines)
    assert "c: collapsed, a student that says one class" in " ".join(" ".join(lines).split())
    page, sound = (markdown(report(compared(each, published={}))) for each in (collapsed, made))
    assert "| 3 of 4 |" in " ".join(page.split())
    assert "| collapsed |" in " ".join(page.split())
    assert "collapsed |" not in " ".join(sound.split())


def test_a_rival_is_its_best_row_on_validation_not_on_test(comparison: Comparison) -> None:
    table = comparison.rows[comparison.rows["column"] == "one"].set_index("row")
    assert comparison.baseline == "ours", "the trial of the first sweep"
    assert table["role"].to_dict() == {
        "ours": "baseline", "rival": "best", "noise": "control", "rival (tuned on test)": "other",
    }  # fmt: skip
    assert table.loc["rival", "note"] == "best"
    assert math.isnan(table.loc["rival (tuned on test)", "difference"])


def test_a_difference_that_is_not_decided_says_how_many_seeds_would_decide_it(comparison: Comparison) -> None:
    near = compared(frame({"one": {"ours": 0.80, "near": 0.78, "same": 0.80, "noise": 0.5}}, seeds=4, own=0.02))
    rows = near.rows.set_index("row")
    assert (rows["difference_low"] < 0).to_dict() == {"ours": False, "near": True, "same": True, "noise": False}
    assert rows.loc["noise", "to_decide"] <= 4 < rows.loc["near", "to_decide"]
    table = undecided_table(near, near.panels[0])
    assert table is not None
    *_, column = table.columns
    said = {row["row"]: column.text({str(k): v for k, v in row.items()}) for row in table.data.to_dict("records")}
    assert list(said) == ["near", "same"], "what is decided is not there"
    assert all(words.replace(",", "").isdigit() or words == "no number" for words in said.values())
    assert "| seeds to decide |" in " ".join(markdown(report(near)).split())
    assert undecided_table(comparison, comparison.panels[0]) is None


def test_differences_are_those_of_pairs_with_the_corrected_interval(comparison: Comparison) -> None:
    rows = comparison.frame.rows
    of = {name: rows[(rows["source"] == "two") & (rows["method"] == "ours")] for name in ("ours",)}
    other = rows[(rows["source"] == "two") & (rows["label"] == "rival")]
    gaps = of["ours"]["test_accuracy"].to_numpy() - other["test_accuracy"].to_numpy()
    exact = t_interval(gaps.tolist(), TEST, TRAIN)
    found = comparison.rows[(comparison.rows["column"] == "two") & (comparison.rows["row"] == "rival")].iloc[0]
    assert (found["difference"], found["difference_low"], found["difference_high"]) == pytest.approx(
        (exact.mean, exact.low, exact.high)
    )
    assert found["pairs"] == 4
    p_values = comparison.rows["p_value"]
    assert p_values.notna().sum() == 10, "the family: the best rival and the control on five data sets"
    assert comparison.rows["p_holm"].dropna().tolist() == pytest.approx(holm(p_values.dropna().tolist()))


def test_what_it_comes_to_over_data_sets(comparison: Comparison) -> None:
    table = comparison.overall()["big → small"].set_index("contestant")
    assert table["rank"].to_dict() == {"ours": 1.0, "rival": 2.0, "noise": 3.0}
    assert (table.loc["rival", "wins"], table.loc["rival", "losses"], table.loc["rival", "sets_shared"]) == (5, 0, 5)
    assert table.loc["rival", "p_value"] == 0.0625
    assert table.loc["noise", "improvement"] == 1
    means = [comparison.rows[(comparison.rows["column"] == name) & (comparison.rows["row"] == "ours")]["ratio"].iloc[0]
             for name in SETS]  # fmt: skip
    assert table.loc["ours", "mean"] == pytest.approx(np.mean(means))


def test_rows_with_fewer_steps_are_reduced_and_other_settings_are_not_published() -> None:
    made = with_settings(
        frame({"one": {"ours": 0.8, "rival": 0.7, "rival (other)": 0.7}}, seeds=3),
        {
            "trial 0": {"synthesis/steps": 300},
            "rival": {"synthesis/steps": 160, "synthesis/rate": 0.01, "transfer/projection": "none"},
            "rival (other)": {"synthesis/steps": 1500, "synthesis/rate": 0.02, "transfer/projection": "none"},
        },
    )
    table = compared(made, published=KNOWN).rows.set_index("row")
    assert table["note"].to_dict() == {"ours": "baseline", "rival": "best, reduced", "rival (other)": "not published"}
    assert table["role"].to_dict() == {"ours": "baseline", "rival": "best", "rival (other)": "other"}
    assert table["reduced"].to_dict() == {"ours": False, "rival": True, "rival (other)": False}
    assert table["published"].to_dict() == {"ours": True, "rival": True, "rival (other)": False}
    assert table.loc["rival", "steps"] == "synthesis 160 of 1,500"


@pytest.mark.usefixtures("without_figures")
def test_nothing_is_chosen_without_validation_accuracy() -> None:
    made = frame({"one": {"ours": 0.8, "rival": 0.7, "rival (b)": 0.72}}, seeds=3)
    rows = made.rows.assign(validation_accuracy=pd.Series([None] * len(made.rows), dtype="float64"))
    found = compared(Frame(rows))
    assert set(found.rows["role"]) == {"baseline", "other"}
    assert "no choice without validation accuracy" in found.rows.set_index("row").loc["rival", "note"]
    assert any("no row could be chosen" in warning for warning in report(found).warnings)


@pytest.mark.usefixtures("without_figures")
def test_a_seed_that_failed_is_in_no_pair_and_is_named() -> None:
    made = frame({"one": {"ours": 0.8, "rival": 0.7}}, seeds=4, skip=[("one", "rival", 2)])
    found = compared(made)
    row = found.rows.set_index("row").loc["rival"]
    assert (row["seeds"], row["planned"], row["pairs"]) == (3, 4, 3)
    assert any("3 completed, 1 diverged" in warning for warning in report(found).warnings)


def test_the_baseline_may_be_any_row_or_method() -> None:
    made = frame({"one": MEANS["one"]}, seeds=3, validation=VALIDATION)
    assert compared(made, baseline="noise").rows.set_index(["column", "row"]).loc[("one", "ours"), "difference"] < 0
    named = compared(made, baseline="rival (tuned on test)").rows.set_index(["column", "row"])
    assert named.loc[("one", "rival (tuned on test)"), "role"] == "baseline"
    with pytest.raises(SourceError, match=r"no 'nobody'\. Known: ours, rival"):
        compared(made, baseline="nobody")
    with pytest.raises(FrameError, match="got 'shape'"):
        compared(made, by="shape")


@pytest.mark.usefixtures("without_figures")
def test_the_joint_table_is_by_data_set_pair_or_method() -> None:
    made = frame({name: {"ours": 0.8, "rival": 0.7} for name in ("one", "two")}, seeds=2)
    assert [panel.title for panel in compared(made, by="pair").panels] == ["one", "two"]
    (by_threads,) = {tuple(panel.cells) for panel in compared(made, by="vary").panels}
    assert by_threads == ("split,teacher,draws",)
    page = markdown(report(compared(made, by="method")))
    assert "| data set |" in page


def test_two_sweeps_of_one_method_are_two_contestants(made_up: ModuleType, tmp_path: Path) -> None:
    for name, shift in (("old", 0.0), ("new", 0.05)):
        records = [
            made_up.record(replicate=seed, sweep=name, quality={"test_accuracy": 0.8 + shift + seed / 100})
            for seed in range(3)
        ]
        records += [made_up.record(kind="control", label="noise", method="noise", replicate=seed) for seed in range(3)]
        made_up.write_folder(tmp_path / name, records)
    found = analysis.compare_methods([tmp_path / "old", tmp_path / "new"], published=KNOWN)
    table = found.rows.set_index("row")
    assert found.baseline == "acgkd [old]"
    assert list(table.index) == ["acgkd [old]", "acgkd [new]", "noise"], "the control that both ran is one row"
    assert table.loc["acgkd [new]", "difference"] == pytest.approx(-0.05)


@pytest.mark.usefixtures("without_figures")
def test_a_search_is_represented_by_what_it_chose_and_its_settings_are_all_there(
    made_up: ModuleType, tmp_path: Path
) -> None:
    made_up.plausible(tmp_path / "search", trials=8)
    found = analysis.compare_methods([tmp_path / "search"], published={"acgkd": KnownMethod({"synthesis/steps": 300})})
    number = view_of(analysis.load(tmp_path / "search")).choice.trial
    baseline = found.rows[found.rows["role"] == "baseline"].iloc[0]
    assert baseline["row"] == f"acgkd (trial {number})"
    assert baseline["settings_tried"] == 8
    assert "tuned" in baseline["note"]
    from analysis.comparison.tried import sensitivity_table

    line = sensitivity_table(found).set_index("contestant").loc["acgkd"]
    assert line["settings"] + line["left_out"] == 8
    assert line["worst"] <= line["mean"] <= line["best"]
    assert any(picture.name == "sensitivity" for picture in report(found).pictures())


@pytest.mark.usefixtures("without_figures")
def test_targets_are_met_missed_or_not_decided(comparison: Comparison, tmp_path: Path) -> None:
    path = tmp_path / "targets.yaml"
    path.write_text(
        """targets:
  - {row: ours, against: noise, at_least: 0}
  - {row: ours, against: noise, at_least: 0.5, over: mean}
  - {row: ours, measure: ratio, at_least: 0.889, over: mean}
  - {row: ours, against: rival, at_least: 0, over: 2, where: [one, two, three]}
  - {row: ours, measure: seconds, at_most: 3.5}
  - {row: ours, measure: ratio, at_least: 0.8, over: mean, judged_by: mean}
"""
    )
    found = analysis.compare_methods(comparison.frame, published=KNOWN, targets=path)
    words = [verdict.word for verdict in found.verdicts]
    assert words == ["met", "missed", "not decided", "met", "met", "met"]
    assert "one +0.299 (0.263 to 0.336): met" in found.verdicts[0].detail
    said = " ".join(" ".join(found.lines(80)).split())
    assert "met: ratio of ours at least 0.8 on average, judged by the mean" in said
    assert said.count("judged by the mean") == 1, "of the last alone"
    page = report(found)
    assert page.sections[0].title == "Targets"
    assert page.facts[0].value == "4 of 6 met"


def test_a_lead_over_a_reduced_row_decides_nothing() -> None:
    made = with_settings(
        frame({"one": {"ours": 0.9, "rival": 0.5}}, seeds=5),
        {"trial 0": {"synthesis/steps": 300}, "rival": {"synthesis/steps": 100, "synthesis/rate": 0.01}},
    )
    target = {"row": "ours", "against": "rival", "at_least": 0}
    (verdict,) = analysis.compare_methods(made, published=KNOWN, targets=[target]).verdicts
    assert verdict.word == "not decided"
    assert "reduced" in verdict.detail
    (verdict,) = analysis.compare_methods(made, published=KNOWN, targets=[target | {"at_least": 0.6}]).verdicts
    assert verdict.word == "missed", "a bound that is not reached even so"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("targets: [{row: ours}]", "target 1: a target has either `at_least` or `at_most`"),
        ("targets: [{row: ours, at_least: 1, measure: beauty}]", "`measure` is one of"),
        ("targets: [{row: nobody, at_least: 1}]", "there is no 'nobody'"),
        ("targets: [{row: ours, at_least: 1, where: [mars]}]", "got mars"),
        ("targets: [{row: ours, at_least: one}]", "`at_least`: Input should be a valid number"),
        ("goals: []", "holds one key, `targets`"),
        ("targets: [", "cannot be read"),
    ],
)
def test_a_target_that_breaks_a_law_is_named(comparison: Comparison, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "targets.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        _ = analysis.compare_methods(comparison.frame, targets=path).verdicts
    assert message in str(caught.value)


def test_the_page_is_one_file_with_a_sentence_below_every_figure(comparison: Comparison, tmp_path: Path) -> None:
    page = comparison.write(tmp_path / "out")
    text = page.read_text()
    assert "://" not in text
    names = {path.stem for path in (tmp_path / "out" / "figures").glob("*.svg")}
    assert names == {"differences", "improvement", "profiles", "ranks"}
    pictures = report(comparison).pictures()
    assert all("ours" in picture.caption for picture in pictures)
    ranks = next(picture.caption for picture in pictures if picture.name == "ranks")
    assert "`ours` ranks best with 1.00" in ranks
    assert "Nemenyi" in ranks
    rows = pd.read_parquet(tmp_path / "out" / "tables" / "rows.parquet")
    assert len(rows) == 20
    assert {"joint", "aggregates", "against", "budgets"} <= {
        path.stem for path in (tmp_path / "out" / "tables").glob("*.csv")
    }
    assert len(pd.read_csv(tmp_path / "out" / "records.csv")) == len(comparison.frame.rows)


def test_names_with_markup_stay_text() -> None:
    made = frame({"<b>": {"ours": 0.8, "a|b $x$ <i>": 0.7}}, seeds=3)
    page = html(report(compared(made)))
    assert (
        "<b>"
        not in page.replace("<b>What", "")
        .replace("<b>Prob", "")
        .replace("<b>Perf", "")
        .split("<main>")[1]
        .split("figcaption")[0]
    )
    assert "&lt;i&gt;" in page


def test_the_terminal_has_eighty_columns(comparison: Comparison) -> None:
    lines = comparison.lines(80)
    assert max(map(len, lines)) <= 80
    assert any("rival" in line and "+0.1" in line for line in lines)


@pytest.mark.usefixtures("without_figures")
def test_fewer_than_five_sets_have_no_ranks() -> None:
    found = compared(frame({"one": {"ours": 0.8, "rival": 0.7}, "two": {"ours": 0.8, "rival": 0.7}}, seeds=3))
    assert not [picture for picture in report(found).pictures() if picture.name == "ranks"]
    assert found.overall()["big → small"]["p_value"].isna().all()


def test_one_seed_has_means_and_no_intervals(tmp_path: Path) -> None:
    found = compared(frame({"one": {"ours": 0.8, "rival": 0.7}}, seeds=1))
    row = found.rows.set_index("row").loc["rival"]
    assert not math.isnan(row["difference"])
    assert math.isnan(row["difference_low"])
    assert found.write(tmp_path / "out").is_file()


# Tables from elsewhere.


def exported(path: Path) -> Path:
    """As a tracker exports runs: names of its own, states, and a column for every setting."""
    table = pd.DataFrame(
        [
            {"Name": f"{kind}-{seed}", "State": "finished", "kd": kind, "seed": seed, "acc/test": mean + seed / 100,
             "acc/val": mean, "Runtime": 12.5, "lr": 0.1}
            for kind, mean in (("ours", 0.8), ("theirs", 0.7)) for seed in range(3)
        ]
    )  # fmt: skip
    table.loc[5, ["State", "acc/test"]] = ["crashed", None]
    table = pd.concat([table, table.head(1).assign(State="running")], ignore_index=True)
    table.to_csv(path, index=False)
    return path


COLUMNS = ["method=kd,accuracy=acc/test,validation_accuracy=acc/val", "outcome=State,seconds=Runtime,dataset:mutag"]


@pytest.mark.usefixtures("without_figures")
def test_a_csv_export_is_compared(tmp_path: Path) -> None:
    found = analysis.compare_methods([exported(tmp_path / "runs.csv")], columns=COLUMNS)
    table = found.rows.set_index("row")
    assert (found.baseline, list(table.index)) == ("ours", ["ours", "theirs"])
    assert (table.loc["theirs", "seeds"], table.loc["theirs", "pairs"]) == (2, 2)
    assert table.loc["theirs", "difference"] == pytest.approx(0.1)
    assert table.loc["ours", "seconds"] == 12.5
    page = report(found)
    assert any("not known whether seeds drew the split" in warning for warning in page.warnings)


def test_a_csv_export_stands_beside_a_sweep(made_up: ModuleType, tmp_path: Path) -> None:
    records = [made_up.record(replicate=seed, sweep="mine") for seed in range(3)]
    made_up.write_folder(tmp_path / "mine", records)
    table = pd.DataFrame([{"method": "theirs", "accuracy": 0.7, "seed": 100 + seed} for seed in range(3)])
    table.to_parquet(tmp_path / "theirs.parquet")
    said = ["dataset:mutag,teacher:gin-5-64,student:gin-3-32"]
    found = analysis.compare_methods([tmp_path / "mine", tmp_path / "theirs.parquet"], columns=said)
    assert found.rows.set_index("row").loc["theirs", "difference"] == pytest.approx(0.12)


def test_an_optuna_study_is_compared_by_its_storage(tmp_path: Path) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(study_name="tuning", storage=url, direction="maximize")
    for number, (value, test) in enumerate(((0.7, 0.72), (0.8, 0.74), (0.75, 0.79))):
        trial = study.ask()
        trial.suggest_float("rate", 0.0, 1.0)
        trial.set_user_attr("test", test)
        study.tell(trial, value)
        assert trial.number == number
    columns = "method:mine,accuracy=user_attrs_test,validation_accuracy=value,setting=number,dataset:mutag"
    found = analysis.compare_methods([url], columns=[columns])
    row = found.rows[found.rows["role"] == "baseline"].iloc[0]
    assert (row["row"], row["test_accuracy"]) == ("mine (1)", 0.74), "by its objective, not by test"
    assert row["settings_tried"] == 3


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], "no column for accuracy, method. Say where they are: `--columns accuracy=COLUMN,method=COLUMN`"),
        (["method=kd,accuracy=nowhere"], "does not have accuracy=nowhere"),
        (["method=kd,accuracy=Name"], "`test_accuracy` must be a number in every row, but one row has 'ours-0'"),
        (["method:all,accuracy=acc/test"], "several of all on one data set with seed 0"),
        (["colour=kd"], "got 'colour'"),
        (["method"], "but got 'method'"),
    ],
)
def test_a_table_that_lacks_columns_says_which(tmp_path: Path, columns: list[str], message: str) -> None:
    with pytest.raises(RecordError) as caught:
        analysis.compare_methods([exported(tmp_path / "runs.csv")], columns=columns)
    assert message in str(caught.value)


def test_a_row_without_a_method_is_named(tmp_path: Path) -> None:
    pd.DataFrame({"method": ["ours", None], "accuracy": [0.8, 0.7], "seed": [0, 1]}).to_csv(tmp_path / "a.csv")
    with pytest.raises(RecordError, match="row 2 of a does not"):
        analysis.compare_methods([tmp_path / "a.csv"])


def test_a_place_that_is_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFolderError, match="none at"):
        analysis.compare_methods([tmp_path / "gone.csv"])
    with pytest.raises(MissingFolderError, match="neither"):
        analysis.compare_methods([tmp_path / "gone"])
    with pytest.raises(RecordError, match="must be the storage"):
        analysis.compare_methods([f"sqlite:///{tmp_path}/gone/study.db"])
    (tmp_path / "torn.csv").write_bytes(b"\x00\xff\xfe")
    with pytest.raises(RecordError):
        analysis.compare_methods([tmp_path / "torn.csv"])


@pytest.mark.usefixtures("without_figures")
def test_a_sweep_that_has_completed_nothing_still_has_a_page(tmp_path: Path) -> None:
    skip = [("one", label, seed) for label in ("ours", "rival") for seed in range(2)]
    found = compared(frame({"one": {"ours": 0.8, "rival": 0.7}}, seeds=2, skip=skip))
    assert set(found.rows["role"]) == {"baseline", "other"}
    assert found.lines()
    assert "2 diverged" in " ".join(found.rows["outcomes"])
    assert found.write(tmp_path / "out").is_file()


def test_a_frame_without_trials_and_controls_is_refused(made_up: ModuleType, tmp_path: Path) -> None:
    made_up.write_folder(tmp_path / "teacher", [made_up.record(kind="teacher", label="teacher")])
    with pytest.raises(SourceError, match="needs trials or controls"):
        analysis.compare_methods([tmp_path / "teacher"])


def test_one_contestant_has_one_name_on_all_data_sets(made_up: ModuleType, tmp_path: Path) -> None:
    for data in ("mutag", "ptc_mr"):
        for kind in ("wide", "narrow"):
            records = [made_up.record(replicate=seed, sweep=f"{kind}-{data}") for seed in range(2)]
            records = [
                item.model_copy(update={"identity": item.identity.model_copy(update={"dataset": data})})
                for item in records
            ]
            made_up.write_folder(tmp_path / f"{kind}-{data}", records, seeds=2)
    found = analysis.compare_methods(sorted(tmp_path.iterdir()), baseline="acgkd [wide]")
    (panel,) = found.panels
    assert panel.contestants == ("acgkd [wide]", "acgkd [narrow]")
    assert set(found.rows["role"]) == {"baseline", "best"}


@pytest.mark.usefixtures("without_figures")
def test_no_shared_seed_is_no_difference_and_is_said() -> None:
    made = frame({"one": {"ours": 0.8, "rival": 0.7}}, seeds=3)
    moved = made.rows["seed"].where(made.rows["method"] == "ours", made.rows["seed"] + 10)
    found = compared(Frame(made.rows.assign(seed=moved)))
    assert found.rows.set_index("row").loc["rival", "pairs"] == 0
    assert any("No seed is shared" in warning for warning in report(found).warnings)


@pytest.mark.usefixtures("without_figures")
def test_other_measures_are_compared_and_choose_nobody(comparison: Comparison) -> None:
    made = compared(comparison.frame, published=KNOWN, measure="validation_accuracy")
    assert made.rows["role"].tolist() == comparison.rows["role"].tolist()
    row = made.rows.set_index(["column", "row"]).loc[("one", "rival")]
    assert row["difference"] == pytest.approx(0.08), "of validation accuracies"
    assert (row["value"], row["test_accuracy"]) == (pytest.approx(0.7215), pytest.approx(0.7, abs=0.05))
    page = markdown(report(made))
    assert "### Validation accuracy" in page
    assert "in validation accuracy, paired by seed" in page
    assert "validation ac…" in made.lines(80)[1]


@pytest.mark.usefixtures("without_figures")
def test_a_cost_has_no_winners(comparison: Comparison) -> None:
    made = compared(comparison.frame, published=KNOWN, measure="seconds")
    names = {picture.name for picture in report(made).pictures()}
    assert names == {"differences"}
    assert any("Less is better" in block.text for block in report(made).blocks() if isinstance(block, Note))
    with pytest.raises(FrameError, match="`measure` is one of test_accuracy"):
        compared(comparison.frame, measure="beauty")


@pytest.mark.usefixtures("without_figures")
def test_rivals_may_be_held_to_the_baselines_cost() -> None:
    made = frame({"one": {"ours": 0.8, "rival": 0.7, "rival (long)": 0.75, "other": 0.6}}, seeds=3)
    seconds = {"trial 0": 10.0, "rival": 10.9, "rival (long)": 20.0, "other": 50.0}
    rows = made.rows.assign(transfer_s=made.rows["label"].map(seconds).astype("float64"), synthesis_s=0.0)
    rows["validation_accuracy"] = rows["test_accuracy"]
    free, held = (compared(Frame(rows), equal=equal).rows.set_index("row")["role"] for equal in (None, "seconds"))
    assert free["rival (long)"] == "best"
    assert (held["rival (long)"], held["rival"], held["other"]) == ("other", "best", "other")
    found = compared(Frame(rows), equal="seconds")
    said = (
        "Held equal: seconds. A row of a rival or a control has at most a tenth more of them than the baseline's. On "
        "some data set no row stands for `other`."
    )
    assert said in report(found).subtitle
    assert " ".join(" ".join(found.lines(80)).split()).startswith(said.replace("`", ""))
    assert "Held equal" not in report(compared(Frame(rows))).subtitle + " ".join(compared(Frame(rows)).lines(80))
    by_settings = compared(Frame(rows), equal="settings").rows.set_index("row")["role"]
    assert (by_settings["rival"], by_settings["rival (long)"]) == ("best", "other"), "the baseline tried one"
    with pytest.raises(FrameError, match="`equal` is one of seconds"):
        compared(Frame(rows), equal="luck")
