"""Images as a modality."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from acgkd.config import PriorConfig
from acgkd.errors import ConfigError, TeacherError, UnknownNameError
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.images import IMAGES, ImageBatch, ImagePrior
from acgkd.images.augment import PADDING, crop_flip
from acgkd.modality import modality
from acgkd.pixels import Pixels

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
    assert prior.facts() == {"shape": (3, 8, 8), "classes": 10, "mean": (0.0,) * 3, "std": (1.0,) * 3}
    with pytest.raises(ConfigError, match="nothing gives `shape`"):
        IMAGES.prior(PriorConfig(classes=2), PriorConfig())
    with pytest.raises(ConfigError, match="nothing gives `classes`"):
        IMAGES.prior(PriorConfig(shape=(1, 2, 2)), PriorConfig())


def test_the_prior_knows_the_preprocessing_and_so_the_range_of_valid_images() -> None:
    known = PriorConfig(shape=(1, 28, 28), classes=10, mean=(0.5,), std=(0.25,))
    prior = IMAGES.prior(PriorConfig(), known)
    assert (prior.mean, prior.std, prior.lowest, prior.highest) == ((0.5,), (0.25,), (-2.0,), (2.0,))
    assert IMAGES.prior(PriorConfig(mean=(0.0,)), known).highest == (4.0,)
    plain = IMAGES.prior(PriorConfig(shape=(3, 8, 8)), known)
    assert (plain.lowest, plain.highest) == ((0.0,) * 3, (1.0,) * 3)
    with pytest.raises(ConfigError, match="`std` of a prior of images must have a number for each channel, but 1 "):
        IMAGES.prior(PriorConfig(std=(1.0, 1.0)), known)
    with pytest.raises(ValidationError, match="Every `std > 0`"):
        PriorConfig(std=(1.0, 0.0))


def stored(count: int = 6) -> Pixels:
    draws = torch.Generator().manual_seed(0)
    values = torch.randint(256, (count, 3, 4, 5), generator=draws).to(torch.uint8)
    return Pixels(values, torch.arange(count) % 3, (0.1, 0.2, 0.3), (0.5, 1.0, 2.0))


def test_stored_images_are_normalised_when_they_are_joined() -> None:
    pixels = stored()
    mean, std = torch.tensor(pixels.mean).view(3, 1, 1), torch.tensor(pixels.std).view(3, 1, 1)
    slow = [
        ((image.float() / 255 - mean) / std, int(label))
        for image, label in zip(pixels.values, pixels.labels, strict=True)
    ]
    batch, by_hand = IMAGES.collate(pixels, CPU), IMAGES.collate(slow, CPU)
    assert torch.allclose(batch.x, by_hand.x, atol=1e-6)
    assert batch.labels is not None
    assert by_hand.labels is not None
    assert torch.equal(batch.labels, by_hand.labels)
    assert len(pixels) == 6
    part = IMAGES.collate(pixels[4:], CPU)
    assert torch.equal(part.x, batch.x[4:])
    assert torch.equal(IMAGES.collate(pixels.select(torch.tensor([5, 0])), CPU).x, batch.x[[5, 0]])
    image, label = pixels[-1]
    assert torch.allclose(image, batch.x[5])
    assert label == 2
    with pytest.raises(IndexError):
        pixels[6]


def test_minibatches_are_cut_from_stored_images_and_from_others_alike() -> None:
    pixels, indices = stored(), torch.tensor([3, 1])
    whole = IMAGES.collate(pixels, CPU)
    for samples in (pixels, [pixels[number] for number in range(6)]):
        cut = IMAGES.minibatches(samples, CPU, augment="none", generator=None)(indices)
        assert torch.allclose(cut.x, whole.x[indices])
        assert cut.labels is not None
        assert cut.labels.tolist() == [0, 1]


def test_images_are_moved_and_mirrored_as_one_by_one() -> None:
    images = torch.arange(1, 1 + 200 * 2 * 5 * 6).view(200, 2, 5, 6)
    moved = crop_flip(images, torch.Generator().manual_seed(0))
    draws = torch.Generator().manual_seed(0)
    rows, columns = (torch.randint(2 * PADDING + 1, (200, 1), generator=draws).flatten() for _ in range(2))
    mirrored = torch.randint(2, (200, 1), generator=draws).flatten()
    padded = torch.nn.functional.pad(images, (PADDING,) * 4)
    for number, (row, column, mirror) in enumerate(
        zip(rows.tolist(), columns.tolist(), mirrored.tolist(), strict=True)
    ):
        cut = padded[number, :, row : row + 5, column : column + 6]
        assert torch.equal(moved[number], cut.flip(2) if mirror else cut)
    assert 60 < int(mirrored.sum()) < 140


def test_augmented_borders_are_black() -> None:
    pixels = stored(64)
    black = -torch.tensor(pixels.mean) / torch.tensor(pixels.std)
    white = Pixels(torch.full_like(pixels.values, 255), pixels.labels, pixels.mean, pixels.std)
    cut = IMAGES.minibatches(white, CPU, augment="crop_flip", generator=torch.Generator().manual_seed(0))
    images = cut(torch.arange(64)).x
    for channel in range(3):
        values = images[:, channel].unique()
        assert values.numel() == 2
        assert torch.allclose(values[0], black[channel])


def test_graphs_are_not_augmented() -> None:
    with pytest.raises(ConfigError, match="`teacher/augment: crop_flip` is for images"):
        GRAPHS.minibatches([], CPU, augment="crop_flip", generator=None)


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
