"""How DeepInversion on graphs learns features over structure that stays."""

from typing import Literal

from pydantic import Field

from acgkd.config import Config
from acgkd.settings.choices import Relaxation, Statistic


class FeatureInversionConfig(Config):
    """How features are learned from the teacher.

    Args:
        graphs: how many; their labels are balanced. Their structure is one draw of what `random_graphs` teaches with.
        sizes: as of `random_graphs`.
        steps: optimiser steps; none are taken where there is nothing to learn.
        rate: Adam's learning rate, a cosine to 0.
        statistics: distance between BatchNorm's memory and what it sees; `norm` is DeepInversion's own.
        statistics_weight: its weight.
        entropy_weight: weight of the feature distributions' entropy (where features are one-hot).
        concrete_temperature: λ of the features.
        features: relaxed or straight-through.
        degree_features: where features are degrees, `free` learns them as if they did not follow from the structure,
            which is what the baseline did; `structural` takes the degrees of the structure, and nothing is left to
            learn.
    """

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
