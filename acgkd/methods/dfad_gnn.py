"""DFAD-GNN: student and generator play against each other over the teacher's answers, in one joint stage.

    student     minimise the mean |S(G) − T(G)| of logits
    generator   maximise the mean |softmax S(G) − softmax T(G)|; G comes from noise (`graphs.generator`)

The paper's own code is not public. Widths, rates, losses and turns are those of the port in GammaGL, which stops at the
epoch that is best on real validation data: here nothing looks at data, and the last student is the result. The port
also cuts the generator's gradient where it makes edges and features discrete, so its generator stays as it was
initialised.

Four defaults of the generator are not the port's: it learns (`gradient: straight_through`), its graphs have sizes and a
mean degree of the prior's (`sizes`, `density`), and degrees as features follow from its edges (`degree_features`).
The port's are `synthesis: {gradient: cut, sizes: fixed, density: released, degree_features: free}`.

Neither loss ties graphs to the teacher's data or balances classes. A sum-pooling teacher answers graphs far from its
data with large logits of one class; once student and teacher are both sure of it, the generator's gradient vanishes.
`balance_weight` and `statistics_weight`, which are not of the paper, tie them to both. On `motifs` it does not
learn without them: at its defaults validation accuracy is 0.5 on seeds 100, 101 and 102, chance, as with untrained
graphs; with weights of 5 and 1, 300 steps and a rate that falls it is 1.00, 0.81 and 0.78.
Source: Zhuang et al. (2022), arXiv:2205.03811; GammaGL dfad6e3d, `examples/dfad_gnn`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from acgkd.config import Config
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.graphs.prior import Prior
from acgkd.graphs.pseudo.graph_generator import Features, Gradient, GraphGenerator
from acgkd.losses import logit_distance
from acgkd.method import Method, MethodConfig, MethodContext, MethodRun, Stage
from acgkd.runtime import backward, backward_to
from acgkd.synthesis.disagreement import Disagreement, DisagreementConfig
from acgkd.synthesis.graph_synthesis import lift_to


class GeneratorConfig(DisagreementConfig):
    """What the generator is, what it minimises and how it plays.

    Args:
        turn: its steps after each turn of the student.
        rate: Adam's learning rate.
        weight_decay: Adam's.
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


class StudentTurnConfig(Config):
    """How the student plays.

    Args:
        steps: its optimiser steps in all.
        turn: its steps before the generator plays.
        batch_size: graphs of one step of either. Memory grows with it and with the square of the most nodes.
        rate: Adam's learning rate.
        schedule: `linear` lets the rate go to 0.
        weight_decay: Adam's.
        projection: `gat` lifts the student to the teacher's width and ends in the teacher's own frozen classifier;
            `none` is the plain student.
    """

    steps: int = Field(default=500, ge=1)
    turn: int = Field(default=5, ge=1)
    batch_size: int = Field(default=128, ge=2)
    rate: float = Field(default=0.005, gt=0)
    schedule: Literal["constant", "linear"] = "constant"
    weight_decay: float = Field(default=5e-4, ge=0)
    projection: Literal["none", "gat"] = "none"


class DfadGnnConfig(MethodConfig):
    """Settings of DFAD-GNN."""

    synthesis: GeneratorConfig = GeneratorConfig()
    transfer: StudentTurnConfig = StudentTurnConfig()


def build_generator(config: GeneratorConfig, context: MethodContext) -> GraphGenerator:
    """A generator of graphs that look like the prior's."""
    prior: Prior = context.prior
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
        )


class DfadGnn(MethodRun):
    """The game. One step is one of the student; after each of its turns the generator takes its own.

    Args:
        config: settings of both players.
        context: teacher, student, prior, streams, device.
    """

    def __init__(self, config: DfadGnnConfig, context: MethodContext) -> None:
        self.config = config
        self.context = context
        self.done = 0
        self._work = 0.0
        self._student = context.student
        if config.transfer.projection == "gat":
            with context.streams.fork("projection"):
                self._student = lift_to(context.teacher, context.device)(context.student)
        self.generator = build_generator(config.synthesis, context)
        learned = [parameter for parameter in self._student.parameters() if parameter.requires_grad]
        theirs, own = config.transfer, config.synthesis
        self._student_optimizer = torch.optim.Adam(
            learned, lr=theirs.rate, weight_decay=theirs.weight_decay, fused=True
        )
        self._optimizer = torch.optim.Adam(
            self.generator.parameters(), lr=own.rate, weight_decay=own.weight_decay, fused=True
        )
        self._disagreement = Disagreement(own, context)
        self._costs: list[Callable[[GraphBatch], float]] = []

    @property
    def stages(self) -> tuple[Stage, ...]:
        """One, as long as the student plays."""
        return (Stage("joint", self.config.transfer.steps, judged=True),)

    @property
    def student(self) -> nn.Module:
        """The deployed student."""
        return self._student

    def step(self) -> Mapping[str, Tensor]:
        """One step of the student, and the generator's turn where that is due."""
        losses = {"loss": self._student_step()}
        self.done += 1
        if self.done % self.config.transfer.turn == 0:
            for _ in range(self.config.synthesis.turn):
                losses["generator_loss"] = self._generator_step()
        return losses

    def _student_step(self) -> Tensor:
        config = self.config.transfer
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
        batch = self._generate(self.config.transfer.batch_size, "game")
        loss = self._disagreement(self._student, batch)
        learns = self.config.synthesis.gradient == "straight_through"
        if learns:
            backward_to(list(self.generator.parameters()), loss)  # and not to the student
            self._optimizer.step()
        passes = 3 if learns else 1
        self._count(batch, generator=passes, teacher=passes, student=passes)
        return loss.detach()

    def _generate(self, count: int, stream: str) -> GraphBatch:
        """Graphs of fresh noise and sizes."""
        streams, device = self.context.streams, self.context.device
        if self.config.synthesis.sizes == "fixed":
            sizes = torch.full((count,), self.generator.nodes, device="cpu")
        else:
            sizes = self.context.prior.sizes(count, streams.host(stream))
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
        batch = self._generate(self.config.transfer.batch_size, "facts")
        assert batch.edge_weight is not None, "generated graphs always carry weights"
        sizes = torch.bincount(batch.batch)
        return {
            "candidate_edges": int((sizes * (sizes - 1)).sum()) // 2,
            "kept_edges": float(batch.edge_weight.sum()) / 2,
        }

    def state_dict(self) -> dict[str, Any]:
        """Both players, their optimisers, position."""
        return {
            "done": self.done,
            "multiply_adds": self._work,
            "student": self._student.state_dict(),
            "generator": self.generator.state_dict(),
            "student_optimizer": self._student_optimizer.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a state made by `state_dict`."""
        self.done = int(state["done"])
        self._work = float(state["multiply_adds"])
        self._student.load_state_dict(state["student"])
        self.generator.load_state_dict(state["generator"])
        self._student_optimizer.load_state_dict(state["student_optimizer"])
        self._optimizer.load_state_dict(state["optimizer"])


METHOD = Method(config=DfadGnnConfig, modality="graphs", start=DfadGnn, needs_student=lambda _: True)
