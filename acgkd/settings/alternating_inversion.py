"""How GFKD learns pseudo-graphs from the teacher."""

from typing import ClassVar, Literal

from pydantic import Field

from acgkd.config import GrownConfig
from acgkd.settings.choices import Statistic
from acgkd.settings.recipe import GraphRecipe, filled_in


class AlternatingInversionConfig(GrownConfig):
    """How pseudo-graphs are learned from the teacher.

    Args:
        recipe: what is not said is `released`: 1,500 steps, rates divided by 10 after every 700; or `paper`: 2,500
            steps, after every 1,000. The paper's structure rate is 5 on PROTEINS, COLLAB and REDDIT-BINARY: say so
            with `structure_rate`.
        graphs: how many pseudo-graphs there are.
        graphs_at_once: how many are learned at a time, one such part after the other; None learns all together. Parts
            share nothing.
        labels: `uniform` draws each by itself, `balanced` makes as many of every class.
        density: `released` begins with every ordered pair as likely an edge as not; `prior` begins at the prior's mean
            degree and, as the estimator's noise would lead away from it at once, shifts the log-odds of each graph
            after every step so that it stays. `released` where the mean degree is unknown.
        steps: of features and structure each, for every part.
        feature_rate: Adam's learning rate for features. Where features are degrees or constant they follow from the
            structure, and there is nothing to learn but that.
        structure_rate: Adam's learning rate for log-odds.
        decay_every: steps after which both are divided by 10, again and again.
        statistics: distance between BatchNorm's memory and what it sees.
        statistics_weight: weight of that distance in the loss.
        entropy_weight: weight of the feature distributions' entropy (categorical features).
        restarts: most further draws of a synthesis that is stuck; the healthiest is kept, and all count as synthesis.
    """

    later: ClassVar[tuple[str, ...]] = ("restarts",)

    recipe: GraphRecipe = "released"
    graphs: int = Field(default=131, ge=2)
    graphs_at_once: int | None = Field(default=None, ge=1)
    labels: Literal["uniform", "balanced"] = "uniform"
    density: Literal["released", "prior"] = "released"
    steps: int = Field(default=1500, ge=1)
    feature_rate: float = Field(default=0.01, gt=0)
    structure_rate: float = Field(default=1.0, gt=0)
    decay_every: int = Field(default=700, ge=1)
    statistics: Statistic = "norm"
    statistics_weight: float = Field(default=0.01, ge=0)
    entropy_weight: float = Field(default=1e-6, ge=0)
    restarts: int = Field(default=0, ge=0)

    _recipe = filled_in("paper", {"steps": 2500, "decay_every": 1000})
