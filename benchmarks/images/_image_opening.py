"""The head of the page on image methods."""

import math
from collections.abc import Sequence

from acgkd.methods import METHODS
from benchmarks._lib.opening import Opening
from benchmarks._lib.tables import Results, mean_sd
from benchmarks.images._claim import verdict
from benchmarks.images._image_study import Study, contrasts
from benchmarks.images._image_targets import FLOOR, MAIN, absent

COMMAND = "python -m benchmarks.images.image_methods"


def opening(compact: Results, published: Results, studies: Sequence[Study]) -> Opening:
    """Question, answer, figure, caveat and command.

    Args:
        compact: MNIST by the compact protocol.
        published: by the published one.
        studies: of how much each method depends on its settings.
    """
    unrun = "The released schedules were not run, for want of a GPU. " if published.rows.empty else ""
    return Opening(
        "Is RDSKD more accurate, and less sensitive to its settings, than the four rivals that its paper names?",
        _answer(studies),
        _figure(compact),
        f"{unrun}The study of settings has one teacher, on digits; with others the same settings come to other "
        "accuracies.",
        COMMAND,
    )


def _answer(studies: Sequence[Study]) -> str:
    found = contrasts(studies, MAIN)
    if not found:
        return f"Not decided: {absent(studies)}."
    higher, steadier = (sum(item.mean.low > 0 for item in found), sum(item.deviation.low > 0 for item in found))
    return (
        f"{verdict(found).capitalize()}: over {found[0].mean.n} draws of all settings at once its mean is higher "
        f"than that of {higher} of {len(found)} rivals beyond chance, its spread smaller than that of {steadier}."
    )


def _figure(compact: Results) -> str:
    """The accuracy of the method, beside those of the others that learn, of noise and of the teacher."""
    accuracy = {label: compact.value(label, "test_accuracy") for label in compact.labels}
    others = {label: value for label, value in accuracy.items() if label != MAIN and _learns(compact, label)}
    teacher = compact.references().get("teacher")
    if teacher is None or any(math.isnan(value) for value in [accuracy[MAIN], *others.values()]) or not others:
        return "None yet: MNIST by the compact protocol has not been run whole."
    low, high = min(others, key=lambda label: others[label]), max(others, key=lambda label: others[label])
    own = mean_sd(accuracy[MAIN], compact.value(MAIN, "test_accuracy_sd"))
    return (
        f"On MNIST, at its defaults, {own}, against {others[low]:.3f} (`{low}`) to {others[high]:.3f} (`{high}`) for "
        f"the {len(others)} others, {accuracy.get(FLOOR, math.nan):.3f} for noise and {teacher[0]:.3f} for the "
        f"teacher; {compact.planned} seeds."
    )


def _learns(result: Results, label: str) -> bool:
    name = label if label == result.spec.method.name else result.spec.control(label).name
    return not METHODS[name].lower_control and not METHODS[name].needs_data
