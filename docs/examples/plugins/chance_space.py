"""The search space of `chance`: how fast, and graphs of how many edges."""

import optuna


def suggest(trial: optuna.Trial) -> None:
    """Asks for two settings by their slash paths."""
    trial.suggest_float("method/synthesis/rate", 0.001, 0.1, log=True)
    trial.suggest_float("method/synthesis/degree", 1.5, 6.0)
