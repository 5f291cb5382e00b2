"""Images as a modality."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from acgkd.config import PriorConfig
from acgkd.errors import ConfigError, TeacherError, UnknownNameError
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.images import IMAGES, ImageBatch, ImagePrior
from acgkd.modalities import modality

CPU = torch.device("cpu")


class Small(nn.Module):
    """A minimal image model that can break one law."""

    def __init__(self, law: str = "") -> None:
        super().__init__()
        self.width: Any = "wide" if law == "width" else 4
        self.features = nn.Conv2d(3, 5 if law == "encode" else 4, 3)
        self.classifier = nn.Linear(4, 2 if law == "classes" else 6)
        if law == "missing":
            del self.classifier

    def encode(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.features(x).mean((2, 3))
        return pooled


def test_modalities_are_found_by_name() -> None:
    assert modality("graphs") is GRAPHS
    assert modality("images") is IMAGES
    with pytest.raises(UnknownNameError, match="Did you mean 'images'"):
        modality("image")


def test_images_are_joined_with_their_classes() -> None:
    samples = [(torch.full((3, 4, 4), float(number)), number) for number in range(3)]
    batch = IMAGES.collate(samples, CPU)
    assert batch.x.shape == (3, 3, 4, 4)
    assert batch.labels is not None
    assert batch.labels.tolist() == [0, 1, 2]
    assert IMAGES.size(batch) == 3
    assert IMAGES.collate([image for image, _ in samples], CPU).labels is None
    picked = IMAGES.selector(batch)(torch.tensor([2, 0]))
    assert picked.labels is not None
    assert picked.labels.tolist() == [2, 0]
    assert picked.x[:, 0, 0, 0].tolist() == [2, 0]


def test_a_batch_is_packed_for_a_file_and_unpacked() -> None:
    batch = ImageBatch(torch.randn(2, 3, 4, 4, requires_grad=True), torch.tensor([1, 0]))
    again = IMAGES.unpack(IMAGES.pack(batch), CPU)
    assert torch.equal(again.x, batch.x)
    assert not again.x.requires_grad
    assert again.labels is not None
    assert again.labels.tolist() == [1, 0]
    assert not batch.detach().x.requires_grad
    assert IMAGES.unpack(IMAGES.pack(ImageBatch(batch.x)), CPU).labels is None


def test_logits_are_the_classifier_of_the_embedding() -> None:
    model, batch = Small(), ImageBatch(torch.randn(2, 3, 5, 5))
    assert torch.equal(IMAGES.logits(model, batch), model.classifier(IMAGES.embed(model, batch)))


def test_the_prior_comes_from_the_run_then_from_the_set() -> None:
    known = PriorConfig(shape=(1, 28, 28), classes=10)
    assert IMAGES.prior(PriorConfig(), known) == ImagePrior((1, 28, 28), 10)
    prior = IMAGES.prior(PriorConfig(shape=(3, 8, 8)), known)
    assert (prior.shape, prior.classes, prior.feature_count) == ((3, 8, 8), 10, 3)
    assert prior.facts() == {"shape": (3, 8, 8), "classes": 10}
    with pytest.raises(ConfigError, match="nothing gives `shape`"):
        IMAGES.prior(PriorConfig(classes=2), PriorConfig())
    with pytest.raises(ConfigError, match="nothing gives `classes`"):
        IMAGES.prior(PriorConfig(shape=(1, 2, 2)), PriorConfig())


def test_a_teacher_that_keeps_the_protocol_passes() -> None:
    model = Small().train()
    IMAGES.check_teacher(model, ImagePrior((3, 8, 8), 6))
    assert model.training


@pytest.mark.parametrize(
    ("law", "words"),
    [
        ("missing", "must have `classifier`, but Small has none"),
        ("width", "must say its `width`"),
        ("encode", r"`encode` of an image teacher must return \[images, width\] = \[2, 4\], but gave \(2, 5\)"),
        ("classes", r"`classifier` of an image teacher must return \[images, classes\] = \[2, 6\], but gave \(2, 2\)"),
    ],
)
def test_every_law_of_the_protocol_is_checked(law: str, words: str) -> None:
    with pytest.raises(TeacherError, match=words):
        IMAGES.check_teacher(Small(law), ImagePrior((3, 8, 8), 6))


def test_graph_batches_are_packed_too() -> None:
    batch = GraphBatch(torch.ones(2, 1), torch.tensor([[0, 1], [1, 0]]), None, torch.tensor([0, 0]), 1)
    again = GRAPHS.unpack(GRAPHS.pack(batch), CPU)
    assert torch.equal(again.edge_index, batch.edge_index)
    assert again.edge_weight is None
    assert (again.graphs, GRAPHS.size(again)) == (1, 1)
    assert GRAPHS.to(batch, CPU).graphs == 1
