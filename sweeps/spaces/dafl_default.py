"""All of DAFL that is worth searching: the weights that its authors tune, rates, and whether the generator is first."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def suggest(trial: "optuna.Trial") -> None:
    """Asks for the three weights over the decades that the releases name, for rates, then for transfer."""
    synthesis, transfer = "method/synthesis", "method/transfer"
    joint = trial.suggest_categorical(f"{synthesis}/joint", [False, True])
    trial.suggest_float(f"{synthesis}/one_hot_weight", 0.01, 10.0, log=True)
    trial.suggest_float(f"{synthesis}/balance_weight", 0.5, 50.0, log=True)
    trial.suggest_float(f"{synthesis}/activation_weight", 0.001, 1.0, log=True)
    trial.suggest_float(f"{synthesis}/rate", 0.0005, 0.3, log=True)
    trial.suggest_float(f"{transfer}/rate", 0.0005, 0.02, log=True)
    trial.suggest_float(f"{transfer}/temperature/value", 1.0, 20.0, log=True)
    if trial.suggest_categorical(f"{transfer}/curriculum/pacing", ["none", "linear", "root", "geometric"]) != "none":
        trial.suggest_float(f"{transfer}/curriculum/pace", 0.1, 0.9)
        if not joint:  # beside the student it is taught with what the generator was moved by
            trial.suggest_categorical(f"{transfer}/images", [512, 1024, 2048])
