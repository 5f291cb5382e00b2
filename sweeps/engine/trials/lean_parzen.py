"""Optuna's Parzen estimators at a fraction of their cost: made and asked for all parameters of a group at once.

A point is drawn bit for bit as Optuna's TPE draws it with its defaults. By the densities the best of what was drawn is
chosen, no more: those of numbers without steps may differ in their last digits.
"""

from collections.abc import Callable, Mapping
from math import log
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.probability_distributions import _unique_inverse_2d
from scipy import special

from sweeps.engine.trials.truncated_normal import LOG_ROOT, log_mass, truncated

Numbers: TypeAlias = NDArray[np.float64]


class LeanParzen:
    """A mixture of kernels: one around each observation, and a last one over the whole space.

    Args:
        observed: internal values, in the space's order of names.
        weights: of the observations; the whole space has 1.
        space: of one group.

    Shapes:
        observed: ``[observations, names]``, weights: ``[observations]``.
    """

    def __init__(self, observed: Numbers, weights: Numbers, space: Mapping[str, BaseDistribution]) -> None:
        self._names = list(space)
        every = np.append(weights, 1.0)
        self._weights = every / every.sum()
        self._choices: dict[str, Numbers] = {}
        self._ranges: dict[str, FloatDistribution | IntDistribution] = {}
        columns = []
        for (name, item), column in zip(space.items(), observed.T, strict=True):
            if isinstance(item, CategoricalDistribution):
                self._choices[name] = _choice_kernels(column.astype(int), len(item.choices))
            elif isinstance(item, FloatDistribution | IntDistribution):
                self._ranges[name] = item
                columns.append(np.log(column) if item.log else column)
        if self._ranges:
            self._middles, self._widths = _range_kernels(np.array(columns), self._ends(np.log))
            self._low, self._high = self._ends(log)

    def _ends(self, logarithm: Callable[[float], float]) -> tuple[Numbers, Numbers]:
        """Where the ranges begin and end, half a step further out; numpy's logarithm and Python's may differ."""
        found = []
        for item in self._ranges.values():
            half = (item.step or 0.0) / 2
            ends = item.low - half, item.high + half
            found.append([logarithm(end) for end in ends] if item.log else ends)
        low, high = np.array(found, dtype=float).T
        return low[:, None], high[:, None]

    def sample(self, rng: np.random.RandomState, size: int) -> dict[str, Numbers]:
        """Draws points.

        Args:
            rng: gives the same numbers in the same order as for Optuna.
            size: how many.

        Returns:
            internal values by name.

        Shapes:
            each: ``[size]``.
        """
        kernels = rng.choice(len(self._weights), p=self._weights, size=size)
        drawn = {}
        for name, weights in self._choices.items():
            ends = np.cumsum(weights[kernels], axis=-1)
            ends[:, -1] = 1
            drawn[name] = (ends < rng.rand(size)[:, None]).sum(axis=-1).astype(float)
        if self._ranges:
            middles, widths = self._middles[:, kernels], self._widths[:, kernels]
            low, high = (self._low - middles) / widths, (self._high - middles) / widths
            rows = truncated(rng.uniform(low=0, high=1, size=middles.shape), low, high) * widths + middles
            for (name, item), row in zip(self._ranges.items(), rows, strict=True):
                values = np.exp(row) if item.log else row
                if item.step:
                    values = np.round((values - item.low) / item.step) * item.step
                    values = np.clip(item.low + values, item.low, item.high)
                drawn[name] = values
        return drawn

    def log_pdf(self, points: Mapping[str, Numbers]) -> Numbers:
        """Logarithms of the density at points within the bounds.

        Args:
            points: internal values by name.

        Shapes:
            each of points: ``[points]``; returns ``[points]``.
        """
        found = np.zeros((len(self._weights), len(points[self._names[0]])))
        squares, plain = np.zeros_like(found), []
        # Sums of what has steps go as Optuna's do: between equally good points the last digit decides.
        for name in self._names:
            if name in self._choices:
                found += np.log(self._choices[name])[:, points[name].astype(int)]
            elif self._ranges[name].step:
                self._add_steps(found, name, points[name])
            else:
                place, values = list(self._ranges).index(name), points[name]
                plain.append(place)
                apart = (np.log(values) if self._ranges[name].log else values) - self._middles[place][:, None]
                apart *= 1 / self._widths[place][:, None]
                squares += np.square(apart, out=apart)
        if plain:
            middles, widths, low, high = (part[plain] for part in (self._middles, self._widths, self._low, self._high))
            masses = special.ndtr((high - middles) / widths) - special.ndtr((low - middles) / widths)
            squares /= 2
            found -= squares + (np.log(masses * widths) + LOG_ROOT).sum(axis=0)[:, None]
        found += np.log(self._weights)[:, None]
        most = found.max(axis=0)
        shares = np.exp(found - most)
        return np.asarray(np.log(np.ascontiguousarray(shares.T).sum(axis=1)) + most)

    def _add_steps(self, found: Numbers, name: str, values: Numbers) -> None:
        """Adds the logarithms of what each kernel has on the steps that are these values."""
        item, place = self._ranges[name], list(self._ranges).index(name)
        half = (item.step or 0.0) / 2
        steps, which = np.unique(values, return_inverse=True)
        middles, widths, kernels = _unique_inverse_2d(self._middles[place], self._widths[place])
        left, right = (np.log(steps + side) if item.log else steps + side for side in (-half, half))
        masses = log_mass(*((side[:, None] - middles) / widths for side in (left, right)))
        found += masses.T[np.ix_(kernels, which)]
        found -= log_mass(*((end[place] - middles) / widths for end in (self._low, self._high)))[kernels, None]


def _choice_kernels(observed: NDArray[np.int64], choices: int) -> Numbers:
    """Weights of the choices of one parameter: ``[kernels, choices]``."""
    kernels = len(observed) + 1
    weights = np.full((kernels, choices), 1.0 / kernels)
    weights[np.arange(len(observed)), observed] += 1
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _range_kernels(observed: Numbers, ends: tuple[Numbers, Numbers]) -> tuple[Numbers, Numbers]:
    """Middles and widths of kernels, each as wide as the larger gap beside it; ``[names, kernels]``.

    Shapes:
        observed: ``[names, observations]``, ends: each ``[names, 1]``.
    """
    low, high = ends
    order, names = np.argsort(observed, axis=1), np.arange(len(observed))[:, None]
    line = np.hstack((low, observed[names, order], high))
    gaps = line[:, 1:] - line[:, :-1]
    larger = np.maximum(gaps[:, :-1], gaps[:, 1:])
    if observed.shape[1] > 1:  # from the outer ones on, the bounds do not count
        larger[:, 0], larger[:, -1] = gaps[:, 1], gaps[:, -2]
    widths = np.empty_like(observed)
    whole = high - low
    widths[names, order] = np.minimum(np.maximum(larger, whole / min(100.0, 2.0 + observed.shape[1])), whole)
    return np.hstack((observed, 0.5 * (low + high))), np.hstack((widths, whole))
