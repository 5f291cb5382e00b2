"""All of GFKD that is worth searching: density, weights, rates, and what transfer is taught with."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def suggest(trial: "optuna.Trial") -> None:
    """Asks for where structure begins, for the weights that its authors tune, then for rates and transfer."""
    synthesis, transfer = "method/synthesis", "method/transfer"
    trial.suggest_categorical(f"{synthesis}/density", ["released", "prior"])
    trial.suggest_float(f"{synthesis}/statistics_weight", 0.001, 1.0, log=True)
    trial.suggest_float(f"{synthesis}/entropy_weight", 1e-6, 0.1, log=True)
    trial.suggest_float(f"{synthesis}/feature_rate", 0.003, 0.3, log=True)
    trial.suggest_float(f"{synthesis}/structure_rate", 0.1, 10.0, log=True)
    trial.suggest_categorical(f"{transfer}/samples", ["fixed", "resampled", "soft", "mixed"])
    trial.suggest_float(f"{transfer}/rate", 0.001, 0.03, log=True)
    trial.suggest_float(f"{transfer}/temperature/value", 1.0, 10.0, log=True)
