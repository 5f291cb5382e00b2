"""All of DFAD-GNN that is worth searching: how the generator plays, and how the student does."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def suggest(trial: "optuna.Trial") -> None:
    """Asks for density, turns and rates; where the released threshold is kept, for its value too."""
    synthesis, transfer = "method/synthesis", "method/transfer"
    if trial.suggest_categorical(f"{synthesis}/density", ["prior", "released"]) == "released":
        trial.suggest_float(f"{synthesis}/threshold", 0.1, 0.9)
    trial.suggest_categorical(f"{synthesis}/gradient", ["straight_through", "cut"])
    trial.suggest_int(f"{synthesis}/turn", 1, 5)
    trial.suggest_float(f"{synthesis}/rate", 0.0001, 0.01, log=True)
    trial.suggest_int(f"{transfer}/turn", 1, 10)
    trial.suggest_float(f"{transfer}/rate", 0.001, 0.03, log=True)
    trial.suggest_categorical(f"{transfer}/schedule", ["constant", "linear"])
