"""The page of `acgkd compare`, and of a suite, as a browser shows it: on a phone, on a screen, on paper."""

from pathlib import Path

import pytest

import analysis
from sweeps.interchange.method_defaults import published_methods
from tests.browser import Browser

pytestmark = pytest.mark.browser
RECORDS = Path(__file__).resolve().parents[2] / "docs" / "results" / "records" / "three-methods.parquet"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    comparison = analysis.compare_methods([RECORDS], published=published_methods())
    return comparison.write(tmp_path_factory.mktemp("comparison"))


OPEN = "filter(e => !e.closest('details:not([open])'))"
HEIGHTS = f"[...document.querySelectorAll('tbody tr')].{OPEN}.map(e => e.getBoundingClientRect().height)"


def test_rows_are_low_on_a_phone_and_whole_on_a_screen(chromium: Browser, page: Path) -> None:
    chromium.open(page, 360, 800)
    assert chromium.said == []
    assert chromium.run("document.documentElement.scrollWidth") <= 360
    heights = [height for height in chromium.run(HEIGHTS) if height]
    assert len(heights) > 15
    assert max(heights) < 75, "three lines at most: short cells are not broken, they are scrolled to"
    chromium.open(page, 1280, 900)
    wide = f"[...document.querySelectorAll('.scroll')].{OPEN}.filter(e => e.scrollWidth > e.clientWidth + 1).length"
    assert chromium.run(wide) == 0, "nothing has to be scrolled to"


def test_headings_are_printed_on_every_page_of_a_table(chromium: Browser, page: Path) -> None:
    chromium.open(page, 1280, 900)
    boxes = (
        "[...document.querySelectorAll('thead button')].filter(e => getComputedStyle(e).display !== 'contents').length"
    )
    assert chromium.run(boxes) > 10
    chromium.call("Emulation.setEmulatedMedia", media="print")
    assert chromium.run(boxes) == 0, "a button in a heading keeps Chromium from repeating it"
    chromium.call("Emulation.setEmulatedMedia", media="")


def test_a_percent_sign_stays_with_its_number(chromium: Browser, page: Path) -> None:
    chromium.open(page, 360, 800)
    text = chromium.run("[...document.querySelectorAll('p, figcaption')].map(e => e.textContent).join(' ')")
    assert "95\N{NO-BREAK SPACE}%" in text
    assert "95 %" not in text
