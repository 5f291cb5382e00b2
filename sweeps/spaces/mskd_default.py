"""All of MSKD that is worth searching: what DAFL has, and the weight of seeking modes."""

from typing import TYPE_CHECKING

from sweeps.spaces import dafl_default

if TYPE_CHECKING:
    import optuna


def suggest(trial: "optuna.Trial") -> None:
    """Asks for all that `dafl_default` asks for, and for the weight of the term that DAFL lacks."""
    dafl_default.suggest(trial)
    trial.suggest_float("method/synthesis/mode_seeking_weight", 0.01, 10.0, log=True)
