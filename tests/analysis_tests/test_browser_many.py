"""The report of very many trials as a browser shows it: each can be found, though few have an element of their own."""

from pathlib import Path

import pytest

from analysis.figures.marked_trials import MOST_POINTS
from analysis.reports import write
from tests.browser import Browser
from tests.made_sweep import made_sweep

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]  # the report of 7,500 records is made first

TABLE = "[...document.querySelectorAll('table')].find(t => t.parentNode.nextElementSibling?.matches('script.rest'))"
FIGURE = "[...document.querySelectorAll('figure')].find(f => f.textContent.includes('All settings at once'))"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    return write([made_sweep(folder / "made", 3 * MOST_POINTS + 1500)], folder / "report")


def typed(tab: Browser, words: str) -> None:
    tab.run(
        f"(() => {{ const t = document.querySelector('.controls input'); t.value = {words!r};"
        "t.dispatchEvent(new Event('input')); })()"
    )


def test_the_table_of_all_trials_is_paged_sorted_and_filtered_as_a_whole(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    assert chromium.said == []
    chromium.run("document.querySelectorAll('details').forEach(d => (d.open = true))")
    trials = int(chromium.run("document.querySelector('.controls output').textContent.split(' ')[2].replace(',', '')"))
    assert trials > MOST_POINTS
    pages = f"{TABLE}.parentNode.parentNode.querySelector('.pages')"
    rows = f"[...{TABLE}.tBodies[0].rows]"
    label = f"{pages}.querySelector('output').textContent"
    # Controls, teacher and majority class come last.
    assert chromium.run(label) == f"1 to 200 of {trials + 4:,} rows"
    assert chromium.run(f"{rows}.length") == 200
    chromium.click(f"{pages}.querySelector('button:last-of-type')")
    assert chromium.run(label) == f"201 to 400 of {trials + 4:,} rows"
    assert chromium.run(f"{TABLE}.parentNode.parentNode.querySelectorAll('.remark .more').length") == 0
    # A heading sorts what is not on the page too.
    heads = chromium.run(f"[...{TABLE}.tHead.rows[0].cells].map(c => c.textContent)")
    place = heads.index("synthesis + transfer")
    chromium.click(f"{TABLE}.tHead.rows[0].cells[{place}].querySelector('button')")
    worst = chromium.run(f"{rows}.slice(0, 3).map(r => parseFloat(r.cells[{place}].textContent))")
    assert worst == sorted(worst, reverse=True)
    assert worst[0] > 23
    assert chromium.run(label).startswith("1 to 200 of ")
    # A filter finds a trial on any page; pointing at its row says where it is in every figure.
    typed(chromium, "trial 1999")
    assert chromium.run(f"{rows}.filter(r => r.dataset.trial).map(r => r.dataset.trial)") == ["1999"]
    typed(chromium, "")
    assert chromium.run(f"{rows}.length") == 200


def test_lines_and_points_of_a_picture_can_be_pointed_at(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    chromium.run(f"{FIGURE}.querySelector('.plot').scrollIntoView({{block: 'center', behavior: 'instant'}})")
    # A place on the line of one trial, from the data beside the picture.
    trial, x, y = chromium.run(
        f"(() => {{ const f = {FIGURE};"
        "const [lines, trials, places] = JSON.parse(f.querySelector('script.crowds').textContent)[0];"
        "const n = places.findIndex(p => !p.includes(null)), p = places[n], svg = f.querySelector('svg');"
        "const at = new DOMPoint((p[0] + p[2]) / 2, (p[1] + p[3]) / 2).matrixTransform(svg.getScreenCTM());"
        "return [trials[n], at.x, at.y]; })()"
    )
    chromium.mouse("mouseMoved", x, y)
    said = chromium.run("document.querySelector('.tip').hidden ? '' : document.querySelector('.tip b').textContent")
    assert said.startswith("trial ")
    assert chromium.run(f"{FIGURE}.querySelectorAll('path.ring').length") >= 1
    assert chromium.run("document.querySelectorAll('figure circle.ring').length") >= 4, "in every other figure too"
    # A filter fades the picture and draws what is left over it.
    typed(chromium, f"trial {trial},")
    assert chromium.run(f"{FIGURE}.querySelector('svg').classList.contains('thinned')")
    kept = chromium.run(f"{FIGURE}.querySelector('path.kept').getAttribute('d').split('M').length - 1")
    assert 1 <= kept < 200
    typed(chromium, "")
    assert chromium.run("document.querySelectorAll('.kept, .thinned').length") == 0
    assert chromium.said == []


def test_without_its_script_the_first_rows_are_there_and_where_the_others_are(chromium: Browser, page: Path) -> None:
    chromium.open(page, scripts=False)
    assert chromium.run(f"{TABLE}.tBodies[0].rows.length") == 200
    said = chromium.run("[...document.querySelectorAll('.remark .more')].map(e => e.textContent)")
    assert any(text.endswith("more rows are in tables/trials.csv.") for text in said)
