"""Pseudo-samples to look at: the first of each class, as pixels and as edges."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from acgkd.graphs import GRAPHS, GraphBatch, GraphPrior
from acgkd.graphs.picture import MOST_NODES
from acgkd.images import IMAGES, ImageBatch, ImagePrior
from acgkd.images.picture import LARGEST
from acgkd.run.pseudo_samples import MOST_CLASSES, PATIENCE, pseudo_samples

CPU = torch.device("cpu")


class Made:
    """Stands for a distillation of images of 2 by 2, one value each, of which the teacher says the class."""

    class Teacher(nn.Module):
        def __init__(self, classes: int) -> None:
            super().__init__()
            self.width, self.classes = 1, classes
            self.classifier = self.answer

        def encode(self, x: Tensor) -> Tensor:
            return x.mean(dim=(1, 2, 3)).unsqueeze(1)

        def answer(self, values: Tensor) -> Tensor:
            return -4 * (values - torch.arange(self.classes)).abs()

    def __init__(self, tiny: ModuleType, values: list[int], classes: int, *, labelled: bool = False) -> None:
        base = tiny.distillation().context
        prior = ImagePrior((1, 2, 2), classes)
        self.context = type(base)(self.Teacher(classes), base.student, prior, base.streams, CPU)
        self.method = type("Method", (), {"needs_data": False})
        self.values, self.labelled, self.asked = values, labelled, list[int]()
        self.method_run = self

    def samples(self, count: int) -> ImageBatch:
        self.asked.append(count)
        values = torch.tensor([self.values[number % len(self.values)] for number in range(count)])
        x = values.float().view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
        return ImageBatch(x, (values + 1) % 3 if self.labelled else None)


def test_the_first_of_each_class_are_kept_in_order_of_class(tiny: ModuleType) -> None:
    run: Any = Made(tiny, [1, 0, 1, 2, 0, 2], 3)
    kept = pseudo_samples(run, IMAGES, 2)
    assert run.asked == [6]
    assert kept["label"].tolist() == [0, 0, 1, 1, 2, 2]
    assert kept["found"].tolist() == [2, 2, 2]
    assert int(kept["drawn"]) == 6
    sure = torch.tensor([0.0, -4.0, -8.0]).softmax(0)[0]
    assert kept["confidence"][0] == pytest.approx(float(sure))


def test_a_class_that_is_never_made_is_looked_for_and_stays_empty(tiny: ModuleType) -> None:
    run: Any = Made(tiny, [2, 0], 3)
    kept = pseudo_samples(run, IMAGES, 2)
    assert run.asked == [6, 6 * PATIENCE]
    assert kept["label"].tolist() == [0, 0, 2, 2]
    assert kept["found"].tolist() == [3 * PATIENCE, 0, 3 * PATIENCE]


def test_the_class_is_what_a_sample_was_made_for_whatever_the_teacher_says(tiny: ModuleType) -> None:
    run: Any = Made(tiny, [0, 1, 2], 3, labelled=True)
    kept = pseudo_samples(run, IMAGES, 1)
    assert kept["label"].tolist() == [0, 1, 2]
    # Made for class 0 was the one that the teacher takes for class 2.
    assert kept["confidence"][0] == pytest.approx(float(torch.tensor([-8.0, -4.0, 0.0]).softmax(0)[0]))


def test_of_very_many_classes_the_first_are_kept(tiny: ModuleType) -> None:
    run: Any = Made(tiny, list(range(MOST_CLASSES + 7)), MOST_CLASSES + 7)
    kept = pseudo_samples(run, IMAGES, 1)
    assert kept["label"].tolist() == list(range(MOST_CLASSES))
    assert len(kept["found"]) == MOST_CLASSES + 7


def test_pixels_are_what_they_were_before_they_were_standardised() -> None:
    prior = ImagePrior((3, 4, 5), 2, mean=(0.2, 0.5, 0.7), std=(0.5, 0.2, 0.1))
    pixels = torch.randint(0, 256, (6, 3, 4, 5), generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (prior.mean, prior.std))
    kept = IMAGES.picture(ImageBatch((pixels / 255 - mean) / std), prior)
    assert np.array_equal(kept["pixels"], pixels.permute(0, 2, 3, 1).numpy())
    assert kept["pixels"].dtype == np.uint8
    assert kept["outside"].tolist() == [0.0] * 6


def test_what_no_pixel_can_be_is_cut_off_and_counted() -> None:
    x = torch.tensor([[-1.0, 0.5], [2.0, 1.0]]).view(1, 1, 2, 2)
    kept = IMAGES.picture(ImageBatch(x), ImagePrior((1, 2, 2), 2))
    assert kept["pixels"].squeeze().tolist() == [[0, 128], [255, 255]]
    assert kept["outside"].tolist() == [0.5]


def test_large_images_and_odd_channels_are_made_fit_to_be_seen() -> None:
    prior = ImagePrior((4, 3 * LARGEST, 2 * LARGEST), 2)
    x = torch.zeros(2, *prior.shape)
    x[:, 0] = 1
    kept = IMAGES.picture(ImageBatch(x), prior)
    assert kept["pixels"].shape == (2, LARGEST, round(LARGEST * 2 / 3), 1)
    assert np.unique(kept["pixels"]).tolist() == [64]


def plainly(batch: GraphBatch) -> list[set[tuple[int, int]]]:
    """The edges of each graph, one by one."""
    graph, found = batch.batch.tolist(), [set[tuple[int, int]]() for _ in range(batch.graphs)]
    weights = [1.0] * batch.edge_index.shape[1] if batch.edge_weight is None else batch.edge_weight.tolist()
    for (one, other), weight in zip(batch.edge_index.T.tolist(), weights, strict=True):
        first = graph.index(graph[one])
        if weight >= 0.5 and one != other:
            found[graph[one]].add((min(one, other) - first, max(one, other) - first))
    return found


def test_edges_are_those_of_half_a_weight_or_more_in_either_direction() -> None:
    generator = torch.Generator().manual_seed(0)
    sizes = torch.tensor([4, 1, 6, 3])
    graph = torch.arange(4).repeat_interleave(sizes)
    pairs = torch.cartesian_prod(torch.arange(14), torch.arange(14)).T
    pairs = pairs[:, graph[pairs[0]] == graph[pairs[1]]]
    pairs = pairs[:, torch.randperm(pairs.shape[1], generator=generator)]
    weights = torch.rand(pairs.shape[1], generator=generator)
    batch = GraphBatch(torch.rand(14, 5, generator=generator), pairs, weights, graph, 4)
    prior = GraphPrior(1, 6, 2.0, "categorical", 5, 2)
    for weighted in (batch, GraphBatch(batch.x, pairs[:, ::3], None, graph, 4)):
        kept, expected = GRAPHS.picture(weighted, prior), plainly(weighted)
        assert kept["nodes"].tolist() == sizes.tolist()
        assert kept["edges"].tolist() == [len(edges) for edges in expected]
        parts = np.split(kept["ends"], np.cumsum(kept["edges"])[:-1], axis=1)
        assert [set(map(tuple, part.T.tolist())) for part in parts] == expected
        assert kept["feature"].tolist() == batch.x.argmax(dim=1).tolist()


def test_of_graphs_too_large_to_be_drawn_the_sizes_are_kept() -> None:
    sizes = torch.tensor([3, MOST_NODES + 1, 2])
    graph = torch.arange(3).repeat_interleave(sizes)
    nodes = int(sizes.sum())
    ends = torch.tensor([[0, 1, 5, nodes - 2], [1, 2, 6, nodes - 1]])
    batch = GraphBatch(torch.ones(nodes, 1), ends, None, graph, 3)
    kept = GRAPHS.picture(batch, GraphPrior(2, 9, 2.0, "constant", 1, 2))
    assert kept["shown"].tolist() == [True, False, True]
    assert kept["edges"].tolist() == [2, 1, 1]
    assert kept["ends"].T.tolist() == [[0, 1], [1, 2], [0, 1]]
    assert len(kept["feature"]) == 5
