"""What a method teaches on `motifs`, at the settings that are left out at its defaults."""

from pathlib import Path
from typing import Any

from acgkd.config import RunConfig
from acgkd.run.experiment import Experiment


def taught(method: dict[str, Any], seed: int, home: Path) -> tuple[float, float]:
    """Validation accuracy and divergence of a `gin-3-32` that a `gin-5-64` was distilled into.

    Args:
        method: `name`, and settings.
        seed: of split, teacher and draws.
        home: where teachers and pseudo-graphs are shared.
    """
    config = {"dataset": "motifs", "teacher": "gin-5-64", "student": "gin-3-32", "method": method}
    experiment = Experiment(RunConfig.model_validate(config), seed, home=home, share_synthesis=True)
    experiment.prepare()
    run = experiment.start()
    run.advance()
    found = experiment.evaluate(run, ["validation_accuracy", "validation_divergence"])
    return found["validation_accuracy"], found["validation_divergence"]
