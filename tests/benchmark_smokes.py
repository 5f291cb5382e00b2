"""A tiny run of each script in benchmarks/, through its own `main`, with a look at what it wrote."""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
import torch

from sweeps.interchange import packed_records
from tests.image_scripts import HOME, TINY, load

GRAPHS = """
dataset: {name: motifs, options: {graphs: 40}}
teacher: {preset: gin-2-8, epochs: 1}
student: gin-2-4
method: {name: acgkd, synthesis: {graphs: 6, steps: 2}, transfer: {steps: 2, batch_size: 4}}
"""


@dataclass(frozen=True)
class Stage:
    """Where a script runs.

    Args:
        folder: for all that it reads and writes.
        patch: undone afterwards.
    """

    folder: Path
    patch: pytest.MonkeyPatch

    def load(self, script: str) -> Any:
        """The script as a module."""
        return load(script)

    def main(self, module: ModuleType, *arguments: object) -> None:
        """Runs it as from a shell."""
        self.patch.setattr(sys, "argv", [str(module.__file__), *map(str, arguments)])
        module.main()

    def specs(self, **texts: str) -> Path:
        """A folder with these specs, `_` for `-` in their names."""
        folder = self.folder / "specs"
        folder.mkdir(exist_ok=True)
        for name, text in texts.items():
            (folder / f"{name.replace('_', '-')}.yaml").write_text(text)
        return folder

    def page(self, name: str) -> str:
        """What was written, once it is sure that it names no folder of this machine."""
        text = (self.folder / name).read_text()
        assert text.startswith("# ")
        assert str(HOME.parent) not in text
        assert str(self.folder) not in text
        return text


def ablation(stage: Stage) -> None:
    control = '  - {name: acgkd, label: "samples: fixed", transfer: {samples: fixed, steps: 2, batch_size: 4}}'
    text = f"{GRAPHS}replicates: {{seeds: [100]}}\ncontrols:\n{control}\n"
    specs = stage.specs(ablation_motifs=f"name: ablation-motifs\n{text}")
    stage.main(stage.load("ablation"), "--specs", specs, "--out", stage.folder)
    assert stage.page("ablation.md").count("| samples: fixed | 1 of 1 |") == 1
    assert set(packed_records.read(stage.folder / "records/ablation.parquet")) == {"ablation-motifs"}


def gpu_loop(stage: Stage) -> None:
    small = ["--device", "cpu", "--graphs", 6, "--nodes", 5, 8, "--steps", 2, "--rounds", 1]
    variants = ["--variants", "as shipped", "eager", "CUDA graph"]
    stage.main(stage.load("gpu_loop"), *small, *variants, "--out", stage.folder / "page.md")
    page = stage.page("page.md")
    assert page.count("needs a GPU") == 2
    for step in ("synthesis", "transfer"):
        assert f"| {step} | as shipped | " in page
        assert f"| {step} | eager | " in page


def graph_methods(stage: Stage) -> None:
    module = stage.load("graph_methods")
    stage.patch.setattr(module, "DATASETS", {"motifs": (module.Pair("gin-2-8", "gin-2-4", 1),)})
    stage.patch.setattr(module, "GIN", ("gin-2-8", "gin-2-4"))
    stage.patch.setattr(stage.load("_calibration"), "TIMED_S", 0.01)
    control = "{name: deepinv_graphs, label: gfkd, synthesis: {steps: 9, graphs: 6}, transfer: {steps: 2}} # calibrated"
    specs = stage.specs(motifs=f"{GRAPHS}replicates: {{seeds: [100]}}\ncontrols:\n  - {control}\n  - random_graphs\n")
    with pytest.raises(SystemExit, match="no recorded calibration"):
        stage.main(module, "--specs", specs, "--out", stage.folder)
    stage.main(module, "--specs", specs, "--out", stage.folder, "--calibrate")
    stage.main(module, "--specs", specs, "--out", stage.folder)
    page = stage.page("graph-methods.md")
    for row in ("acgkd", "gfkd", "random_graphs"):
        assert len(re.findall(rf"^\| {row} \|[^|]*\| 1 of 1 \|", page, re.M)) == 1
    assert len(packed_records.read(stage.folder / "records/graph-methods.parquet")) == 1


def image_loop(stage: Stage) -> None:
    module = stage.load("image_loop")
    tiny = {"recipe": "compact", "batch_size": 8, "generator": {"latent": 6, "width": 8}}
    stage.patch.setattr(module, "RECIPES", {"tiny": tiny})
    stage.patch.setattr(module, "MEASURE_S", 0.0)
    variants = {label: variant for label, variant in module.VARIANTS.items() if not variant.compiled}
    stage.patch.setattr(module, "VARIANTS", variants)
    stage.patch.setattr(module, "in_a_process_of_its_own", module.alone)
    stage.patch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
    stage.patch.setattr(torch.cuda, "is_available", lambda: False)
    stage.main(module, "--recipes", "tiny", "--rounds", 2, "--out", stage.folder / "page.md")
    page = (stage.folder / "page.md").read_text()
    assert "## Compact, CPU: 8 images, width 8" in page
    for label in (module.SHIPPED, *module.VARIANTS, module.ALONE):
        assert page.count(f"| {label} | ") == 1
    assert page.count("step as shipped against the plain loop's, at most 1.05") == 2
    assert "No GPU was at hand" in page


def image_methods(stage: Stage) -> None:
    module = stage.load("image_methods")
    names = {name.replace("-", "_"): TINY for name in module.FILES.values()}
    specs = stage.specs(**names, pilot_digits=TINY.replace("seeds: [0]", "seeds: [100]"))
    stage.patch.setattr(module, "DRAWS", {"robustness": 2, "draws": 2})
    stage.main(module, "--only", "mnist", "--specs", specs, "--out", stage.folder)
    page = stage.page("image-methods.md")
    for row in ("rdskd", "dafl", "noise"):
        assert f"| {row} | 1 of 1 |" in page
    assert "Not run: no GPU." in page
    assert set(packed_records.read(stage.folder / "records/image-methods.parquet")) == {"image-methods-mnist"}
    assert (stage.folder / "records/image-methods-curves.json").exists()


def image_pilot(stage: Stage) -> None:
    module = stage.load("image_pilot")
    stage.patch.setattr(module, "SWEEPS", ("pilot-digits",))
    specs = stage.specs(pilot_digits="name: pilot-digits\n" + TINY.replace("seeds: [0]", "seeds: [100]"))
    stage.main(module, "--specs", specs, "--out", stage.folder)
    page = stage.page("image-methods-pilot.md")
    assert "| **rdskd** | 1 of 1 |" in page
    assert set(packed_records.read(stage.folder / "records/image-methods-pilot.parquet")) == {"pilot-digits"}


def mutag(stage: Stage) -> None:
    module = stage.load("mutag")
    stage.patch.setattr(module, "PAIRS", (("gin-2-8", "gin-2-4"),))
    stage.main(module, "--smoke", "--seeds", 1, "--home", stage.folder / "home", "--out", stage.folder)
    rows = [label for label, *_ in module.variants()]
    page = stage.page("mutag.md")
    assert all(page.count(f"| {row} | 1 of 1 |") == 1 for row in rows)
    records = pd.read_parquet(stage.folder / "records/mutag.parquet")
    assert set(records["label"]) == {f"gin-2-8 → gin-2-4: {row}" for row in rows}


def overhead(stage: Stage) -> None:
    measure_overhead(stage.folder / "page.md", "ours-in-process", "optuna")
    page = (stage.folder / "page.md").read_text()
    assert page.count("| `acgkd run --in-process` | 1 | 0.") == 2
    assert page.count("| Optuna alone, in this process, study in memory | 1 | 0.") == 2
    assert "**Answer:** Not measured." in page


def measure_overhead(out: Path, *cases: str) -> None:
    """As from a shell, and in a process of its own, because it adopts whatever any process leaves behind."""
    small = ["--trials", "4", "--rounds", "1", "--work", "0.01", "--out", str(out), "--cases", *cases]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed.overhead", *small],
        cwd=HOME.parent, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def soak(stage: Stage) -> None:
    small = ["--trials", "3", "--kills", "1", "--damages", "1", "--executors", "inprocess"]
    out = stage.folder / "page.md"
    assert stage.load("soak").main([*small, "--work", str(stage.folder / "sweeps"), "--out", str(out)]) == 0
    page = out.read_text()
    assert "| in process | 3 | 3 | 0 | 0 |" in page
    assert "**Answer:** No: every table is that of the undisturbed sweep." in page


def synthesis(stage: Stage) -> None:
    module = stage.load("synthesis")
    stage.patch.setattr(module, "MEASURE_S", 0.01)
    stage.patch.setattr(module, "VARIANTS", {module.DEGREE: module.VARIANTS[module.DEGREE]})
    stage.patch.setattr(module, "asked", lambda v, n, g, what, threads: module.measure(v, n, g, what))
    stage.patch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
    small = ["--sizes", 4, 8, "--threads", 1, "--rounds", 1, "--graphs", 4]
    stage.main(module, *small, "--out", stage.folder / "page.md")
    page = (stage.folder / "page.md").read_text()
    assert "| | n = 4 | n = 8 |" in page
    assert "time of n = 8 against n = 4 at degree 4, at most 2.4" in page
    assert "not measured" in page


def tuned(stage: Stage) -> None:
    module = stage.load("tuned")
    stage.patch.setattr(module, "DATASETS", ("motifs",))
    stage.patch.setattr(module, "space_of", lambda method: "smoke")
    search = "replicates: {seeds: [100]}\nspace: smoke\nobjectives: [{name: validation_divergence, floor: null}]\n"
    specs = stage.specs(
        tuned=f"{GRAPHS}replicates: {{seeds: [101]}}\ncontrols: []\n",
        tuned_search=f"{GRAPHS}{search}budget: {{trials: 1}}\ncontrols: []\n",
    )
    stage.main(module, "--specs", specs, "--out", stage.folder)
    page = stage.page("tuned.md")
    assert len(re.findall(r"^\| acgkd \(tuned\) \|[^|]*\| 1 of 1 \|", page, re.M)) == 1
    assert "seeds 100. Results: seeds 101." in page
    packs = packed_records.read(stage.folder / "records/tuned.parquet")
    assert set(packs) == {"tuned-motifs", "tuned-search-motifs-acgkd"}


SMOKES: dict[str, Callable[[Stage], None]] = {
    check.__name__: check
    for check in (
        ablation, gpu_loop, graph_methods, image_loop, image_methods, image_pilot, mutag, overhead, soak, synthesis,
        tuned,
    )
}  # fmt: skip
