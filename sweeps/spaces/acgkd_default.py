"""All of ACGKD that is worth searching: complexity, temperature, curriculum, and the weights and rates of synthesis."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


PACINGS = ["none", "linear", "root", "geometric", "step"]


def suggest(trial: "optuna.Trial") -> None:
    """Asks for modes first, then for what exists under the mode that was drawn."""
    complexity = "method/synthesis/complexity"
    mode = trial.suggest_categorical(f"{complexity}/mode", ["degree", "ratio", "threshold"])
    if mode == "degree":
        trial.suggest_float(f"{complexity}/degree", 2.0, 8.0)
    elif mode == "ratio":
        trial.suggest_float(f"{complexity}/ratio", 0.05, 1.0, log=True)
    else:
        trial.suggest_float(f"{complexity}/threshold", 0.0, 0.5)

    temperature = "method/transfer/temperature"
    if trial.suggest_categorical(f"{temperature}/mode", ["fixed", "adversarial"]) == "fixed":
        trial.suggest_float(f"{temperature}/value", 1.0, 10.0, log=True)
    else:
        trial.suggest_float(f"{temperature}/low", 1.0, 2.0)
        trial.suggest_float(f"{temperature}/high", 4.0, 20.0, log=True)

    curriculum = "method/transfer/curriculum"
    pacing = trial.suggest_categorical(f"{curriculum}/pacing", PACINGS)
    if pacing != "none":
        trial.suggest_float(f"{curriculum}/pace", 0.1, 1.0)

    trial.suggest_float("method/synthesis/rate", 0.05, 1.0, log=True)
    trial.suggest_float("method/synthesis/statistics_weight", 10.0, 10_000.0, log=True)
    trial.suggest_float("method/synthesis/entropy_weight", 0.01, 1.0, log=True)
    trial.suggest_float("method/transfer/rate", 0.001, 0.03, log=True)
