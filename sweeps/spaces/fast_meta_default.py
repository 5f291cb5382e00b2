"""All of the fast method that is worth searching: its loss, its steps and rates, then transfer."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def suggest(trial: "optuna.Trial") -> None:
    """Asks for how a round goes, then for how the student is taught."""
    synthesis, transfer = "method/synthesis", "method/transfer"
    trial.suggest_categorical(f"{synthesis}/inner_steps", [2, 5, 10])
    trial.suggest_float(f"{synthesis}/rate", 0.0005, 0.02, log=True)
    trial.suggest_float(f"{synthesis}/latent_rate", 0.002, 0.1, log=True)
    trial.suggest_float(f"{synthesis}/one_hot_weight", 0.1, 5.0, log=True)
    trial.suggest_float(f"{synthesis}/statistics_weight", 0.1, 30.0, log=True)
    trial.suggest_float(f"{synthesis}/adversarial_weight", 0.0, 2.0)
    trial.suggest_categorical(f"{transfer}/augment", ["none", "crop_flip"])
    trial.suggest_float(f"{transfer}/rate", 0.0005, 0.3, log=True)
    trial.suggest_float(f"{transfer}/temperature/value", 1.0, 30.0, log=True)
