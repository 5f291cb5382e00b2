"""The page of `cross-architecture`, from a suite's folder and from its packed records alike; matrices on a terminal."""

import copy
import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sweeps.cli.app import main
from sweeps.executors.inprocess import InProcess
from sweeps.spec import strict_yaml
from sweeps.suites.running import run_members
from sweeps.suites.suite_loading import load_suite

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"
KINDS = ("gcn", "gin")


@pytest.fixture(scope="module")
def folder(lab: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped suite on fake experiments: two seeds and two kinds of it; ACGKD fails from GIN to GCN."""
    spec = importlib.util.spec_from_file_location("drive_suite", Path(__file__).with_name("drive_suite.py"))
    assert spec is not None
    assert spec.loader is not None
    drive = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drive)

    class ByKind(drive.Fakes):
        def experiment(self, config: Any, seed: int, home: Path) -> Any:
            made = super().experiment(config, seed, home)
            fails = config.method.name == "acgkd" and kinds_of([config.teacher.preset, config.student.preset]) == [
                "gin",
                "gcn",
            ]
            measured = made.measure

            def measure(run: Any) -> Any:
                found = measured(run)
                accuracy = 0.5 if fails else 0.88 + 0.01 * seed
                found.quality.update(
                    test_accuracy=accuracy,
                    teacher_test_accuracy=0.9,
                    majority_accuracy=0.6,
                    predicted_classes=1 if fails and seed else 2,
                )
                return found

            made.measure = measure
            return made

    suite = copy.deepcopy(dict(strict_yaml.read(ROOT / "specs" / "cross-architecture.yaml")[1].value))
    suite["replicates"]["seeds"] = [0, 1]
    suite["suite"]["pairs"] = [each for each in suite["suite"]["pairs"] if set(kinds_of(each.values())) <= {*KINDS}]
    place, data = tmp_path_factory.mktemp("suite") / "cross-architecture", tmp_path_factory.mktemp("data")
    (data / "tu").mkdir()
    for name in ("MUTAG", "PROTEINS"):
        (data / "tu" / f"{name}.zip").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACGKD_DATA", str(data))
        fakes = ByKind({"steps": 2})
        assert run_members(load_suite(suite), place, InProcess(), experiments_of=lambda member: fakes).sound
    return place


def kinds_of(names: Iterable[str]) -> list[str]:
    return [name.partition("-")[0] for name in names]


def page_of(place: Path, out: Path) -> str:
    """The page that the command of the suite's own head makes."""
    asked = ["compare", str(place), "--baseline", "acgkd"]
    asked += ["--targets", str(RESULTS / "targets" / "cross-architecture.yaml")]
    asked += ["--template", str(RESULTS / "templates" / "cross-architecture.md.j2"), "--out", str(out)]
    assert main(asked) == 0
    return (out / "cross-architecture.md").read_text()


def test_a_suites_folder_and_its_packed_records_make_one_page(folder: Path, tmp_path: Path) -> None:
    packed = tmp_path / "cross-architecture.parquet"
    assert main(["pack", str(folder), "--out", str(packed)]) == 0
    text = page_of(folder, tmp_path / "one")
    assert text == page_of(packed, tmp_path / "other")
    assert "nan" not in text
    head = text.splitlines()[2:7]
    said = dict(re.match(r"\* \*\*(\w+):\*\* (.*)", line).groups() for line in head)
    assert list(said) == ["Question", "Answer", "Figure", "Caveat", "Command"]
    assert all(len(line) <= 350 for line in said.values())
    assert "In 6 of 8 cells" in said["Answer"]
    assert "in 2 they fail; 2 of 16 students say one class" in said["Answer"]
    assert "GIN to GCN 0.556 ± 0.000 of at least 0.9 asked for, GCN to GIN 0.983 ± 0.008" in said["Figure"]
    verdicts = re.findall(r"^\* ratio of `acgkd` .*?: \*\*([\w ]+)\*\*", text, re.M)
    assert verdicts == ["missed", "met"]
    assert "| mutag | acgkd | 0.983 | 0.769 | 3 of 4 | 1 (gin-5-64 → gcn-3-32) | 2 of 8 | 1 |" in text
    for data in ("mutag", "proteins"):
        part = text.split(f"\n## {data}\n")[1].split("\n## ")[0]
        assert "| teacher | row | gcn-3-32 | gin-3-32 |" in part
        rows = [line.strip("| ").split(" | ") for line in part.splitlines() if "-5-64 | " in line]
        pairs = {(row[0], row[1]): row[2:] for row in rows if len(row) == 4}
        assert list(pairs) == [
            (f"{kind}-5-64", name) for kind in KINDS for name in ("acgkd", "random_graphs", "real_data")
        ]
        assert pairs["gin-5-64", "acgkd"] == ["0.556 ± 0.000 (2) f c", "0.983 ± 0.008 (2)"]
        assert pairs["gin-5-64", "random_graphs"] == ["0.983 ± 0.008 (2)"] * 2
        assert ["gin-5-64", "0.900", "0.600"] in rows


def test_any_suite_of_several_kinds_has_matrices(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    assert main(["compare", str(folder), "--baseline", "acgkd", "--out", "page"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    at = lines.index("mutag: ratio to the teacher, teachers down and students across; 2 seeds each")
    assert lines[at + 1].split() == ["gcn-3-32", "gin-3-32"]
    assert lines[at + 2] == "acgkd"
    assert " ".join(lines[at + 4].split()) == "gin-5-64 0.56 ± 0.00 f c 0.98 ± 0.01"
    text = " ".join(" ".join(lines).split())
    assert (
        "acgkd on mutag: 1 of 4 pairs failed (gin-5-64 → gcn-3-32); of 8 students 2 are below the bound and 1 say one "
        "class." in text
    )
    page = (tmp_path / "page" / "report.md").read_text()
    assert "## From each teacher to each student" in page
    assert (tmp_path / "page" / "tables" / "pairs-mutag.csv").exists()
