"""Every method on images teaches digits what noise does not."""

from pathlib import Path
from typing import Any

import pytest

from acgkd.config import RunConfig
from acgkd.methods import METHODS as CATALOG
from acgkd.run import reference_pool
from acgkd.run.experiment import Experiment

SEEDS = (100, 101, 102)
NARROW: dict[str, Any] = {"recipe": "compact", "generator": {"width": 16}}
GENERATOR: dict[str, Any] = {**NARROW, "steps": 300, "batch_size": 32, "rate": 0.01}
PIXELS = {"recipe": "compact", "images": 128, "batch_size": 64, "steps": 100, "statistics_weight": 10.0, "rate": 0.05}
ROUNDS = {**NARROW, "steps": 24, "warm_up": 4, "batch_size": 64, "statistics_weight": 1.0}
IMPRESSIONS = {
    "recipe": "compact", "images": 256, "batch_size": 64, "steps": 100,
    "pixels": "free", "rate": 3.0, "square_weight": 0.001,
}  # fmt: skip
# A game begins with an untrained generator and takes longer than the others.
GAME = {"steps": 900, "turn": 3}
# By so much a method's accuracy is above that of noise, which is at chance, a tenth. Found on seeds 100 and later:
# RDSKD at 0.85 with a deviation of 0.02, DAFL and MSKD at 0.8 with one of 0.06, ZSKD at 0.56 with one of 0.2,
# DeepInversion at 0.7, the games from 0.6, fast_meta at 0.9; and an untrained generator, which learns nothing and is
# above noise all the same, at 0.3 with a deviation of 0.08.
METHODS: dict[str, tuple[dict[str, Any], dict[str, Any], float]] = {
    "rdskd": ({**NARROW, "steps": 300, "batch_size": 64}, {}, 0.5),
    "dafl": (GENERATOR, {}, 0.5),
    "mskd": (GENERATOR, {}, 0.5),
    "zskd": (IMPRESSIONS, {}, 0.2),
    "deepinversion": (PIXELS, {}, 0.4),
    "zskt": (NARROW, GAME, 0.3),
    "dfad": (NARROW, GAME, 0.3),
    "fast_meta": (ROUNDS, {}, 0.5),
}


def accuracy(method: str, synthesis: dict[str, Any], transfer: dict[str, Any], home: Path) -> float:
    """Of students on validation splits, averaged over seeds."""
    found = []
    for seed in SEEDS:
        config = {
            "dataset": {"name": "digits", "options": {"size": 32}},
            "teacher": {"preset": "lenet5-bn", "epochs": 20, "batch_size": 64, "learning_rate": 0.003},
            "student": "lenet5-half",
            "method": {
                "name": method,
                "synthesis": synthesis,
                "transfer": {"steps": 300, "batch_size": 32, "rate": 0.005, **transfer},
            },
        }
        experiment = Experiment(RunConfig.model_validate(config), seed, home=home)
        experiment.prepare()
        run = experiment.start()
        run.advance()
        found.append(experiment.evaluate(run, ["validation_accuracy"])["validation_accuracy"])
    return sum(found) / len(found)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Teachers are trained once for all methods."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def no_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is judged by agreement."""
    monkeypatch.setitem(reference_pool.PRESETS, "images", ())


@pytest.fixture(scope="module")
def noise(home: Path) -> float:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(reference_pool.PRESETS, "images", ())
        return accuracy("noise", {"recipe": "compact"}, {}, home)


def test_no_method_is_left_out() -> None:
    of_images = [name for name in CATALOG if CATALOG[name].modality == "images"]
    assert set(METHODS) == {name for name in of_images if not CATALOG[name].lower_control}


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_it_teaches_digits_what_noise_does_not(home: Path, noise: float, method: str) -> None:
    synthesis, transfer, margin = METHODS[method]
    assert accuracy(method, synthesis, transfer, home) > noise + margin
