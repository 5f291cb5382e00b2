import io
import itertools
import math
import re
import struct
import subprocess
import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from analysis.figures.canvas import Picture, draw, picture, spread_labels
from analysis.figures.loss_curves import paint_curves, stages_of, thinned
from analysis.figures.marked_trials import trial_marks
from analysis.figures.outcome_bars import bars, paint_bars
from analysis.figures.panels import Panel, Point, paint_panels, panel
from analysis.figures.scatters import paint_scatters, scatter


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "trial": pd.Series([0, 1, 2, 3], dtype="Int64"),
            "complete": [True, True, False, True],
            "seconds": [1.0, 2.0, 30.0, math.nan],
            "test_accuracy": [0.7, 0.8, 0.6, 0.9],
            "test_accuracy_sd": [0.02, math.nan, 0.01, 0.01],
            "param/rate": [0.001, 0.1, math.nan, 0.01],
            "param/mode": pd.Series(["a", "b$_{", None, "a"], dtype="string"),
            "param/switch": pd.Series([True, False, True, True], dtype="boolean"),
        }
    )


def rendered(drawn: Figure) -> Picture:
    return picture("name", "title", "caption", drawn)


def sound(picture: Picture) -> None:
    """A PNG of some size, and an SVG without an address beyond its name spaces."""
    assert picture.png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", picture.png[16:24])
    assert width > 300
    assert height > 100
    assert "<svg" in picture.svg
    assert "DOCTYPE" not in picture.svg
    assert "<metadata" not in picture.svg
    assert "mathdefault" not in picture.svg


def test_a_panel_leaves_out_what_has_no_place() -> None:
    rows = table()
    found = panel(
        rows, "seconds", "test_accuracy", pd.Series([True, True, False, True]), 1,
        title="t", y_label="y", lines=[("teacher", 0.9), ("real_data", math.nan)],
    )  # fmt: skip
    assert [point.trial for point in found.points] == [0, 1, 2]
    assert [point.chosen for point in found.points] == [False, True, False]
    assert [point.complete for point in found.points] == [True, True, False]
    assert found.lines == (("teacher", 0.9),)
    shown = rendered(paint_panels([found, found], "seconds"))
    sound(shown)
    assert "trial 1" in shown.svg
    assert "teacher 0.900" in shown.svg
    assert shown.svg.count("chosen trial") == 1


@pytest.mark.parametrize(("chosen", "side"), [(0, "start"), (1, "start"), (2, "end")])
def test_the_name_of_the_chosen_trial_keeps_off_the_names_of_lines(chosen: int, side: str) -> None:
    some = pd.Series([True] * 4)
    found = panel(table(), "seconds", "test_accuracy", some, chosen, title="t", y_label="y", lines=[("noise", 0.5)])
    names = re.findall(r"<text[^>]*text-anchor: (\w+)[^>]*>trial (\d)<", rendered(paint_panels([found], "x")).svg)
    assert names == [(side, str(chosen))]


def test_a_panel_without_points_can_be_drawn() -> None:
    found = panel(table().head(0), "seconds", "test_accuracy", pd.Series([], dtype=bool), None, title="t", y_label="y")
    sound(rendered(paint_panels([found], "seconds")))


def test_a_picture_is_the_same_twice() -> None:
    def once() -> Picture:
        found = panel(table(), "seconds", "test_accuracy", pd.Series([False] * 4), None, title="t", y_label="y")
        return rendered(paint_panels([found], "seconds"))

    assert once() == once()


def test_a_scatter_knows_where_its_parameter_was_active() -> None:
    rate = scatter(table(), "param/rate", "test_accuracy", 3)
    assert rate.active == 3
    assert rate.logarithmic
    assert rate.chosen == (0.01, 0.9)
    mode = scatter(table(), "param/mode", "test_accuracy", None)
    assert mode.categories == ("a", "b$_{")
    assert [round(x) for x in mode.x] == [0, 1, 0]
    switch = scatter(table(), "param/switch", "seconds", 3)
    assert switch.categories == ("false", "true")
    assert switch.chosen is None
    sound(rendered(paint_scatters([(rate, rate), (mode, mode), (switch, switch)] * 3, ("a", "b"))))


COUNTED = pd.DataFrame(
    {
        "outcome": ["failed", "completed", "out_of_memory", "failed"],
        "cause": ["trial", "", "not recorded", "node"],
        "attempts": [1, 2, 1, 3],
    }
)


def test_bars_keep_the_order_of_outcomes_and_say_whose_fault_it_was() -> None:
    found = bars(COUNTED)
    assert [(bar.outcome, bar.attempts) for bar in found] == [("completed", 2), ("out_of_memory", 1), ("failed", 4)]
    assert found[-1].causes == (("trial", 1), ("node", 3))
    shown = rendered(paint_bars(found))
    sound(shown)
    for word in ("out of memory", "fault of the node", "not recorded"):
        assert word in shown.svg


def test_curves_draw_each_stage_and_drop_what_is_not_finite() -> None:
    content = {
        0: {"synthesis": {"step": [0.0, 1, 2], "loss": [100.0, 1.0, math.nan]}},
        1: {"synthesis": {"step": [0.0], "loss": [math.inf]}, "transfer": {"step": [0.0], "loss": [1.0]}},
    }
    assert stages_of(content) == ["synthesis", "transfer"]
    sound(rendered(paint_curves(content)))


@given(st.integers(0, 3000))
def test_thinning_keeps_the_ends(count: int) -> None:
    steps, losses = thinned([float(i) for i in range(count)], [1.0] * count)
    assert len(steps) == len(losses) <= 400
    if count:
        assert (steps[0], steps[-1]) == (0, count - 1)
        assert steps == sorted(set(steps))


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.01, 0.1))
def test_labels_end_apart_in_order_and_inside(positions: list[float], gap: float) -> None:
    placed = spread_labels(positions, gap, 0, 1)
    ordered = [placed[i] for i in sorted(range(len(positions)), key=positions.__getitem__)]
    assert all(b - a >= gap - 1e-9 for a, b in itertools.pairwise(ordered))
    assert all(-1e-9 <= value <= 1 + 1e-9 for value in placed)


def test_drawing_leaves_the_process_as_it_was() -> None:
    code = (
        "import sys, matplotlib\n"
        "look = lambda: {k: v for k, v in matplotlib.rcParams.copy().items() if k != 'backend'}\n"
        "before = look()\n"
        "from analysis.figures.canvas import picture\n"
        "from analysis.figures.outcome_bars import Bar, paint_bars\n"
        "picture('n', 't', 'c', paint_bars([Bar('completed', (('', 3),))]))\n"
        "assert look() == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_png_can_be_opened() -> None:
    image = pytest.importorskip("PIL.Image")
    shown = rendered(paint_bars(bars(COUNTED)))
    assert image.open(io.BytesIO(shown.png)).size[0] > 300


def test_each_mark_of_a_picture_says_its_trial() -> None:
    def paint(drawn: Figure) -> None:
        axes = drawn.subplots()
        axes.plot([3, 1, 2], [1, 2, 3], "o", gid=trial_marks([7, 5, 12]))
        axes.plot([3, 1, 2], [1, 2, math.nan], "o", gid=trial_marks([1, 2, 3]))
        axes.plot([1, 3], [1, 2], "-")

    svg = draw("marks", "Marks", "", (4, 3), paint).svg
    assert re.findall(r'<use data-trial="(\d+)"', svg) == ["7", "5", "12"], "as many marks as trials, or none says one"
    assert "trials-" not in svg


def test_more_than_two_thousand_points_are_one_picture() -> None:
    def content(count: int) -> Panel:
        points = tuple(Point(n, n, n % 7, 0.1, True, n < 3, n == 1) for n in range(count))
        return Panel("title", "y", points)

    few, many = (picture("p", "t", "", paint_panels([content(n)], "x")).svg for n in (2000, 2001))
    assert (few.count("data-trial"), "<image" in few) == (2000, False)
    assert many.count("data-trial") == 3, "the front hovers still"
    assert "<image" in many
