"""How DeepInversion on graphs learns features over structure that stays."""

from typing import ClassVar, Literal

from pydantic import Field

from acgkd.config import GrownConfig
from acgkd.settings.choices import Relaxation, Statistic


class FeatureInversionConfig(GrownConfig):
    """How features are learned from the teacher.

    Args:
        graphs: how many; their labels are balanced. Their structure is one draw of what `random_graphs` teaches with.
        sizes: as of `random_graphs`.
        steps: optimiser steps; none are taken where there is nothing to learn.
        rate: Adam's learning rate, a cosine to 0.
        statistics: distance between BatchNorm's memory and what it sees; `norm` is DeepInversion's own.
        statistics_weight: weight of that distance in the loss.
        entropy_weight: weight of the feature distributions' entropy (where features are one-hot).
        concrete_temperature: λ of the Concrete distribution of the features.
        features: `straight_through` passes 0 or 1 forwards and the relaxed gradient backwards; `relaxed` passes the
            relaxed value.
        degree_features: where features are degrees, `free` learns them as if they did not follow from the structure,
            which is what the baseline did; `structural` takes the degrees of the structure, and nothing is left to
            learn.
        restarts: most further draws of a synthesis that is stuck; the healthiest is kept, and all count as synthesis.
    """

    later: ClassVar[tuple[str, ...]] = ("restarts",)

    graphs: int = Field(default=160, ge=2)
    sizes: Literal["uniform", "matched", "long_tail"] = "uniform"
    steps: int = Field(default=300, ge=1)
    rate: float = Field(default=0.1, gt=0)
    statistics: Statistic = "gaussian_kl"
    statistics_weight: float = Field(default=10.0, ge=0)
    entropy_weight: float = Field(default=0.1, ge=0)
    concrete_temperature: float = Field(default=0.5, gt=0)
    features: Relaxation = "straight_through"
    degree_features: Literal["free", "structural"] = "free"
    restarts: int = Field(default=0, ge=0)
