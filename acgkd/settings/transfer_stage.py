"""How a student is taught: optimiser, temperature, curriculum, and which pseudo-samples it sees."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from acgkd.config import Config, GrownConfig
from acgkd.errors import ConfigError
from acgkd.settings.choices import Decay, Difficulty, Labels, Pacing, PseudoSamples

Share = Annotated[float, Field(gt=0, lt=1)]


class OptimizerConfig(Config):
    """How a model is moved.

    Args:
        rate: learning rate at the start.
        optimizer: Adam, or stochastic gradient descent with `momentum`.
        momentum: of `sgd`.
        weight_decay: that of the optimiser.
        decay: `linear` and `cosine` let the rate go to 0, `none` keeps it, `steps` divides it by 10 at each share of
            `decay_at`.
        decay_at: shares of all steps, rising.
    """

    rate: float = Field(default=0.01, gt=0)
    optimizer: Literal["adam", "sgd"] = "adam"
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    decay: Decay = "linear"
    decay_at: tuple[Share, ...] = (0.4, 0.8)

    @model_validator(mode="after")
    def _shares_rise(self) -> "OptimizerConfig":
        if list(self.decay_at) != sorted(set(self.decay_at)):
            raise ConfigError(f"The shares of `decay_at` must rise, but got {list(self.decay_at)}.")
        return self


class TemperatureConfig(Config):
    """Softening of the logits: one number, or learned between two bounds.

    Args:
        mode: `fixed` keeps `value`; `adversarial` learns one number between `low` and `high` that makes the loss
            larger for the student, behind a gradient reversal.
        value: of `fixed`: what logits are divided by.
        low: of `adversarial`: the least.
        high: of `adversarial`: the largest.
    """

    mode: Literal["fixed", "adversarial"] = "fixed"
    value: float = Field(default=4.0, gt=0)
    low: float = Field(default=1.0, gt=0)
    high: float = Field(default=8.0, gt=0)

    @model_validator(mode="after")
    def _bounds(self) -> "TemperatureConfig":
        if self.low >= self.high:
            raise ConfigError(f"`low < high` must hold, but got {self.low} and {self.high}.")
        return self


class CurriculumConfig(GrownConfig):
    """From easy to hard; see `acgkd.transfer.curriculum`.

    Args:
        pacing: how the share that is let in grows: `linear` in time, `root` fast at first, `geometric` slowly at first,
            `step` in three equal lots; `none` lets all in from the beginning.
        pace: share of the transfer after which all pseudo-samples are in.
        start: share that is in from the beginning.
        difficulty: what makes a pseudo-sample hard: the teacher's `loss` at its label, the `entropy` of the teacher's
            answer, the `gap` between teacher and student, or a graph's number of `edges`.
        labels: the class that a pseudo-sample counts as, since each class lets in the same share, and whose loss makes
            it hard: its `pseudo`-label, or what the `teacher` says of it.
    """

    later: ClassVar[tuple[str, ...]] = ("labels",)

    pacing: Pacing = "linear"
    pace: float = Field(default=0.3, gt=0, le=1)
    start: float = Field(default=0.3, gt=0, le=1)
    difficulty: Difficulty = "loss"
    labels: Labels = "pseudo"


class VerdictCurriculumConfig(CurriculumConfig):
    """An order by what the teacher says, whatever a pseudo-sample was made for."""

    labels: Labels = "teacher"


class TransferConfig(OptimizerConfig, GrownConfig):
    """How the student is taught.

    Args:
        steps: optimiser steps.
        batch_size: pseudo-samples of one step; fewer where there are fewer, or the curriculum lets in fewer.
        temperature: softening.
        curriculum: order of the pseudo-samples.
        samples: `resampled` draws every batch afresh from the learned distribution; `fixed` uses its most likely
            samples throughout, as GFKD does; `mixed` takes one half of each batch from either; `soft` uses the
            probabilities themselves as edge weights and features.
        projection: `gat` lifts the student to the teacher's width and ends in the teacher's own frozen classifier;
            `none` is the plain student.
        feature_weight: weight of the squared distance between node embeddings (with `projection: gat`).
        recalibration: batches over which the student's BatchNorm layers measure their memory anew, after the last
            step and as part of it; 0 keeps the running average of training.
        draw: which teaching it is of those from the same pseudo-samples: each has another start of the student and
            other random draws. Where the student is taught while samples are made, these are drawn anew, too.
    """

    later: ClassVar[tuple[str, ...]] = ("draw",)

    # Whether a batch for which there are too few is filled with some of them once more.
    repeats: ClassVar[bool] = False

    steps: int = Field(default=400, ge=1)
    batch_size: int = Field(default=60, ge=2)
    temperature: TemperatureConfig = TemperatureConfig()
    curriculum: CurriculumConfig = CurriculumConfig()
    samples: PseudoSamples = "resampled"
    projection: Literal["none", "gat"] = "none"
    feature_weight: float = Field(default=0.0, ge=0)
    recalibration: int = Field(default=0, ge=0)
    draw: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _features_need_projection(self) -> "TransferConfig":
        if self.feature_weight > 0 and self.projection == "none":
            raise ConfigError(
                "`feature_weight > 0` needs `projection: gat`: a plain student has another width than its teacher."
            )
        return self


class GraphTransferConfig(TransferConfig):
    """How a graph student is taught; by default it ends in its teacher's own classifier."""

    steps: int = Field(default=800, ge=1)
    batch_size: int = Field(default=120, ge=2)
    curriculum: VerdictCurriculumConfig = VerdictCurriculumConfig()
    projection: Literal["none", "gat"] = "gat"
    recalibration: int = Field(default=50, ge=0)


# ---- how students were taught before ACGKD


class PlainTemperatureConfig(TemperatureConfig):
    """Softening of the logits: 2, as in GFKD's comparison."""

    value: float = Field(default=2.0, gt=0)


class NoCurriculumConfig(CurriculumConfig):
    """No order unless one is asked for."""

    pacing: Pacing = "none"


class PlainTransferConfig(TransferConfig):
    """How the student is taught: as before ACGKD, a plain student, one temperature and no curriculum."""

    temperature: PlainTemperatureConfig = PlainTemperatureConfig()
    curriculum: NoCurriculumConfig = NoCurriculumConfig()
