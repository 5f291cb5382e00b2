import math

import numpy as np
import pandas as pd
import pytest

from analysis.records.distribution import Distribution
from analysis.statistics.importance import FEWEST_TRIALS, guessed, importances
from analysis.statistics.search.separation import indices


def trials(count: int = 60) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    strong, weak = draw.uniform(size=count), draw.uniform(size=count)
    kind = np.where(draw.random(count) < 0.5, "good", "bad")
    accuracy = 0.5 + 0.4 * strong + np.where(kind == "good", 0.02, 0)
    return pd.DataFrame(
        {
            "trial": pd.Series(range(count), dtype="Int64"),
            "param/strong": strong,
            "param/weak": weak,
            "param/kind": pd.Series(kind, dtype="string"),
            "param/switch": pd.Series(draw.random(count) < 0.5, dtype="boolean"),
            "param/steps": pd.Series(draw.choice([100, 200], count), dtype="Int64"),
            "param/conditional": np.where(kind == "good", strong, np.nan),
            "param/constant": 3.0,
            "test_accuracy": accuracy,
        }
    )


def parameters(table: pd.DataFrame) -> list[str]:
    return [name for name in table.columns if name.startswith("param/")]


def test_the_parameter_that_decides_comes_first() -> None:
    table = trials()
    found = importances(table, "test_accuracy", "maximize", parameters(table)[:5])
    assert found.items[0].parameter == "param/strong"
    assert sum(item.share for item in found.items) == pytest.approx(1)
    assert found.trials == 60
    by_name = {item.parameter: item for item in found.items}
    assert by_name["param/strong"].rank_correlation > 0.9
    assert by_name["param/kind"].best in ("good", "bad")
    assert math.isnan(by_name["param/kind"].rank_correlation)


def test_direction_matters() -> None:
    table = trials().assign(cost=lambda t: -t["test_accuracy"])
    down = importances(table, "cost", "minimize", parameters(table)[:3])
    up = importances(table, "test_accuracy", "maximize", parameters(table)[:3])
    assert [item.share for item in down.items] == pytest.approx([item.share for item in up.items])


def test_missing_means_not_active() -> None:
    table = trials()
    found = {item.parameter: item for item in importances(table, "test_accuracy", "maximize", parameters(table)).items}
    active = int(table["param/conditional"].notna().sum())
    assert found["param/conditional"].active == active < 60
    assert "param/constant" not in found


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.head(FEWEST_TRIALS - 1), f"at least {FEWEST_TRIALS}"),
        (lambda t: t.assign(test_accuracy=0.5), "same value"),
        (lambda t: t[["trial", "param/constant", "test_accuracy"]], "no hyper-parameter"),
        (lambda t: t.assign(test_accuracy=math.nan), "at least"),
    ],
)
def test_it_says_why_there_are_none(change, reason: str) -> None:
    table = change(trials())
    found = importances(table, "test_accuracy", "maximize", parameters(table))
    assert found.items == ()
    assert reason in found.reason


def test_the_terminal_stays_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    table = trials()
    importances(table, "test_accuracy", "maximize", parameters(table))
    assert capfd.readouterr() == ("", "")


def test_without_a_trial_file_log_scales_are_guessed_from_the_span() -> None:
    assert guessed(pd.Series([0.001, 0.1])).log
    assert not guessed(pd.Series([1.0, 5])).log
    assert not guessed(pd.Series([0.0, 5])).log


def test_no_scale_of_a_parameter_or_of_the_results_matters() -> None:
    draw = np.random.default_rng(2)
    even, other = draw.uniform(size=120), draw.uniform(size=120)
    accuracy = 0.9 - 0.2 * np.abs(even - 0.3) + 0.02 * other
    drawn = {"param/t": Distribution("float", 0.0, 1.0), "param/other": Distribution("float", 0.0, 1.0)}
    shares = []
    for change, judge in ((lambda x: x, lambda y: y), (lambda x: 10**x, lambda y: y), (lambda x: x, np.exp)):
        table = pd.DataFrame({"param/t": change(even), "param/other": other, "test_accuracy": judge(accuracy)})
        found = importances(table, "test_accuracy", "maximize", list(drawn), drawn)
        shares.append([item.share for item in found.items])
    assert shares[0] == pytest.approx(shares[1])
    assert shares[0] == pytest.approx(shares[2])


def test_the_index_is_nothing_by_chance_and_one_where_a_choice_alone_decides() -> None:
    draw = np.random.default_rng(4)
    choice, many = draw.integers(0, 4, 400), draw.integers(0, 30, 400)
    # With as many results as categories, each has one of its own.
    assert indices({"a": choice}, choice.astype(float))["a"] == pytest.approx(1)
    chance = [indices({"a": draw.permutation(many)}, np.arange(400.0))["a"] for _ in range(40)]
    assert np.mean(chance) < 0.02, "many categories are not taken for importance"


def test_the_index_is_the_mean_over_thresholds_of_the_share_that_groups_explain() -> None:
    draw = np.random.default_rng(5)
    group, results = draw.integers(0, 3, 40), draw.normal(size=40)
    spread = between = 0.0
    for cut in np.sort(results)[:-1]:
        below = results <= cut
        spread += below.var()
        between += sum((group == k).mean() * (below[group == k].mean() - below.mean()) ** 2 for k in range(3))
    share = between / spread
    assert indices({"a": group}, results)["a"] == pytest.approx(max(0, (share - 2 / 39) / (1 - 2 / 39)))


def test_choices_that_are_numbers_are_categories_and_null_is_one_of_them() -> None:
    draw = np.random.default_rng(3)
    cells = draw.choice(["(null)", "4", '"4"', '"null"', "true"], 80)
    table = pd.DataFrame(
        {
            "param/mixed": pd.Series(cells, dtype="string"),
            "param/size": pd.Series(draw.choice([1, 64], 80), dtype="Int64"),
            "test_accuracy": 0.5 + 0.3 * (cells == "(null)") + 0.01 * draw.normal(size=80),
        }
    )
    drawn = {
        "param/mixed": Distribution("categorical", choices=(None, 4, "4", "null", True)),
        "param/size": Distribution("categorical", choices=(1, 8, 64)),
    }
    found = {item.parameter: item for item in importances(table, "test_accuracy", "maximize", list(drawn), drawn).items}
    assert found["param/mixed"].best == "null"
    assert found["param/mixed"].active == 80
    assert found["param/mixed"].share > 0.8
    assert found["param/size"].best in ("1", "64")
