"""What happened: rungs, stops, attempts in time and outcomes by cause, on planted sweeps."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from acgkd.errors import NothingToShowError
from analysis.figures.canvas import Picture
from analysis.figures.drawing import svg_of
from analysis.figures.history.rung_lines import MOST_LINES, paint_rungs, rung_lines
from analysis.figures.history.timeline import Timeline, kind_of, paint_timeline, timeline
from analysis.figures.marked_trials import MOST_POINTS, with_trials
from analysis.page.render import Table
from analysis.records.frame import load
from analysis.reports.questions.what_happened import what_happened
from analysis.statistics.history import attempt_accounts as accounts
from analysis.statistics.history import rungs
from analysis.statistics.history.attempts import Span, busy_stretches, every, lanes, spans
from analysis.statistics.view import View, view_of
from tests.analysis_tests.planted import attempt, halved

SIX: dict[int, dict[str, float | None]] = {
    0: {"0.5": 0.30, "1": 0.20, "2": 0.15, "3": 0.12},
    1: {"0.5": 0.50},
    2: {"0.5": 0.10, "1": 0.40},
    3: {"0.5": 0.25},
    4: {"0.5": 0.90},
    5: {"0.5": None},
}


def seen(folder: Path) -> View:
    return view_of(load([folder]))


@pytest.fixture
def view(tmp_path: Path) -> View:
    return seen(halved(tmp_path / "s", SIX))


def test_each_trial_has_its_values_at_its_rungs_and_where_it_was_stopped(view: View) -> None:
    found = rungs.paths(view)
    assert [path.ended for path in found] == ["completed", *["stopped"] * 5]
    assert (found[0].positions, found[0].values) == ((0.5, 1, 2, 3), (0.30, 0.20, 0.15, 0.12))
    assert [path.stopped_at for path in found] == [None, "0.5", "1", "0.5", "0.5", "0.5"]
    table = rungs.table(view, found).set_index("trial")
    assert table["at/1"].dropna().to_dict() == {0: 0.20, 2: 0.40}
    assert table["done"].to_dict() == {0: 3, 1: 0, 2: 1, 3: 0, 4: 0, 5: 0}
    # Less is better; what could not be measured is last.
    assert table.loc[3, ["rank", "of"]].tolist() == [2, 6]
    assert table.loc[5, ["rank", "of"]].tolist() == [6, 6]
    assert table.loc[2, "why"] == "number 2 of the 2 that reached 1 replicate"
    assert table.loc[0, "why"] == ""


def test_the_sentence_says_where_trials_were_stopped_and_which_would_have_continued(view: View) -> None:
    said = rungs.sentence(view, rungs.paths(view))
    assert said == (
        "Of 6 trials 1 ran to the end, 5 stopped early (4 at 0.5 of a replicate, 1 at 1 replicate). At 0.5 of a "
        "replicate those that were stopped had a median validation divergence of 0.500, those that continued 0.200. "
        "Compared with all that reached their rung later, trial 3 would have continued."
    )


def test_more_is_better_where_the_objective_says_so(tmp_path: Path) -> None:
    objectives = [{"name": "agreement", "direction": "maximize", "uses_real_data": False}]
    view = seen(halved(tmp_path / "s", SIX, objectives=objectives))
    assert rungs.standings(view, rungs.paths(view))[4] == (1, 6)


def test_with_several_objectives_one_rank_would_explain_nothing(tmp_path: Path) -> None:
    objectives = [{"name": name, "direction": "minimize"} for name in ("validation_divergence", "multiply_adds")]
    view = seen(halved(tmp_path / "s", SIX, objectives=objectives))
    found = rungs.paths(view)
    assert rungs.standings(view, found) == {}
    assert rungs.table(view, found)["why"][1] == "by its front among those that reached 0.5 of a replicate"
    assert "would have continued" not in rungs.sentence(view, found)


def test_why_a_trial_ended_otherwise(tmp_path: Path) -> None:
    attempts = {
        0: [attempt(0, 0, 9), attempt(1, 9, 12, outcome="diverged", progress=0.4, cause="trial")],
        1: [attempt(0, 0, 3, outcome="failed", progress=0.1, cause="machine")],
        2: [attempt(0, 0, None)],
    }
    ends = {0: "infeasible", 1: "failed", 2: "running"}
    view = seen(halved(tmp_path / "s", {0: {"0.5": 0.1, "1": 0.2}, 1: {}, 2: {}}, ends=ends, attempts=attempts))
    found = rungs.paths(view)
    table = rungs.table(view, found)
    assert table["why"].tolist() == [
        "replicate 1, 40 % done, fault of the trial",
        "replicate 0, 10 % done, fault of the machine",
        "running",
    ]
    assert rungs.sentence(view, found) == "Of 3 trials 1 became infeasible, 1 failed, 1 under way."


LOST = {
    # Two workers; replicate 0 of trial 0 is cut off after 10 s, of which 4 had to be done again, an hour later.
    0: [
        attempt(0, 0, 10, outcome="lost", progress=0.5, cause="node", seconds=6.0, lost_s=0.0),
        attempt(0, 3600, 3610, attempt=1, generation=2, host="node-2", lost_s=4.0),
        attempt(1, 3610, 3620, generation=2, host="node-2"),
        attempt(2, 3620, 3630, generation=2, host="node-2"),
    ],
    1: [
        attempt(0, 0, 10, outcome="completed"),
        # Stopped between two replicates: nobody made this attempt.
        attempt(1, 10, 10, outcome="pruned", progress=0.0),
    ],
}


@pytest.fixture
def cut_off(tmp_path: Path) -> View:
    rungs = {0: {"0.5": 0.1, "1": 0.1, "2": 0.1, "3": 0.1}, 1: {"0.5": 0.2, "1": 0.2}}
    return seen(halved(tmp_path / "s", rungs, attempts=LOST))


def test_attempts_lie_on_workers_and_lost_work_is_that_of_the_attempt_that_lost_it(cut_off: View) -> None:
    found = spans(cut_off)
    assert [(span.label, span.replicate, span.host, span.lane) for span in found] == [
        ("trial 0", 0, "node-1", 0), ("trial 1", 0, "node-1", 1),
        ("trial 0", 0, "node-2", 0), ("trial 0", 1, "node-2", 0), ("trial 0", 2, "node-2", 0),
    ]  # fmt: skip
    assert [span.lost_s for span in found] == [4.0, 0, 0, 0, 0]
    assert lanes(found) == [("node-1", 0), ("node-1", 1), ("node-2", 0)]
    assert [end - start for start, end in busy_stretches(found)] == [10, 30]
    assert accounts.sentence(found) == (
        "3 workers on 2 machines were busy 42% of 40 s; nothing ran for 59 min 50 s in between. Of 50 s of work 4.00 s "
        "were lost (8.0%), the most of trial 0, replicate 0: 4.00 s, lost by the node. 1 attempt of 5 failed; 1 "
        "attempt repeated one."
    )


def test_outcomes_are_counted_by_cause(cut_off: View) -> None:
    counted = accounts.causes(every(cut_off))
    assert counted.to_dict("list") == {
        "outcome": ["completed", "lost"], "cause": ["", "node"], "attempts": [4, 1], "lost_s": [0.0, 4.0],
    }  # fmt: skip
    assert accounts.cause_sentence(counted) == (
        "4 of 5 attempts completed or were stopped early; 1 failed: 1 by the node."
    )


def test_an_attempt_under_way_lasts_until_now(tmp_path: Path) -> None:
    attempts = {0: [attempt(0, 0, 8), attempt(1, 8, None)], 1: [attempt(0, 0, 20)]}
    view = seen(halved(tmp_path / "s", {0: {}, 1: {}}, ends={0: "running", 1: "running"}, attempts=attempts))
    last = spans(view)[-1]
    assert (last.label, last.outcome, last.ended - last.began, kind_of(last)) == (
        "trial 0",
        "under way",
        12,
        "under way",
    )
    assert last.host == "node-1", "there is one machine only"
    assert "1 is under way; none failed" in accounts.cause_sentence(accounts.causes(every(view)))


def test_the_figures_carry_the_trial_of_each_mark(view: View, cut_off: View) -> None:
    svg = with_trials(svg_of(paint_rungs(rung_lines(view))))
    found = [svg.count(f' data-trial="{trial}"') for trial in range(6)]
    assert found == [2, 2, 2, 2, 2, 0], "a line and its end; trial 5 has no value"
    svg = with_trials(svg_of(paint_timeline(timeline(spans(cut_off)))))
    assert [svg.count(f' data-trial="{trial}"') for trial in (0, 1)] == [4, 1]
    for word in ("node-1 · 2", "pauses left out", "lost work", "failed or cut off"):
        assert word in svg


def test_pauses_of_a_whole_sweep_are_cut_out(cut_off: View) -> None:
    content = timeline(spans(cut_off))
    assert [end - start for start, end in content.stretches] == [10, 30]
    shown = paint_timeline(content)
    assert shown.axes[0].get_xlim() == (0, 40)


def test_very_many_trials_and_attempts_are_one_picture_each(tmp_path: Path) -> None:
    many = {n: {"0.5": 0.5 + n / 1000} for n in range(MOST_LINES + 20)} | {0: SIX[0]}
    svg = svg_of(paint_rungs(rung_lines(seen(halved(tmp_path / "s", many)))))
    assert svg.count("<image") >= 1
    assert svg.count("<path") < 100
    assert 'data-trial="0"' in with_trials(svg), "the chosen one can still be pointed at"
    bars = tuple(
        Span(f"trial {n}", "trial", n, 0, 0, 10.0 * n, 10.0 * n + 8, "completed", lost_s=2.0 * (n == 7))
        for n in range(MOST_POINTS + 1)
    )
    svg = svg_of(paint_timeline(Timeline(bars, (("", 0),), 0, ((0.0, 10.0 * MOST_POINTS + 8),))))
    assert "<image" in svg
    assert "lost work" in svg


def test_what_is_not_known_is_said(tmp_path: Path, made_up: Any) -> None:
    folder = made_up.write_folder(tmp_path / "s", [made_up.record()], metadata=False)
    view = seen(folder)
    with pytest.raises(NothingToShowError, match="No trial has reached"):
        rung_lines(view)
    with pytest.raises(NothingToShowError, match="says when it began"):
        timeline(spans(view))
    assert accounts.sentence(spans(view)) == "No attempt says when it began."
    assert accounts.causes(every(view))["attempts"].tolist() == [1], "a record without a trial file is one"
    assert rungs.sentence(view, rungs.paths(view)) == "No trial has begun."


@pytest.mark.usefixtures("without_figures")
def test_the_section_shows_every_trial_even_one_without_a_record(cut_off: View, view: View) -> None:
    blocks = what_happened(view).blocks
    table = next(block for block in blocks if isinstance(block, Table) and block.name == "trials-at-rungs")
    assert len(table.cells()) == 6
    assert table.cells()[5][:3] == ["5", "stopped at 0.5 of a replicate", "–"]
    assert table.marked == {0}
    pictures = [block for block in what_happened(cut_off).blocks if isinstance(block, Picture)]
    assert [block.name for block in pictures] == ["rungs", "timeline", "outcomes"]
    assert "4.00 s were lost" in pictures[1].finding


@pytest.mark.usefixtures("without_figures")
def test_with_very_many_rungs_the_table_shows_those_that_stop_most(tmp_path: Path) -> None:
    whole: dict[str, float | None] = {str(n): 0.1 for n in range(1, 13)}
    stopped = {n: {"1": 0.2, "2": 0.3} for n in range(1, 4)}
    view = seen(halved(tmp_path / "s", {0: whole, **stopped}, seeds=12))
    blocks = what_happened(view).blocks
    table = next(block for block in blocks if isinstance(block, Table) and block.name == "trials-at-rungs")
    titles = [column.title for column in table.columns]
    assert (titles[2:4], titles[-3]) == (["1 replicate", "2 replicates"], "12 replicates")
    assert len(titles) == 10
    assert "6 rungs are in the files" in table.remark()
    assert isinstance(table.data, pd.DataFrame)
    assert len([name for name in table.data.columns if name.startswith("at/")]) == 12
