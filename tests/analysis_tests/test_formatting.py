import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import formatting
from analysis.page import markup


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.01234, "0.0123"), (4.311, "4.31"), (1234.5, "1,234"), (2e9, "2.00e+09"), (-0.5, "-0.500"),
     (math.inf, "∞"), (-math.inf, "−∞"), (math.nan, "–"), (None, "–"), (pd.NA, "–")],
)  # fmt: skip
def test_significant(value: object, shown: str) -> None:
    assert formatting.significant(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(999, "999"), (61_000, "61.0 k"), (2.5e9, "2.50 G"), (3e12, "3.00 T")])
def test_counts_have_units(value: float, shown: str) -> None:
    assert formatting.count(value) == shown


def test_missing_is_a_dash_never_zero() -> None:
    nan = math.nan
    shown = [
        formatting.share(nan),
        formatting.seconds(nan),
        formatting.milliseconds(None),
        formatting.count(nan),
        formatting.whole(pd.NA),
    ]
    shown += [formatting.mean_sd(nan, nan), formatting.interval(nan, 1), formatting.words(None), formatting.words("")]
    assert set(shown) == {"–"}
    assert formatting.mean_sd(0.8, nan) == "0.800"


def test_intervals_of_shares_end_at_their_bounds_and_equal_ends_claim_nothing() -> None:
    assert formatting.share_interval(0.7, 1.04) == "0.700 to 1.000"
    assert formatting.interval(-0.1, 1.04) == "−0.100 to 1.040"
    assert formatting.share_interval(0.8, 0.8) == formatting.interval(0.8, 0.8) == "–"


def test_large_means_have_units() -> None:
    assert formatting.mean_sd(3e9, 1e8) == "3.00 G ± 100 M"


@given(st.text(max_size=40))
def test_html_of_any_text_holds_no_markup_of_it(value: str) -> None:
    shown = markup.html_text(value)
    assert "<" not in shown.replace("<code>", "").replace("</code>", "")


@given(st.lists(st.lists(st.text(max_size=12), min_size=2, max_size=2), max_size=4))
def test_a_markdown_table_keeps_its_shape(rows: list[list[str]]) -> None:
    lines = markup.markdown_table(["a", "b"], rows, [False, True]).split("\n")
    assert len(lines) == len(rows) + 2
    for line in lines:
        assert line.replace("\\\\", "").replace("\\|", "").count("|") == 3


def test_markdown_leaves_code_alone_but_escapes_its_bars_in_tables() -> None:
    assert markup.markdown_text("`a_b` and a_b <i>") == r"`a_b` and a\_b \<i\>"
    assert r"`a\|b`" in markup.markdown_table(["x"], [["`a|b`"]], [False])


def test_latex_is_escaped() -> None:
    assert markup.latex_text("50 % of a_b & $x ± 1") == r"50 \% of a\_b \& \$x $\pm$ 1"
    table = markup.latex_table(["a", "b"], [["x_1", "0.5"]], [False, True], "On 50 %")
    assert r"\begin{tabular}{lr}" in table
    assert r"x\_1 & 0.5 \\" in table
    assert r"\caption{On 50 \%}" in table


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert markup.fenced("a\n````\nb").startswith("`````text\n")


def test_inline_svg_has_own_ids_and_no_addresses() -> None:
    svg = (
        '<?xml version="1.0"?><svg xmlns:xlink="http://www.w3.org/1999/xlink" width="100pt" height="50pt" '
        'viewBox="0 0 100 50" xmlns="http://www.w3.org/2000/svg" version="1.1"><g id="a"/>'
        '<use xlink:href="#a" clip-path="url(#c)" style="fill: #1f2328"/></svg>'
    )
    shown = markup.inline_svg(svg, "My figure", 'A "title"')
    assert "http" not in shown
    assert 'id="my-figure-a"' in shown
    assert 'xlink:href="#my-figure-a"' in shown
    assert "url(#my-figure-c)" in shown
    assert "var(--ink)" in shown
    assert 'aria-label="A &quot;title&quot;"' in shown
    assert "--wide:100pt" in shown
    assert "height=" not in shown
