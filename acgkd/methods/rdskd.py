"""RDSKD: robustness and diversity seeking data-free distillation; a generator that no increment of its losses passes.

    x = G(z) in one pass, halves x₁ and x₂; p the teacher's answers, p̄ their mean over the batch   images.losses
    L_oh = CE(T(x), argmax T(x))        authentic: the teacher is sure
    L_ie = Σ_c p̄_c log p̄_c              diverse in classes
    L_ds = ‖p₂ − p₁‖ / ‖x₂ − x₁‖        diverse in looks
    L    = exp(L_oh − c_oh) + exp(L_ie − c_ie) + L_ds
    then the student learns from fresh images of the frozen generator: τ² KL(T ‖ S), τ = 10     methods._transfer

The references c are 0 at first; the released code takes them from one batch, the second of every 120, and holds them
until the next. Nothing weighs the terms there; the weights here are ours, for ablation and for studies of robustness.
Defaults are the released code's for MNIST; on CIFAR-10 the student's rate falls to a tenth after 800 of its 1,000
epochs, `{decay: steps, decay_at: [0.8]}`. Where the paper's formula says "previous" we know only the code's reading;
its tables could not be obtained.
Source: Han, Park, Wang and Liu (2021), arXiv:2011.03749; released code 8512a9d.
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from acgkd.images.image_losses import Pairing, diversity_loss, one_hot_loss, penalised
from acgkd.losses import Base, balance_loss
from acgkd.method import Method, MethodContext, MethodRun
from acgkd.synthesis.image_generation import (
    COMPACT,
    GeneratedConfig,
    GeneratedMethodConfig,
    GeneratorTraining,
    Made,
    start_generated,
)
from acgkd.transfer.image_transfer import SoftTransferConfig, compacted

# The released code takes its references from the second batch of an epoch.
REFERENCE_STEP = 1


class RdskdSynthesisConfig(GeneratedConfig):
    """How the generator is trained: released, 20 epochs of 120 steps.

    Args:
        one_hot_weight: of the teacher's doubt.
        balance_weight: of the mean answer's negative entropy.
        diversity_weight: of the ratio of differences.
        logarithm: base of the entropy's.
        pairing: one norm over the half batch, or one for each pair.
        exponential: penalise what the first two losses grow beyond their references; else they are summed as they are.
        reference: `epoch` takes them from the second batch of every `epoch_steps` and holds them; `previous` from the
            batch before; `average` from a running average.
        epoch_steps: of `epoch`.
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

    @model_validator(mode="before")
    @classmethod
    def _recipe(cls, values: Any) -> Any:
        return compacted(values, COMPACT)


class RdskdConfig(GeneratedMethodConfig):
    """Settings of RDSKD."""

    synthesis: RdskdSynthesisConfig = RdskdSynthesisConfig()
    transfer: SoftTransferConfig = SoftTransferConfig()


class Rdskd(GeneratorTraining):
    """The generator of RDSKD.

    Args:
        config: its settings.
        context: teacher, prior, streams, device.
        pool: how many images the source of transfer holds.
    """

    def __init__(self, config: RdskdSynthesisConfig, context: MethodContext, *, pool: int) -> None:
        super().__init__(config, context, terms=self._of, pool=pool)
        self._how = config
        # Of the first two losses.
        self.references = torch.zeros(2, device=context.device)

    def _of(self, made: Made) -> dict[str, Tensor]:
        how = self._how
        losses = torch.stack([one_hot_loss(made.logits), balance_loss(made.logits, how.logarithm)])
        (x, other_x), (logits, other_logits) = made.x.chunk(2), made.logits.chunk(2)
        diversity = diversity_loss(x, other_x, logits, other_logits, how.pairing)
        one_hot, balance = penalised(losses, self.references) if how.exponential else losses
        total = how.one_hot_weight * one_hot + how.balance_weight * balance + how.diversity_weight * diversity
        self.references = self._next_references(losses.detach())
        return {"loss": total, "one_hot": losses[0], "balance": losses[1], "diversity": diversity}

    def _next_references(self, losses: Tensor) -> Tensor:
        """What the step after this one is measured against."""
        how = self._how
        if how.reference == "previous":
            return losses
        if how.reference == "average":
            return losses if self.done == 0 else how.momentum * self.references + (1 - how.momentum) * losses
        return losses if self.done % how.epoch_steps == REFERENCE_STEP else self.references

    def state_dict(self) -> dict[str, Any]:
        """The references too."""
        return {**super().state_dict(), "references": self.references}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a state made by `state_dict`."""
        super().load_state_dict(state)
        self.references = state["references"].to(self.context.device)


def _start(config: RdskdConfig, context: MethodContext) -> MethodRun:
    return start_generated(Rdskd(config.synthesis, context, pool=config.transfer.pool), config.transfer, context)


METHOD = Method(
    config=RdskdConfig, modality="images", start=_start, needs_student=lambda config: config.synthesis.joint
)
