"""All of DeepInversion that is worth searching: weights of its losses, the rate, then how the student is taught."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def suggest(trial: "optuna.Trial") -> None:
    """Asks for what keeps pixels near the teacher's data, for how they are learned, then for transfer."""
    synthesis, transfer = "method/synthesis", "method/transfer"
    trial.suggest_float(f"{synthesis}/statistics_weight", 0.1, 100.0, log=True)
    trial.suggest_categorical(f"{synthesis}/statistics", ["norm", "squared", "gaussian_kl"])
    trial.suggest_float(f"{synthesis}/variation_weight", 1e-5, 0.01, log=True)
    trial.suggest_categorical(f"{synthesis}/adversarial_weight", [0.0, 1.0, 10.0])
    trial.suggest_float(f"{synthesis}/rate", 0.01, 0.3, log=True)
    trial.suggest_categorical(f"{transfer}/samples", ["fixed", "resampled"])
    trial.suggest_float(f"{transfer}/rate", 0.0005, 0.02, log=True)
    trial.suggest_float(f"{transfer}/temperature/value", 1.0, 20.0, log=True)
    if trial.suggest_categorical(f"{transfer}/curriculum/pacing", ["none", "linear", "root", "geometric"]) != "none":
        trial.suggest_float(f"{transfer}/curriculum/pace", 0.1, 0.9)
