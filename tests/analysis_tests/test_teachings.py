"""Rows that were taught several times from the same pseudo-samples: one row, its seeds' means, and what is noise."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from acgkd.errors import ConfigError
from analysis.comparison.comparing import compared
from analysis.comparison.comparison_page import report, warnings
from analysis.comparison.joint import Comparison
from analysis.comparison.published import KnownMethod
from analysis.page.render import markdown
from analysis.records.frame import Frame, frame_of_rows
from analysis.statistics.aggregates.teachings import TeachingSpread, teaching_spread
from tests.analysis_tests.simulated import frame

DRAW = "setting/method/transfer/draw"
KNOWN = {
    "ours": KnownMethod({"transfer/rate": 0.1}),
    "rival": KnownMethod({"transfer/rate": 0.1}),
    "noise": KnownMethod({}, control=True),
}
# Test accuracy by teaching and seed.
OURS = [[0.80, 0.60, 0.70], [0.90, 0.50, 0.70], [0.70, 0.70, 0.70]]


def taught(*, missing: tuple[int, int] | None = None, draws: tuple[int, ...] = (0, 1, 2)) -> Frame:
    """Three teachings of ours and two of a rival, on three seeds.

    Args:
        missing: teaching and seed of ours that diverged.
        draws: of ours; the last ones are left out.
    """
    labels = ["ours", *(f"ours (teaching {draw + 1})" for draw in draws[1:]), "rival", "rival (teaching 2)", "noise"]
    made = frame({"one": dict.fromkeys(labels, 0.7)}, seeds=3).rows.to_dict("records")
    for row in made:
        number = row["label"].partition("teaching ")[2].rstrip(")")
        draw = int(number) - 1 if number else 0
        row["setting/method/transfer/rate"] = 0.1
        if draw:
            row[DRAW] = draw
        if row["method"] == "ours":
            row |= {"test_accuracy": OURS[draw][row["seed"]], "synthesis_s": 1.0, "transfer_s": 2.0 + draw}
            row["predicted_classes"] = 1 if (draw, row["seed"]) == (1, 1) else 2
            if (draw, row["seed"]) == missing:
                row |= {"outcome": "diverged", "test_accuracy": None, "validation_accuracy": None}
    return frame_of_rows([{str(k): (None if v is pd.NA else v) for k, v in row.items()} for row in made])


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compared(taught(), published=KNOWN)


def test_teachings_are_one_row_under_the_first_ones_name(comparison: Comparison) -> None:
    rows = comparison.rows.set_index("row")
    assert list(rows.index) == ["ours", "rival", "noise"]
    assert rows["teachings"].tolist() == [3, 2, 1]
    assert rows["students"].tolist() == [9, 6, 3]
    assert rows["seeds"].tolist() == rows["planned"].tolist() == [3, 3, 3]
    assert rows["settings_tried"].tolist() == [1, 1, 1], "other teachings are no other settings"
    assert rows.loc["ours", "outcomes"] == "9 completed"
    assert rows["note"].tolist() == ["baseline", "", ""]
    assert warnings(comparison) == ()


def test_a_seeds_figure_is_the_mean_over_its_teachings(comparison: Comparison) -> None:
    row = comparison.rows.set_index("row").loc["ours"]
    means = np.mean(OURS, axis=0)
    assert row["test_accuracy"] == pytest.approx(means.mean())
    assert row["test_accuracy_sd"] == pytest.approx(means.std(ddof=1))
    assert row["seconds"] == pytest.approx(1.0 + 3.0), "one synthesis, and the mean of three teachings"
    assert row["collapsed"] == 1
    rival = comparison.frame.rows[comparison.frame.rows["method"] == "rival"]
    gaps = means - rival.groupby("seed")["test_accuracy"].mean().to_numpy()
    other = comparison.rows.set_index("row").loc["rival"]
    assert other["difference"] == pytest.approx(gaps.mean())
    assert other["pairs"] == 3


def test_what_is_noise_of_the_teaching(comparison: Comparison) -> None:
    # By hand: variances within seeds 0.01, 0.01 and 0; two degrees of freedom each.
    row = comparison.rows.set_index("row").loc["ours"]
    assert row["teaching_sd"] == pytest.approx(math.sqrt(0.02 / 3))
    assert row["teaching_se"] == pytest.approx(math.sqrt(0.02 / 3 / 9))
    # The means 0.8, 0.6 and 0.7 have the variance 0.01.
    assert row["between_sd"] == pytest.approx(math.sqrt(0.01 - 0.02 / 9))
    assert math.isnan(comparison.rows.set_index("row").loc["noise", "teaching_se"])


def test_a_teaching_that_is_missing_leaves_the_others() -> None:
    found = compared(taught(missing=(2, 0)), published=KNOWN)
    row = found.rows.set_index("row").loc["ours"]
    assert (row["seeds"], row["students"], row["teachings"]) == (3, 8, 3)
    assert row["test_accuracy"] == pytest.approx((0.85 + 0.6 + 0.7) / 3)
    variance = (0.005 + 0.02 + 0.0) / 5
    assert row["teaching_sd"] == pytest.approx(math.sqrt(variance))
    assert row["teaching_se"] == pytest.approx(math.sqrt(variance * (1 / 2 + 1 / 3 + 1 / 3)) / 3)
    assert warnings(found) == (
        "Not all teachings completed: `ours` on one (8 completed, 1 diverged). The mean of a seed is over those that "
        "did.",
    )


def test_a_first_teaching_that_failed_is_stood_in_for() -> None:
    found = compared(taught(missing=(0, 1)), published=KNOWN)
    row = found.rows.set_index("row").loc["ours"]
    assert (row["seeds"], row["students"]) == (3, 8)
    assert row["test_accuracy"] == pytest.approx((0.8 + 0.6 + 0.7) / 3)


def test_rows_taught_once_are_as_they_were() -> None:
    means = {"one": {"ours": 0.8, "rival": 0.7}}
    rows = compared(frame(means, seeds=3), published=KNOWN).rows
    assert rows["teachings"].tolist() == [1, 1]
    assert rows["students"].tolist() == rows["seeds"].tolist()
    assert rows[["teaching_sd", "teaching_se", "between_sd"]].isna().all(axis=None)
    assert "teachings" not in markdown(report(compared(frame(means, seeds=3), published=KNOWN)))


def test_other_settings_are_other_rows_whatever_their_draw() -> None:
    made = taught().rows
    other = (made["label"] == "ours (teaching 3)").fillna(False)
    rows = made.assign(**{"setting/method/transfer/rate": made["setting/method/transfer/rate"].mask(other, 0.2)})
    found = compared(Frame(rows), published=KNOWN).rows.set_index("row")
    assert found.loc["ours", "teachings"] == 2
    assert found.loc["ours (teaching 3)", "teachings"] == 1


def test_rows_that_knew_other_things_of_the_data_are_other_rows() -> None:
    made = taught().rows
    other = (made["label"] == "ours (teaching 3)").fillna(False)
    prior = made["prior"].fillna("mean_degree=2.0").mask(other, "mean_degree=3.0")
    found = compared(Frame(made.assign(prior=prior)), published=KNOWN).rows.set_index("row")
    assert found.loc["ours", "teachings"] == 2
    assert found.loc["ours (teaching 3)", "teachings"] == 1
    silent = compared(Frame(made.assign(prior=prior.mask(~other))), published=KNOWN).rows.set_index("row")
    assert silent.loc["ours", "teachings"] == 3, "a record that does not say what it knew contradicts none"
    # Whatever other rows of the sweep know, and on which seeds.
    rival = (made["method"] == "rival").fillna(False)
    unlike = made["prior"].fillna("mean_degree=2.0").mask(rival, "mean_degree=9.0").mask(other)
    assert (
        compared(Frame(made.assign(prior=unlike)), published=KNOWN).rows.set_index("row").loc["ours", "teachings"] == 3
    )
    apart = prior.mask(rival & (made["seed"] > 0)).mask(~rival & ~other & (made["seed"] == 0))
    found = compared(Frame(made.assign(prior=apart)), published=KNOWN).rows.set_index("row")
    assert found.loc["ours (teaching 3)", "teachings"] == 1


def test_rows_of_equal_settings_keep_apart_by_their_labels() -> None:
    rows = taught().rows
    again = rows[rows["method"] == "rival"].assign(
        label=lambda each: each["label"].str.replace("rival", "rival b"), file=lambda each: each["file"] + "b"
    )
    found = compared(Frame(pd.concat([rows, again], ignore_index=True)), published=KNOWN).rows.set_index("row")
    assert found["teachings"].to_dict() == {"ours": 3, "rival": 2, "noise": 1, "rival b": 2}


def test_controls_of_two_sweeps_are_one_row_with_the_seeds_of_both() -> None:
    rows = taught().rows
    later = rows.assign(source="later", sweep="later", seed=rows["seed"] + 3).astype(rows.dtypes)
    found = compared(Frame(pd.concat([rows, later], ignore_index=True)), published=KNOWN).rows.set_index("row")
    assert (found.loc["rival", "seeds"], found.loc["rival", "students"]) == (6, 12)
    assert found.loc["rival", "teachings"] == 2


@pytest.mark.usefixtures("without_figures")
def test_page_terminal_and_templates_say_it_where_there_are_several(comparison: Comparison, tmp_path: Path) -> None:
    page = " ".join(markdown(report(comparison)).split())
    assert "| teachings (deviation) | standard error |" in page
    assert "| 3: 0.082 within a seed, 0.088 between | 0.027 of 0.058 | 1 of 9 |" in page
    assert "the part that more teachings would take away" in page
    assert "Teachings of ours on one, 3: 0.082 within a seed, 0.088 between" in comparison.lines(120)
    template = tmp_path / "page.md.j2"
    template.write_text('{{ text("ours", show="teaching") }}; {{ text("noise", show="teaching") }}')
    assert comparison.fill(template, tmp_path / "out").read_text().strip() == (
        "3: 0.082 within a seed, 0.088 between; –"
    )
    template.write_text('{{ table(show="teachings") }}')
    with pytest.raises(ConfigError, match="`show`"):
        comparison.fill(template, tmp_path / "out")


def test_a_spread_needs_two_students_of_a_seed() -> None:
    rows = pd.DataFrame({"seed": [0, 1], "draw": [0, 0], "outcome": "completed", "test_accuracy": [0.5, 0.7]})
    assert teaching_spread(rows, "test_accuracy").words == "–"
    assert str(TeachingSpread(2).words) == "2"
