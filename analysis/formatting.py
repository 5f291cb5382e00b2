"""Numbers as readers see them: missing is a dash, never 0."""

import math
from collections.abc import Iterable, Sequence
from typing import SupportsFloat

import pandas as pd

DASH = "–"


def known(value: object) -> bool:
    """Whether there is a value (infinite counts as one; NaN and None do not)."""
    return value is not None and value is not pd.NA and bool(value == value)


def number(value: object) -> float:
    """A value as a float; NaN where there is none."""
    if isinstance(value, int | float):  # nearly always; to ask for the protocol takes twenty times as long
        return float(value)
    return float(value) if known(value) and isinstance(value, SupportsFloat) else math.nan


def share(value: object) -> str:
    """An accuracy or another share, to three places."""
    return f"{number(value):.3f}" if known(value) else DASH


def mean_sd(mean: float | None, sd: float | None) -> str:
    """``0.835 ± 0.029``; without the spread for a single value; large numbers with their unit."""
    large = abs(number(mean)) >= 100
    if not (known(mean) and known(sd)):
        return count(mean) if large else share(mean)
    return f"{count(mean)} ± {count(sd)}" if large else f"{mean:.3f} ± {sd:.3f}"


def interval(low: float, high: float) -> str:
    """``0.801 to 0.869``; a dash where there is none, or where equal values would make it claim certainty."""
    if not (known(low) and known(high) and high - low > 1e-12):
        return DASH
    return f"{low:.3f} to {high:.3f}".replace("-", "−")


def gap(value: float, low: float, high: float) -> str:
    """``+0.021 (−0.010 to 0.052)``; large numbers with their unit; a dash for none."""
    if not known(value):
        return DASH
    if abs(number(value)) >= 100:
        ends = f" ({count(low)} to {count(high)})" if known(low) and known(high) else ""
        return f"{'+' if value > 0 else ''}{count(value)}{ends}".replace("-", "−")
    ends = interval(low, high)
    return f"{value:+.3f}".replace("-", "−") + ("" if ends == DASH else f" ({ends})")


def share_interval(low: float, high: float) -> str:
    """As `interval`, for the mean of a share: cut off at 0 and 1, which a t interval does not know of."""
    return interval(max(0.0, low), min(1.0, high)) if known(low) and known(high) and high - low > 1e-12 else DASH


def seconds(value: object) -> str:
    """Three significant digits: ``0.012 s``, ``4.31 s``, ``1,234 s``."""
    return f"{significant(value)} s" if known(value) else DASH


def milliseconds(value: object) -> str:
    """As `seconds`."""
    return f"{significant(value)} ms" if known(value) else DASH


def significant(value: object, digits: int = 3) -> str:
    """A number to some significant digits, without an exponent between 1e-4 and 1e6."""
    if not known(value):
        return DASH
    plain = number(value)
    if not math.isfinite(plain):
        return "∞" if plain > 0 else "−∞"
    if plain == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(plain)))
    if magnitude >= 6 or magnitude < -4:
        return f"{plain:.{digits - 1}e}"
    return f"{plain:,.{max(0, digits - 1 - magnitude)}f}"


def count(value: object) -> str:
    """A large count with its unit: ``1.23 G``, ``45.6 M``, ``789``."""
    if not known(value):
        return DASH
    plain = number(value)
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(plain) >= limit:
            return f"{significant(plain / limit)} {unit}"
    return significant(plain)


def whole(value: object) -> str:
    """An integer."""
    return f"{int(number(value)):,}" if known(value) else DASH


def words(value: object) -> str:
    """Text, or a dash for none; a number in its shortest form."""
    if not known(value) or value == "":
        return DASH
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def plural(number: int, noun: str) -> str:
    """``1 trial``, ``3 trials``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def named(names: Iterable[int | str]) -> str:
    """``trials 0 to 5, random_graphs``: numbers are those of trials."""
    known = list(dict.fromkeys(names))
    numbers = sorted(name for name in known if isinstance(name, int))
    trials = [f"trial{'' if len(numbers) == 1 else 's'} {ranges(numbers)}"] if numbers else []
    return ", ".join([*trials, *(name for name in known if isinstance(name, str))])


def ranges(numbers: Sequence[int]) -> str:
    """``0 to 2, 5 and 7 to 8``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    said = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def cut(text: str, width: int) -> str:
    """Text of at most so many characters, with ``…`` for what is left out at its end."""
    return text if len(text) <= width else f"{text[: max(width - 1, 1)]}…"


def shortened(names: Sequence[str], width: int) -> dict[str, str]:
    """Names of at most so many characters, no two of them equal: cut at the end, in the middle, or numbered.

    Args:
        names: what must stay distinguishable.
        width: of a name, at least 4.
    """
    every = list(dict.fromkeys(names))
    found = [{name: _middle_cut(name, width, tail) for name in every} for tail in range(width - 1)]
    apart = [short for short in found if len(set(short.values())) == len(every)]
    if apart:
        return next((short for short in apart if all(map(_at_a_word, short.values()))), apart[0])
    numbers = {name: f"…{number}" for number, name in enumerate(every, 1)}
    return {name: name if len(name) <= width else name[: width - len(end)] + end for name, end in numbers.items()}


def _middle_cut(name: str, width: int, tail: int) -> str:
    return name if len(name) <= width else f"{name[: width - 1 - tail]}…{name[len(name) - tail :]}"


def _at_a_word(short: str) -> bool:
    """Whether nothing is cut out, or up to the end or the beginning of a word."""
    before, mark, after = short.partition("…")
    return not mark or not after or not before[-1:].isalnum()
