"""All of DFAD that is worth searching: rates, turns, what may tie the generator to data, the student's optimiser."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def suggest(trial: "optuna.Trial") -> None:
    """Asks for the generator's rate and further terms, then for how the student plays."""
    synthesis, transfer = "method/synthesis", "method/transfer"
    trial.suggest_float(f"{synthesis}/rate", 0.0002, 0.01, log=True)
    trial.suggest_float(f"{synthesis}/balance_weight", 0.0, 20.0)
    trial.suggest_float(f"{synthesis}/statistics_weight", 0.0, 10.0)
    trial.suggest_categorical(f"{transfer}/turn", [2, 5, 10])
    trial.suggest_categorical(f"{transfer}/optimizer", ["adam", "sgd"])
    trial.suggest_float(f"{transfer}/rate", 0.0005, 0.1, log=True)
    if trial.suggest_categorical(f"{transfer}/curriculum/pacing", ["none", "linear", "root", "geometric"]) != "none":
        trial.suggest_float(f"{transfer}/curriculum/pace", 0.1, 0.9)
        trial.suggest_categorical(f"{transfer}/images", [512, 1024, 2048])
