"""RDSKD's generator: no increment of its losses over a reference passes unpunished, and what it makes is diverse."""

import torch
from torch import Tensor

from acgkd.images.image_losses import diversity_loss, one_hot_loss, penalised
from acgkd.losses import balance_loss
from acgkd.method import ImageContext, State
from acgkd.settings.rdskd import RdskdSynthesisConfig
from acgkd.synthesis.images.generation import GeneratorTraining, Made

# The released code takes its references from the second batch of an epoch.
REFERENCE_STEP = 1


class RdskdGenerator(GeneratorTraining):
    """The generator of RDSKD.

    Args:
        config: its settings.
        context: teacher, prior, streams, device.
        pool: how many images the source of transfer holds.
    """

    def __init__(self, config: RdskdSynthesisConfig, context: ImageContext, *, pool: int) -> None:
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

    def state_dict(self) -> State:
        """The references too."""
        return {**super().state_dict(), "references": self.references}

    def load_state_dict(self, state: State) -> None:
        """Loads a state made by `state_dict`."""
        super().load_state_dict(state)
        self.references = state["references"].to(self.context.device)
