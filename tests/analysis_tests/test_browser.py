"""The report as a browser shows it: what its script does, and that all is there without it."""

from pathlib import Path
from types import ModuleType

import pytest

from analysis.reports import write
from tests.browser import Browser

pytestmark = pytest.mark.browser

HOSTILE = '</script><img src=x onerror="document.title=1"> $a$ <b>'


@pytest.fixture(scope="module")
def page(made_up: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a sweep with pseudo-samples, and with a setting of a hostile name and value."""
    folder = made_up.plausible(tmp_path_factory.mktemp("sweep") / "sweep", trials=24)
    made_up.keep_samples(folder)
    for path in (folder / "records").glob("trial-00*.json"):
        path.write_text(path.read_text().replace("method/transfer/curriculum/pacing", "method/<img src=x>"))
    changed = (folder / "records" / "trial-0000-00.json").read_text()
    assert "<img src=x>" in changed
    for path in (folder / "records").glob("trial-0000-*.json"):
        text = path.read_text()
        for name in ("linear", "root", "geometric", "step"):
            text = text.replace(f'"{name}"', '"' + HOSTILE.replace('"', '\\"') + '"')
        path.write_text(text)
    return write([folder], tmp_path_factory.mktemp("report"))


def shown(tab: Browser, selector: str) -> int:
    """How many elements of a selector have a size."""
    return int(tab.run(f"[...document.querySelectorAll({selector!r})].filter(e => e.getClientRects().length).length"))


MARK = 'figure svg use[data-trial="{}"]'


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_shows_all_asks_nobody_and_fits(
    chromium: Browser, page: Path, width: int, dark: bool, scripts: bool
) -> None:
    chromium.open(page, width, 900, dark=dark, scripts=scripts)
    assert chromium.said == []
    assert [url for url in chromium.requests if not url.startswith("data:")] == [page.as_uri()]
    assert chromium.run("document.documentElement.scrollWidth") <= width
    assert chromium.run("document.querySelectorAll('figure svg').length") >= 8
    # What is wider than its place stands in a frame that scrolls.
    wide = chromium.run(
        "[...document.querySelectorAll('main *')].filter(e => "
        "!e.closest('.scroll, .plot, pre, details:not([open])') && "
        "e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline' && e.clientWidth > 0)"
        ".map(e => e.outerHTML.slice(0, 120))"
    )
    assert wide == []
    ground = chromium.run("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") is not dark


def test_text_of_figures_stands_inside_them_and_can_be_read(chromium: Browser, page: Path) -> None:
    for width, smallest in ((360, 6.5), (1280, 9)):
        chromium.open(page, width, scripts=False)
        outside = chromium.run(
            "[...document.querySelectorAll('figure svg')].flatMap(svg => { const s = svg.getBoundingClientRect();"
            "return [...svg.querySelectorAll('text')].filter(t => { const b = t.getBoundingClientRect();"
            "return b.left < s.left - 3 || b.right > s.right + 3 || b.top < s.top - 3 || b.bottom > s.bottom + 3; })"
            ".map(t => t.textContent); })"
        )
        assert outside == []
        sizes = chromium.run(
            "[...document.querySelectorAll('figure svg')].map(svg => svg.getScreenCTM().a * 8)"  # points of small text
        )
        assert min(sizes) >= smallest * 0.75


def test_without_its_script_every_alternative_is_there(chromium: Browser, page: Path) -> None:
    chromium.open(page, scripts=False)
    every = chromium.run("document.querySelectorAll('figure').length")
    assert shown(chromium, "figure") == every
    assert shown(chromium, ".controls, .picker") == 0


def test_of_several_axes_one_is_shown_and_on_paper_all_are(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    group = "document.querySelector('.alternatives')"
    labels = chromium.run(f"[...{group}.querySelector('select').options].map(o => o.textContent)")
    assert labels[:2] == ["synthesis + transfer time", "multiply-adds"]
    seen = f"[...{group}.querySelectorAll('figure')].map(f => f.getClientRects().length > 0)"
    assert chromium.run(seen) == [True, *[False] * (len(labels) - 1)]
    chromium.run(
        f"(() => {{ const s = {group}.querySelector('select'); s.selectedIndex = 1;"
        "s.dispatchEvent(new Event('change')); })()"
    )
    assert chromium.run(seen)[:2] == [False, True]
    chromium.call("Emulation.setEmulatedMedia", media="print")
    assert all(chromium.run(seen))
    assert shown(chromium, ".controls, .picker") == 0
    chromium.call("Emulation.setEmulatedMedia", media="")


def test_hovering_says_what_a_trial_is_and_marks_it_everywhere(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    chosen = chromium.run("document.querySelector('tr.marked').dataset.trial")
    chromium.over(f"document.querySelector('{MARK.format(chosen)}')")
    assert shown(chromium, ".tip") == 1
    said = chromium.run("document.querySelector('.tip').textContent")
    assert said.startswith(f"trial {chosen}")
    assert "test accuracy" in said
    rings = chromium.run("document.querySelectorAll('.ring').length")
    assert rings == chromium.run(f"document.querySelectorAll('{MARK.format(chosen)}').length") > 4
    rows = f'tr[data-trial="{chosen}"]'
    assert chromium.run(f"[...document.querySelectorAll('{rows}')].every(row => row.classList.contains('lit'))")
    chromium.over("document.querySelector('h1')")
    assert shown(chromium, ".tip") == 0
    assert chromium.run("document.querySelectorAll('.ring, .lit').length") == 0
    chromium.over(f"document.querySelector('{rows}')")
    assert chromium.run("document.querySelectorAll('.ring').length") == rings


def test_a_click_or_a_key_keeps_a_trial_highlighted(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    chosen = chromium.run("document.querySelector('tr.marked').dataset.trial")
    chromium.click(f"document.querySelector('{MARK.format(chosen)}')")
    chromium.over("document.querySelector('h1')")
    assert chromium.run("document.querySelectorAll('.ring').length") > 4
    assert chromium.run("document.querySelector('.controls button').textContent") == f"Release trial {chosen}"
    chromium.key("Escape")
    assert chromium.run("document.querySelectorAll('.ring').length") == 0
    chromium.run("document.querySelector('tr[tabindex=\"0\"]').focus()")
    chromium.key("ArrowDown")
    second = chromium.run("document.activeElement.dataset.trial")
    chromium.key("Enter")
    assert chromium.run(f"document.querySelectorAll('tr.pinned[data-trial=\"{second}\"]').length") > 0


def test_a_filter_hides_rows_and_marks(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    before = chromium.run("document.querySelectorAll('figure [data-trial]:not(.out)').length")
    chromium.run(
        "(() => { const s = document.querySelector('.controls select'); s.value = 'completed';"
        "s.dispatchEvent(new Event('change')); })()"
    )
    completed = chromium.run("document.querySelector('.controls output').textContent")
    assert 0 < int(completed.split()[0]) < 24
    chromium.run(
        "(() => { const t = document.querySelector('.controls input'); t.value = 'trial 7';"
        "document.querySelector('.controls select').value = ''; t.dispatchEvent(new Event('input')); })()"
    )
    left = chromium.run(
        "[...new Set([...document.querySelectorAll('[data-trial]:not(.out)')].map(e => e.dataset.trial))]"
    )
    assert left == ["7"]
    assert chromium.run("document.querySelector('.controls output').textContent") == "1 of 24 trials"
    assert 0 < chromium.run("document.querySelectorAll('figure [data-trial]:not(.out)').length") < before
    references = chromium.run("[...document.querySelectorAll('tr:not([data-trial])')].filter(r => r.hidden).length")
    assert references == 0


def test_headings_sort_by_what_cells_are_worth(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    table = "document.querySelector('#what-should-i-use ~ .scroll table, section table')"
    heads = chromium.run(f"[...{table}.tHead.rows[0].cells].map(c => c.textContent)")
    place = heads.index("time")
    column = f"[...{table}.tBodies[0].rows].map(r => r.cells[{place}].textContent)"
    chromium.click(f"{table}.tHead.rows[0].cells[{place}].querySelector('button')")
    assert chromium.run(f"{table}.tHead.rows[0].cells[{place}].getAttribute('aria-sort')") == "descending"

    def numbers() -> list[float]:
        cells = chromium.run(column)
        assert cells[-2:] == ["–", "–"], "what has no value comes last"
        return [float(cell.split()[0].replace(",", "")) for cell in cells if cell != "–"]

    assert numbers() == sorted(numbers(), reverse=True)
    chromium.run(f"{table}.tHead.rows[0].cells[{place}].querySelector('button').focus()")
    chromium.key("Enter", "\r")
    assert chromium.run(f"{table}.tHead.rows[0].cells[{place}].getAttribute('aria-sort')") == "ascending"
    assert numbers() == sorted(numbers())


def test_names_of_any_kind_are_text(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    assert chromium.run("document.title").startswith("Sweep")
    assert chromium.run("document.querySelectorAll('main img, svg b, .tip img').length") == 0
    chromium.run(
        "(() => { const t = document.querySelector('.controls input'); t.value = 'onerror'; "
        "t.dispatchEvent(new Event('input')); })()"
    )
    assert chromium.run("document.querySelector('.controls output').textContent").startswith("1 of ")
    marks = "[...document.querySelectorAll('figure use[data-trial]:not(.out)')].filter(e => e.getClientRects().length)"
    chromium.over(f"{marks}[0]")
    assert "<img src=x>" in chromium.run("document.querySelector('.tip').textContent")
    assert chromium.run("document.querySelectorAll('.tip img').length") == 0
    assert chromium.said == []


@pytest.mark.parametrize("folders", [2])
def test_trials_of_two_sweeps_are_not_taken_for_each_other(
    chromium: Browser, made_up: ModuleType, tmp_path: Path, folders: int
) -> None:
    made = [made_up.plausible(tmp_path / f"s{n}", trials=8, seed=n) for n in range(folders)]
    chromium.open(write(made, tmp_path / "report"))
    chromium.over("document.querySelector('section[data-scope=s0] tr[data-trial]')")
    scopes = chromium.run(
        "[...new Set([...document.querySelectorAll('.lit')].map(e => e.closest('section').dataset.scope))]"
    )
    assert scopes == ["s0"]
