"""All of DeepInversion on graphs that is worth searching: statistics, weights, rates and temperature."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def suggest(trial: "optuna.Trial") -> None:
    """Asks for the distance between statistics and its weight, then for rates and what transfer is taught with."""
    synthesis, transfer = "method/synthesis", "method/transfer"
    # The three distances differ in scale, so each has a weight from the same wide range.
    trial.suggest_categorical(f"{synthesis}/statistics", ["gaussian_kl", "norm", "squared"])
    trial.suggest_float(f"{synthesis}/statistics_weight", 0.01, 100.0, log=True)
    trial.suggest_float(f"{synthesis}/entropy_weight", 0.01, 1.0, log=True)
    trial.suggest_float(f"{synthesis}/rate", 0.01, 1.0, log=True)
    trial.suggest_categorical(f"{transfer}/samples", ["resampled", "fixed", "soft", "mixed"])
    trial.suggest_float(f"{transfer}/rate", 0.001, 0.03, log=True)
    trial.suggest_float(f"{transfer}/temperature/value", 1.0, 10.0, log=True)
