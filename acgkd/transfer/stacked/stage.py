"""Several teaching stages as one: each draws its own batch from its own streams, and all students move in one step."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TypeAlias

import torch
from torch import Tensor, nn

from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.losses import feature_distance, softened_kl
from acgkd.runtime import backward
from acgkd.transfer.difficulty import Source
from acgkd.transfer.optimizer import build_optimizer
from acgkd.transfer.stacked.model import Shares, parameters_of, stacked, why_not
from acgkd.transfer.stacked.operations import spread
from acgkd.transfer.transfer import Transfer, scores_and_nodes

Member: TypeAlias = tuple[Transfer[GraphBatch], Source[GraphBatch]]
_STEP = "step"  # of Adam's state, one number for all


class StackedTransfer:
    """Teaching stages of equal settings, at the same step; a context in which they are one.

    Inside it the students' parameters and memories are parts of larger tensors, so that what looks at a student sees
    it as it is; at its end students and optimisers are as if each had been taught alone.

    Args:
        members: stages, each with what it draws from; `why_not_together` has nothing to say of them.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self._transfers = [transfer for transfer, _ in members]
        self._sources = [source for _, source in members]
        self._shares = Shares()
        teachers = [transfer.context.teacher for transfer in self._transfers]
        self._teacher: nn.Module | None = None
        if all(teacher is teachers[0] for teacher in teachers):
            self._teacher = teachers[0]
        elif not why_not(teachers):
            self._teacher = stacked(teachers, self._shares)

    def __enter__(self) -> "StackedTransfer":
        self._student = stacked([transfer.student for transfer in self._transfers], self._shares)
        self._student.train()
        self._values = parameters_of(self._student)
        for index, transfer in enumerate(self._transfers):
            own = _tensors(transfer.student)
            for name, value in self._values.items():
                own[name].data = value.data[index]
        learned = [value for value in self._student.parameters() if value.requires_grad]
        alone = [
            parameter
            for transfer in self._transfers
            for group in transfer.optimizer.param_groups[1:]
            for parameter in group["params"]
        ]
        self._optimizer = build_optimizer(self._transfers[0].config, learned, undecayed=alone)
        self._hand_states(taking=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hand_states(taking=False)
        for transfer in self._transfers:
            own = _tensors(transfer.student)
            for name in self._values:
                own[name].data = own[name].data.clone()  # a part would take the whole into every file
        del self._student, self._values, self._optimizer

    def _hand_states(self, *, taking: bool) -> None:
        """Takes the optimisers' states over, or gives them back."""
        ours = self._optimizer.state
        for name, value in self._values.items():
            if not value.requires_grad:
                continue
            theirs = [(transfer.optimizer.state, transfer.student.get_parameter(name)) for transfer in self._transfers]
            if taking:
                ours[value] = _joined([state[own] for state, own in theirs])
            else:
                for index, (state, own) in enumerate(theirs):
                    state[own] = {key: _part(key, kept, index) for key, kept in ours[value].items()}
        for transfer in self._transfers:
            for group in transfer.optimizer.param_groups[1:]:
                for own in group["params"]:
                    states = (transfer.optimizer.state, ours) if taking else (ours, transfer.optimizer.state)
                    states[1][own] = states[0].get(own, {})

    def step(self) -> list[Mapping[str, Tensor]]:
        """One step of each; returns what `Transfer.step` returns, stage by stage."""
        drawn = [t.drawn(source) for t, source in zip(self._transfers, self._sources, strict=True)]
        temperatures = [transfer.temperature() for transfer in self._transfers]
        for group in self._optimizer.param_groups:
            group["lr"] = self._transfers[0].optimizer.param_groups[0]["lr"]
        losses = self._losses(drawn, temperatures)
        self._optimizer.zero_grad(set_to_none=True)
        backward(losses.sum())
        self._optimizer.step()
        every = zip(self._transfers, self._sources, drawn, losses.unbind(), temperatures, strict=True)
        return [transfer.stepped(source, batch, loss, how) for transfer, source, batch, loss, how in every]

    def _losses(self, drawn: Sequence[GraphBatch], temperatures: Sequence[Tensor | float]) -> Tensor:
        """The loss of each student.

        Shapes:
            returns: ``[students]``
        """
        shares, batch = self._shares, self._shares.join(drawn)
        with torch.no_grad():
            if self._teacher is None:
                asked = zip(self._transfers, drawn, strict=True)
                answers = [scores_and_nodes(transfer.context.teacher, own) for transfer, own in asked]
                target, target_nodes = (torch.cat(parts) for parts in zip(*answers, strict=True))
            else:
                target, target_nodes = scores_and_nodes(self._teacher, batch)
        output, nodes = scores_and_nodes(self._student, batch)
        softening = spread(torch.stack([torch.as_tensor(value) for value in temperatures]).to(output), shares.graphs)
        column = softening.unsqueeze(1)
        divergence = softened_kl(target / column, output / column, 1.0) * softening**2
        losses = torch.stack([part.mean() for part in torch.split_with_sizes(divergence, shares.graphs)])
        weight = self._transfers[0].config.feature_weight
        if weight == 0:
            return losses
        parts = zip(*(torch.split_with_sizes(part, shares.nodes) for part in (target_nodes, nodes)), strict=True)
        return losses + weight * torch.stack([feature_distance(theirs, own) for theirs, own in parts])


def why_not_together(transfers: Sequence[Transfer[GraphBatch]]) -> str:
    """Why these teaching stages cannot be one; nothing where they can."""
    first = transfers[0]
    if any(type(transfer) is not Transfer for transfer in transfers) or first.modality is not GRAPHS:
        return "only the teaching stage of graph methods can be stacked"
    if any((other.config, other.done) != (first.config, first.done) for other in transfers):
        return "they are of other settings, or at other steps"
    return why_not([transfer.student for transfer in transfers])


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _joined(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """One state of several, each of which has moved as often; empty before the first step."""
    first = states[0]
    return {key: first[key].clone() if key == _STEP else torch.stack([s[key] for s in states]) for key in first}


def _part(key: str, value: Tensor, index: int) -> Tensor:
    return value.clone() if key == _STEP else value[index].clone()
