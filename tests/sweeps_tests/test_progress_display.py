"""Progress on a terminal, in a log and in a notebook."""

import io
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import pytest

from sweeps.display import progress
from sweeps.display.characters import ERRORS
from sweeps.display.log_lines import PlainProgress
from sweeps.display.notebook import NotebookProgress
from sweeps.display.safe_console import SafeConsole
from sweeps.display.terminal import TerminalProgress, render
from sweeps.display.wording import clock, number, plain_line
from sweeps.engine.snapshot import RunningTrial, Snapshot, Summary
from sweeps.worker.messages import Job


def Shot(**changes):
    facts = {
        "prepared": 2,
        "to_prepare": 2,
        "counts": {"completed": 3, "pruned": 1, "running": 2, "waiting": 0},
        "budget_trials": 10,
        "running": [RunningTrial(4, 0, 0.25, 12.0), RunningTrial("real_data", 1, 0.9, 3.0)],
        "best": {"number": 1, "validation_divergence": 0.123456, "validation_accuracy": 0.91},
        "elapsed_s": 75.0,
        "remaining_s": 110.0,
        "message": "",
    }
    return Snapshot(**{**facts, **changes})


def shown(shot, width=100, encoding="utf-8", title="quickstart"):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=ERRORS)
    console = SafeConsole(file=stream, width=width)
    console.print(render(shot, title, console))
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)


def test_the_table_says_what_is_done_running_best_and_left():
    text = shown(Shot())
    assert "4 of 10 done" in text
    assert "3 completed, 1 pruned, 2 running" in text
    assert "trial 1: validation_divergence 0.1235, validation_accuracy 0.91" in text
    assert "1 min 15 s, about 1 min 50 s left" in text
    assert "trial 4" in text
    assert " 25%" in text
    assert "real_data" in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    "shot",
    [
        Shot(),
        Shot(budget_trials=None, best=None, remaining_s=None, running=[], counts={}),
        Shot(prepared=0, counts={}, running=[], message="preparing a teacher " * 10),
        Shot(best={"number": 1, **{f"objective_{n}": 1e18 for n in range(20)}}),
        Shot(running=[RunningTrial(n, 0, 0.5, 1e6) for n in range(40)]),
    ],
)
@pytest.mark.parametrize("width", [100, 40, 20])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_every_line_fits(shot, width, encoding):
    assert max(map(len, shown(shot, width, encoding, "n" * 100).splitlines())) <= width


def test_many_running_trials_are_counted_not_listed():
    assert "and 32 more" in shown(Shot(running=[RunningTrial(n, 0, 0.5, 1.0) for n in range(40)]))


def test_a_pipe_gets_a_line_every_ten_seconds_and_at_each_phase():
    time = [0.0]
    stream = io.StringIO()
    with PlainProgress("quickstart", stream, now=lambda: time[0]) as display:
        preparing = Shot(prepared=0, counts={"waiting": 10}, running=[])
        for second in range(25):  # starting, 0, 10, 20
            time[0] = float(second)
            display.watch(preparing)
        display.watch(Shot())  # a new phase
        time[0] = 25.5
        display.watch(Shot())  # too soon
        display.watch(replace(Shot(), counts={"completed": 10}))  # over
    lines = stream.getvalue().splitlines()
    assert [line.split("] ")[-1].split(";")[0] for line in lines] == [
        "quickstart: starting",
        "preparing",
        "preparing",
        "preparing",
        "running",
        "finishing",
    ]
    assert "\x1b" not in stream.getvalue()


def test_a_terminal_gets_the_live_table_and_keeps_nothing_of_it():
    stream = io.StringIO()
    console = SafeConsole(file=stream, width=100, force_terminal=True)
    with TerminalProgress("quickstart", console) as display:
        display.watch(Shot())
    assert "4 of 10 done" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[2K") or "\x1b[1A\x1b[2K" in stream.getvalue()


def test_a_plain_line_says_all_in_one():
    assert plain_line(Shot()) == (
        "[1 min 15 s] running; trials 4 of 10 done (3 completed, 1 pruned, 2 running); "
        "best trial 1: validation_divergence 0.1235, validation_accuracy 0.91; about 1 min 50 s left"
    )


@pytest.mark.parametrize(
    ("shot", "expected"),
    [
        (Shot(prepared=1, counts={"waiting": 3}), "preparing"),
        (Shot(prepared=1, counts={"completed": 3}), "running"),
        (Shot(counts={"completed": 10, "running": 0}), "finishing"),
        (Shot(counts={"completed": 10}, budget_trials=None), "running"),
    ],
)
def test_phases(shot, expected):
    assert shot.phase == expected


def test_narrow_terminals_show_numbers_where_bars_have_no_room():
    text = shown(Shot(), 40)
    assert "4 of 10 done" in text
    assert "25%" in text
    assert "━" not in text


def test_a_terminal_without_unicode_gets_ascii():
    text = shown(Shot(remaining_s=None, message="teacher → student"), encoding="ascii")
    assert text.isascii()
    assert "teacher -> student" in text
    assert "---" in text


def test_a_log_that_cannot_be_written_is_left_alone():
    closed = io.StringIO()
    closed.close()
    with PlainProgress("quickstart", closed) as display:
        display.watch(Shot())
    with PlainProgress("quickstart", None) as display:
        display.watch(Shot())
    ascii_stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with PlainProgress("a → b", ascii_stream):
        pass
    assert ascii_stream.buffer.getvalue() == b"a -> b: starting\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Outputs:
    """What a notebook's front end does: one output for each handle, replaced by `update`."""

    def __init__(self):
        self.bundles = []
        self.ids = []

    def display(self, bundle, *, raw, display_id):
        assert raw
        assert display_id is True
        self.bundles.append(bundle)
        return SimpleNamespace(update=self.update)

    def update(self, bundle, *, raw):
        assert raw
        self.bundles.append(bundle)


@pytest.fixture
def notebook(monkeypatch):
    """A kernel's IPython, as far as it is used."""
    outputs = Outputs()
    package, module = ModuleType("IPython"), ModuleType("IPython.display")
    package.get_ipython = lambda: SimpleNamespace(kernel=object())
    module.display = outputs.display
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return outputs


def test_the_display_that_fits_is_chosen(notebook, monkeypatch):
    assert isinstance(progress("sweep"), NotebookProgress)
    assert isinstance(progress("sweep", io.StringIO()), PlainProgress)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(progress("sweep", Terminal()), TerminalProgress)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress("sweep", Terminal()), PlainProgress)
    sys.modules["IPython"].get_ipython = lambda: SimpleNamespace()  # IPython in a terminal
    assert isinstance(progress("sweep"), PlainProgress)
    monkeypatch.delitem(sys.modules, "IPython")
    monkeypatch.setattr(sys, "stderr", None)
    with progress("sweep") as display:
        display.watch(Shot())


def test_a_notebook_gets_one_output_that_is_updated(notebook):
    time = [0.0]
    with NotebookProgress("a <b> sweep", now=lambda: time[0]) as display:
        for step in range(20):  # starting, then every half second
            time[0] = step / 10
            display.watch(Shot(best={"number": 1, "<i>": 0.5}))
    pages = [bundle["text/html"] for bundle in notebook.bundles]
    assert len(pages) == 1 + 4 + 1
    assert '<progress value="4" max="10"></progress> 4 of 10 done' in pages[1]
    assert "3 completed, 1 pruned, 2 running" in pages[1]
    assert "trial 4" in pages[1]
    assert "a &lt;b&gt; sweep: running" in pages[1]
    assert "a &lt;b&gt; sweep: finished" in pages[-1]
    assert "<i>:" not in "".join(pages)
    assert "trials 4 of 10 done" in notebook.bundles[-1]["text/plain"]


def test_a_notebook_shows_that_a_sweep_was_stopped(notebook):
    def stopped():
        with NotebookProgress("sweep"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert notebook.bundles[-1]["text/plain"] == "sweep: stopped"


def test_what_a_start_came_to_reads_well_at_the_prompt(tmp_path):
    summary = Summary(tmp_path, 4, {"completed": 3, "failed": 1, "pruned": 0}, interrupted=True, nothing_to_do=False)
    assert repr(summary) == f"<Summary of {tmp_path}: 4 trials started, interrupted (3 completed, 1 failed)>"
    assert repr(replace(summary, interrupted=False, nothing_to_do=True, counts={})) == (
        f"<Summary of {tmp_path}: nothing was left to do>"
    )
    assert repr(Shot()) == (
        "<Snapshot at 75 s: running, 4 of 10 trials done (3 completed, 1 pruned, 2 running); best trial 1>"
    )
    job = Job("trial", "trial-0007", "trial 7", (0, 2), {0: 0, 2: 1}, 3, number=7)
    assert repr(job) == "<Job trial 7: replicates 0, 2 (attempt 2); generation 3>"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.2, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (7500, "2 h 05 min")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0.123456, "0.1235"),
        (12, "12"),
        (1234.5, "1,234"),
        (1_234_567_890, "1.23 G"),
        (2.5e12, "2.5 T"),
        ("x", "x"),
    ],
)
def test_number(value, text):
    assert number(value) == text
