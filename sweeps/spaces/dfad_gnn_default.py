"""All of DFAD-GNN that is worth searching: how the generator plays, what may tie it to data, how the student plays."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def suggest(trial: "optuna.Trial") -> None:
    """Asks for density, further terms, turns and rates; where the released threshold is kept, for its value too."""
    synthesis, transfer = "method/synthesis", "method/transfer"
    if trial.suggest_categorical(f"{synthesis}/density", ["prior", "released"]) == "released":
        trial.suggest_float(f"{synthesis}/threshold", 0.1, 0.9)
    # With the port's `gradient: cut` the generator would never learn.
    trial.suggest_float(f"{synthesis}/balance_weight", 0.0, 20.0)
    trial.suggest_float(f"{synthesis}/statistics_weight", 0.0, 10.0)
    trial.suggest_int(f"{synthesis}/turn", 1, 5)
    trial.suggest_float(f"{synthesis}/rate", 0.0001, 0.01, log=True)
    trial.suggest_int(f"{transfer}/turn", 1, 10)
    trial.suggest_float(f"{transfer}/rate", 0.001, 0.03, log=True)
    trial.suggest_categorical(f"{transfer}/schedule", ["constant", "linear"])
