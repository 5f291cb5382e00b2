"""Teaching: from a source of pseudo-samples into a student. Shared by every method that has such a stage."""

from collections.abc import Callable, Iterator, Mapping
from typing import Generic

import torch
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.graphs import GraphBatch
from acgkd.losses import feature_distance, softened_kl
from acgkd.method import MethodContext, State
from acgkd.modality import B, Modality
from acgkd.modules.encoding import encoded
from acgkd.modules.readout import pooled
from acgkd.modules.teacher_protocol import graph_parts
from acgkd.priors import Prior
from acgkd.runtime import backward
from acgkd.settings.transfer_stage import TransferConfig
from acgkd.transfer.curriculum import admitted, admitted_share
from acgkd.transfer.difficulty import FreshSource, Source, measure_difficulty
from acgkd.transfer.optimizer import build_optimizer, decayed
from acgkd.transfer.recalibration import recalibrate
from acgkd.transfer.temperature import AdversarialTemperature, FixedTemperature


class Transfer(Generic[B]):
    """The teaching stage: at each step a batch is drawn, the teacher asked anew, the student moved towards it.

    Args:
        config: its settings.
        context: teacher, student, streams, device.
        modality: how batches are read.
        lift: makes the deployed student from the plain one where `projection` asks for it.
    """

    def __init__(
        self,
        config: TransferConfig,
        context: MethodContext[Prior],
        modality: Modality[B],
        lift: Callable[[nn.Module], nn.Module] | None = None,
    ) -> None:
        self.config = config
        self.context = context
        self.modality = modality
        self.done = 0
        self.multiply_adds = 0.0
        self.student = context.student
        if config.projection == "gat":
            if lift is None:
                raise ConfigError("`projection: gat` is for graphs; use `projection: none` here.")
            with context.streams.fork("projection"):
                self.student = lift(context.student)
        self._temperature: nn.Module = FixedTemperature(config.temperature.value)
        if config.temperature.mode == "adversarial":
            bounds = config.temperature
            self._temperature = AdversarialTemperature(bounds.low, bounds.high, context.device)
        learned = [parameter for parameter in self.student.parameters() if parameter.requires_grad]
        self._optimizer = build_optimizer(config, learned, undecayed=self._temperature.parameters())
        self._difficulty: Tensor | None = None
        self._classes: Tensor | None = None
        self._student_cost: Callable[[B], float] | None = None
        self._teacher_cost: Callable[[B], float] | None = None

    def step(self, source: Source[B]) -> Mapping[str, Tensor]:
        """One optimiser step; returns detached scalars `loss` and `temperature`."""
        batch = self.drawn(source)
        temperature = self.temperature()
        # A student of the user's may drop out anywhere, in a layer or in a function: always from a stream of its own.
        with self.context.streams.fork("dropout"):
            loss = self._loss(batch, temperature)
        self._optimizer.zero_grad(set_to_none=True)
        backward(loss)
        self._optimizer.step()
        return self.stepped(source, batch, loss, temperature)

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """Of the student's parameters, and in a second group of a temperature that is learned."""
        return self._optimizer

    def drawn(self, source: Source[B]) -> B:
        """The samples of the next step, for which rate and mode are set."""
        share_done = self.done / self.config.steps
        batch = source.draw(self._choose(source, share_done))
        for group in self._optimizer.param_groups:
            group["lr"] = decayed(self.config, share_done)
        if not self.student.training:  # or it would walk through all modules at every step
            self.student.train()
        return batch

    def temperature(self) -> Tensor | float:
        """Of the next step."""
        value: Tensor | float = self._temperature(self.done / self.config.steps)
        return value

    def stepped(self, source: Source[B], batch: B, loss: Tensor, temperature: Tensor | float) -> Mapping[str, Tensor]:
        """Takes in that the student was moved, for what `step` returns."""
        self.done += 1
        # A forward pass of the teacher, a forward and backward pass of the student.
        self._count(batch, 1, 3)
        if self.done == self.config.steps and self.config.recalibration > 0:
            self._recalibrate(source)
        shown = temperature.detach() if isinstance(temperature, Tensor) else torch.full_like(loss.detach(), temperature)
        return {"loss": loss.detach(), "temperature": shown}

    def _loss(self, batch: B, temperature: Tensor | float) -> Tensor:
        if self.config.feature_weight == 0:
            with torch.no_grad():
                target = self.modality.logits(self.context.teacher, batch)
            return softened_kl(target, self.modality.logits(self.student, batch), temperature).mean()
        assert isinstance(batch, GraphBatch), "a student that is lifted to its teacher's width reads graphs"
        with torch.no_grad():
            target, target_nodes = scores_and_nodes(self.context.teacher, batch)
        output, nodes = scores_and_nodes(self.student, batch)
        distance = feature_distance(target_nodes, nodes)
        return softened_kl(target, output, temperature).mean() + self.config.feature_weight * distance

    def _choose(self, source: Source[B], share_done: float) -> Tensor:
        """Which samples this step sees, by the curriculum and the stream called ``transfer-order``."""
        how = self.config.curriculum
        share = admitted_share(share_done, pacing=how.pacing, pace=how.pace, start=how.start)
        stale = how.difficulty == "gap" and self.done % max(1, self.config.steps // 20) == 0
        if isinstance(source, FreshSource):
            source.renew()
            stale = True
        if share < 1 and (self._difficulty is None or stale):
            self._difficulty, self._classes = measure_difficulty(
                source,
                how.difficulty,
                modality=self.modality,
                teacher=self.context.teacher,
                student=self.student,
                count=self._count,
                labels=how.labels,
            )
        if share < 1:
            assert self._difficulty is not None, "measured just above"
            classes = source.labels if self._classes is None else self._classes
            pool = admitted(self._difficulty, classes, share)
        else:
            pool = torch.arange(source.labels.numel(), device="cpu")
        size, generator = self.config.batch_size, self.context.streams.host("transfer-order")
        rounds = max(1, -(-size // pool.numel())) if self.config.repeats else 1
        order = torch.cat([torch.randperm(pool.numel(), generator=generator, device="cpu") for _ in range(rounds)])
        return pool[order[:size]]

    def _recalibrate(self, source: Source[B]) -> None:
        """The last act of the last step, so that whoever resumes before it does it too, and nobody does it twice."""

        def batches() -> Iterator[B]:
            for _ in range(self.config.recalibration):
                batch = source.draw(self._choose(source, 1.0))
                self._count(batch, 0, 1)
                yield batch

        recalibrate(self.student, lambda batch: self.modality.logits(self.student, batch), batches())

    def _count(self, batch: B, teacher: int, student: int) -> None:
        """Adds so many passes of both over a batch; a backward pass counts as two."""
        if self._student_cost is None or self._teacher_cost is None:
            self._student_cost = self.modality.counter(self.student, batch)
            self._teacher_cost = self.modality.counter(self.context.teacher, batch)
        self.multiply_adds += teacher * self._teacher_cost(batch) + student * self._student_cost(batch)

    def state_dict(self) -> State:
        """Student, temperature, optimiser, difficulty, position."""
        return {
            "done": self.done,
            "multiply_adds": self.multiply_adds,
            "student": self.student.state_dict(),
            "temperature": self._temperature.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "difficulty": self._difficulty,
            "classes": self._classes,
        }

    def load_state_dict(self, state: State) -> None:
        """Loads a state made by `state_dict`."""
        self.done = int(state["done"])
        self.multiply_adds = float(state["multiply_adds"])
        self.student.load_state_dict(state["student"])
        self._temperature.load_state_dict(state["temperature"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._difficulty, self._classes = state["difficulty"], state.get("classes")


def scores_and_nodes(model: nn.Module, batch: GraphBatch) -> tuple[Tensor, Tensor]:
    """Class scores and the node embeddings that they come from, in one pass: a second would move BatchNorm twice.

    Shapes:
        returns: ``[graphs, classes]`` and ``[nodes, width]``
    """
    parts = graph_parts(model)
    nodes = encoded(model, batch.x, batch.edge_index, batch.edge_weight, batch.batch, batch.edge_attr)
    return parts.classifier(pooled(parts.readout, nodes, batch.batch, batch.graphs)), nodes
