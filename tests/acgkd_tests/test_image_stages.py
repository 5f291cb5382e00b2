"""Feature maps of adapted image modules: seen on the way, compared by attention, refused where they are none."""

import re

import pytest
import torch
from torch import Tensor, nn

import acgkd
from acgkd.errors import ConfigError, TeacherError
from acgkd.images import ImagePrior
from acgkd.images.image_losses import attention_distance
from acgkd.method import MethodContext
from acgkd.methods import METHODS
from acgkd.methods.zskt import ZsktConfig
from acgkd.run.distillation import Distillation
from acgkd.runtime import Streams
from acgkd.teachers.teacher import as_teacher
from acgkd.transfer.image_outputs import answer

CPU = torch.device("cpu")
PRIOR = ImagePrior((1, 8, 8), 3, (0.5,), (0.25,))


class Net(nn.Module):
    """As people write them; what comes behind a stage computes in place."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1, self.layer2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, 2, padding=1)
        self.act, self.avgpool, self.fc = nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.layer2(self.act(self.layer1(x))))
        scores: Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return scores


def net() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Net().eval()


def test_the_stages_of_an_adapted_module_are_compared_by_attention() -> None:
    teacher = as_teacher(acgkd.adapt(net(), stages=["layer1", "layer2"], prior=PRIOR), CPU)
    student = acgkd.adapt(net(), stages=["layer1", "layer2"], prior=PRIOR)
    images, module = torch.randn(4, 1, 8, 8), teacher.module
    with torch.no_grad():
        said = answer(teacher, images)
        first = module.layer1(images)
        for maps, right in zip(said.stages, (first, module.layer2(first.relu())), strict=True):
            torch.testing.assert_close(maps, right)
        torch.testing.assert_close(said.logits, module(images))
    small = {"synthesis": {"generator": {"latent": 6, "width": 8}}, "transfer": {"attention_weight": 1.0}}
    context = MethodContext(teacher, student, PRIOR, Streams(0, CPU), CPU)
    opponent = Distillation(METHODS["zskt"], ZsktConfig.model_validate(small), context).method_run._opponent
    assert opponent.attention_weight == 1
    attention_distance(said.stages, answer(student, images).stages).backward()
    assert student.module.layer1.weight.grad is not None


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        (["layer1", "layer9"], "must name parts of the module, but got ['layer1', 'layer9']"),
        ([], "must name parts of the module"),
        (["layer2", "layer1"], "calls once each, in this order"),
        (["avgpool", "fc"], "in this order, but of ['avgpool', 'fc'] it called ['avgpool']"),
    ],
)
def test_stages_that_are_none_are_refused(stages: list[str], words: str) -> None:
    with pytest.raises(TeacherError, match=re.escape(words)):
        acgkd.adapt(net(), stages=stages, prior=PRIOR)
    with pytest.raises(ConfigError, match="need a prior of images"):
        acgkd.adapt(net(), stages=stages)
