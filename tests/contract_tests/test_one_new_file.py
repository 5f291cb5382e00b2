"""Adding a method, a model or a data set is adding one file, which may import torch at its top."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

METHOD = '''"""Untrained graphs, in one file."""

import torch

from acgkd.config import Config
from acgkd.method import GraphContext, Method, MethodConfig, MethodRun
from acgkd.settings.pseudo_graphs import PseudoGraphConfig
from acgkd.settings.transfer_stage import TransferConfig
from acgkd.synthesis.graphs.graph_synthesis import Untrained
from acgkd.transfer.teaching import teach_graphs


class MySynthesisConfig(Config):
    """Settings."""

    graphs: int = 4


class MineConfig(MethodConfig):
    """Settings."""

    synthesis: MySynthesisConfig = MySynthesisConfig()
    transfer: TransferConfig = TransferConfig(steps=2, batch_size=4)


def _start(config: MineConfig, context: GraphContext) -> MethodRun:
    assert torch.is_tensor(torch.zeros(1))
    graphs = Untrained(PseudoGraphConfig(graphs=config.synthesis.graphs), context)
    return teach_graphs(graphs, config.transfer, context)


METHOD = Method(config=MineConfig, modality="graphs", start=_start)
'''
MODEL = '''"""A GIN under another name, which says nothing of itself."""

import torch

from acgkd.models import Model
from acgkd.models._networks.gin import GIN

MODEL = Model(modality="graphs", build=GIN, presets=("mine-2-8",))
'''
DATASET = '''"""The motifs under another name."""

import torch

from acgkd.config import PriorConfig
from acgkd.datasets import Dataset
from acgkd.datasets._readers.motif_graphs import load_motifs

DATASET = Dataset(
    modality="graphs",
    known=PriorConfig(nodes=(12, 24), mean_degree=2.1, features="categorical", feature_count=10, classes=2),
    load=lambda config: load_motifs(0, 40),
    pooling="sum",
    source="Made up.",
    needs_files=False,
)
'''
PROGRAM = """
import sys
from importlib import import_module
from pathlib import Path
here = Path(sys.argv[1])
for kind in ("methods", "models", "datasets"):
    import_module(f"acgkd.{kind}").__path__.append(str(here / kind))
from sweeps.cli.app import main
spec = str(here / "spec.yaml")
print("mine:", main(["check", spec]), "torch" in sys.modules)
print("distilled:", main(["distill", spec, "--out", str(here / "out")]))
"""


def test_entries_of_one_file_that_import_torch_at_their_top_are_checked_and_run(tmp_path: Path) -> None:
    for kind, text in (("methods", METHOD), ("models", MODEL), ("datasets", DATASET)):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "mine.py").write_text(text)
    (tmp_path / "spec.yaml").write_text(
        "dataset: mine\nteacher: {preset: mine-2-8, epochs: 1}\nstudent: gin-2-8\nmethod: mine\ncontrols: []\n"
        "device: cpu\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if line.startswith(("mine:", "distilled:"))]
    assert said == ["mine: 0 True", "distilled: 0"], done.stdout + done.stderr
