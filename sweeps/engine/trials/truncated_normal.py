"""Normal distributions between bounds, number for number as Optuna computes them, without a call for each number.

Optuna's functions (`optuna.samplers._tpe._truncnorm`) loop over Python's `erf`, `erfc` and `log`, which numpy lacks or
has with other last digits. Here the same are called for a whole array in one go.
"""

from math import erf, erfc, log, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

Numbers: TypeAlias = NDArray[np.float64]

LOG_ROOT = log(sqrt(2 * np.pi))

_ROOT = 2**0.5
_NEAR = 1 / 2**0.5  # from here on, both ways, `erfc` is more exact than `erf`
_LOGISTIC = sqrt(3) / np.pi
_MOST_STEPS = 100


def truncated(shares: Numbers, low: Numbers, high: Numbers) -> Numbers:
    """Where standard normal distributions between bounds have reached shares of their mass.

    Shapes:
        all and what is returned: the same.
    """
    masses, found, left = log_mass(low, high), np.empty_like(shares), low < 0
    reached = np.log(shares[left]) + masses[left]
    found[left] = _inverse_log_ndtr(np.logaddexp(_log_ndtr(low[left]), reached))
    if not left.all():  # the left tail is the exact one
        right = ~left
        reached = np.log1p(-shares[right]) + masses[right]
        found[right] = -_inverse_log_ndtr(np.logaddexp(_log_ndtr(-high[right]), reached))
    return found


def log_mass(low: Numbers, high: Numbers) -> Numbers:
    """The logarithm of the mass of the standard normal distribution between bounds.

    Shapes:
        both and what is returned: the same.
    """
    aside = (high <= 0) | (low > 0)
    if not aside.any():
        return np.asarray(np.log1p(-_ndtr(low) - _ndtr(-high)))
    found = np.empty_like(low)
    found[~aside] = np.log1p(-_ndtr(low[~aside]) - _ndtr(-high[~aside]))
    right = low[aside] > 0
    whole = _log_ndtr(np.where(right, -low[aside], high[aside]))
    beyond = _log_ndtr(np.where(right, -high[aside], low[aside]))
    found[aside] = whole + np.log1p(-np.exp(beyond - whole))
    return found


def _ndtr(values: Numbers) -> Numbers:
    return 0.5 + 0.5 * np.array(list(map(erf, (values / _ROOT).ravel().tolist()))).reshape(values.shape)


def _log_ndtr(values: Numbers) -> Numbers:
    """The logarithm of the standard normal distribution.

    Shapes:
        values: ``[numbers]``.
    """
    plain = (values > -20) & (values <= 6)
    found = np.empty_like(values)
    found[plain] = [
        log(0.5 * erfc(-item) if item < -_NEAR else 0.5 + 0.5 * erf(item) if item < _NEAR else 1.0 - 0.5 * erfc(item))
        for item in (values[plain] / _ROOT).tolist()
    ]
    if not plain.all():  # so far out that no draw depends on the last digits
        found[~plain] = special.log_ndtr(values[~plain])
    return found


def _inverse_log_ndtr(values: Numbers) -> Numbers:
    """Where `_log_ndtr` has these values: Newton's method, with Optuna's start and end.

    Shapes:
        values: ``[numbers]``.
    """
    flipped = values > -1e-2
    wanted = values.copy()
    wanted[flipped] = np.log(-np.expm1(values[flipped]))
    far = wanted < -5
    found = np.empty_like(wanted)
    found[far] = -np.sqrt(-2.0 * (wanted[far] + LOG_ROOT))
    found[~far] = -_LOGISTIC * np.log(np.expm1(-wanted[~far]))
    for _ in range(_MOST_STEPS):
        reached = _log_ndtr(found)
        step = (reached - wanted) * np.exp(reached - (-0.5 * found**2 - LOG_ROOT))
        found -= step
        if (np.abs(step) < 1e-8 * np.abs(found)).all():
            break
    found[flipped] *= -1
    return found
