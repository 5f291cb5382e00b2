"""The pages on what can be called from Python: all their examples are run, in order, in an empty folder."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "api").glob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(page: Path) -> list[tuple[int, str]]:
    """The examples of a page, each with the number of the line before its first."""
    text = page.read_text(encoding="utf-8")
    return [(text[: found.start(1)].count("\n"), found.group(1)) for found in BLOCK.finditer(text)]


def run(page: Path) -> None:
    """Runs the examples of a page in one namespace; a traceback names the page and its line."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for before, code in blocks(page):
        exec(compile("\n" * before + code, str(page), "exec"), namespace)


@pytest.mark.slow  # `make docs` runs them, with the snippets of all other pages
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert blocks(page), f"{page.name} has no example"
    run(page)


def test_a_failing_example_fails_at_its_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n```python\nx = 1\n```\n\n```bash\nfalse\n```\n\n```python\nassert x == 2\n```\n")
    with pytest.raises(AssertionError) as caught:
        run(page)
    assert caught.traceback[-1].lineno + 1 == 12


@pytest.mark.parametrize(
    "package", ["acgkd", "sweeps", "analysis", "analysis.figures", "analysis.reports", "analysis.robustness"]
)
def test_a_page_names_every_public_name(package: str) -> None:
    module, root = import_module(package), package.partition(".")[0]
    page = (ROOT / "docs" / "api" / f"{root}.md").read_text(encoding="utf-8")
    # Parts of a package are listed in tables, below its own name.
    whole = rf"\b{re.escape(package)}\."
    before = whole if package == root else rf"(?:{whole}|`)"
    missing = [name for name in module.__all__ if not re.search(rf"{before}{name}\b", page)]
    assert missing == [], f"docs/api/{root}.md"
