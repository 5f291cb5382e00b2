"""The live table and the plain lines."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from sweeps.cli.live_table import Display, clock, number, phase, plain_line, render
from sweeps.engine.snapshot import RunningTrial, Snapshot


def Shot(**changes):
    facts = {
        "prepared": 2,
        "to_prepare": 2,
        "counts": {"completed": 3, "pruned": 1, "running": 2, "waiting": 0},
        "budget_trials": 10,
        "running": [RunningTrial(4, 0, 0.25, 12.0), RunningTrial("real_data", 1, 0.9, 3.0)],
        "best": {"number": 1, "validation_divergence": 0.123456, "accuracy": 0.91},
        "elapsed_s": 75.0,
        "remaining_s": 110.0,
        "message": "",
    }
    return Snapshot(**{**facts, **changes})


def shown(shot, width=100):
    console = Console(file=io.StringIO(), width=width)
    console.print(render(shot, "quickstart"))
    return console.file.getvalue()


def test_the_table_says_what_is_done_running_best_and_left():
    text = shown(Shot())
    assert "4 of 10 done" in text
    assert "3 completed, 1 pruned, 2 running" in text
    assert "trial 1: validation_divergence 0.1235, accuracy 0.91" in text
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
def test_every_line_fits_into_100_columns(shot):
    assert max(map(len, shown(shot).splitlines())) <= 100


def test_many_running_trials_are_counted_not_listed():
    assert "and 32 more" in shown(Shot(running=[RunningTrial(n, 0, 0.5, 1.0) for n in range(40)]))


def test_a_pipe_gets_a_line_every_ten_seconds_and_at_each_phase():
    time = [0.0]
    stream = io.StringIO()
    with Display("quickstart", Console(file=stream, width=100), now=lambda: time[0]) as display:
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
    console = Console(file=stream, width=100, force_terminal=True, legacy_windows=False)
    with Display("quickstart", console) as display:
        display.watch(Shot())
    assert "4 of 10 done" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[2K") or "\x1b[1A\x1b[2K" in stream.getvalue()


def test_a_plain_line_says_all_in_one():
    assert plain_line(Shot()) == (
        "[1 min 15 s] running; trials 4 of 10 done (3 completed, 1 pruned, 2 running); "
        "best trial 1: validation_divergence 0.1235, accuracy 0.91; about 1 min 50 s left"
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
    assert phase(shot) == expected


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
