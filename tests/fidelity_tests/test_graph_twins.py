"""Methods on graphs: losses and first steps of optimisation, held to twins by the published formulas."""

import math
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

from acgkd.config import MethodChoice
from acgkd.graphs.batch import GraphBatch
from acgkd.methods import parse_method
from acgkd.run.distillation import Distillation
from tests.fidelity_tests.plain import (
    Adam,
    Net,
    agree,
    close,
    copied,
    cross_entropy,
    divergence,
    entropy_of,
    far_from_memory,
    gaussians_apart,
    gin,
    gradients,
    learned,
    norms_apart,
    probabilities,
    shortened,
)

fidelity = pytest.mark.fidelity
PLAIN: dict[str, Any] = {"steps": 3, "batch_size": 4, "projection": "none", "curriculum": {"pacing": "none"}}


@dataclass
class Graphs:
    """Graphs in matrices of all nodes by all nodes; `adjacency[i, j]` is the edge from j to i."""

    x: Tensor
    adjacency: Tensor
    batch: Tensor
    labels: Tensor

    def at(self, chosen: Tensor) -> "Graphs":
        """Some of them, in an order."""
        rows = torch.cat([torch.nonzero(self.batch == graph).flatten() for graph in chosen.tolist()])
        place = {int(graph): i for i, graph in enumerate(chosen)}
        batch = torch.tensor([place[int(graph)] for graph in self.batch[rows]])
        return Graphs(self.x[rows], self.adjacency[rows][:, rows], batch, self.labels[chosen])


def of_pairs(pairs: Tensor, weights: Tensor, nodes: int, *, directed: bool = False) -> Tensor:
    """The adjacency of pairs of nodes with weights."""
    adjacency = torch.zeros(nodes, nodes).index_put((pairs[1], pairs[0]), weights)
    return adjacency if directed else adjacency + adjacency.T


def listed(batch: GraphBatch) -> Graphs:
    """A batch of the product's, for the graphs that a twin does not make itself."""
    weights = torch.ones(batch.edge_index.shape[1]) if batch.edge_weight is None else batch.edge_weight
    assert batch.labels is not None
    adjacency = of_pairs(batch.edge_index, weights, len(batch.x), directed=True)
    return Graphs(batch.x, adjacency, batch.batch, batch.labels)


def through(hard: Tensor, soft: Tensor) -> Tensor:
    """Straight-through: the value of one, the gradient of the other."""
    return hard.detach() + soft - soft.detach()


def one_hot(rows: Tensor) -> Tensor:
    return torch.eye(rows.shape[1])[rows.argmax(dim=1)]


def uniform(shape: torch.Size, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator)


def gumbel(shape: torch.Size, generator: torch.Generator) -> Tensor:
    return -(-uniform(shape, generator).log()).log()


def logistic(shape: torch.Size, generator: torch.Generator) -> Tensor:
    u = uniform(shape, generator)
    return (u / (1 - u)).log()


def said(net: Net, graphs: Graphs, *, train: bool = False) -> Tensor:
    return gin(net, graphs.x, graphs.adjacency, graphs.batch, train=train)[0]


def shuffled(context: Any, count: int) -> Tensor:
    """The order in which a step is shown its graphs."""
    return torch.randperm(count, generator=context.streams.host("transfer-order"))


def two(graphs: ModuleType, name: str, synthesis: dict[str, Any], transfer: dict[str, Any], **prior: Any) -> Any:
    """The product's run; then of another that draws the same, for the twin: synthesis, context, teacher, student."""
    run, other = (graphs.distillation(name, synthesis, transfer, **prior).method_run for _ in range(2))
    made = other._synthesis
    if hasattr(other, "_begin_transfer"):  # or the student is not lifted yet
        other._begin_transfer()
    return run, made, made.context, copied(made.context.teacher), copied(other.student)


def taught(run: Any, teacher: Net, student: Net, graphs: Graphs, adam: Adam, *, tau: float, rate: float) -> None:
    """One step of the student, τ² KL(T ‖ S), of the product and of the twin, which are then the same."""
    loss = divergence(said(teacher, graphs), said(student, graphs, train=True), tau).mean()
    adam.step(gradients(loss, learned(student)), rate)
    close(run.step()["loss"], loss)
    agree(run.student.state_dict(), student)


# ---- ACGKD


@pytest.mark.parametrize("adversarial", [0.0, 0.5])
@fidelity("acgkd")
def test_acgkd_learns_log_odds_and_features_by_the_concrete_distribution(tiny: ModuleType, adversarial: float) -> None:
    weights = {"statistics_weight": 3.0, "entropy_weight": 0.2, "degree_weight": 2.0, "adversarial_weight": adversarial}
    transfer = {**PLAIN, "projection": "gat", "temperature": {"mode": "adversarial"}, "steps": 20}
    run, made, context, teacher, student = two(
        tiny, "acgkd", {"graphs": 4, "steps": 3, "rate": 0.3, **weights}, transfer
    )
    graphs, pairs = made.graphs, made.graphs.candidates.pairs
    odds, features = (each.detach().clone().requires_grad_() for each in (graphs.structure.logits, graphs.features))
    adam, stream = Adam([features, odds], 0.3), context.streams.generator("synthesis")
    sizes = graphs.candidates.sizes
    batch = torch.arange(4).repeat_interleave(sizes)
    for step in range(3):
        soft = 1 / (1 + (-(odds + logistic(odds.shape, stream)) / 0.5).exp())
        edges = through((soft > 0.5).to(soft.dtype), soft)
        soft_x = probabilities((features + gumbel(features.shape, stream)) / 0.5)
        drawn = Graphs(through(one_hot(soft_x), soft_x), of_pairs(pairs, edges, len(batch)), batch, torch.arange(4) % 2)
        scores, given = gin(teacher, drawn.x, drawn.adjacency, batch)
        loss = cross_entropy(scores, drawn.labels).mean()
        loss = loss + 3 * far_from_memory(teacher, given, gaussians_apart)
        loss = loss + 0.2 * entropy_of(probabilities(features)).mean()
        loss = loss + 2 * (drawn.adjacency.sum() / len(batch) / 2.0 - 1) ** 2
        if adversarial > 0:
            loss = loss - adversarial * divergence(scores, said(student, drawn)).mean()
        found = shortened(gradients(loss, [features, odds]), 10.0)
        adam.step(found, 0.3 * (1 + math.cos(math.pi * step / 3)) / 2)
        # Beside a student, synthesis looks at it as it is: untaught.
        shown = run._synthesis.step(run.student if adversarial > 0 else None)
        close(shown["loss"], loss)
        own = run._synthesis.graphs
        agree({"odds": own.structure.logits, "x": own.features}, {"odds": odds, "x": features})
    if adversarial > 0:
        return
    # The student is lifted by graph attention, and the temperature learned against it, the more so the longer.
    w, fresh = torch.zeros((), requires_grad=True), context.streams.generator("transfer-draws")
    moving = Adam([*learned(student), w], 0.01)
    ends = graphs.candidates.counts.cumsum(0).tolist()
    for step in range(3):
        order = shuffled(context, 4)
        of = torch.cat([torch.arange(ends[g] - int(graphs.candidates.counts[g]), ends[g]) for g in order])
        noise = torch.zeros(len(odds)).index_put((of,), logistic(odds.shape, fresh))
        rows = torch.cat([torch.nonzero(batch == graph).flatten() for graph in order])
        of_nodes = torch.zeros(features.shape).index_put((rows,), gumbel(features.shape, fresh))
        edges = (odds.detach() + noise > 0).to(odds.dtype)
        drawn = Graphs(one_hot(features.detach() + of_nodes), of_pairs(pairs, edges, len(batch)), batch, batch[:4])
        chosen = drawn.at(order)
        tau = 1 + 7 / (1 + (-w).exp())
        right, own_scores = said(teacher, chosen), said(student, chosen, train=True)
        p, q = probabilities(right / tau), probabilities(own_scores / tau)
        loss = (tau**2 * (p * (p.log() - q.log())).sum(dim=1)).mean()
        *found, of_w = gradients(loss, [*learned(student), w])
        strength = (1 - math.cos(math.pi * step / 20 / 0.1)) / 2 if step < 2 else 1.0
        assert of_w is not None
        moving.step([*found, -strength * of_w], 0.01 * (1 - step / 20))
        shown = run.step()
        close(shown["loss"], loss)
        close(shown["temperature"], tau)
        agree(run.student.state_dict(), student)


@fidelity("acgkd")
def test_acgkd_lets_in_the_easiest_share_of_each_class(tiny: ModuleType) -> None:
    curriculum = {"pacing": "linear", "pace": 0.5, "start": 0.4, "difficulty": "loss", "labels": "pseudo"}
    transfer = {**PLAIN, "curriculum": curriculum, "samples": "fixed", "steps": 10, "batch_size": 8}
    run, made, context, teacher, student = two(tiny, "acgkd", {"graphs": 8, "steps": 1}, transfer)
    made.step(None)
    run.step()
    graphs = made.graphs
    batch = torch.arange(8).repeat_interleave(graphs.candidates.sizes)
    edges = (graphs.structure.logits.detach() >= 0).to(torch.float64)
    likely = Graphs(
        one_hot(graphs.features.detach()), of_pairs(graphs.candidates.pairs, edges, len(batch)), batch, graphs.labels
    )
    hard, moving = cross_entropy(said(teacher, likely), likely.labels), Adam(learned(student), 0.01)
    for step in range(4):
        share = 0.4 + 0.6 * step / 10 / 0.5
        kept = [
            [i for i in range(8) if i % 2 == label and sum(hard[j] < hard[i] for j in range(label, 8, 2)) < share * 4]
            for label in (0, 1)
        ]
        pool = torch.tensor(sorted([*kept[0], *kept[1]]))
        chosen = likely.at(pool[shuffled(context, len(pool))])
        taught(run, teacher, student, chosen, moving, tau=4.0, rate=0.01 * (1 - step / 10))


# ---- GFKD


@fidelity("gfkd")
def test_gfkd_moves_features_by_gradient_and_structure_by_two_opposite_draws(tiny: ModuleType) -> None:
    weights = {"statistics_weight": 0.3, "entropy_weight": 0.2, "decay_every": 2, "feature_rate": 0.5}
    run, made, context, teacher, student = two(tiny, "gfkd", {"graphs": 4, "steps": 4, **weights}, PLAIN)
    graphs = made.graphs
    sizes, y = graphs.sizes.tolist(), graphs.labels
    batch = torch.arange(4).repeat_interleave(graphs.sizes)
    starts = [sum(sizes[:graph]) for graph in range(4)]
    # Every ordered pair of different nodes of a graph has log-odds θ of its own.
    ordered = [(g, starts[g] + i, starts[g] + j) for g in range(4) for i in range(sizes[g]) for j in range(sizes[g])]
    ordered = [each for each in ordered if each[1] != each[2]]
    of, pairs = torch.tensor([g for g, *_ in ordered]), torch.tensor([ends for _, *ends in ordered]).T
    theta, f = graphs.logits.detach().clone(), graphs.features.detach().clone().requires_grad_()
    features, structure = Adam([f], 0.5), Adam([theta], 1.0)
    stream, lowest, kept = context.streams.generator("synthesis"), math.inf, theta.clone()

    def losses(edges: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy by graph; the weighted distance of statistics, of all nodes together."""
        scores, given = gin(teacher, x, of_pairs(pairs, edges.to(x.dtype), len(batch), directed=True), batch)
        return cross_entropy(scores, y), 0.3 * far_from_memory(teacher, given, norms_apart)

    for step in range(4):
        decay = 0.1 ** (step // 2)
        x = probabilities(f)
        entropies, far = losses(1 / (1 + (-theta).exp()) >= 0.5, x)
        loss = entropies.mean() + far + 0.2 * entropy_of(x).mean()
        if loss.item() < lowest:
            lowest, kept = loss.item(), theta.clone()
        features.step(gradients(loss, [f]), 0.5 * decay)
        u = uniform(theta.shape, stream)
        draws = (u > 1 / (1 + theta.exp()), u < 1 / (1 + (-theta).exp()))
        (one, far_one), (other, far_other) = (losses(edges, probabilities(f.detach())) for edges in draws)
        structure.step([(one - other + far_one - far_other).detach()[of] * (u - 0.5)], 1.0 * decay)
        close(run.step()["loss"], loss)
        own = run._synthesis.graphs
        agree({"theta": own.logits, "f": own.features, "kept": own.kept}, {"theta": theta, "f": f, "kept": kept})
    # Written out: the structure of the lowest loss with the features of the last step.
    written = Graphs(one_hot(f.detach()), of_pairs(pairs, (kept >= 0).to(f.dtype), len(batch), directed=True), batch, y)
    moving = Adam(learned(student), 0.01)
    for step in range(2):
        taught(run, teacher, student, written.at(shuffled(context, 4)), moving, tau=2.0, rate=0.01 * (1 - step / 3))


# ---- DFAD-GNN


@pytest.mark.parametrize("gradient", ["straight_through", "cut"])
@fidelity("dfad_gnn")
def test_dfad_gnn_plays_for_the_logits_and_against_the_probabilities(tiny: ModuleType, gradient: str) -> None:
    synthesis = {"turn": 2, "sizes": "fixed", "nodes": 6, "density": "released", "threshold": 0.5, "gradient": gradient}
    transfer = {"steps": 4, "turn": 2, "batch_size": 4}
    run, other = (tiny.distillation("dfad_gnn", synthesis, transfer).method_run for _ in range(2))
    context, net = other.context, copied(other.generator)
    teacher, student = copied(context.teacher), copied(context.student)
    generator, moving = Adam(learned(net), 0.005, decay=5e-4), Adam(learned(student), 0.005, decay=5e-4)
    pairs = torch.tensor([(6 * g + i, 6 * g + j) for g in range(4) for i in range(6) for j in range(i + 1, 6)]).T

    def drawn() -> Graphs:
        h = torch.randn(4, 32, generator=context.streams.generator("game"))
        for number in (0, 2, 4):
            h = (h @ net[f"layers.{number}.weight"].T + net[f"layers.{number}.bias"]).tanh()
        n = (h @ net["layers.6.weight"].T + net["layers.6.bias"]).view(24, 4)
        soft = 1 / (1 + (-(n[pairs[0]] * n[pairs[1]]).sum(dim=1)).exp())
        edges, rows = through((soft > 0.5).to(soft.dtype), soft), through(one_hot(n), probabilities(n))
        if gradient == "cut":
            edges, rows = edges.detach(), rows.detach()
        batch = torch.arange(4).repeat_interleave(6)
        return Graphs(rows, of_pairs(pairs, edges, 24), batch, batch[:4])

    for step in range(4):
        graphs = drawn()
        graphs = replace(graphs, x=graphs.x.detach(), adjacency=graphs.adjacency.detach())
        loss = (said(student, graphs, train=True) - said(teacher, graphs)).abs().mean()
        moving.step(gradients(loss, learned(student)))
        for _ in range(2 if step % 2 == 1 else 0):
            graphs = drawn()
            apart = -(probabilities(said(student, graphs)) - probabilities(said(teacher, graphs))).abs().mean()
            if gradient == "straight_through":
                generator.step(gradients(apart, learned(net)))
        shown = run.step()
        close(shown["loss"], loss)
        if step % 2 == 1:
            close(shown["generator_loss"], apart)
        agree(run.student.state_dict(), student)
        agree(run.generator.state_dict(), net)


# ---- DeepInversion on graphs, controls


@pytest.mark.parametrize("statistics", ["norm", "gaussian_kl"])
@fidelity("deepinv_graphs")
def test_deepinv_graphs_learns_features_over_structure_that_stays(tiny: ModuleType, statistics: str) -> None:
    synthesis = {"graphs": 4, "steps": 3, "rate": 0.3, "statistics": statistics, "statistics_weight": 2000.0}
    run, made, context, teacher, student = two(tiny, "deepinv_graphs", synthesis, {**PLAIN, "samples": "fixed"})
    fixed, f = listed(made.graphs.thresholded()), made.graphs.features.detach().clone().requires_grad_()
    adam, stream = Adam([f], 0.3), context.streams.generator("synthesis")
    apart = {"norm": norms_apart, "gaussian_kl": gaussians_apart}[statistics]
    for step in range(3):
        soft = probabilities((f + gumbel(f.shape, stream)) / 0.5)
        scores, given = gin(teacher, through(one_hot(soft), soft), fixed.adjacency, fixed.batch)
        loss = cross_entropy(scores, torch.arange(4) % 2).mean() + 2000 * far_from_memory(teacher, given, apart)
        loss = loss + 0.1 * entropy_of(probabilities(f)).mean()
        adam.step(shortened(gradients(loss, [f]), 10.0), 0.3 * (1 + math.cos(math.pi * step / 3)) / 2)
        close(run.step()["loss"], loss)
        agree({"f": run._synthesis.graphs.features}, {"f": f})
    written, moving = replace(fixed, x=one_hot(f.detach())), Adam(learned(student), 0.01)
    for step in range(2):
        taught(run, teacher, student, written.at(shuffled(context, 4)), moving, tau=2.0, rate=0.01 * (1 - step / 3))


@fidelity("random_graphs")
def test_random_graphs_teaches_as_acgkd_teaches(tiny: ModuleType) -> None:
    run, made, context, teacher, student = two(tiny, "random_graphs", {"graphs": 4}, {**PLAIN, "samples": "fixed"})
    drawn, moving = listed(made.graphs.thresholded()), Adam(learned(student), 0.01)
    for step in range(2):
        taught(run, teacher, student, drawn.at(shuffled(context, 4)), moving, tau=4.0, rate=0.01 * (1 - step / 3))


@fidelity("real_data")
def test_real_data_teaches_what_the_teacher_says_of_real_graphs(tiny: ModuleType) -> None:
    path = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    real = [Data(x=torch.eye(4)[[i, 1, i]], edge_index=path, y=torch.tensor([i % 2])) for i in range(4)]
    method, config = parse_method(MethodChoice(name="real_data", transfer=PLAIN))
    run = Distillation(method, config, replace(tiny.context(), real=real)).method_run
    context = tiny.context()
    teacher, student = copied(context.teacher), copied(context.student)
    adjacency = torch.block_diag(*[of_pairs(path, torch.ones(4), 3, directed=True)] * 4)
    batch = torch.arange(4).repeat_interleave(3)
    graphs = Graphs(torch.cat([each.x for each in real]), adjacency, batch, batch[:4])
    moving = Adam(learned(student), 0.01)
    for step in range(2):
        taught(run, teacher, student, graphs.at(shuffled(context, 4)), moving, tau=4.0, rate=0.01 * (1 - step / 3))
