"""Every page of results opens with five lines, and README quotes nothing that a page does not say."""

import importlib
import re
from pathlib import Path

import pytest

import analysis
from sweeps.cli.app import main
from sweeps.interchange.method_defaults import published_methods

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
    command = said["Command"].strip("`").split()
    if command[0] == "acgkd":
        files = [word for word in command if "/" in word]
        assert all((ROOT / file).exists() for file in files)
        return
    assert command[:2] == ["python", "-m"]
    module = ROOT / command[2].replace(".", "/")
    assert module.with_suffix(".py").is_file() or (module / "__main__.py").is_file()


@pytest.mark.parametrize(("page", "options"), [("overhead", ["--runs"]), ("asking", [])])
def test_a_page_of_speed_is_what_its_records_say(
    page: str, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks._lib import timing

    def once(kept: timing.Kept, measure: object, **key: object) -> dict[str, object]:
        return next(line for line in kept.lines if key.items() <= line.items())

    monkeypatch.setattr(timing.Kept, "once", once)
    monkeypatch.setattr("sys.argv", [page, *options, "--out", str(tmp_path / "page.md")])
    importlib.import_module(f"benchmarks.speed.{page}").main()
    made, there = (path.read_text() for path in (tmp_path / "page.md", ROOT / "docs" / "results" / f"{page}.md"))
    machine = r"\d+ cores, .*?; load average at the start .*?optuna [\d.]+\."
    assert re.sub(machine, "", made) == re.sub(machine, "", there)


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
    counts = [section.count(f": **{verdict}**; ") for verdict in ("met", "missed", "not decided")]
    said = "Of {} targets of ACGKD {} are met, {} missed and {} not decided".format(sum(counts), *counts)
    readme = (ROOT / "README.md").read_text()
    assert said in readme
    by_mean = section.count(", judged by the mean: **")
    assert f"{by_mean} of the {sum(counts)} are judged by the mean alone" in section
    assert f"{by_mean} of them, both\nthat are met among them, are judged by the mean alone" in readme
    assert section.count(", judged by the mean: **met**") == counts[0] == 2


MADE = tuple(path.stem for path in PAGES if "* **Command:** `acgkd compare " in path.read_text())


def test_pages_of_comparisons_are_made_anew() -> None:
    assert {"graph-methods", "image-methods", "image-methods-pilot", "ablation", "tuned", "mutag"} <= set(MADE)


@pytest.mark.slow  # run by `make docs`
@pytest.mark.parametrize("name", MADE)
def test_a_page_is_what_its_own_command_makes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / "docs" / "results" / f"{name}.md"
    (said,) = re.findall(r"^\* \*\*Command:\*\* `acgkd (.*)`$", page.read_text(), re.M)
    monkeypatch.chdir(ROOT)
    *arguments, folder = said.split()
    assert folder == "docs/results"
    assert main([*arguments, str(tmp_path)]) == 0
    assert (tmp_path / page.name).read_text() == page.read_text()
    assert all((page.parent / path.name).is_file() for path in tmp_path.iterdir())


def test_the_report_of_the_quickstart_is_one_file_of_todays_questions() -> None:
    assert "](docs/results/quickstart/report.html)" in (ROOT / "README.md").read_text()
    page = (ROOT / "docs" / "results" / "quickstart" / "report.html").read_text()
    assert "://" not in page
    questions = (ROOT / "docs" / "how-to" / "read-a-report.md").read_text().split("in this order")[1]
    today = [
        line.split(" | ")[0].strip("| ") for line in questions.splitlines() if line.startswith("| ") and "?" in line
    ]
    asked = re.findall(r"<h2[^>]*>([^<]*)", page)
    assert asked == today[: len(asked)]
    assert len(asked) >= 5, "pseudo-samples are kept where a spec says so"


@pytest.mark.slow  # run by `make docs`
def test_a_comparison_of_many_sweeps_has_one_baseline_on_all_data_sets_unless_it_is_named() -> None:
    found = analysis.compare_methods(
        [ROOT / "docs" / "results" / "records" / "image-methods.parquet"], published=published_methods()
    )
    assert found.baseline == "rdskd"
    assert not found.absent
    assert {tuple(panel.cells) for panel in found.panels} == {("cifar10",), ("digits",), ("mnist",)}
    assert all(panel.contestants[0] == "rdskd" for panel in found.panels)
    assert not [name for panel in found.panels for name in panel.contestants if "[" in name]


@pytest.mark.slow  # run by `make docs`
def test_the_page_of_three_methods_is_what_its_command_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for its figures, whose elements have names of chance."""
    monkeypatch.chdir(ROOT)
    assert main(["compare", "docs/results/records/three-methods.parquet", "--out", str(tmp_path)]) == 0
    made, kept = (
        re.sub(r"<svg.*?</svg>", "", (folder / "report.html").read_text(), flags=re.DOTALL)
        for folder in (tmp_path, ROOT / "docs" / "results" / "three-methods")
    )
    assert made == kept


def test_every_template_and_every_file_of_targets_is_used() -> None:
    used = "".join((ROOT / "docs" / "results" / f"{name}.md").read_text() for name in MADE)
    files = [*(ROOT / "benchmarks").glob("*/*.py"), *(ROOT / "tests" / "soak").glob("*.py")]
    scripts = "".join(path.read_text() for path in files)
    # A page that waits for its runs has no command of its own; the head of its suite says it, a line for each file.
    used += "".join(path.read_text() for path in (ROOT / "specs").glob("*.yaml")).replace("\n", " ")
    used += "".join(f"docs/results/templates/{name}.md.j2 " for name in re.findall(r'Page\("([\w-]+)"', scripts))
    for folder in ("templates", "targets"):
        for path in (ROOT / "docs" / "results" / folder).iterdir():
            assert f"docs/results/{folder}/{path.name} " in used
