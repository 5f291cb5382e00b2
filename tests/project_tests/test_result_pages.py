"""Every page of results opens with five lines, and README quotes nothing that a page does not say."""

import re
import shutil
from pathlib import Path

import pytest

from tests.image_scripts import load

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for path in (ROOT / "docs" / "results").glob("*.md"))
FIVE = ("Question", "Answer", "Figure", "Caveat", "Command")


def test_all_pages_are_found() -> None:
    assert {"graph-methods.md", "image-methods.md", "mutag.md", "synthesis.md"} <= {path.name for path in PAGES}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.name))
def test_a_page_opens_with_question_answer_figure_caveat_and_command(path: Path) -> None:
    title, blank, *lines = path.read_text().split("\n")[:8]
    assert title.startswith("# ")
    assert not blank
    assert not lines[5], "an empty line ends the five"
    said = {}
    for name, line in zip(FIVE, lines, strict=False):
        assert line.startswith(f"* **{name}:** "), f"{path.name}: {line}"
        said[name] = line.removeprefix(f"* **{name}:** ")
    assert said["Question"].endswith("?")
    assert re.search(r"\d", said["Figure"])
    assert re.search(r"\b(against|to|of|than)\b", said["Figure"]), "a figure is compared with something"
    assert all(len(line) <= 350 for line in said.values()), "plain and short"
    assert "nan" not in " ".join(said.values()).split()
    script = re.fullmatch(r"`python -m (benchmarks(\.\w+){2})( .*)?`", said["Command"])
    assert script is not None
    assert (ROOT / script[1].replace(".", "/")).with_suffix(".py").is_file()


def table() -> list[list[str]]:
    """Rows of README's table of results."""
    section = (ROOT / "README.md").read_text().split("## Results\n")[1].split("\n## ")[0]
    return [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| [")]


def test_the_table_of_results_is_short() -> None:
    assert 0 < len(table()) <= 8
    assert all(len(row) == 3 for row in table())


@pytest.mark.parametrize("row", table(), ids=lambda row: re.sub(r".*/|\.md.*", "", row[0]))
def test_a_figure_in_readme_is_on_its_page(row: list[str]) -> None:
    link = re.search(r"\]\(([^)]+)\)", row[0])
    assert link is not None
    figures = re.findall(r"\d[\d,.]*\d|\d", " ".join(row[1:]))
    page = (ROOT / link[1]).read_text()
    assert figures
    missing = [figure for figure in figures if not re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d]|\.\d)", page)]
    assert not missing, f"{link[1]} does not say {missing}"


def test_readme_counts_the_targets_as_the_page_does() -> None:
    section = (ROOT / "docs" / "results" / "graph-methods.md").read_text().split("## Targets\n")[1].split("\n## ")[0]
    counts = [len(re.findall(rf"^\* .*: {verdict}; ", section, re.M)) for verdict in ("met", "missed", "not decided")]
    said = "Of {} targets of ACGKD {} are met, {} missed and {} not decided".format(sum(counts), *counts)
    assert said in (ROOT / "README.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["graph_methods", "tuned", "ablation", "image_pilot", "image_methods", "mutag"])
def test_a_page_is_what_its_packed_records_say(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = ROOT / "docs" / "results"
    shutil.copytree(results / "records", tmp_path / "records")
    module = load(name)
    if name == "mutag":
        page = tmp_path / "mutag.md"
        monkeypatch.setattr(module, "ROOT", tmp_path)
        monkeypatch.setattr(module, "RESULT", page)
        monkeypatch.setattr(module, "RECORDS", tmp_path / "records" / "mutag.parquet")
        module.report(tmp_path / "home", list(range(10)), "python -m benchmarks.graphs.mutag")
    else:
        page = tmp_path / f"{module.NAME}.md"
        place = load("comparison").Place(tmp_path / "home", tmp_path / "records" / f"{module.NAME}.parquet", page)
        if name == "image_methods":
            module.report(place, curves=tmp_path / "records" / module.CURVES.name)
        elif name == "image_pilot":
            module.report(place)
        else:
            every = module.sweeps_in() if name == "ablation" else list(module.DATASETS)
            module.report(every, place)

    def lines_of(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith("Linux ")]  # what it ran on

    assert lines_of(page.read_text()) == lines_of((results / page.name).read_text())
