"""Image classifiers as others write them: their classifier is found, they teach, and their students are products."""

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import acgkd
from acgkd.errors import ConfigError, TeacherError
from acgkd.images import IMAGES, ImagePrior
from acgkd.teachers.teacher import as_teacher

CPU = torch.device("cpu")
PRIOR = ImagePrior((1, 8, 8), 3, (0.5,), (0.25,))


class LeNet(nn.Module):
    """As in tutorials: functions between the layers, logarithms at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 6, 3)
        self.fc1, self.fc2, self.fc3 = nn.Linear(6, 12), nn.Linear(12, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.conv1(x).relu(), 2)
        x = F.max_pool2d(self.conv2(x).relu(), 2).flatten(1)
        return F.log_softmax(self.fc3(self.fc2(self.fc1(x).relu()).relu()), dim=1)


class Block(nn.Module):
    def __init__(self, into: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.downsample = nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return F.relu(inner + self.downsample(x))


class ResNet(nn.Module):
    """As torchvision names its parts."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4)
        self.layer1, self.layer2 = Block(4, 4, 1), Block(4, 8, 2)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer2(self.layer1(self.bn1(self.conv1(x)).relu()))
        scores: Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return scores


def vgg() -> nn.Module:
    features = [nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(True), nn.MaxPool2d(2)]
    classifier = nn.Sequential(nn.Linear(64, 10), nn.ReLU(True), nn.Dropout(), nn.Linear(10, 3))
    return nn.Sequential(nn.Sequential(*features), nn.Flatten(), classifier)


class Inverted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(4, 8, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU6(),
            nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU6(),
            nn.Conv2d(8, 4, 1, bias=False),
            nn.BatchNorm2d(4),
        )

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = x + self.conv(x)
        return residual


class MobileNet(nn.Module):
    """Depthwise convolutions; the mean over the maps is taken by a method, the head drops out."""

    def __init__(self) -> None:
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU6())
        self.features = nn.Sequential(stem, Inverted())
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(4, 3))

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.classifier(self.features(x).mean([2, 3]))
        return scores


FOUND: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "LeNet": (LeNet, "fc3"),
    "ResNet": (ResNet, "fc"),
    "VGG": (vgg, "2.3"),
    "MobileNet": (MobileNet, "classifier.1"),
}


def made(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build().eval()


@pytest.mark.parametrize("name", FOUND)
def test_teachers_of_others_teach_and_their_students_are_called(
    name: str,
    tmp_path: Path,
    tiny_images: ModuleType,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from acgkd.run import reference_pool

    pool = ("dafl", {**tiny_images.SYNTHESIS, "joint": False, "steps": 2})
    monkeypatch.setitem(reference_pool.PRESETS, "images", (pool,))  # type: ignore[index]
    build, classifier = FOUND[name]
    module = made(build)
    teacher = acgkd.adapt(module, prior=PRIOR)
    assert f"classifier='{classifier}'" in caplog.text
    images = torch.randn(4, 1, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(teacher(images), IMAGES.logits(as_teacher(teacher, CPU), images_of(images)))
        said, own = teacher(images), module(images)
        torch.testing.assert_close(said.log_softmax(1), own.log_softmax(1))
    assert teacher.classifier is module.get_submodule(classifier)
    with torch.random.fork_rng(devices=[]):
        student = tiny_images.Net(4)
    method = {"name": "dafl", "synthesis": tiny_images.SYNTHESIS, "transfer": tiny_images.TRANSFER}
    found = acgkd.distill(teacher, student, prior=PRIOR.facts(), method=method, device="cpu", lower_control=False)
    found.save(tmp_path / "student.pt")
    loaded, pixels = acgkd.load_student(tmp_path / "student.pt"), torch.rand(5, 1, 8, 8)
    with torch.no_grad():
        right = IMAGES.logits(found.student, images_of((pixels - 0.5) / 0.25))
        torch.testing.assert_close(loaded(pixels), right, rtol=1e-4, atol=1e-5)


def images_of(x: Tensor) -> Any:
    from acgkd.images import ImageBatch

    return ImageBatch(x)


def test_the_classifier_costs_its_multiply_adds_once() -> None:
    module = made(ResNet)
    teacher, images = acgkd.adapt(module, prior=PRIOR), images_of(torch.zeros(1, 1, 8, 8))
    from acgkd.modules.cost import at_rest, counting

    with at_rest(module), counting(module) as counts:
        module(images.x)
    assert IMAGES.counter(teacher, images)(images) == sum(counts)


class Scaled(ResNet):
    """Does something behind its classifier."""

    def forward(self, x: Tensor) -> Tensor:
        return 3 * super().forward(x)


class Maps(nn.Module):
    """Classifies by a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Conv2d(1, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.last(x).mean(dim=(2, 3))
        return scores


class Cuts(ResNet):
    """Computes on numbers."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.detach())


class Squeezes(ResNet):
    """Takes the axis of a single image off with those of its maps; answers a mapping; changes its input."""

    def forward(self, x: Tensor) -> Any:  # type: ignore[override]
        x = self.layer2(self.layer1(self.bn1(self.conv1(x.mul_(2))).relu()))
        features = F.adaptive_avg_pool2d(x, 1).squeeze()
        return {"features": features, "logits": self.fc(input=features)}


def test_a_module_is_called_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    module, images = made(Squeezes), torch.rand(2, 1, 8, 8)
    teacher, before = acgkd.adapt(nn.DataParallel(module), prior=PRIOR), images.clone()
    assert "classifier='fc'" in caplog.text
    scores = teacher(images)
    assert torch.equal(images, before)
    torch.testing.assert_close(scores, module(images)["logits"])
    assert teacher(before[:1]).shape == (1, 3)


class Drops(ResNet):
    """Its dropout stays on."""

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(super().forward(x))


class OneScore(ResNet):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, 0].sigmoid()


@pytest.mark.parametrize(
    ("build", "options", "words"),
    [
        (Scaled, {}, "No part of Scaled makes its class scores of one row an image"),
        (Scaled, {"classifier": "fc"}, r"but they differ by up to [\d.]+: Scaled does something behind `classifier`"),
        (Drops, {}, "must say the same each time, but Drops does not"),
        (Drops, {"classifier": "fc"}, "must say the same each time, but Drops does not"),
        (OneScore, {}, "must score two classes or more, but OneScore has one score"),
        (lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), {}, r"but `1\.weight` of Sequential is of a lazy one"),
        (Maps, {}, "No part of Maps makes its class scores"),
        (Cuts, {}, r"Gradients must reach the pixels .* `detach` cuts them off\. Leave it out"),
        (ResNet, {"classifier": "head"}, "must name a part of ResNet, but 'head' is none of: conv1, bn1"),
        (ResNet, {"prior": ImagePrior((3, 8, 8), 3)}, r"could not be called on images of \[3, 8, 8\] to find its"),
        (ResNet, {"prior": ImagePrior((1, 8, 8), 4)}, r"must return \[images, classes\] = \[2, 4\], but gave \(2, 3\)"),
        (lambda: ResNet().double(), {}, r"must be float32, but `conv1\.weight` of ResNet is float64"),
    ],
)
def test_what_does_not_fit_is_refused(build: Callable[[], nn.Module], options: dict[str, Any], words: str) -> None:
    module = made(build)
    torch.manual_seed(0)  # dropout of a few scores may be the same twice
    with pytest.raises(TeacherError, match=words):
        acgkd.adapt(module, **{"prior": PRIOR, **options})


def test_advice_is_given_where_it_helps() -> None:
    with pytest.raises(ConfigError, match="`encode` and `readout` are parts of graph models"):
        acgkd.adapt(made(ResNet), encode="features", prior=PRIOR)
    with pytest.raises(TeacherError, match="If it reads images, pass `prior=` with their `shape`"):
        acgkd.adapt(made(ResNet))
    with pytest.raises(TeacherError, match=re.escape("`acgkd.adapt(module, prior=prior)` finds the parts")):
        acgkd.distill(made(ResNet), "lenet5", prior=PRIOR.facts(), method="dafl", device="cpu")
