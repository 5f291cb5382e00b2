"""Every error that a user can cause or meet, below one root.

A message states the law, the facts and the way out: `` `0 < pace <= 1` must hold, but got 1.4. ``
"""

import difflib
from collections.abc import Iterable


class AcgkdError(Exception):
    """Root of all errors that this project raises on purpose."""


class ConfigError(AcgkdError, ValueError):
    """A setting breaks a law; the message names the law, the value and the way out."""


class UnknownNameError(AcgkdError, LookupError):
    """A name is not in its catalogue; the message holds the nearest known one."""


class DataError(AcgkdError):
    """A data set is missing, damaged or not what it should be."""


class CheckpointError(AcgkdError):
    """A file of weights cannot be used: torn, of another kind, or unsafe to open."""


class TeacherError(AcgkdError, TypeError):
    """A module does not satisfy the teacher protocol."""


class DivergedError(AcgkdError, ArithmeticError):
    """A loss or a weight left the finite numbers."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Says ``Did you mean 'x'? `` for the nearest known name, upper or lower case, or nothing."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    match = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.6)
    return f"Did you mean '{by_lower[match[0]]}'? " if match else ""
