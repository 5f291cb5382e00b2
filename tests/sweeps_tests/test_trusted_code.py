"""Code of the user's, in a experiments as it reaches a worker: pickled, and unpacked where that code does not lie."""

import pickle
from pathlib import Path

import pytest

from acgkd.config import RunConfig
from acgkd.errors import ConfigError
from sweeps.worker.experiments import AcgkdExperiments

CODE = """
from acgkd.models import build_model

def build(prior):
    return build_model("gin-2-4", prior.feature_count, prior.classes)
"""
CONFIG = {
    "dataset": {"name": "motifs", "options": {"graphs": 40}},
    "teacher": {"preset": "code_beside_the_driver:build", "epochs": 1},
    "student": "gin-2-4",
    "method": "random_graphs",
}


@pytest.mark.parametrize("trusted", [True, False])
def test_trusted_code_is_found_where_the_driver_was_started(
    trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, elsewhere = tmp_path / "started", tmp_path / "elsewhere"
    started.mkdir()
    elsewhere.mkdir()
    (started / "code_beside_the_driver.py").write_text(CODE)
    monkeypatch.chdir(started)
    sent = pickle.dumps(AcgkdExperiments(trust_code=trusted))
    monkeypatch.chdir(elsewhere)
    experiment = pickle.loads(sent).experiment(RunConfig.model_validate(CONFIG), 0, tmp_path / "home")
    if trusted:
        experiment.prepare()
        assert experiment.prepared
    else:
        with pytest.raises(ConfigError, match="--trust-code"):
            experiment.prepare()
