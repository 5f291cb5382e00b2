"""What an image run is made of: the published test part, and batches cut from bytes."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from acgkd import datasets
from acgkd.config import PriorConfig, RunConfig
from acgkd.datasets import DATASETS, Dataset, Official, Samples
from acgkd.errors import ConfigError
from acgkd.images import IMAGES
from acgkd.pixels import Pixels
from acgkd.run.experiment import Experiment
from acgkd.run.run_data import RunData

CPU = torch.device("cpu")


def published(monkeypatch: pytest.MonkeyPatch, train: int = 300, test: int = 600) -> None:
    """A set `published` whose images are filled with their number, modulo 251."""
    numbers = torch.arange(train + test)
    values = (numbers % 251).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 4, 4).contiguous()
    images = Pixels(values, numbers % 10, (0.0,), (1.0,))
    entry = Dataset(
        modality="images",
        known=PriorConfig(shape=(1, 4, 4), classes=10, mean=(0.0,), std=(1.0,)),
        load=lambda _: Samples(images, images.labels, 10, Official(torch.arange(train, train + test), 0.2)),
        pooling="sum",
        source="Made up.",
        official_test=True,
    )
    monkeypatch.setattr(datasets, "DATASETS", {"published": entry})


def made(**dataset: Any) -> RunData:
    run = {"dataset": {"name": "published", **dataset}, "teacher": "resnet-8", "student": "resnet-8", "method": "none"}
    return RunData(RunConfig.model_validate({**run, "device": "cpu"}), 0, IMAGES)


def test_the_published_test_part_is_the_test_split(monkeypatch: pytest.MonkeyPatch) -> None:
    published(monkeypatch)
    ours = made()
    assert ours.split.test.tolist() == list(range(300, 900))
    assert (ours.split.train.numel(), ours.split.validation.numel()) == (240, 60)
    assert not set(ours.split.train.tolist()) & set(ours.split.validation.tolist())
    assert [IMAGES.size(batch) for batch in ours.test] == [256, 256, 88]
    seen = torch.cat([batch.x[:, 0, 0, 0] for batch in ours.test])
    assert torch.allclose(seen, (ours.split.test % 251) / 255)
    assert torch.equal(torch.cat([batch.labels for batch in ours.test]), ours.labels("test"))
    assert ours.in_features == 1


def test_batches_are_made_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    published(monkeypatch)
    joined: list[int] = []
    kind = SimpleNamespace(name="images", collate=lambda items, device: joined.append(len(items)))
    ours = made()
    ours.modality = kind  # type: ignore[assignment]
    batches = ours.batches("test")
    next(batches)
    assert joined == [256]


def test_shares_of_the_whole_set_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    published(monkeypatch)
    with pytest.raises(ConfigError, match="`fractions` deal out a whole data set, but 'published' has a test part"):
        _ = made(fractions=(0.5, 0.2, 0.3)).data


def test_a_split_file_may_still_say_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    published(monkeypatch)
    path = tmp_path / "split.json"
    path.write_text('{"train": [0, 5], "validation": [1], "test": [2, 400]}')
    assert made(split_file=str(path)).split.test.tolist() == [2, 400]


def test_a_run_on_digits_is_prepared_distilled_and_measured(tmp_path: Path) -> None:
    run = RunConfig.model_validate(
        {
            "dataset": "digits",
            "teacher": {"preset": "resnet-8", "epochs": 1},
            "student": "wrn-10-1",
            "method": {"name": "noise", "transfer": {"steps": 2, "batch_size": 8}},
            "device": "cpu",
        }
    )
    experiment = Experiment(run, 100, home=tmp_path)
    experiment.prepare()
    distillation = experiment.start()
    distillation.advance()
    row = experiment.measure(distillation)
    assert row.quality["test_size"] == 539
    assert 0 <= float(row.quality["test_accuracy"] or 0) <= 1
    assert row.prior["mean"] == DATASETS["digits"].known.mean
    assert row.cost["student_parameters"] == 77_562


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"classes": 5}, "`classes` of the data that teacher and student are judged by: 10 in 'digits', but got 5"),
        ({"shape": (3, 16, 16)}, "channels in `shape` of the data that teacher and student are judged by: 1 in"),
    ],
)
def test_a_prior_that_the_data_refute_ends_a_run_before_anything_is_made(
    tmp_path: Path, given: dict[str, Any], says: str
) -> None:
    run = {
        "dataset": "digits",
        "teacher": {"preset": "wrn-10-1", "epochs": 1},
        "student": "wrn-10-1",
        "method": "noise",
    }
    with pytest.raises(ConfigError, match=says):
        Experiment(RunConfig.model_validate({**run, "prior": given, "device": "cpu"}), 0, home=tmp_path).prepare()
    assert not list(tmp_path.rglob("*.pt"))


def test_a_prior_may_be_wrong_of_sizes_and_a_teacher_from_elsewhere_is_judged_by_no_data(tmp_path: Path) -> None:
    def prior(teacher: dict[str, Any], **given: Any) -> Any:
        run = {"dataset": "digits", "teacher": teacher, "student": "wrn-10-1", "method": "noise"}
        config = RunConfig.model_validate({**run, "prior": given, "device": "cpu"})
        return Experiment(config, 0, home=tmp_path).prior

    assert prior({"preset": "wrn-10-1"}, shape=(1, 16, 16)).shape == (1, 16, 16)
    assert prior({"preset": "wrn-10-1", "checkpoint": "elsewhere.pt"}, classes=5).classes == 5
