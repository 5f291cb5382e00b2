"""Difficulty by structure, and that measuring it fits into memory."""

from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.transfer import difficulty
from acgkd.transfer.difficulty import measure_difficulty, parts


class Sized:
    """A source of graphs of which only the size is known."""

    def __init__(self, load: list[int]) -> None:
        self.labels = torch.zeros(len(load), dtype=torch.long, device="cpu")
        self.load = torch.tensor(load, device="cpu")

    def draw(self, indices: Tensor) -> GraphBatch:
        raise AssertionError("nothing is drawn")

    def edges(self, indices: Tensor) -> Tensor:
        return self.load[indices].float()


class Unsized:
    """A source of anything."""

    def __init__(self, count: int) -> None:
        self.labels = torch.zeros(count, dtype=torch.long, device="cpu")

    def draw(self, indices: Tensor) -> None:
        raise AssertionError("nothing is drawn")


@given(st.lists(st.integers(1, difficulty.LARGEST_LOAD + 5), min_size=1, max_size=40))
def test_parts_cover_all_in_order_within_the_bound_and_no_sooner(load: list[int]) -> None:
    found = [part.tolist() for part in parts(Sized(load))]
    assert [index for part in found for index in part] == list(range(len(load)))
    for part in found:
        assert len(part) == 1 or sum(load[index] for index in part) <= difficulty.LARGEST_LOAD
    for part, following in pairwise(found):
        assert sum(load[index] for index in part) + load[following[0]] > difficulty.LARGEST_LOAD


def test_parts_are_bounded_by_count_too() -> None:
    for source in (Sized([1] * 600), Unsized(600)):
        assert [part.numel() for part in parts(source)] == [256, 256, 88]


def measured(tiny: ModuleType, source: object, difficulty: str, labels: str = "pseudo") -> tuple[Tensor, Tensor]:
    context = tiny.context()
    return measure_difficulty(
        source,  # type: ignore[arg-type]
        difficulty,  # type: ignore[arg-type]
        modality=GRAPHS,
        teacher=context.teacher,
        student=context.student,
        count=lambda *_: None,
        labels=labels,  # type: ignore[arg-type]
    )


def measure(tiny: ModuleType, source: object, difficulty: str) -> list[float]:
    return measured(tiny, source, difficulty)[0].tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("difficulty", ["loss", "entropy", "gap", "edges"])
def test_the_class_of_a_sample_is_its_label_or_what_the_teacher_says(tiny: ModuleType, difficulty: str) -> None:
    source = tiny.distillation().method_run._synthesis.source("fixed")
    everything = torch.arange(8, device="cpu")
    logits = GRAPHS.logits(tiny.context().teacher, source.draw(everything))
    (_, pseudo), (hard, said) = (measured(tiny, source, difficulty, labels) for labels in ("pseudo", "teacher"))
    assert pseudo.tolist() == source.labels.tolist()
    assert said.tolist() == logits.argmax(dim=1).tolist()
    assert said.tolist() != pseudo.tolist(), "the teacher has taught these graphs nothing yet"
    if difficulty == "loss":
        assert hard.tolist() == pytest.approx((-logits.log_softmax(1).max(dim=1).values).tolist())


def test_a_run_by_what_the_teacher_says_resumes_in_the_same_bytes(tiny: ModuleType, tmp_path: Path) -> None:
    transfer = {"steps": 6, "batch_size": 4, "curriculum": {"labels": "teacher", "pace": 1.0}}
    whole, first, second = (tiny.distillation(transfer=transfer) for _ in range(3))
    whole.advance()
    first.advance(until=0.75)
    first.save(tmp_path / "run")
    second.load(tmp_path / "run")
    second.advance()
    for one, other in zip(whole.student.parameters(), second.student.parameters(), strict=True):
        assert torch.equal(one, other)


def test_edges_are_the_expected_edges_and_ask_no_model(tiny: ModuleType) -> None:
    run = tiny.distillation().method_run
    graphs, source = run._synthesis.graphs, run._synthesis.source("resampled")
    probabilities = torch.sigmoid(graphs.structure.logits.detach()).split(graphs.candidates.counts.tolist())
    expected = [part.sum().item() for part in probabilities]
    assert measure(tiny, source, "edges") == pytest.approx(expected)
    assert sum(expected) == pytest.approx(graphs.kept_edges().item())
    some = torch.tensor([5, 2], device="cpu")
    assert source.edges(some).tolist() == pytest.approx([expected[5], expected[2]])


def test_the_load_is_what_a_pass_goes_through(tiny: ModuleType) -> None:
    source = tiny.distillation().method_run._synthesis.source("resampled")
    for index in range(8):
        batch = source.draw(torch.tensor([index], device="cpu"))
        assert source.load[index] == batch.x.shape[0] + batch.edge_index.shape[1]


def test_graphs_with_few_edges_come_first(tiny: ModuleType) -> None:
    curriculum = {"difficulty": "edges", "start": 0.25, "pace": 1.0, "labels": "pseudo"}
    run = tiny.distillation(transfer={"steps": 6, "batch_size": 8, "projection": "none", "curriculum": curriculum})
    run.advance(until=0.5)
    source = run.method_run._synthesis.source("resampled")
    edges, drawn = source.edges(torch.arange(8, device="cpu")).tolist(), []
    draw = type(source).draw

    class Watched(type(source)):  # type: ignore[misc]
        def draw(self, indices: Tensor) -> GraphBatch:
            drawn.append(indices.tolist())
            return draw(self, indices)  # type: ignore[no-any-return]

    source.__class__ = Watched
    run.method_run._begin_transfer()
    run.method_run._source = source
    run.method_run.step()
    # One of the four graphs of either class.
    easiest = {min(range(label, 8, 2), key=lambda index: edges[index]) for label in (0, 1)}
    assert [set(indices) for indices in drawn] == [easiest]


def test_real_graphs_know_their_edges(tiny: ModuleType) -> None:
    from torch_geometric.data import Data

    from acgkd.transfer.real_samples import RealGraphs

    path, ring = [[0, 1], [1, 0]], [[0, 1, 2, 1, 2, 0], [1, 2, 0, 0, 1, 2]]
    graphs = [
        Data(x=torch.ones(3, 4, device="cpu"), edge_index=torch.tensor(ends, device="cpu"), y=torch.tensor([label]))
        for label, ends in enumerate((path, ring))
    ]
    source = RealGraphs(graphs, tiny.CPU)
    assert measure(tiny, source, "edges") == [1.0, 3.0]
    assert source.load.tolist() == [5, 9]


def test_samples_without_edges_are_refused(tiny: ModuleType) -> None:
    with pytest.raises(ConfigError, match="`difficulty: edges` is for graphs"):
        measure(tiny, Unsized(3), "edges")
