"""How a generator of graphs and a student play against each other (DFAD-GNN)."""

from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from acgkd.config import Config, GrownConfig
from acgkd.settings.choices import Gradient, Statistic


class DisagreementConfig(Config):
    """What the generator minimises: at the defaults, agreement alone; the weights are not of the published method.

    Args:
        balance_weight: weight of the negative entropy of the teacher's mean answer, so that all classes are made.
        statistics_weight: weight of the distance between BatchNorm's memory and what it sees.
        statistics: that distance, of means and variances: by their norm, its square, or a Gaussian KL.
    """

    balance_weight: float = Field(default=0.0, ge=0)
    statistics_weight: float = Field(default=0.0, ge=0)
    statistics: Statistic = "gaussian_kl"


class GraphGeneratorConfig(DisagreementConfig):
    """What the generator is, what it minimises and how it plays.

    Args:
        turn: its steps after each turn of the student.
        rate: Adam's learning rate.
        weight_decay: that of Adam.
        latent: length of the noise.
        hidden: widths of the layers between noise and node logits.
        gradient: `straight_through` lets the generator learn; `cut` is the port's.
        sizes: `prior` draws the nodes of each graph from the prior's range; `fixed` gives every graph `nodes`.
        nodes: of every graph, with `sizes: fixed`.
        density: `prior` places the threshold of each graph where its mean degree is the prior's, and keeps
            `threshold` where that is unknown; `released` keeps `threshold` always, with which graphs begin complete.
        threshold: of the sigmoid of the structure logits, above which there is an edge.
        degree_features: where features are degrees, `structural` takes those of the edges drawn; `free` lets the
            generator make them like any one-hot feature, as the port does.
        columns: of the node logits where these shape edges alone (degrees from the structure, constant features).
    """

    turn: int = Field(default=5, ge=1)
    rate: float = Field(default=0.005, gt=0)
    weight_decay: float = Field(default=5e-4, ge=0)
    latent: int = Field(default=32, ge=1)
    hidden: tuple[PositiveInt, ...] = (64, 128, 256)
    gradient: Gradient = "straight_through"
    sizes: Literal["prior", "fixed"] = "prior"
    nodes: int = Field(default=40, ge=2)
    density: Literal["prior", "released"] = "prior"
    threshold: float = Field(default=0.3, gt=0, lt=1)
    degree_features: Literal["structural", "free"] = "structural"
    columns: int = Field(default=32, ge=1)


class StudentTurnConfig(GrownConfig):
    """How the student plays.

    Args:
        steps: its optimiser steps in all.
        turn: its steps before the generator plays.
        batch_size: graphs of one step of either. Memory grows with it and with the square of the most nodes.
        rate: Adam's learning rate.
        schedule: `linear` lets the rate go to 0.
        weight_decay: that of Adam.
        projection: `gat` lifts the student to the teacher's width and ends in the teacher's own frozen classifier;
            `none` is the plain student.
        draw: which run it is of those with the same settings and seed: each has another start of the student and other
            random draws.
    """

    later: ClassVar[tuple[str, ...]] = ("draw",)

    steps: int = Field(default=500, ge=1)
    turn: int = Field(default=5, ge=1)
    batch_size: int = Field(default=128, ge=2)
    rate: float = Field(default=0.005, gt=0)
    schedule: Literal["constant", "linear"] = "constant"
    weight_decay: float = Field(default=5e-4, ge=0)
    projection: Literal["none", "gat"] = "none"
    draw: int = Field(default=0, ge=0)
