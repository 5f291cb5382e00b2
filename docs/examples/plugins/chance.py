"""Graphs by chance alone, about which the student asks the teacher: about the shortest method that there can be."""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from acgkd.config import Config
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.losses import softened_kl
from acgkd.method import GraphContext, Method, MethodConfig, MethodRun, Stage
from acgkd.runtime import backward


class ChanceSettings(Config):
    """All settings stand under `synthesis`."""

    steps: int = Field(default=60, ge=1)
    graphs: int = Field(default=16, ge=2)
    rate: float = Field(default=0.01, gt=0)
    degree: float = Field(default=3.0, gt=0)


class ChanceConfig(MethodConfig):
    """What a spec may say under `method`."""

    synthesis: ChanceSettings = ChanceSettings()


class ChanceRun(MethodRun):
    """One distillation under way."""

    def __init__(self, config: ChanceConfig, context: GraphContext) -> None:
        self.config, self.context, self.done, self.work = config.synthesis, context, 0, 0.0
        self.optimizer = torch.optim.Adam(context.student.parameters(), lr=config.synthesis.rate)
        self.costs = [GRAPHS.counter(model, self.samples(2)) for model in (context.teacher, context.student)]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """One stage, in which samples are made and the student learns."""
        return (Stage("joint", self.config.steps, judged=True),)

    @property
    def student(self) -> nn.Module:
        """Deployed as it is."""
        return self.context.student

    def samples(self, count: int) -> GraphBatch:
        """Graphs of the largest size, each pair of nodes drawn at random, each node of a random kind."""
        device, prior, random = self.context.device, self.context.prior, self.context.streams.generator("samples")
        size, pairs = prior.max_nodes, max(1, round(self.config.degree * prior.max_nodes / 2))
        graph = torch.arange(count, device=device)
        ends = torch.randint(size, (2, count * pairs), generator=random, device=device)
        ends = ends + graph.repeat_interleave(pairs) * size
        if prior.features == "continuous":
            x = torch.randn(count * size, prior.feature_count, generator=random, device=device)
        else:
            kinds = torch.randint(prior.feature_count, (count * size,), generator=random, device=device)
            x = torch.nn.functional.one_hot(kinds, prior.feature_count).float()
        return GraphBatch(x, torch.cat([ends, ends.flip(0)], dim=1), None, graph.repeat_interleave(size), count)

    def step(self) -> Mapping[str, Tensor]:
        """One batch, one step of Adam."""
        self.context.student.train()
        batch = self.samples(self.config.graphs)
        with torch.no_grad():
            target = GRAPHS.logits(self.context.teacher, batch)
        loss = softened_kl(target, GRAPHS.logits(self.context.student, batch), 2.0).mean()
        self.optimizer.zero_grad()
        backward(loss)
        self.optimizer.step()
        teacher, student = (cost(batch) for cost in self.costs)
        self.work += teacher + 3 * student
        self.done += 1
        return {"loss": loss.detach()}

    def multiply_adds(self) -> float:
        """Of the teacher one pass, of the student one forward and two for the gradient."""
        return self.work

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on; the streams are kept by the caller."""
        models = {"student": self.context.student.state_dict(), "optimizer": self.optimizer.state_dict()}
        return {**models, "done": self.done, "work": self.work}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes that back."""
        self.context.student.load_state_dict(state["student"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.done, self.work = state["done"], state["work"]


METHOD = Method(config=ChanceConfig, modality="graphs", start=ChanceRun, needs_student=lambda _: True)
