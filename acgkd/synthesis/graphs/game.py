"""A generator of graphs and a student that play against each other over the teacher's answers, in one joint stage."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.graphs.draws import uniform_sizes
from acgkd.graphs.pseudo.graph_generator import Features, GraphGenerator
from acgkd.losses import logit_distance
from acgkd.method import GraphContext, MethodRun, Stage, State
from acgkd.runtime import backward, backward_to
from acgkd.settings.graph_game import GraphGeneratorConfig, StudentTurnConfig
from acgkd.synthesis.graphs.disagreement import Disagreement
from acgkd.transfer.teaching import lift_to


def build_generator(config: GraphGeneratorConfig, context: GraphContext) -> GraphGenerator:
    """A generator of graphs that look like the prior's."""
    prior = context.prior
    free_degrees = prior.features == "degree" and config.degree_features == "free"
    kinds: dict[str, Features] = {
        "categorical": "one_hot",
        "continuous": "values",
        "degree": "one_hot" if free_degrees else "degree",
        "constant": "constant",
    }
    features = kinds[prior.features]
    with context.streams.fork("generator"):
        return GraphGenerator(
            config.nodes if config.sizes == "fixed" else prior.max_nodes,
            prior.feature_count if features in ("one_hot", "values") else config.columns,
            features=features,
            feature_count=prior.feature_count,
            threshold=config.threshold,
            mean_degree=prior.mean_degree if config.density == "prior" else None,
            gradient=config.gradient,
            latent=config.latent,
            hidden=config.hidden,
            device=context.device,
            node_columns=prior.node_columns,
            edge_columns=prior.edge_columns,
        )


class GraphGame(MethodRun):
    """The game. One step is one of the student; after each of its turns the generator takes its own.

    Args:
        generator: its settings.
        student: its settings.
        context: teacher, student, prior, streams, device.
    """

    def __init__(self, generator: GraphGeneratorConfig, student: StudentTurnConfig, context: GraphContext) -> None:
        self.generator_config, self.student_config = generator, student
        self.context = context
        self.done = 0
        self._work = 0.0
        self._student = context.student
        if student.projection == "gat":
            with context.streams.fork("projection"):
                self._student = lift_to(context.teacher, context.device)(context.student)
        self.generator = build_generator(generator, context)
        learned = [parameter for parameter in self._student.parameters() if parameter.requires_grad]
        self._student_optimizer = torch.optim.Adam(
            learned, lr=student.rate, weight_decay=student.weight_decay, fused=True
        )
        self._optimizer = torch.optim.Adam(
            self.generator.parameters(), lr=generator.rate, weight_decay=generator.weight_decay, fused=True
        )
        self._disagreement = Disagreement(generator, context)
        self._costs: list[Callable[[GraphBatch], float]] = []

    @property
    def stages(self) -> tuple[Stage, ...]:
        """One, as long as the student plays."""
        return (Stage("joint", self.student_config.steps, judged=True),)

    @property
    def student(self) -> nn.Module:
        """The deployed student."""
        return self._student

    def step(self) -> Mapping[str, Tensor]:
        """One step of the student, and the generator's turn where that is due."""
        losses = {"loss": self._student_step()}
        self.done += 1
        if self.done % self.student_config.turn == 0:
            for _ in range(self.generator_config.turn):
                losses["generator_loss"] = self._generator_step()
        return losses

    def _student_step(self) -> Tensor:
        config = self.student_config
        if config.schedule == "linear":
            for group in self._student_optimizer.param_groups:
                group["lr"] = config.rate * (1 - self.done / config.steps)
        with torch.no_grad():
            batch = self._generate(config.batch_size, "game")
            target = GRAPHS.logits(self.context.teacher, batch)
        self._student.train()
        with self.context.streams.fork("dropout"):
            loss = logit_distance(target, GRAPHS.logits(self._student, batch))
        self._student_optimizer.zero_grad(set_to_none=True)
        backward(loss)
        self._student_optimizer.step()
        self._count(batch, generator=1, teacher=1, student=3)
        return loss.detach()

    def _generator_step(self) -> Tensor:
        # At rest: the student's BatchNorm memory is of the graphs that it was taught on, and of no others.
        self._student.eval()
        batch = self._generate(self.student_config.batch_size, "game")
        loss = self._disagreement(self._student, batch)
        learns = self.generator_config.gradient == "straight_through"
        if learns:
            backward_to(list(self.generator.parameters()), loss)  # and not to the student
            self._optimizer.step()
        passes = 3 if learns else 1
        self._count(batch, generator=passes, teacher=passes, student=passes)
        return loss.detach()

    def _generate(self, count: int, stream: str) -> GraphBatch:
        """Graphs of fresh noise and sizes."""
        streams, device = self.context.streams, self.context.device
        if self.generator_config.sizes == "fixed":
            sizes = torch.full((count,), self.generator.nodes, device="cpu")
        else:
            sizes = uniform_sizes(self.context.prior, count, streams.host(stream))
        z = torch.randn(count, self.generator.latent, generator=streams.generator(stream), device=device)
        batch: GraphBatch = self.generator(z, sizes)
        return batch

    def _count(self, batch: GraphBatch, *, generator: int, teacher: int, student: int) -> None:
        """Adds so many passes of each over a batch; a backward pass counts as two."""
        if not self._costs:
            self._costs = [GRAPHS.counter(model, batch) for model in (self.context.teacher, self._student)]
        self._work += teacher * self._costs[0](batch) + student * self._costs[1](batch)
        self._work += generator * self.generator.multiply_adds(batch.graphs)

    @torch.no_grad()
    def samples(self, count: int) -> GraphBatch:
        """Graphs of fresh noise, from the generator as it is now."""
        return self._generate(count, "samples").detach()

    def multiply_adds(self) -> float:
        """Of teacher, student and generator."""
        return self._work

    @torch.no_grad()
    def facts(self) -> Mapping[str, float]:
        """Pairs of one batch, and the edges among them."""
        batch = self._generate(self.student_config.batch_size, "facts")
        assert batch.edge_weight is not None, "generated graphs always carry weights"
        sizes = torch.bincount(batch.batch)
        return {
            "candidate_edges": int((sizes * (sizes - 1)).sum()) // 2,
            "kept_edges": float(batch.edge_weight.sum()) / 2,
        }

    def state_dict(self) -> State:
        """Both players, their optimisers, position."""
        return {
            "done": self.done,
            "multiply_adds": self._work,
            "student": self._student.state_dict(),
            "generator": self.generator.state_dict(),
            "student_optimizer": self._student_optimizer.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: State) -> None:
        """Loads a state made by `state_dict`."""
        self.done = int(state["done"])
        self._work = float(state["multiply_adds"])
        self._student.load_state_dict(state["student"])
        self.generator.load_state_dict(state["generator"])
        self._student_optimizer.load_state_dict(state["student_optimizer"])
        self._optimizer.load_state_dict(state["optimizer"])
