"""The three settings that matter most: how much structure, how soft, how fast the curriculum opens."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def suggest(trial: "optuna.Trial") -> None:
    """Asks for complexity (candidate neighbours per node), temperature and pace."""
    trial.suggest_float("method/synthesis/complexity/degree", 2.0, 8.0)
    trial.suggest_float("method/transfer/temperature/value", 1.0, 10.0, log=True)
    trial.suggest_float("method/transfer/curriculum/pace", 0.1, 1.0)
