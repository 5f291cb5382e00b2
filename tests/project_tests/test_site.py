"""The documentation as a site: what `make docs` checks beside MkDocs."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def check_site() -> ModuleType:
    return load("check_site")


class _Loader(yaml.SafeLoader):
    """Reads `mkdocs.yml`, which names a function in the one way that MkDocs knows."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: suffix)


def nav_pages(entry: object) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    parts = entry if isinstance(entry, list) else list(entry.values()) if isinstance(entry, dict) else []
    return [page for part in parts for page in nav_pages(part)]


def test_every_page_is_in_the_navigation_once() -> None:
    nav = nav_pages(yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), _Loader)["nav"])
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert len(nav) == len(set(nav))
    assert set(nav) == pages - {"plan.md"}


def test_a_site_whose_links_lead_somewhere_passes(check_site: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<h1 id="top">a</h1><a href="more/b.html#part">b</a><a href="#top">up</a>')
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.html").write_text(
        '<p id="part"><img src="data:image/png;base64,x"><a href="https://arxiv.org">paper</a><a href="..">up</a>'
    )
    assert check_site.faults(tmp_path) == []


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="gone.html">x</a>', "index.html: no such file: gone.html"),
        ('<a href="#gone">x</a>', "index.html: no such anchor: #gone"),
        ('<a href="index.html#gone">x</a>', "index.html: no such anchor: index.html#gone"),
        ('<script src="https://example.org/x.js"></script>', "index.html: fetches https://example.org/x.js"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "index.html: fetches //example.org/x.css"),
    ],
)
def test_what_leads_nowhere_or_asks_the_network_is_found(
    check_site: ModuleType, tmp_path: Path, html: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "index.html").write_text(html)
    assert check_site.main(tmp_path) == 1
    assert capsys.readouterr().out == fault + "\n"


def test_formulas_become_mathml_and_what_cannot_is_refused() -> None:
    hooks = load("site_hooks")
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in hooks.on_page_content(r'a <span class="arithmatex">\(x^2\)</span>')
    assert 'display="block"' in hooks.on_page_content(r'<div class="arithmatex">\[a &lt; b\]</div>')
    with pytest.raises(ValueError, match="Vert"):
        hooks.on_page_content(r'<span class="arithmatex">\(a \Big\Vert b\)</span>')


FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", re.S)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.S)


def test_every_formula_of_a_page_can_be_shown() -> None:
    hooks = load("site_hooks")
    shown = 0
    for page in DOCS.rglob("*.md"):
        for found in FORMULA.finditer(CODE.sub("", page.read_text(encoding="utf-8"))):
            assert "<math" in hooks._mathml(found[1] or found[2], "inline"), page.name
            shown += 1
    assert shown > 40
