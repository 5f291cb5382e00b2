"""The page of `acgkd compare`, and of a suite, as a browser shows it: on a phone, on a screen, on paper."""

from pathlib import Path

import pytest

import analysis
from sweeps.interchange.method_defaults import published_methods
from tests.analysis_tests.simulated import frame
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


HOSTILE = '</script><img src=x onerror="document.title=1"> $a$ <b>|`'


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison on five data sets, with every figure, whose methods, data sets and targets have hostile names."""
    sets = {f"{number} {HOSTILE}": {"ours": 0.8, HOSTILE: 0.7, f"{HOSTILE} too": 0.6} for number in range(5)}
    targets = [{"row": "ours", "against": f"{HOSTILE} too", "at_least": 0}]
    found = analysis.compare_methods(frame(sets, seeds=3), baseline="ours", targets=targets)
    return found.write(tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_names_stay_text_and_the_page_follows_the_scheme(
    chromium: Browser, hostile: Path, width: int, dark: bool, scripts: bool
) -> None:
    chromium.open(hostile, width, 900, dark=dark, scripts=scripts)
    assert chromium.said == []
    assert [url for url in chromium.requests if not url.startswith("data:")] == [hostile.as_uri()]
    assert chromium.run("document.title") == "Comparison"
    assert chromium.run("document.querySelectorAll('main img, main :not(figcaption) > b').length") == 0
    assert chromium.run("document.documentElement.scrollWidth") <= width
    assert chromium.run("document.querySelectorAll('figure svg').length") == 4
    assert HOSTILE.replace("`", "") in chromium.run("document.body.textContent").replace("`", "")
    light = "(c => c.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0))"
    ground = chromium.run(f"{light}(getComputedStyle(document.body).backgroundColor)")
    assert (ground > 600) is not dark
    inks = chromium.run(
        f"[...document.querySelectorAll('figure svg text, figure svg .text, td, th, p, h2, figcaption')]"
        f".map(e => {light}(e.closest('svg') ? getComputedStyle(e).fill : getComputedStyle(e).color))"
    )
    assert len(inks) > 50
    assert min(abs(ink - ground) for ink in inks) > 200, "what is written is far from what it is written on"
