"""No tensor is made on a default device: the whole loop passes while that device can hold no numbers."""

import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import sys
from pathlib import Path

import torch

torch.set_default_device("meta")
sys.path.insert(0, sys.argv[1])
import tiny

import acgkd
from acgkd.run import reference_pool as reference
from acgkd.config import RunConfig
from acgkd.run.experiment import Experiment

home = Path(sys.argv[2])
reference.PRESETS["graphs"] = tuple(
    (name, {**synthesis, "graphs": 4, "steps": 2}) for name, synthesis in reference.PRESETS["graphs"]
)
OBJECTIVES = (
    "validation_accuracy", "validation_divergence", "agreement", "multiply_adds", "seconds", "student_multiply_adds"
)
LITTLE = {"batch_size": 8, "generator": {"latent": 4, "width": 8}}
reference.PRESETS["images"] = tuple(
    (name, {**synthesis, **LITTLE, "steps": 2}) for name, synthesis in reference.PRESETS["images"]
)
METHODS = [
    {"name": "acgkd", **tiny.CHOICES["resumable"], "synthesis": {**tiny.SYNTHESIS, "noise": "gumbel"}},
    {"name": "acgkd", "synthesis": {**tiny.SYNTHESIS, "complexity": {"mode": "threshold"}},
     "transfer": {**tiny.TRANSFER, "samples": "fixed"}},
    {"name": "acgkd", **tiny.CHOICES["joint"]},
    {"name": "random_graphs", "synthesis": {"graphs": 8}, "transfer": tiny.TRANSFER},
    {"name": "real_data", "transfer": tiny.TRANSFER},
    {"name": "deepinv_graphs", "synthesis": tiny.SYNTHESIS, "transfer": {**tiny.TRANSFER, "samples": "mixed"}},
    {"name": "dfad_gnn", "transfer": {"steps": 6, "batch_size": 8, "projection": "gat"}},
    {"name": "dfad_gnn", "synthesis": {"density": "released", "sizes": "fixed", "nodes": 9},
     "transfer": {"steps": 6, "batch_size": 8}},
    {"name": "gfkd", "synthesis": {**tiny.SYNTHESIS, "graphs_at_once": 5},
     "transfer": {**tiny.TRANSFER, "samples": "mixed"}},
    {"name": "gfkd", "synthesis": {**tiny.SYNTHESIS, "density": "prior"},
     "transfer": {**tiny.TRANSFER, "samples": "soft", "curriculum": {"difficulty": "edges", "pacing": "linear"}}},
]
ON_IMAGES = [
    {"name": "rdskd", "synthesis": {**LITTLE, "steps": 3},
     "transfer": {**tiny.TRANSFER, "curriculum": {"pacing": "linear"}, "images": 12}},
    {"name": "mskd", "synthesis": {**LITTLE, "steps": 3}, "transfer": {**tiny.TRANSFER, "optimizer": "sgd"}},
    {"name": "dafl", "synthesis": {**LITTLE, "steps": 3, "joint": False, "generator": {"ending": "sigmoid"}},
     "transfer": {**tiny.TRANSFER, "samples": "fixed"}},
    {"name": "deepinversion", "synthesis": {"images": 12, "batch_size": 6, "steps": 2, "adversarial_weight": 1.0,
     "flip": True, "clip": True}, "transfer": tiny.TRANSFER},
    {"name": "zskd", "synthesis": {"images": 12, "batch_size": 6, "steps": 2},
     "transfer": {**tiny.TRANSFER, "curriculum": {"pacing": "linear"}}},
    {"name": "noise", "synthesis": {"source": "generator"}, "transfer": tiny.TRANSFER},
    {"name": "real_data", "transfer": tiny.TRANSFER},
]
for number, method in enumerate([*METHODS, *ON_IMAGES]):
    made_of = {
        "dataset": {"name": "motifs", "options": {"graphs": 24}}, "teacher": {"preset": "gin-2-8", "epochs": 1},
        "student": "gcn-2-4" if number % 2 else "gin-2-4",
    }
    if number >= len(METHODS):
        made_of = {"dataset": "digits", "teacher": {"preset": "resnet-8", "epochs": 1, "batch_size": 256},
                   "student": "wrn-10-1"}
    config = RunConfig.model_validate({
        **made_of, "method": method, "device": "cpu",
        "prior": {"mean_degree": "unknown"} if number == 2 else {},
    })
    experiment = Experiment(config, 0, home=home, share_synthesis=True)
    experiment.prepare()
    run = experiment.start()
    run.advance(until=0.7)
    run.save(home / "run.ckpt")
    resumed = experiment.start()
    resumed.load(home / "run.ckpt")
    resumed.advance()
    experiment.evaluate(resumed, OBJECTIVES)
    experiment.measure(resumed)
    resumed.export(home / "student.pt")
    loaded = acgkd.load_student(home / "student.pt")
    held = [*experiment.teacher.state_dict().values(), *loaded.state_dict().values()]
    assert all(value.device.type == "cpu" for value in held), method
    assert tiny.weight_bytes(loaded) == tiny.weight_bytes(resumed.student), method
for features in ("degree", "constant", "continuous"):
    run = tiny.distillation(features=features)
    run.advance()
    tiny.distillation("deepinv_graphs", features=features).advance()
    tiny.distillation("gfkd", {"graphs": 8, "steps": 2, "density": "prior"}, features=features).advance()
    tiny.distillation("dfad_gnn", {"turn": 2}, {"steps": 6, "batch_size": 8}, features=features).advance()
distilled = acgkd.distill(
    tiny.teacher(), "gin-2-4", prior=tiny.PRIOR_CONFIG, method={"name": "acgkd", **tiny.CHOICES["resumable"]},
    device="cpu",
)
print("agreement", distilled.agreement)
"""


@pytest.mark.cluster  # a whole loop in a process of its own
@pytest.mark.timeout(900)
def test_the_whole_loop_passes_while_the_default_device_holds_no_numbers(tmp_path: Path) -> None:
    folder = str(Path(__file__).parents[1])
    ended = subprocess.run(
        [sys.executable, "-c", CODE, folder, str(tmp_path)], capture_output=True, text=True, timeout=800
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert 0 <= float(ended.stdout.split()[1]) <= 1
