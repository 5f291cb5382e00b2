"""The search spaces, one to a file: Optuna define-by-run functions whose parameters are slash paths of settings.

A file exports ``suggest(trial) -> None``, which calls nothing but ``trial.suggest_float``, ``suggest_int`` and
``suggest_categorical``.
"""

from collections.abc import Callable
from typing import Any

from acgkd.catalog import Catalog

SPACES: Catalog[Callable[[Any], None]] = Catalog("sweeps.spaces", "suggest", "space")
