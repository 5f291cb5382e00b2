"""Numbers as readers see them: missing is a dash, never 0."""

import math
from typing import Any

import pandas as pd

DASH = "–"


def known(value: Any) -> bool:
    """Whether there is a value (infinite counts as one; NaN and None do not)."""
    return value is not None and not bool(pd.isna(value))


def share(value: Any) -> str:
    """An accuracy or another share, to three places."""
    return f"{value:.3f}" if known(value) else DASH


def mean_sd(mean: Any, sd: Any) -> str:
    """``0.835 ± 0.029``; without the spread for a single value; large numbers with their unit."""
    if known(mean) and abs(mean) >= 100:
        return f"{count(mean)} ± {count(sd)}" if known(sd) else count(mean)
    return f"{mean:.3f} ± {sd:.3f}" if known(mean) and known(sd) else share(mean)


def interval(low: Any, high: Any) -> str:
    """``0.801 to 0.869``; a dash where there is none, or where equal values would make it claim certainty."""
    if not (known(low) and known(high) and high - low > 1e-12):
        return DASH
    return f"{low:.3f} to {high:.3f}".replace("-", "−")


def share_interval(low: Any, high: Any) -> str:
    """As `interval`, for the mean of a share: cut off at 0 and 1, which a t interval does not know of."""
    return interval(max(0.0, low), min(1.0, high)) if known(low) and known(high) and high - low > 1e-12 else DASH


def seconds(value: Any) -> str:
    """Three significant digits: ``0.012 s``, ``4.31 s``, ``1,234 s``."""
    return f"{significant(value)} s" if known(value) else DASH


def milliseconds(value: Any) -> str:
    """As `seconds`."""
    return f"{significant(value)} ms" if known(value) else DASH


def significant(value: Any, digits: int = 3) -> str:
    """A number to some significant digits, without an exponent between 1e-4 and 1e6."""
    if not known(value):
        return DASH
    number = float(value)
    if not math.isfinite(number):
        return "∞" if number > 0 else "−∞"
    if number == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(number)))
    if magnitude >= 6 or magnitude < -4:
        return f"{number:.{digits - 1}e}"
    return f"{number:,.{max(0, digits - 1 - magnitude)}f}"


def count(value: Any) -> str:
    """A large count with its unit: ``1.23 G``, ``45.6 M``, ``789``."""
    if not known(value):
        return DASH
    number = float(value)
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= limit:
            return f"{significant(number / limit)} {unit}"
    return significant(number)


def whole(value: Any) -> str:
    """An integer."""
    return f"{int(value):,}" if known(value) else DASH


def words(value: Any) -> str:
    """Text, or a dash for none; a number or a switch of a hyper-parameter in its shortest form."""
    if not known(value) or value == "":
        return DASH
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def plural(number: int, noun: str) -> str:
    """``1 trial``, ``3 trials``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
