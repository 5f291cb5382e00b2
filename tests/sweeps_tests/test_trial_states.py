"""The state machine of a trial, transition by transition."""

from itertools import product
from typing import get_args

import pytest

from acgkd.errors import SweepError
from sweeps.engine.trials import trial_states
from sweeps.engine.trials.trial_states import TRANSITIONS, Event
from sweeps.store.trial import FINAL, State, Trial

STATES: tuple[State, ...] = get_args(State)


def trial(state: State = "waiting") -> Trial:
    fresh = trial_states.suggested(7, {"a": 1}, {"a": "{}"}, {}, {})
    if state == "waiting":
        return fresh
    running = trial_states.started(fresh, 0, 1)
    if state == "running":
        return running
    return trial_states.ended(running, state)


def cause(event: Event, before: Trial, target: State) -> Trial:
    """Causes an event whose result is to be `target`."""
    match event:
        case "started":
            return trial_states.started(before, 1, 3)
        case "replicate_ended":
            return trial_states.replicate_ended(before, "completed", progress=1.0)
        case "rung_reached":
            return trial_states.rung_reached(before, "0.5", (0.1, None), target != "pruned")
        case "released":
            return trial_states.released(before, "lost", "its worker died", progress=0.4)
        case "retried":
            return trial_states.retried(before)
        case "ended":
            return trial_states.ended(before, target)
        case _:
            raise AssertionError(event)


@pytest.mark.parametrize(
    ("event", "source", "target"),
    [(t.event, t.source, target) for t in TRANSITIONS if t.source is not None for target in t.targets],
)
def test_every_transition_of_the_table_happens(event: Event, source: State, target: State) -> None:
    assert cause(event, trial(source), target).state == target


DRAWN = {(t.event, t.source, target) for t in TRANSITIONS for target in t.targets}


@pytest.mark.parametrize("event", [event for event in get_args(Event) if event != "suggested"])
def test_nothing_else_happens(event: Event) -> None:
    refused = 0
    for source, target in product(STATES, STATES):
        reachable = cause_target(event, source, target)
        if (event, source, reachable) in DRAWN:
            continue
        refused += 1
        before = trial(source)
        with pytest.raises(SweepError, match=f"is {source}; the event '{event}'"):
            cause(event, before, target)
    assert refused >= len(FINAL)


def cause_target(event: Event, source: State, target: State) -> State:
    """Where an event leads that is caused with this target: only `ended` and `rung_reached` take one."""
    if event == "ended":
        return target
    if event == "rung_reached":
        return "pruned" if target == "pruned" else source
    return "waiting" if event in ("released", "retried") else "running"


def test_a_suggested_trial_waits_and_has_no_attempts() -> None:
    fresh = trial()
    assert (fresh.state, fresh.attempts, fresh.parameters) == ("waiting", (), {"a": 1})


def test_attempts_open_and_close_with_the_events() -> None:
    running = trial("running")
    assert running.open_attempt is not None
    ended = trial_states.replicate_ended(running, "completed", progress=1.0)
    assert ended.open_attempt is None
    assert [a.outcome for a in ended.attempts] == ["completed"]
    again = trial_states.released(trial_states.started(ended, 1, 1), "lost", "its worker died", progress=0.4)
    assert [(a.replicate, a.outcome, a.progress) for a in again.attempts] == [(0, "completed", 1.0), (1, "lost", 0.4)]
    retried = trial_states.started(again, 1, 2)
    assert retried.attempts[-1].attempt == 1
    assert trial_states.released(again, "lost").attempts == again.attempts, "no attempt was open"


def test_a_decision_at_a_rung_stands() -> None:
    kept = trial_states.rung_reached(trial("running"), "0.5", (0.1,), True)
    again = trial_states.rung_reached(kept, "0.5", (9.0,), True)
    assert again.rungs["0.5"].values == (0.1,)


def test_the_attempt_at_which_a_trial_was_pruned_is_the_open_one_or_the_next() -> None:
    inside = trial_states.pruned_at(
        trial_states.rung_reached(trial("running"), "0.5", (0.1,), False), 0, 1, progress=0.5
    )
    assert [(a.replicate, a.outcome, a.progress) for a in inside.attempts] == [(0, "pruned", 0.5)]
    done = trial_states.replicate_ended(trial("running"), "completed", host="node-2")
    between = trial_states.pruned_at(trial_states.rung_reached(done, "1", (0.1,), False), 1, 1)
    found = [(a.replicate, a.outcome, a.host) for a in between.attempts]
    assert found == [(0, "completed", "node-2"), (1, "pruned", "node-2")], "what ran last says where"
