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
from tests.image_scripts import HOME, load


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

    def page(self, name: str) -> str:
        """What was written, once it is sure that it names no folder of this machine."""
        text = (self.folder / name).read_text()
        assert text.startswith("# ")
        assert str(HOME.parent) not in text
        assert str(self.folder) not in text
        return text


def agreement(stage: Stage) -> None:
    module, of_parts = stage.load("agreement"), stage.load("_pool_parts")
    short, taught = {"steps": 1}, {"steps": 2, "batch_size": 4}
    methods = {"acgkd": short, "statistics alone": short, "random_graphs": {}}
    changes = {"SETS": {"motifs": 1}, "TEACHERS": {"gin": "gcn"}, "TEACHER_SIZE": "2-8", "STUDENT_SIZE": "2-4"}
    changes |= {"MORE": {"dataset": {"name": "motifs", "options": {"graphs": 40}}}}
    changes |= {"LARGE": ("motifs",), "EPOCHS": 1, "FEWER_EACH": 4}
    changes |= {"METHODS": {label: (module.METHODS[label][0], how, taught) for label, how in methods.items()}}
    for name, value in changes.items():
        stage.patch.setattr(module, name, value)
    parts = {name: (method, {**how, **(short if how else {})}) for name, (method, how) in of_parts.SYNTHESES.items()}
    stage.patch.setattr(of_parts, "SYNTHESES", parts)
    stage.patch.setattr(of_parts, "GRAPHS_OF_A_PART", 8)
    files = ["--records", stage.folder / "agreement.parquet", "--out", stage.folder / "agreement.md"]
    for _ in range(2):  # the second time there is nothing left to run
        stage.main(module, "--home", stage.folder / "runs", *files)
    rows = pd.read_parquet(stage.folder / "agreement.parquet")
    assert len(rows) == 2 * 2 * 3 * 13, "of two teachers with students of two kinds, taught by three methods"
    assert rows["distance"].notna().equals(rows["norm"]), "without BatchNorm nothing is remembered"
    page = stage.page("agreement.md")
    assert "2 of 2 teachers, 2 students ranked at a time" in page
    assert page.count("| motifs | gin without BatchNorm → gcn | ") == 1


def asking(stage: Stage) -> None:
    small = ["--counts", 20, "--asks", 1, "--seeds", 2, "--trials", 14, "--spaces", "acgkd_core", "--workers", 2]
    files = ["--records", stage.folder / "asking.jsonl", "--out", stage.folder / "page.md"]
    for _ in range(2):  # the second run measures nothing again
        stage.main(stage.load("asking"), *small, *files)
    assert stage.page("page.md").count("| acgkd_core |") == 3
    assert len((stage.folder / "asking.jsonl").read_text().splitlines()) == 4


def early_stopping(stage: Stage) -> None:
    module = stage.load("early_stopping")
    for name in ("CHOSEN_ON", "REPORTED"):
        stage.patch.setattr(module, name, range(1))
    rule = {"reduction 2": lambda table: table.our_rule(2, ("0.5",), 0.2, ("0.5",))}
    stage.patch.setattr(module, "candidates", lambda syne_tune: {"ours": rule, "ours again": rule})
    stage.main(module, "--out", stage.folder / "page.md")
    page = stage.page("page.md")
    assert page.count("| ours | reduction 2 |") == page.count("| ours again | reduction 2 |") == 2
    assert "40 of 40 trials ended where the replay says" in page


def gpu_loop(stage: Stage) -> None:
    module = stage.load("gpu_loop")
    torch.set_num_threads(1)  # as most tests have it: on a busy machine two wait for each other
    stage.patch.setattr(module, "SIZES", {"MUTAG": (6, (5, 8), 2.2)})
    method = {"name": "acgkd", "synthesis": {"graphs": 4, "steps": 2}, "transfer": {"steps": 3, "batch_size": 4}}
    tiny = {"teacher": {"preset": "gin-2-8", "epochs": 1}, "student": "gin-2-4", "method": method}
    motifs = {**tiny, "dataset": {"name": "motifs", "options": {"graphs": 40}}}
    stage.patch.setattr(module, "PROTOCOLS", {"motifs": motifs, "mutag": tiny})
    stage.patch.setenv("ACGKD_DATA", str(stage.folder))  # where MUTAG is not
    stage.patch.setitem(module.VARIANTS, "stacked", ("1 stacked", "3 stacked"))
    small = ["--device", "cpu", "--steps", 2, "--rounds", 1, "--seconds", 0.1]
    small += ["--parts", "steps", "stacked", "motifs", "mutag"]
    records = ["--records", stage.folder / "gpu.jsonl", "--out", stage.folder / "page.md"]
    stage.main(module, *small, *records)
    lines = (stage.folder / "gpu.jsonl").read_text().splitlines()
    stage.main(module, *small[:8], "--parts", *records)  # fills the page in, and measures nothing
    assert (stage.folder / "gpu.jsonl").read_text().splitlines() == lines
    page = stage.page("page.md")
    assert page.count("needs a GPU") == 2
    for step in ("synthesis", "transfer"):
        assert f"| MUTAG-like | {step} | as shipped | " in page
        assert f"| MUTAG-like | {step} | eager | " in page
    assert re.search(r"^\| MUTAG-like \| 3 \| \d+\.\d+ \| \d+\.\d+ \| \d+\.\d+ \|$", page, re.M)
    assert "| motifs | gin-2-8 → gin-2-4 | 0 | 5 of 5 | " in page
    assert "| mutag |" not in page


def health(stage: Stage) -> None:
    module = stage.load("health")
    stage.patch.setattr(module, "PAIRS", (("motifs", "gin-2-8", "gin-2-4"),))
    stage.patch.setattr(module, "CHOOSING", 101)
    stage.patch.setattr(module, "BLOCK", 1)
    tiny = {"dataset/options": {"graphs": 40}, "teacher/epochs": 1, "method/synthesis/graphs": 16}
    tiny |= {"method/synthesis/steps": 1, "method/transfer/steps": 1, "method/transfer/batch_size": 4}
    stage.patch.setattr(module, "MORE", tiny)
    stage.patch.setattr(module, "HIT_RATE_BOUND", 1.1)  # whatever comes of it is stuck
    for _ in range(2):  # the second time there is nothing left to run
        files = ["--records", stage.folder / "health.parquet", "--out", stage.folder / "health.md"]
        stage.main(module, "--home", stage.folder / "runs", *files)
    assert len(packed_records.read(stage.folder / "health.parquet")) == 4
    page = stage.page("health.md")
    assert "2 of 2 (" in page
    assert "| motifs, gin-2-8 → gin-2-4 | choosing | 1 of 1 (" in page


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


def overhead(stage: Stage) -> None:
    measure_overhead(stage.folder / "page.md", "ours-in-process", "optuna-journal", "optuna")
    page = (stage.folder / "page.md").read_text()
    for label in ("`acgkd run --in-process`", "Optuna alone, study in a journal file", "Optuna alone, study in memory"):
        assert page.count(f"| {label} | 1 | 1 | ") == 1  # one worker, one round
    assert "**Answer:** Not measured." in page
    assert re.search(r"\| 3 \| [\d.]+ \| [\d.]+ \| no \|", page), "a finished sweep is known without torch"


def measure_overhead(out: Path, *cases: str) -> None:
    """As from a shell, and in a process of its own, because it adopts whatever any process leaves behind."""
    small = [
        "--runs",
        "0:4:1",
        "0.01:4:1",
        "--records",
        str(out.with_name("lines")),
        "--out",
        str(out),
        "--finished",
        "3",
        "--cases",
        *cases,
    ]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed.overhead", *small],
        cwd=HOME.parent, capture_output=True, text=True, timeout=800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


WITHOUT_FIGURES = """
import sys, pytest
from sweeps.cli.app import main
from tests.conftest import leave_out_figures
leave_out_figures(pytest.MonkeyPatch())
sys.exit(main(sys.argv[1:]))
"""


def report(stage: Stage) -> None:
    module = stage.load("report")
    stage.patch.setattr(module, "load_s", lambda page, profile: 0.25)
    started = subprocess.Popen

    def without_figures(command: list[str], **options: Any) -> Any:
        """The same command, whose report is whole but for the drawing of its figures."""
        assert command[1:3] == ["-m", "acgkd"]
        return started([sys.executable, "-c", WITHOUT_FIGURES, *command[3:]], **options)

    stage.patch.setattr(module.subprocess, "Popen", without_figures)
    stage.main(module, "--records", 7, "--out", stage.folder / "page.md")
    page = stage.page("page.md")
    assert "| 7 | " in page
    assert page.count(": met") == 2
    assert "Headless Chromium has loaded it after 0.2 s" in page
    slow = dict.fromkeys(("cpu_s", "peak_mb", "page_mb", "folder_mb"), 21.0) | {"records": 10_000, "load_s": None}
    text = module.Page("report", "benchmarks.speed.report", ()).text(found=[slow], seeds=3)
    assert "are not both met" in text


def stacked(stage: Stage) -> None:
    module = stage.load("stacked")
    for name, value in (
        ("AT_ONCE", 2),
        ("ROUNDS", 2),
        ("REPLICATES", (2,)),
        ("STUDENTS", {"gin-2-8 → gin-2-4, lifted": "gat"}),
    ):
        stage.patch.setattr(module, name, value)
    stage.main(module, "--out", stage.folder / "table.md")
    table = (stage.folder / "table.md").read_text()
    assert "| gin-2-8 → gin-2-4, lifted | 2 | " in table
    assert table.count(" to ") == 4


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


SMOKES: dict[str, Callable[[Stage], None]] = {
    check.__name__: check
    for check in (
        agreement, asking, early_stopping, gpu_loop, health, image_loop, overhead, report, stacked, synthesis,
    )
}  # fmt: skip
