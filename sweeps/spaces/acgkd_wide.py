"""All that `acgkd_default` asks for, and options beyond it: for those with trials to spend.

These are the start of the curriculum and its measure of difficulty, the structure (as supposed, `pairs` or `hubs`), the
pull of the degree, λ, confidence, sizes, half of each batch fixed, and recalibration. Left out are, among others,
annealed λ, regrown pairs, joined syntheses, spread densities, structures `mlp` and `communities` where they are not
supposed, other statistics, noise and relaxation, the weight against the student, and a plain student.
"""

from typing import TYPE_CHECKING

from sweeps.spaces import acgkd_default

if TYPE_CHECKING:
    import optuna


def suggest(trial: "optuna.Trial") -> None:
    """Asks for what `acgkd_default` asks for, then for order, structure, degree, λ, confidence, sizes and draws."""
    acgkd_default.suggest(trial)
    curriculum = "method/transfer/curriculum"
    # Asked again, a name answers what it answered before.
    if trial.suggest_categorical(f"{curriculum}/pacing", acgkd_default.PACINGS) != "none":
        trial.suggest_float(f"{curriculum}/start", 0.1, 0.8)
        trial.suggest_categorical(f"{curriculum}/difficulty", ["loss", "entropy", "gap", "edges"])

    # What else there is costs all pairs, or cannot be learned in parts.
    trial.suggest_categorical("method/synthesis/structure/kind", ["auto", "pairs", "hubs"])
    trial.suggest_float("method/synthesis/degree_weight", 10.0, 100_000.0, log=True)
    trial.suggest_float("method/synthesis/concrete_temperature", 0.2, 1.0, log=True)
    trial.suggest_float("method/synthesis/confidence", 0.6, 1.0)
    trial.suggest_categorical("method/synthesis/sizes", ["uniform", "matched", "long_tail"])
    trial.suggest_categorical("method/transfer/samples", ["resampled", "mixed"])
    trial.suggest_categorical("method/transfer/recalibration", [0, 50])
