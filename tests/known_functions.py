"""Two objectives on shipped search spaces whose best points are known: smooth in the values, a step in the choices."""

import hashlib
import json
import math
from collections.abc import Sequence

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, json_to_distribution

from analysis.statistics.search.search_progress import hypervolume
from sweeps.engine.trials.sampling import Study
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.trial import Trial

SPACES = ("acgkd_core", "acgkd_default", "acgkd_wide")
WORST = (2.0, 2.0)  # beyond both objectives, as the reference point of the hypervolume


def spec(space: str, seed: int, history: int | None) -> SweepSpec:
    """A sweep of two objectives on one shipped space."""
    return SweepSpec.model_validate(
        {
            "name": "asking",
            "dataset": {"name": "motifs"},
            "teacher": {"preset": "gin-2-8"},
            "student": "gin-2-8",
            "method": {"name": "acgkd"},
            "space": space,
            "sampler": {"name": "tpe", "seed": seed, "history": history},
            "budget": {"trials": 10},
        }
    )


def values(trial: Trial) -> tuple[float, float]:
    """Both objectives, each between 0 and 2: distances from two points that lie apart for each parameter.

    An optimum is drawn from the name of each parameter, so that no part of a space is favoured.
    """
    first = second = 0.0
    for name, text in trial.distributions.items():
        place = _place(json_to_distribution(text), trial.parameters[name])
        near, far = 0.2 + 0.3 * _draw(name), 0.5 + 0.3 * _draw(f"{name} far")
        first += (place - near) ** 2
        second += (place - far) ** 2
    count = max(1, len(trial.distributions))
    return 2 * first / count, 2 * second / count


def ended(study: Study) -> tuple[float, float]:
    """Asks for one point and answers it."""
    asked = study.ask()
    if asked is None:
        raise RuntimeError("A space of real numbers has always another point.")
    result = values(asked)
    study.ended(asked.model_copy(update={"state": "completed", "values": result}))
    return result


def dominated(points: Sequence[tuple[float, float]]) -> float:
    """The area that points of two minimised objectives dominate, up to `WORST`."""
    return hypervolume(np.array(points), np.array(WORST))


def _place(distribution: BaseDistribution, value: object) -> float:
    """Where in its range a value lies, from 0 to 1, on the scale of its distribution."""
    if isinstance(distribution, CategoricalDistribution):
        texts = [json.dumps(choice) for choice in distribution.choices]
        return texts.index(json.dumps(value)) / max(1, len(texts) - 1)
    low, high = float(distribution.low), float(distribution.high)  # type: ignore[attr-defined]
    number = float(value)  # type: ignore[arg-type]
    if distribution.log:  # type: ignore[attr-defined]
        low, high, number = math.log(low), math.log(high), math.log(number)
    return (number - low) / (high - low) if high > low else 0.0


def _draw(name: str) -> float:
    return hashlib.sha256(name.encode()).digest()[0] / 255
