"""How long a step of each method takes, measured side by side, and the numbers of steps that follow from it.

Methods are compared at equal seconds. The steps of the method that a spec runs as its trial are given; every line of
the spec that ends in `# calibrated` gets, as its first number of steps, as many as fit into the same time: of
synthesis, or of synthesis and transfer together where a method has one joint stage.
"""

import json
import platform
import re
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from acgkd.config import RunConfig
from acgkd.run.experiment import Experiment
from sweeps.spec.sweep_spec import SweepSpec

SEED = 100
TIMED_S = 0.5
TURNS = 10  # steps of a joint stage are timed by tens: its two sides take turns, of five steps each by default
MARK = "# calibrated"
DECAY = 700 / 1500  # where GFKD's released schedule lets its rates fall: a shorter one falls after the same share


@dataclass(frozen=True)
class Pace:
    """What one method takes.

    Args:
        stage: that was timed: the one that makes samples.
        step_s: median over rounds of the seconds of one step.
        lowest_s: of the fastest round.
        highest_s: of the slowest round.
        transfer_step_s: likewise of a transfer step, where that was asked for.
    """

    stage: str
    step_s: float
    lowest_s: float
    highest_s: float
    transfer_step_s: float | None = None


class _Timed:
    """A run whose steps are timed; it is begun anew when its stage is over.

    Args:
        config: what is run.
        home: where its teacher is.
        skipped: steps that are none of the stage's.
    """

    def __init__(self, config: RunConfig, home: Path, skipped: int = 0) -> None:
        self._experiment = Experiment(config, SEED, home=home)
        self._experiment.prepare()
        self._skipped = skipped
        self._left = 0
        self._run = self._experiment.start().method_run
        self.stage = self._run.stages[1 if skipped else 0].name
        self.rounds: list[float] = []

    def _step(self) -> None:
        if self._left == 0:
            self._run = self._experiment.start().method_run
            self._left = next(stage.steps for stage in self._run.stages if stage.name == self.stage)
            for _ in range(self._skipped):
                self._run.step()
        self._run.step()
        self._left -= 1

    def round(self) -> None:
        """Steps for about `TIMED_S`, and one more before that, which is not timed."""
        self._step()
        steps, spent = 0, 0.0
        whole = TURNS if self.stage == "joint" else 1
        while steps == 0 or steps % whole or spent < TIMED_S:
            fresh = self._left == 0
            begun = time.perf_counter()
            self._step()
            if not fresh:  # the first step of a run makes what the others find there
                steps, spent = steps + 1, spent + time.perf_counter() - begun
        self.rounds.append(spent / steps)


def measure(spec: SweepSpec, labels: Sequence[str], rounds: int = 5) -> dict[str, Pace]:
    """Times methods of a spec in turn, round after round, so that a slow moment is everybody's.

    Rows with the same synthesis but for its steps are timed once: they are to have the same steps, and pseudo-samples.

    Args:
        spec: of one data set; its teacher is trained for one epoch, which changes no time.
        labels: which of its controls, beside its trial.
        rounds: how many.

    Returns:
        By label; the trial's is its method's name.
    """
    own = spec.method.name
    configs = {own: spec.run_config({}), **{label: spec.control_config(label) for label in labels}}
    with tempfile.TemporaryDirectory() as home:
        quick = {
            label: config.model_copy(update={"teacher": config.teacher.model_copy(update={"epochs": 1})})
            for label, config in configs.items()
        }
        first: dict[str, str] = {}
        same = {label: first.setdefault(_synthesis(config), label) for label, config in quick.items()}
        timed = {label: _Timed(quick[label], Path(home)) for label in first.values()}
        short = quick[own].method.model_copy(update={"synthesis": {**quick[own].method.synthesis, "steps": 1}})
        transfer = _Timed(quick[own].model_copy(update={"method": short}), Path(home), skipped=1)
        for _ in range(rounds):
            for one in (*timed.values(), transfer):
                one.round()
    return {
        label: Pace(
            timed[known].stage,
            statistics.median(timed[known].rounds),
            min(timed[known].rounds),
            max(timed[known].rounds),
            statistics.median(transfer.rounds) if label == own else None,
        )
        for label, known in same.items()
    }


def _synthesis(config: RunConfig) -> str:
    settings = {key: value for key, value in config.method.synthesis.items() if key != "steps"}
    return json.dumps([config.method.name, settings, config.prior.model_dump(mode="json")], sort_keys=True)


def steps_of(paces: Mapping[str, Pace], reference: str, synthesis: int, transfer: int) -> dict[str, int]:
    """As many steps of each method as fit into the reference's time, to two digits.

    Args:
        paces: of all methods.
        reference: the label whose steps are given.
        synthesis: its steps of synthesis.
        transfer: its steps of transfer.
    """
    own = paces[reference]
    whole = {"synthesis": own.step_s * synthesis}
    whole["joint"] = whole["synthesis"] + (own.transfer_step_s or 0.0) * transfer
    return {
        label: max(1, round(float(f"{whole[pace.stage] / pace.step_s:.2g}")))
        for label, pace in paces.items()
        if pace.stage in whole and label != reference
    }


def written(path: Path) -> dict[str, int]:
    """The steps that a spec's calibrated lines say, by label."""
    return {_label(entry): _steps(entry) for entry in _marked(path.read_text())}


def rewrite(path: Path, steps: Mapping[str, int]) -> None:
    """Puts the steps into the spec's calibrated lines, and the decay that goes with them; all else stays as it is."""
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        if line.endswith(MARK):
            label = _label(yaml.safe_load(line)[0])
            if label in steps:
                line = re.sub(r"\bsteps: \d+", f"steps: {steps[label]}", line, count=1)
                lines[number] = re.sub(r"\bdecay_every: \d+", f"decay_every: {round(DECAY * steps[label])}", line)
    path.write_text("\n".join(lines) + "\n")


def _marked(text: str) -> list[dict[str, Any]]:
    return [yaml.safe_load(line)[0] for line in text.splitlines() if line.endswith(MARK)]


def _label(entry: Mapping[str, Any]) -> str:
    return str(entry.get("label", entry["name"]))


def _steps(entry: Mapping[str, Any]) -> int:
    said = [entry.get(stage, {}).get("steps") for stage in ("synthesis", "transfer")]
    return int(next(steps for steps in said if steps is not None))


def note(path: Path, dataset: str, paces: Mapping[str, Pace], steps: Mapping[str, int], rounds: int) -> None:
    """Records a calibration beside those of other data sets."""
    known = json.loads(path.read_text()) if path.exists() else {}
    known["machine"] = f"{platform.system()} {platform.machine()}, one thread"
    known.setdefault("datasets", {})[dataset] = {
        "versions": {name: version(name) for name in ("acgkd", "torch", "torch_geometric")},
        "rounds": rounds,
        "methods": {label: {**asdict(pace), "steps": steps.get(label)} for label, pace in paces.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known, indent=2) + "\n")


def read(path: Path) -> dict[str, Any]:
    """The recorded calibrations by data set; empty where there is none."""
    return dict(json.loads(path.read_text())["datasets"]) if path.exists() else {}
