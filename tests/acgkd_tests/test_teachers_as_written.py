"""Graph classifiers as people write them, by what is unusual about each: found whole, or refused in a true sentence."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torch_geometric.nn as gnn
from torch import Tensor, nn
from torch_geometric.utils import add_self_loops

import acgkd
from acgkd.errors import TeacherError
from acgkd.graphs import GraphPrior

PRIOR = GraphPrior(6, 12, 2.0, "categorical", 5, 3)
Pool = Callable[[Tensor, Tensor], Tensor]


class Base(nn.Module):
    """Two layers in attributes and a head; `forward` is each one's own."""

    def __init__(self, wide: int = 8) -> None:
        super().__init__()
        self.conv1, self.conv2 = gnn.GraphConv(5, 8), gnn.GraphConv(8, 8)
        self.lin1, self.head = nn.Linear(wide, 8), nn.Linear(8, 3)

    def nodes(self, x: Tensor, edge_index: Tensor) -> Tensor:
        last: Tensor = self.conv2(self.conv1(x, edge_index).relu(), edge_index)
        return last


class LastLayerIsPooled(Base):
    """No activation behind the last layer, as in torch_geometric's tutorial."""

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        pooled = F.dropout(gnn.global_mean_pool(self.nodes(x, edge_index), batch), p=0.5, training=self.training)
        scores: Tensor = self.head(pooled)
        return scores


class TwoSteps(Base):
    """Two linear layers with functions between, as in torch_geometric's examples."""

    activation: Callable[[Tensor], Tensor] = staticmethod(F.relu)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        hidden = self.activation(self.lin1(gnn.global_add_pool(self.nodes(x, edge_index), batch)))
        return F.log_softmax(self.head(F.dropout(hidden, training=self.training)), dim=-1)


class TwoStepsElu(TwoSteps):
    activation = staticmethod(F.elu)


class ThreePoolings(Base):
    def __init__(self) -> None:
        super().__init__(24)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        nodes = self.nodes(x, edge_index).relu()
        pools = (gnn.global_max_pool, gnn.global_mean_pool, gnn.global_add_pool)
        scores: Tensor = self.head(self.lin1(torch.cat([pool(nodes, batch) for pool in pools], dim=1)).relu())
        return scores


class Attends(Base):
    """A part pools what functions have made, and two layers follow."""

    def __init__(self) -> None:
        super().__init__(16)
        self.pool = gnn.Set2Set(8, 2)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        scores: Tensor = self.head(self.lin1(self.pool(self.nodes(x, edge_index).relu(), batch)).relu())
        return scores


class Lists(nn.Module):
    """Everything in lists."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList([gnn.SAGEConv(5, 8), gnn.SAGEConv(8, 8)])
        self.lins = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 3)])

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        for conv in self.convs:
            x = conv(x, edge_index).relu()
        scores: Tensor = self.lins[1](self.lins[0](gnn.global_mean_pool(x, batch)).relu())
        return scores


class Normalises(Base):
    """A norm that looks at the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = gnn.GraphNorm(8)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        nodes = self.norm(self.nodes(x, edge_index), batch).relu()
        scores: Tensor = self.head(gnn.global_mean_pool(nodes, batch))
        return scores


class InPlace(Base):
    """Changes what it was handed, and what its layers made."""

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        x *= 2
        nodes = F.relu_(self.conv2(F.relu_(self.conv1(x, edge_index)), edge_index))
        scores: Tensor = self.head(gnn.global_add_pool(nodes, batch))
        return scores


class InData(Base):
    """Writes into the batch that it is handed, and asks it for the number of graphs."""

    def forward(self, data: Any) -> Tensor:
        data.x = self.nodes(data.x, data.edge_index).relu()
        scores: Tensor = self.head(gnn.global_add_pool(data.x, data.batch, data.num_graphs))
        return scores


class Named(Base):
    """Calls its parts by name."""

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        nodes = self.conv2(x=self.conv1(x=x, edge_index=edge_index).relu(), edge_index=edge_index)
        scores: Tensor = self.head(input=gnn.global_add_pool(nodes, batch))
        return scores


class Mapped(Base):
    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> dict[str, Tensor]:
        pooled = gnn.global_add_pool(self.nodes(x, edge_index), batch)
        return {"embedding": pooled, "logits": self.head(pooled)}


class Paired(Base):
    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
        pooled = gnn.global_add_pool(self.nodes(x, edge_index), batch)
        return pooled, self.head(pooled).softmax(1)


class Weighs(Base):
    """Wants edge weights, and the number of graphs."""

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor, batch: Tensor, batch_size: int) -> Tensor:
        nodes = self.conv2(self.conv1(x, edge_index, edge_weight).relu(), edge_index, edge_weight)
        scores: Tensor = self.head(gnn.global_add_pool(nodes, batch, batch_size))
        return scores


class OtherName(Base):
    def forward(self, x: Tensor, edge_index: Tensor, batch_index: Tensor | None = None) -> Tensor:
        scores: Tensor = self.head(gnn.global_add_pool(self.nodes(x, edge_index), batch_index))
        return scores


class OwnEncode(Base):
    """Has an `encode` of its own, and is pooled otherwise than `adapt` takes for granted."""

    def encode(self, x: Tensor, edge_index: Tensor) -> Tensor:
        return self.nodes(x, edge_index)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        scores: Tensor = self.head(gnn.global_mean_pool(self.encode(x, edge_index), batch))
        return scores


class Shared(nn.Module):
    """One layer, called again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.lift, self.conv, self.head = nn.Linear(5, 8), gnn.GraphConv(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        x = self.lift(x)
        for _ in range(3):
            x = self.conv(x, edge_index)
        scores: Tensor = self.head(gnn.global_add_pool(x, batch))
        return scores


class Around(nn.Module):
    """As Lightning's modules are: the network within another one."""

    def __init__(self) -> None:
        super().__init__()
        self.net = TwoSteps()

    def forward(self, data: Any) -> Tensor:
        scores: Tensor = self.net(data.x, data.edge_index, data.batch)
        return scores


def in_a_row() -> nn.Module:
    made: nn.Module = gnn.Sequential(
        "x, edge_index, batch",
        [
            (gnn.GraphConv(5, 8), "x, edge_index -> x"),
            nn.ReLU(inplace=True),
            (gnn.GraphConv(8, 8), "x, edge_index -> x"),
            nn.ReLU(inplace=True),
            (gnn.global_mean_pool, "x, batch -> x"),
            nn.Linear(8, 3),
        ],
    )
    return made


class Loops(nn.Module):
    """Appends self-loops to the edges, for layers of each way of weighting."""

    def __init__(self, layer: Callable[[int, int], nn.Module]) -> None:
        super().__init__()
        self.conv, self.head = layer(5, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        looped, _ = add_self_loops(edge_index, num_nodes=x.shape[0])
        scores: Tensor = self.head(gnn.global_add_pool(self.conv(x, looped), batch))
        return scores


class Whatever(TwoSteps):
    """Takes what comes."""

    def forward(self, *args: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(*args)


def old_norm() -> nn.Module:
    """A weight that is computed anew, and was: a tensor that cannot be copied."""
    made = TwoSteps()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # old, but in many checkpoints
        torch.nn.utils.weight_norm(made.head)
    made(torch.eye(5), torch.empty(2, 0, dtype=torch.long), torch.zeros(5, dtype=torch.long)).sum().backward()
    return made


UP_TO = "encode=its own forward up to"
FOUND: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "last layer is pooled": (LastLayerIsPooled, f"{UP_TO} 'head', readout='mean', classifier='head'"),
    "two steps": (TwoSteps, f"{UP_TO} 'lin1', readout='sum', classifier=['lin1', 'ReLU', 'head']"),
    "two steps, ELU": (TwoStepsElu, "classifier=['lin1', 'ELU', 'head']"),
    "three poolings": (ThreePoolings, "readout=['max', 'mean', 'sum'], classifier=['lin1', 'ReLU', 'head']"),
    "attends": (Attends, f"{UP_TO} 'pool', readout='pool', classifier=['lin1', 'ReLU', 'head']"),
    "lists": (Lists, "readout='mean', classifier=['lins.0', 'ReLU', 'lins.1']"),
    "graph norm": (Normalises, f"{UP_TO} its pooling, readout='mean', classifier='head'"),
    "in place": (InPlace, "readout='sum', classifier='head'"),
    "in the data": (InData, "readout='sum', classifier='head'"),
    "named": (Named, "readout='sum', classifier='head'"),
    "a mapping": (Mapped, "readout='sum', classifier='head'"),
    "a pair": (Paired, "readout='sum', classifier='head'"),
    "edge weights wanted": (Weighs, "readout='sum', classifier='head'"),
    "another name": (OtherName, "readout='sum', classifier='head'"),
    "own encode": (OwnEncode, "readout='mean', classifier='head'"),
    "shared": (Shared, f"{UP_TO} 'head', readout='sum', classifier='head'"),
    "around": (Around, "classifier=['net.lin1', 'ReLU', 'net.head']"),
    "for devices": (lambda: nn.DataParallel(TwoSteps()), "classifier=['lin1', 'ReLU', 'head']"),
    "averaged": (lambda: torch.optim.swa_utils.AveragedModel(LastLayerIsPooled()), "classifier='head'"),
    "loops, sum": (lambda: Loops(lambda into, out: gnn.GINConv(nn.Linear(into, out))), "readout='sum'"),
    "loops, mean": (lambda: Loops(gnn.SAGEConv), "readout='sum'"),
    "loops, native": (lambda: Loops(lambda into, out: gnn.GCNConv(into, out, add_self_loops=False)), "readout='sum'"),
    "whatever comes": (Whatever, "classifier=['lin1', 'ReLU', 'head']"),
    "in a row": (in_a_row, "readout='mean', classifier='module_5'"),
    "old weight norm": (old_norm, "classifier=['lin1', 'ReLU', 'head']"),
    "spectral norm": (lambda: _normed(TwoSteps()), "classifier=['lin1', 'ReLU', 'head']"),
}


def _normed(module: Any) -> nn.Module:
    torch.nn.utils.parametrizations.spectral_norm(module.head)
    made: nn.Module = module
    return made


def made(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return build().eval()


@pytest.mark.parametrize("name", FOUND)
def test_how_it_is_wired_is_found_and_is_its_own_forward(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """`adapt` with a prior compares with `forward`, edge weights and gradients included."""
    build, words = FOUND[name]
    teacher = acgkd.adapt(made(build), prior=PRIOR)
    assert words in caplog.text
    x, edges = torch.eye(5), torch.tensor([[0, 1, 3, 4], [1, 0, 4, 3]])
    before = x.clone()
    assert teacher(x, edges, torch.tensor([0, 0, 1, 1, 1])).shape == (2, 3)
    assert torch.equal(x, before), "what it is handed stays as it was"


def test_a_head_of_several_layers_may_be_named() -> None:
    module, parts = made(TwoSteps), ["lin1", nn.ReLU(), "head"]
    nodes: Any = lambda module, x, edge_index: module.nodes(x, edge_index)  # noqa: E731
    teacher = acgkd.adapt(module, encode=nodes, classifier=parts, prior=PRIOR)
    assert teacher.width == 8
    assert [type(part).__name__ for part in teacher.classifier.children()] == ["Linear", "ReLU", "Linear"]
    with pytest.raises(TeacherError, match="class scores of its module's `forward`"):
        acgkd.adapt(module, encode=nodes, classifier=["lin1", nn.Tanh(), "head"], prior=PRIOR)
    with pytest.raises(TeacherError, match="has no 'lin3'"):
        acgkd.adapt(module, encode=nodes, classifier=["lin3", "head"], prior=PRIOR)
    around = acgkd.adapt(made(Around), encode="net.nodes", classifier=["net.lin1", nn.ReLU(), "net.head"], prior=PRIOR)
    assert around.width == 8
    assert acgkd.adapt(made(LastLayerIsPooled), classifier="head", prior=PRIOR).pooling == "mean"


class Random(Base):
    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        scores: Tensor = self.head(F.dropout(gnn.global_add_pool(self.nodes(x, edge_index), batch)))
        return scores


class OneScore(Base):
    """A binary classifier."""

    def __init__(self, squeezed: bool) -> None:
        super().__init__()
        self.last, self.squeezed = nn.Linear(8, 1), squeezed

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        score: Tensor = self.last(gnn.global_add_pool(self.nodes(x, edge_index), batch)).sigmoid()
        return score.squeeze(1) if self.squeezed else score


class Spoiled(Base):
    """No weight is wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(float("nan")))

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        scores: Tensor = self.head(gnn.global_add_pool(self.nodes(x, edge_index), batch) * self.scale)
        return scores


class Residual(Base):
    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        pooled = gnn.global_add_pool(self.nodes(x, edge_index), batch)
        scores: Tensor = self.head(pooled + self.lin1(pooled).relu())
        return scores


class LooksUp(Base):
    """Reads whole numbers that it makes of those that it is handed."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 5)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        scores: Tensor = self.head(
            gnn.global_add_pool(self.nodes(self.table((x.long() % 5).squeeze(1)), edge_index), batch)
        )
        return scores


class Lazy(Base):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.LazyLinear(3)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (Random, r"say the same each time, but Random does not, .* `F\.dropout\(x\)` without `training="),
        (lambda: OneScore(True), r"must score two classes or more, but OneScore has one score"),
        (lambda: OneScore(False), r"must score two classes or more, but OneScore has one score"),
        (Spoiled, r"class scores must be finite, but Spoiled gives NaN"),
        (
            Residual,
            r"Residual classifies, but no part .* be one module\. .*`lin1` \[5, 8\] → \[5, 8\].* Name its parts",
        ),
        (LooksUp, r"one-hot blocks .*`acgkd\.embed_kinds"),
        (Lazy, r"must have their sizes, but `head\.weight` of Lazy is of a lazy one"),
    ],
)
def test_what_cannot_be_taken_is_said_in_a_true_sentence(build: Callable[[], nn.Module], words: str) -> None:
    module = made(build)
    for prior in (PRIOR, None):
        with pytest.raises(TeacherError) as error:
            acgkd.adapt(module, prior=prior)
        assert re.search(words, str(error.value)), str(error.value)


class OneScoreAsTwo(nn.Module):
    """What the error of one score advises."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(8, 1)

    def forward(self, pooled: Tensor) -> Tensor:
        score = self.one(pooled)
        return torch.cat([torch.zeros_like(score), score], dim=1)


class ResidualHead(nn.Module):
    """What the error of a residual head advises."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.out = nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, pooled: Tensor) -> Tensor:
        scores: Tensor = self.out(pooled + self.inner(pooled).relu())
        return scores


@pytest.mark.parametrize("head", [OneScoreAsTwo, ResidualHead])
def test_the_ways_out_that_errors_name_are_ways_out(head: Callable[[], nn.Module]) -> None:
    class Whole(Base):
        def __init__(self) -> None:
            super().__init__()
            self.head = head()  # type: ignore[assignment]

        def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
            scores: Tensor = self.head(gnn.global_add_pool(self.nodes(x, edge_index), batch))
            return scores

    module = made(Whole)
    x, edges, batch = torch.eye(5), torch.tensor([[0, 1, 3], [1, 0, 4]]), torch.tensor([0, 0, 0, 1, 1])
    with torch.no_grad():
        torch.testing.assert_close(acgkd.adapt(module)(x, edges, batch), module(x, edges, batch))


def test_dropout_that_stays_on_is_distinguished_from_a_wrong_wiring() -> None:
    nodes: Any = lambda module, x, edge_index: module.nodes(x, edge_index)  # noqa: E731
    with pytest.raises(TeacherError, match="say the same each time, but Random does not"):
        acgkd.adapt(made(Random), encode=nodes, classifier="head", prior=PRIOR)


def test_such_a_module_is_a_student_too_which_is_read_back_without_it(tmp_path: Path) -> None:
    """Its program holds no call of the pooling that would ask how many graphs there are."""
    from acgkd.students.saving import load_student, save_student

    student = acgkd.adapt(made(TwoSteps), prior=PRIOR)
    save_student(student, tmp_path / "student.pt", PRIOR)
    loaded = load_student(tmp_path / "student.pt")
    x, edges, batch = (
        torch.eye(5).repeat(2, 1),
        torch.tensor([[0, 1, 3, 4], [1, 0, 4, 3]]),
        torch.tensor([0] * 3 + [1] * 7),
    )
    with torch.no_grad():
        torch.testing.assert_close(loaded(x, edges, batch), student(x, edges, batch))


def test_a_student_that_asks_for_the_number_of_graphs_is_a_program_too(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Others are in `test_open_sizes.py`; here the number of graphs is asked for by a norm."""
    from acgkd.students.probing import compared, probes
    from acgkd.students.saving import load_student, save_student

    student = acgkd.adapt(made(Normalises), prior=PRIOR).eval()
    save_student(student, tmp_path / "student.pt", PRIOR)
    batches = probes(student, PRIOR, graphs=12)
    assert compared(student, load_student(tmp_path / "student.pt"), batches) < 1e-5
    assert capfd.readouterr() == ("", ""), "nor is there a page of torch's on the first try"
