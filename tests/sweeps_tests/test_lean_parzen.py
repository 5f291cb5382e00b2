"""Lean Parzen estimators beside Optuna's: the same draws bit for bit, and the same densities."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe import _truncnorm
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.sampler import default_weights

from sweeps.engine.trials.lean_parzen import LeanParzen
from sweeps.engine.trials.truncated_normal import log_mass, truncated

SPACES: dict[str, dict[str, BaseDistribution]] = {
    "choices": {"kind": CategoricalDistribution(["a", "b", "c"]), "other": CategoricalDistribution([0, 1])},
    "ranges": {"width": FloatDistribution(-1.0, 3.0), "rate": FloatDistribution(0.01, 1.0, log=True)},
    "steps": {
        "share": FloatDistribution(0.0, 1.0, step=0.1),
        "depth": IntDistribution(1, 9),
        "size": IntDistribution(1, 500, log=True),
    },
    "all": {
        "kind": CategoricalDistribution(["a", "b", "c"]),
        "rate": FloatDistribution(0.01, 1.0, log=True),
        "depth": IntDistribution(2, 40, step=2),
        "width": FloatDistribution(-1.0, 3.0),
    },
}


def observed(space: dict[str, BaseDistribution], count: int, seed: int) -> NDArray[np.float64]:
    """Internal values of random trials; the first two lie at both ends of all ranges."""
    draws = np.random.default_rng(seed)
    columns = []
    for item in space.values():
        if isinstance(item, CategoricalDistribution):
            columns.append(draws.integers(len(item.choices), size=count).astype(float))
            continue
        assert isinstance(item, FloatDistribution | IntDistribution)
        values = draws.uniform(item.low, item.high, size=count)
        if item.step:
            values = item.low + np.round((values - item.low) / item.step) * item.step
        values[:2] = [item.low, item.high][:count]
        columns.append(values)
    return np.array(columns).T.reshape(count, len(space))


def both(
    space: dict[str, BaseDistribution], values: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[LeanParzen, _ParzenEstimator]:
    settings = _ParzenEstimatorParameters(1.0, True, False, default_weights, True)
    columns = {name: values[:, place] for place, name in enumerate(space)}
    return LeanParzen(values, weights, space), _ParzenEstimator(columns, space, settings, weights)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_draws_and_densities_are_optunas(name: str, count: int) -> None:
    space = SPACES[name]
    for seed in range(5):
        ours, theirs = both(space, observed(space, count, seed), default_weights(count))
        generators = [np.random.RandomState(seed) for _ in range(2)]
        drawn = [made.sample(draws, 24) for made, draws in zip((ours, theirs), generators, strict=True)]
        assert drawn[0].keys() == drawn[1].keys()
        for key, values in drawn[1].items():
            assert values.tolist() == drawn[0][key].tolist()
        assert generators[0].rand() == generators[1].rand()  # no number more and none fewer
        np.testing.assert_allclose(ours.log_pdf(drawn[0]), theirs.log_pdf(drawn[0]), rtol=1e-9, atol=1e-9)


def test_between_equal_choices_the_last_digit_decides_as_it_does_for_optuna() -> None:
    space = SPACES["choices"]
    every = np.array(list(itertools.product(range(3), range(2))), dtype=float)
    points = {name: every[:, place] for place, name in enumerate(space)}
    ours, theirs = both(space, np.tile(every, (7, 1)), default_weights(42))
    assert ours.log_pdf(points).tolist() == theirs.log_pdf(points).tolist()


@pytest.mark.parametrize("apart", [0.5, 3.0, 19.0, 70.0])
def test_truncated_normals_are_optunas(apart: float) -> None:
    draws = np.random.default_rng(0)
    low = np.concatenate((draws.uniform(-apart, 0, 200), draws.uniform(-apart, apart, 200), [0.0, -apart]))
    high = np.concatenate((draws.uniform(0, apart, 200), low[200:400] + draws.uniform(0.01, 2, 200), [apart, 0.0]))
    shares = draws.uniform(size=len(low))
    near = (high > -20) & (low < 20)  # further out no kernel lies, and the last digits differ
    theirs = _truncnorm._log_gauss_mass(low, high)
    assert log_mass(low, high)[near].tolist() == pytest.approx(theirs[near].tolist(), rel=1e-12)
    at, expected = truncated(shares, low, high), _truncnorm.ppf(shares, low, high)
    around = (low <= 0) & (high >= 0)
    assert at[around].tolist() == expected[around].tolist()
    np.testing.assert_allclose(at, expected, rtol=1e-7)
