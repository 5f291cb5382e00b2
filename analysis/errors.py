"""The errors that this package raises on purpose, below one root.

A message states the law, the facts and the way out. `analysis` may not import `acgkd`, so it has a root of its own.
"""


class AnalysisError(Exception):
    """Root of this package's errors."""


class RecordError(AnalysisError, ValueError):
    """Records cannot be read as what they should be, for instance because a newer version wrote them."""


class FrameError(AnalysisError, ValueError):
    """A frame breaks a law of its columns; the message names the columns."""


class PairingError(AnalysisError, ValueError):
    """Two groups of rows cannot be paired; the message says which seeds stand in the way."""


class UnknownReportError(AnalysisError, LookupError):
    """No report has that name; the message holds the nearest known one."""


class MissingFolderError(AnalysisError, FileNotFoundError):
    """A path is not a sweep folder; the message says what was looked for."""
