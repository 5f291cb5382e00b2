"""Which method on images: its name, and under each name what is worth searching of it.

What several methods share has one name and one range, so that a search learns of it from all of them: the rate of the
generator therefore runs from what a game bears to DAFL's.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna

NAMES = ["dafl", "deepinversion", "dfad", "fast_meta", "mskd", "rdskd", "zskd", "zskt"]


def suggest(trial: "optuna.Trial") -> None:
    """Asks for the method, then for its losses, then for how the student is taught."""
    synthesis, transfer = "method/synthesis", "method/transfer"
    name = trial.suggest_categorical("method/name", NAMES)
    joint = False
    game, tuned, pixels = name in ("dfad", "zskt"), name == "fast_meta", name in ("deepinversion", "zskd")
    trial.suggest_float(f"{synthesis}/rate", 0.0002, 0.3, log=True)
    if game:
        trial.suggest_categorical(f"{transfer}/turn", [2, 5, 10])
    if game or tuned or name == "deepinversion":
        trial.suggest_float(f"{synthesis}/statistics_weight", 0.0, 10.0)
    elif not pixels:
        joint = trial.suggest_categorical(f"{synthesis}/joint", [False, True])
    if tuned:
        trial.suggest_categorical(f"{synthesis}/inner_steps", [2, 5, 10])
        trial.suggest_float(f"{synthesis}/adversarial_weight", 0.0, 2.0)
    elif not pixels:  # whose classes are dealt out
        trial.suggest_float(f"{synthesis}/balance_weight", 0.1, 50.0, log=True)
    if name == "deepinversion":
        trial.suggest_float(f"{synthesis}/variation_weight", 1e-5, 0.01, log=True)
    elif name == "zskd":
        trial.suggest_float(f"{synthesis}/second_concentration", 0.01, 0.3, log=True)
        trial.suggest_float(f"{synthesis}/temperature", 2.0, 40.0, log=True)
    elif not game:
        trial.suggest_float(f"{synthesis}/one_hot_weight", 0.01, 10.0, log=True)
    if name in ("dafl", "mskd"):
        trial.suggest_float(f"{synthesis}/activation_weight", 0.001, 1.0, log=True)
    if name == "mskd":
        trial.suggest_float(f"{synthesis}/mode_seeking_weight", 0.01, 10.0, log=True)
    if name == "rdskd":
        trial.suggest_float(f"{synthesis}/diversity_weight", 0.1, 10.0, log=True)
        trial.suggest_categorical(f"{synthesis}/exponential", [True, False])
    trial.suggest_float(f"{transfer}/rate", 0.0005, 0.02, log=True)
    if name != "dfad":  # which compares bare logits
        trial.suggest_float(f"{transfer}/temperature/value", 1.0, 20.0, log=True)
    if tuned:  # whose pool grows, so that there are no shares of it
        return
    if trial.suggest_categorical(f"{transfer}/curriculum/pacing", ["none", "linear", "root", "geometric"]) != "none":
        trial.suggest_float(f"{transfer}/curriculum/pace", 0.1, 0.9)
        if not pixels and not joint:
            trial.suggest_categorical(f"{transfer}/images", [512, 1024, 2048])
