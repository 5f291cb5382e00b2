"""How RDSKD trains its generator."""

from typing import Literal

from pydantic import Field

from acgkd.settings.choices import Base, Pairing
from acgkd.settings.generators import COMPACT, GeneratedConfig
from acgkd.settings.recipe import compact


class RdskdSynthesisConfig(GeneratedConfig):
    """How the generator is trained: released, 20 epochs of 120 steps.

    Args:
        one_hot_weight: weight of the cross entropy at the teacher's own class.
        balance_weight: of the mean answer's negative entropy.
        diversity_weight: of the ratio of differences.
        logarithm: base of the logarithm in the entropy.
        pairing: one norm over the half batch, or one for each pair.
        exponential: penalise what the first two losses grow beyond their references; else they are summed as they are.
        reference: `epoch` takes them from the second batch of every `epoch_steps` and holds them; `previous` from the
            batch before; `average` from a running average.
        epoch_steps: steps of an epoch, with `reference: epoch`.
        momentum: of `average`: the share that the past keeps.
    """

    one_hot_weight: float = Field(default=1.0, ge=0)
    balance_weight: float = Field(default=1.0, ge=0)
    diversity_weight: float = Field(default=1.0, ge=0)
    logarithm: Base = "e"
    pairing: Pairing = "batch"
    exponential: bool = True
    reference: Literal["epoch", "previous", "average"] = "epoch"
    epoch_steps: int = Field(default=120, ge=2)
    momentum: float = Field(default=0.9, ge=0, lt=1)

    _recipe = compact(**COMPACT)
