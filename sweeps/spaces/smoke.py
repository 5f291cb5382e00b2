"""Two settings of the transfer stage that most methods share, for tests of everything else."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def suggest(trial: "optuna.Trial") -> None:
    """Asks for the rate and the temperature of transfer."""
    trial.suggest_float("method/transfer/rate", 0.001, 0.03, log=True)
    trial.suggest_float("method/transfer/temperature/value", 1.0, 8.0)
