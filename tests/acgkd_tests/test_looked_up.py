"""Modules that look whole numbers up in embeddings are taken as they are, and learned through by one-hot blocks."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torch_geometric.nn as gnn
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

import acgkd
from acgkd.graphs import GRAPHS, GraphPrior
from acgkd.modules.looked_up import LookUp, looked_up
from acgkd.teachers.teacher import as_teacher

ATOMS, BONDS = (5, 3, 4), (4, 2)
PRIOR = GraphPrior(6, 12, 2.0, "categorical", sum(ATOMS), 2, ATOMS, BONDS)


class Encoder(nn.Module):
    """The sum of a row for each column, as encoders of atoms and of bonds are."""

    def __init__(self, kinds: tuple[int, ...]) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(count, 8) for count in kinds)

    def forward(self, numbers: Tensor) -> Tensor:
        made = torch.zeros(())
        for place in range(numbers.shape[1]):
            made = made + self.tables[place](numbers[:, place])
        return made


class Convolution(gnn.MessagePassing):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(aggr="add")
        self.bonds = Encoder(BONDS)
        self.lift = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU())

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        lifted: Tensor = self.lift(x + self.propagate(edge_index, x=x, edge_attr=self.bonds(edge_attr)))
        return lifted

    def message(self, x_j: Tensor, edge_attr: Tensor) -> Tensor:
        return F.relu(x_j + edge_attr)


class Molecules(nn.Module):
    """As it is written for molecules: a data object of whole numbers, and a node beside each graph."""

    def __init__(self) -> None:
        super().__init__()
        self.atoms, self.beside = Encoder(ATOMS), nn.Embedding(1, 8)
        self.first, self.second, self.head = Convolution(), Convolution(), nn.Linear(8, 2)

    def forward(self, data: Any) -> Tensor:
        beside = self.beside(torch.zeros(data.batch[-1].item() + 1).to(data.edge_index.dtype))
        x = self.first(self.atoms(data.x) + beside[data.batch], data.edge_index, data.edge_attr)
        beside = beside + gnn.global_add_pool(x, data.batch)
        x = self.second(x + beside[data.batch], data.edge_index, data.edge_attr)
        scores: Tensor = self.head(gnn.global_mean_pool(x, data.batch))
        return scores


def molecules(*sizes: int) -> Any:
    generator = torch.Generator().manual_seed(0)

    def numbers(rows: int, kinds: tuple[int, ...]) -> Tensor:
        return torch.stack([torch.randint(count, (rows,), generator=generator) for count in kinds], dim=1)

    graphs = [
        Data(
            x=numbers(size, ATOMS),
            edge_index=torch.randint(size, (2, 2 * size), generator=generator),
            edge_attr=numbers(2 * size, BONDS),
        )
        for size in sizes
    ]
    return Batch.from_data_list(graphs)


def test_a_module_of_whole_numbers_is_adapted_as_it_is() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = Molecules().eval()
    teacher = acgkd.adapt(module, prior=PRIOR)
    GRAPHS.check_teacher(as_teacher(teacher, torch.device("cpu")), PRIOR)
    batch = molecules(5, 1, 8)
    blocks = batch.clone()
    blocks.x, blocks.edge_attr = (
        torch.cat([F.one_hot(given[:, place], count) for place, count in enumerate(kinds)], dim=1).float()
        for given, kinds in ((batch.x, ATOMS), (batch.edge_attr, BONDS))
    )
    with torch.no_grad():
        right = module(batch)
        torch.testing.assert_close(copy.deepcopy(teacher)(blocks), right)
        torch.testing.assert_close(teacher(batch), right)
    assert all(not part._forward_hooks for part in module.modules()), "nothing is left behind"


@pytest.mark.parametrize(
    "look",
    [
        lambda table, numbers: table(numbers[:, 1]),
        lambda table, numbers: table(numbers[:, 1:2]).squeeze(1),
        lambda table, numbers: table(numbers.long()[:, 1].long()),
    ],
)
def test_rows_between_kinds_are_means_that_gradients_reach(look: Callable[[nn.Module, Tensor], Tensor]) -> None:
    with torch.random.fork_rng(devices=[]):
        table = nn.Embedding(6, 4)  # one row more than there are kinds
    blocks = torch.tensor([[1.0, 0, 0.2, 0.8, 0], [0, 1, 0, 0, 1]], requires_grad=True)
    given = LookUp.of(blocks, (2, 3))
    assert given.numbers.tolist() == [[0, 1], [1, 2]]
    with looked_up(table, [given]):
        made = look(table, given.numbers)
    torch.testing.assert_close(made, torch.stack([0.2 * table.weight[0] + 0.8 * table.weight[1], table.weight[2]]))
    (gradient,) = torch.autograd.grad(made.sum(), blocks)
    assert bool(gradient[:, 2:].any())
    assert not bool(gradient[:, :2].any())


def test_other_numbers_are_looked_up_as_ever() -> None:
    table, given = nn.Embedding(5, 4), LookUp.of(torch.eye(5), (5,))
    with looked_up(table, [given]):
        assert torch.equal(table(torch.tensor([3, 1])), table.weight[[3, 1]])
        assert torch.equal(table((given.numbers[:, 0] + 1) % 5), table.weight[[1, 2, 3, 4, 0]])
