"""The search spaces, one to a file: Optuna define-by-run functions whose parameters are slash paths of settings.

A file exports ``suggest(trial) -> None``, which calls nothing but ``trial.suggest_float``, ``suggest_int`` and
``suggest_categorical``.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from acgkd.catalog import Catalog

if TYPE_CHECKING:
    from sweeps.spec.stand_ins import Suggesting

SPACES: Catalog[Callable[["Suggesting"], None]] = Catalog("sweeps.spaces", "suggest", "space")
