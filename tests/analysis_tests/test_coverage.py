"""The statistics' test-bed: intervals cover as often as they say, families of tests err as seldom as they say.

Truth is known because the runs are simulated, with fixed seeds; bounds are those of the binomial error.
"""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from analysis.comparison.comparing import compared
from analysis.records.distribution import Distribution
from analysis.statistics.aggregates.bootstrap import estimate
from analysis.statistics.aggregates.families import SetMean, holm, mean_over_sets, signed_rank
from analysis.statistics.aggregates.ranks import ranks
from analysis.statistics.aggregates.robust import interquartile_mean, probability_of_improvement
from analysis.statistics.importance import _groups, importances
from analysis.statistics.intervals import recovered_share, t_interval, t_p_value
from analysis.statistics.search.separation import chance_of, indices
from tests.analysis_tests.simulated import TEST, TRAIN, frame, mean_of_means, resplit_noise

RATIO = TEST / TRAIN
ERRORS = 3.3
"""Standard errors of a share: one test in a thousand fails by chance."""


def slack(share: float, count: int) -> float:
    return ERRORS * math.sqrt(share * (1 - share) / count)


def share_of(trials: int, seed: int, event: Callable[[np.random.Generator], bool]) -> float:
    draw = np.random.default_rng(seed)
    return sum(event(draw) for _ in range(trials)) / trials


@pytest.mark.parametrize("seeds", [3, 5, 10, 30])
@pytest.mark.parametrize("resplit", [True, False])
def test_the_interval_of_a_mean_covers(seeds: int, resplit: bool) -> None:
    def covers(draw: np.random.Generator) -> bool:
        values = (resplit_noise(draw, seeds) if resplit else draw.normal(size=seeds)).tolist()
        found = t_interval(values, TEST, TRAIN) if resplit else t_interval(values)
        return found.low <= 0 <= found.high

    assert share_of(4000, seeds, covers) == pytest.approx(0.95, abs=slack(0.95, 4000))


def test_the_plain_interval_would_not_cover_over_resplits() -> None:
    def covers(draw: np.random.Generator) -> bool:
        found = t_interval(resplit_noise(draw, 10).tolist())
        return found.low <= 0 <= found.high

    assert share_of(2000, 0, covers) < 0.8


@pytest.mark.parametrize("seeds", [3, 10])
def test_the_interval_of_a_mean_over_data_sets_covers(seeds: int) -> None:
    spreads = (0.5, 1.0, 3.0)

    def covers(draw: np.random.Generator) -> bool:
        means = [SetMean.of(t_interval(resplit_noise(draw, seeds, sd).tolist(), TEST, TRAIN)) for sd in spreads]
        found = mean_over_sets(means)
        return found.low <= 0 <= found.high

    # Satterthwaite's degrees of freedom are approximate: with three seeds they cover a little more.
    assert 0.95 - slack(0.95, 3000) <= share_of(3000, seeds, covers) <= 0.975


def resplit_runs(draw: np.random.Generator, seeds: int, shift: float = 0.0) -> list[np.ndarray]:
    return [resplit_noise(draw, seeds) + shift for _ in range(4)]


@pytest.mark.parametrize("seeds", [3, *(pytest.param(seeds, marks=pytest.mark.slow) for seeds in (5, 10, 30))])
def test_bootstrap_intervals_cover_over_resplits(seeds: int) -> None:
    """The truth of a symmetric distribution is its centre; that of two equal methods is one half."""
    hits = {"mean": 0, "iqm": 0, "improvement": 0, "plain": 0}
    trials, draw = 400, np.random.default_rng(99 + seeds)
    options = {"ratios": [RATIO] * 4, "resamples": 1000}
    for _ in range(trials):
        runs, others = resplit_runs(draw, seeds), resplit_runs(draw, seeds)
        mean = estimate(mean_of_means, [runs], **options)
        middle = estimate(interquartile_mean, [runs], **options)
        better = estimate(probability_of_improvement, [runs, others], **options)
        plain = estimate(interquartile_mean, [runs], corrected=False, resamples=300)
        hits["mean"] += mean.low <= 0 <= mean.high
        hits["iqm"] += middle.low <= 0 <= middle.high
        hits["improvement"] += better.low <= 0.5 <= better.high
        hits["plain"] += plain.low <= 0 <= plain.high
    shares = {name: count / trials for name, count in hits.items()}
    for name in ("mean", "iqm", "improvement"):
        assert 0.95 - slack(0.95, trials) <= shares[name], shares
    assert shares["plain"] < 0.9


def test_a_family_of_corrected_tests_errs_as_seldom_as_it_says() -> None:
    """Eight differences between equal methods that share a baseline and their seeds: none should be called one."""

    def p_values(draw: np.random.Generator) -> list[float]:
        baseline, found = resplit_noise(draw, 5), []
        for _ in range(8):
            gap = t_interval((baseline - resplit_noise(draw, 5)).tolist(), TEST, TRAIN)
            found.append(t_p_value(gap.mean / (gap.sd * math.sqrt(1 / 5 + RATIO)), 4))
        return found

    trials, draw = 2000, np.random.default_rng(11)
    families = [p_values(draw) for _ in range(trials)]
    corrected = sum(min(holm(values)) < 0.05 for values in families) / trials
    assert corrected <= 0.05 + slack(0.05, trials)
    assert sum(min(values) < 0.05 for values in families) / trials > 0.15, "without a correction it does not hold"


def test_tests_over_data_sets_err_as_seldom_as_they_say() -> None:
    trials, draw = 200, np.random.default_rng(12)
    friedman = nemenyi = wilcoxon = 0
    for _ in range(trials):
        scores = draw.normal(size=(5, 12))
        found = ranks(scores.tolist())
        friedman += found.friedman_p < 0.05
        nemenyi += max(found.average) - min(found.average) > found.critical_difference
        wilcoxon += min(holm([signed_rank((scores[0] - other).tolist()).p_value for other in scores[1:]])) < 0.05
    for errors in (friedman, nemenyi, wilcoxon):
        assert errors / trials <= 0.05 + slack(0.05, trials)


@pytest.mark.parametrize("trials", [3, pytest.param(150, marks=pytest.mark.slow)])
def test_a_comparison_of_equal_methods_finds_nothing(trials: int) -> None:
    """Through records: the whole of a comparison, at most one in twenty of which may call a difference one."""
    draw, errors = np.random.default_rng(13), 0
    for _ in range(trials):
        made = frame({name: dict.fromkeys("abc", 0.7) for name in ("one", "two")}, seeds=4, draw=draw)
        errors += bool((compared(made).rows["p_holm"] < 0.05).any())
    assert errors <= 0.05 * trials + ERRORS * math.sqrt(0.05 * 0.95 * trials)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5, 10, 30])
def test_real_resplits_of_a_finite_data_set_are_covered(seeds: int) -> None:
    """A learner that is trained and tested on re-splits of one sample; its true accuracy is that over all samples."""
    size, train, test = 90, 60, 30

    def accuracy(draw: np.random.Generator, splits: int) -> np.ndarray:
        label = np.arange(size) % 2
        x = draw.normal(size=size) + label
        found = []
        for _ in range(splits):
            order = draw.permutation(size)
            learn, judge = order[:train], order[train : train + test]
            middle = (x[learn][label[learn] == 0].mean() + x[learn][label[learn] == 1].mean()) / 2
            found.append(((x[judge] > middle) == label[judge]).mean())
        return np.array(found)

    draw = np.random.default_rng(seeds)
    truth = np.mean([accuracy(draw, 1)[0] for _ in range(60_000)])
    hits = sum(
        (found := t_interval(accuracy(draw, seeds).tolist(), test, train)).low <= truth <= found.high
        for _ in range(3000)
    )
    assert hits / 3000 >= 0.95 - slack(0.95, 3000)


def planted_sweep(draw: np.random.Generator, trials: int, strongest: str) -> tuple[pd.DataFrame, list[str]]:
    """Trials of a space with a parameter of each kind, one of which decides three times as much as any other."""
    even = {name: draw.uniform(size=trials) for name in ("linear", "logarithmic", "conditional", "noise")}
    choice = draw.integers(0, 4, trials)
    active = draw.uniform(size=trials) < 0.6
    effects = {
        "linear": -np.abs(even["linear"] - 0.3),
        "logarithmic": -np.abs(even["logarithmic"] - 0.3),
        "conditional": np.where(active, -np.abs(even["conditional"] - 0.3), -0.25),
        "choice": -0.2 * choice,
    }
    scaled = {name: (values - values.mean()) / values.std() for name, values in effects.items()}
    accuracy = sum((0.06 if name == strongest else 0.02) * values for name, values in scaled.items())
    table = pd.DataFrame(
        {
            "param/linear": 8 * even["linear"],
            "param/logarithmic": 10 ** (4 * even["logarithmic"] - 5),
            "param/conditional": np.where(active, 1 + 6 * even["conditional"], np.nan),
            "param/choice": pd.Series([f'"{"abcd"[number]}"' for number in choice], dtype="string"),
            "param/noise": even["noise"],
            "test_accuracy": 0.8 + accuracy + draw.normal(0, 0.01, trials),
        }
    )
    return table, [name for name in table.columns if name.startswith("param/")]


DISTRIBUTIONS = {
    "param/linear": Distribution("float", low=0, high=8),
    "param/logarithmic": Distribution("float", low=1e-5, high=1e-1, log=True),
    "param/conditional": Distribution("float", low=1, high=7),
    "param/choice": Distribution("categorical", choices=("a", "b", "c", "d")),
    "param/noise": Distribution("float", low=0, high=1),
}


@pytest.mark.parametrize("strongest", ["linear", "logarithmic", "conditional", "choice"])
def test_importance_ranks_the_planted_parameter_first(strongest: str) -> None:
    draw, firsts = np.random.default_rng(60), 0
    for _ in range(40):
        table, names = planted_sweep(draw, 60, strongest)
        found = indices(
            {name: _groups(table[name], DISTRIBUTIONS[name]) for name in names}, table["test_accuracy"].to_numpy()
        )
        firsts += max(found, key=found.__getitem__) == f"param/{strongest}"
    assert firsts >= 39
    assert importances(table, "test_accuracy", "maximize", names, DISTRIBUTIONS).chance == 0.01


@pytest.mark.slow
def test_importance_says_as_seldom_as_it_should_that_some_parameter_matters_where_none_does() -> None:
    draw, said = np.random.default_rng(61), 0
    for _ in range(60):
        table, names = planted_sweep(draw, 40, "linear")
        groups = {name: _groups(table[name], DISTRIBUTIONS[name]) for name in names}
        said += chance_of(groups, draw.permutation(table["test_accuracy"].to_numpy())) <= 0.05
    assert said / 60 <= 0.05 + slack(0.05, 60)


@pytest.mark.parametrize("seeds", [3, 5, 10, 30])
@pytest.mark.parametrize("resplit", [True, False])
def test_the_interval_of_a_paired_difference_covers(seeds: int, resplit: bool) -> None:
    """Two methods that share their seeds, of which the noise that is common to both leaves nothing behind."""
    gap = 0.03

    def covers(draw: np.random.Generator) -> bool:
        one, other = (resplit_noise(draw, seeds) if resplit else draw.normal(size=seeds) for _ in range(2))
        values = (gap + 0.01 * (one - other)).tolist()
        found = t_interval(values, TEST, TRAIN) if resplit else t_interval(values)
        return found.low <= gap <= found.high

    assert share_of(2000, 50 + seeds, covers) == pytest.approx(0.95, abs=slack(0.95, 2000))


@pytest.mark.parametrize("seeds", [5, 10, pytest.param(30, marks=pytest.mark.slow)])
def test_the_recovered_share_covers_about_as_often_as_it_says(seeds: int) -> None:
    """A percentile bootstrap over few seeds covers less than it says, the fewer the less: how much less is bounded."""
    truth = 0.6

    def covers(draw: np.random.Generator) -> bool:
        majority, teacher = 0.5 + draw.normal(0, 0.01, seeds), 0.9 + draw.normal(0, 0.01, seeds)
        student = majority + truth * (teacher - majority) + draw.normal(0, 0.02, seeds)
        found = recovered_share(student.tolist(), teacher.tolist(), majority.tolist())
        return found.low <= truth <= found.high

    assert share_of(300, seeds, covers) >= {5: 0.78, 10: 0.85, 30: 0.9}[seeds]
