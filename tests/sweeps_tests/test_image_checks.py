"""What `acgkd check` says of images: sizes that fit, augmentation where it means something, shares that are used."""

from pathlib import Path
from typing import Any

import pytest

from acgkd.config import DatasetConfig, PriorConfig, StudentConfig, TeacherConfig
from sweeps.cli.commands import doctor
from sweeps.spec.checks.dataset_checks import dataset_law, images_fit


def fit(dataset: str | None, preset: str, **changes: Any) -> list[str]:
    data = None if dataset is None else DatasetConfig(name=dataset, options=changes.pop("options", {}))
    prior = PriorConfig(**changes.pop("prior", {}))
    faults = images_fit(prior, data, TeacherConfig(preset=preset, **changes), StudentConfig(preset="resnet-8"))
    return [f"{fault.path}: {fault.message}" for fault in faults]


def test_models_that_read_one_size_get_that_size() -> None:
    assert fit("mnist", "lenet5") == fit("digits", "lenet5", options={"size": 32}) == fit("digits", "wrn-10-1") == []
    assert fit("digits", "lenet5-bn") == [
        "teacher/preset: 'lenet5-bn' reads images of 32 x 32, but these have 8 x 8. Set `dataset/options/size: 32`, or "
        "take a `resnet` or a `wrn`."
    ]
    assert "28 x 28" in fit(None, "lenet5", prior={"shape": (1, 28, 28)})[0]
    assert fit(None, "lenet5") == fit("no such set", "lenet5") == fit("digits", "no such model") == []


def test_only_images_are_augmented() -> None:
    assert fit("digits", "wrn-10-1", augment="crop_flip") == []
    assert "'motifs' holds graphs" in fit("motifs", "gin-3-8", augment="crop_flip")[0]


def test_unused_shares_are_reported_with_their_place() -> None:
    (fault,) = dataset_law(DatasetConfig(name="svhn", fractions=(0.5, 0.2, 0.3)))
    assert fault.path == "dataset/fractions"
    assert list(dataset_law(DatasetConfig(name="svhn"))) == []


def test_doctor_says_how_to_get_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    assert any("acgkd[images]" in text for state, text in doctor._data(Path()) if state == "note")
    monkeypatch.setattr(doctor, "find_spec", lambda name: name)
    assert not any("acgkd[images]" in text for _, text in doctor._data(Path()))
