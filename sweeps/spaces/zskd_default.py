"""All of ZSKD that is worth searching: what its impressions are to say, how they are learned, then transfer."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def suggest(trial: "optuna.Trial") -> None:
    """Asks for draws and pixels, for how many impressions there are, then for how the student is taught."""
    synthesis, transfer = "method/synthesis", "method/transfer"
    trial.suggest_float(f"{synthesis}/concentration", 0.3, 10.0, log=True)
    trial.suggest_float(f"{synthesis}/second_concentration", 0.01, 0.3, log=True)
    trial.suggest_float(f"{synthesis}/temperature", 2.0, 40.0, log=True)
    trial.suggest_categorical(f"{synthesis}/pixels", ["stretched", "free"])
    trial.suggest_float(f"{synthesis}/rate", 0.001, 1.0, log=True)
    trial.suggest_categorical(f"{synthesis}/images", [256, 512, 1024, 2048])
    trial.suggest_categorical(f"{transfer}/samples", ["fixed", "resampled"])
    trial.suggest_float(f"{transfer}/rate", 0.0005, 0.02, log=True)
    trial.suggest_float(f"{transfer}/temperature/value", 1.0, 40.0, log=True)
    if trial.suggest_categorical(f"{transfer}/curriculum/pacing", ["none", "linear", "root", "geometric"]) != "none":
        trial.suggest_float(f"{transfer}/curriculum/pace", 0.1, 0.9)
