"""How ACGKD learns pseudo-graphs from the teacher."""

from typing import Literal

from pydantic import Field, model_validator

from acgkd.config import Config
from acgkd.errors import ConfigError
from acgkd.settings.choices import Statistic
from acgkd.settings.pseudo_graphs import PseudoGraphConfig

HOLDING_WEIGHT = 300.0
HOLDING_RATIO = 30.0
"""Weight of the mean degree, alone and over that of the statistics, that held it on the teacher whose syntheses shed
edges (MUTAG, GIN, seed 6): in four draws 0.99 of the prior's instead of 0.69 to 0.71, the lowest class's hit rate 0.64
to 0.67 instead of 0.25 to 0.41."""


class RegrowthConfig(Config):
    """Pruning and regrowing of candidate pairs while pseudo-graphs are learned, as sparse training does it.

    Args:
        every: steps between two regrowths, each of which waits for the device; None never regrows. Nothing regrows in
            the last third of the steps, when what is new would not be learned any more.
        share: of each graph's candidates, the least likely, that is replaced by pairs that are none yet.

    Source: Mocanu et al. (2018), Nature Communications 9:2383, for weights of networks; for candidate pairs, ours.
    """

    every: int | None = Field(default=None, ge=1)
    share: float = Field(default=0.1, gt=0, lt=1)


class GraphInversionConfig(PseudoGraphConfig):
    """How pseudo-graphs are learned from the teacher.

    Args:
        steps: optimiser steps that each pseudo-graph takes part in.
        graphs_at_once: how many pseudo-graphs are learned at a time, one such part after the other, so that memory
            follows the part and not `graphs`; None learns all together. Parts share nothing, so that a smaller number
            is also a restart: several independent syntheses, joined.
        rate: Adam's learning rate for structure and features, a cosine to 0.
        class_weight: weight of the cross-entropy between what the teacher says and the class that a graph is made for.
        class_terms: whose cross-entropy counts: that of `all` graphs, or only of those `misjudged` so far, to which the
            teacher does not give the class that they are made for; the others follow the other terms.
        statistics: distance between BatchNorm's memory and what it sees.
        statistics_weight: weight of that distance in the loss. Large, so that pseudo-graphs become like what the
            teacher was trained on, whichever class they were made for, and students of other kinds learn from them too.
        entropy_weight: weight of the feature distributions' entropy (categorical features).
        degree_weight: weight of the squared relative distance between the mean degree drawn and the prior's; a teacher
            that normalises by degree leaves it free otherwise. Nothing where the prior's is unknown.
        confidence: least probability that the teacher is asked to give to a pseudo-label. Below 1, what is asked
            for is spread evenly over the graphs of a class, from here to 1, so that some lie near the boundary.
        regrowth: pruning and regrowing of candidate pairs.
        final_concrete_temperature: λ at the last step, reached geometrically; None keeps it as it is.
            With communities 0.1 does better (docs/results/ablation.md).
        adversarial_weight: weight of the disagreement between teacher and student; above 0, synthesis and transfer
            run interleaved as one stage.
        restarts: most further draws of a synthesis that is stuck (`acgkd.agreement.health_facts` says when); the
            healthiest draw is kept, and all count as synthesis. After a stuck draw that has shed edges the next one
            has a larger `degree_weight`.
    """

    later = (*PseudoGraphConfig.later, "restarts", "class_weight", "class_terms")

    steps: int = Field(default=1000, ge=1)
    graphs_at_once: int | None = Field(default=None, ge=1)
    rate: float = Field(default=0.2, gt=0)
    class_weight: float = Field(default=1.0, ge=0)
    class_terms: Literal["all", "misjudged"] = "all"
    statistics: Statistic = "gaussian_kl"
    statistics_weight: float = Field(default=1000.0, ge=0)
    entropy_weight: float = Field(default=0.1, ge=0)
    degree_weight: float = Field(default=10_000.0, ge=0)
    confidence: float = Field(default=1.0, gt=0, le=1)
    regrowth: RegrowthConfig = RegrowthConfig()
    final_concrete_temperature: float | None = Field(default=None, gt=0)
    adversarial_weight: float = Field(default=0.0, ge=0)
    restarts: int = Field(default=0, ge=0)

    def with_degree_held(self) -> "GraphInversionConfig":
        """The same, with a `degree_weight` that holds the mean degree at the prior's."""
        holding = max(HOLDING_WEIGHT, HOLDING_RATIO * self.statistics_weight)
        return self.model_copy(update={"degree_weight": max(self.degree_weight, holding)})

    @model_validator(mode="after")
    def _parts_that_fit(self) -> "GraphInversionConfig":
        if self.adversarial_weight > 0 and self.graphs_at_once is not None:
            raise ConfigError(
                "`adversarial_weight > 0` needs `graphs_at_once: null`: the student plays against all pseudo-graphs, "
                "and parts that come late would be untrained for most of the game."
            )
        if self.adversarial_weight > 0 and self.restarts > 0:
            raise ConfigError(
                "`restarts > 0` needs `adversarial_weight: 0`: a synthesis beside the student has no end of its own at "
                "which it could be done again."
            )
        if self.class_weight == 0 and self.restarts > 0:
            raise ConfigError(
                "`restarts > 0` needs `class_weight > 0`: whether a synthesis is stuck is read off the classes that "
                "its graphs are made for."
            )
        if self.structure.kind == "mlp" and self.graphs_at_once is not None:
            raise ConfigError(
                "`structure: mlp` needs `graphs_at_once: null`: all graphs share its network, and a part that comes "
                "later would change those that are done."
            )
        if self.regrowth.every is not None and self.complexity.mode == "threshold":
            raise ConfigError(
                "`regrowth/every` needs `complexity/mode: degree` or `ratio`: "
                "in `threshold` mode all pairs are candidates."
            )
        return self
