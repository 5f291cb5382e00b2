"""All of RDSKD that is worth searching: weights and references of its losses, then how the student is taught."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def suggest(trial: "optuna.Trial") -> None:
    """Asks for what the losses weigh and are measured against, for the generator's rate, then for transfer."""
    synthesis, transfer = "method/synthesis", "method/transfer"
    for term in ("one_hot", "balance", "diversity"):
        trial.suggest_float(f"{synthesis}/{term}_weight", 0.1, 10.0, log=True)
    trial.suggest_categorical(f"{synthesis}/pairing", ["batch", "pair"])
    if trial.suggest_categorical(f"{synthesis}/exponential", [True, False]):
        trial.suggest_categorical(f"{synthesis}/reference", ["epoch", "previous", "average"])
    trial.suggest_float(f"{synthesis}/rate", 0.0002, 0.01, log=True)
    trial.suggest_float(f"{transfer}/rate", 0.0005, 0.02, log=True)
    trial.suggest_float(f"{transfer}/temperature/value", 1.0, 20.0, log=True)
    if trial.suggest_categorical(f"{transfer}/curriculum/pacing", ["none", "linear", "root", "geometric"]) != "none":
        trial.suggest_float(f"{transfer}/curriculum/pace", 0.1, 0.9)
        trial.suggest_categorical(f"{transfer}/images", [512, 1024, 2048])
