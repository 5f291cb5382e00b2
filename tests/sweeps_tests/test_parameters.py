"""Search spaces written out in a spec."""

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from sweeps.spec.parameters import Space
from sweeps.spec.space_survey import draw, survey
from sweeps.spec.written_space import WrittenSpace

SPACE = TypeAdapter(Space)


def space(**parameters):
    return WrittenSpace(SPACE.validate_python(parameters))


def faults_of(**parameters):
    return {fault.path: fault.message for fault in space(**parameters).faults()}


RATE = {"type": "float", "low": 0.01, "high": 0.1, "log": True}
STEPS = {"type": "int", "low": 100, "high": 400, "step": 50}
MODE = {"type": "categorical", "choices": ["a", "b"]}


def test_a_valid_space_has_no_faults():
    assert faults_of(rate=RATE, steps=STEPS, mode=MODE, only_a={**RATE, "when": {"mode": "a"}}) == {}


@pytest.mark.parametrize(
    ("parameter", "key", "fragment"),
    [
        ({"type": "float", "low": 2, "high": 1}, "low", "`low < high` must hold, but got 2 and 1"),
        ({"type": "float", "low": 1, "high": 1}, "low", "both are 1"),
        ({"type": "float", "low": 0, "high": 1, "log": True}, "low", "`low > 0` must hold where `log: true`"),
        ({"type": "float", "low": -1, "high": 1, "log": True}, "low", "`low > 0`"),
        ({"type": "int", "low": 0, "high": 8, "log": True}, "low", "`low >= 1`"),
        ({"type": "float", "low": 0, "high": 1, "step": 0}, "step", "`step > 0`"),
        ({"type": "float", "low": 0, "high": 1, "step": 2}, "step", "`step <= high - low`"),
        ({"type": "float", "low": 0, "high": 1, "step": 0.3}, "step", "Try `high: 0.9`"),
        ({"type": "float", "low": 1, "high": 2, "step": 0.5, "log": True}, "step", "exclude each other"),
        ({"type": "int", "low": 1, "high": 9, "step": 2, "log": True}, "step", "exclude each other"),
        ({"type": "int", "low": 1, "high": 10, "step": 4}, "step", "Try `high: 9`"),
        ({"type": "int", "low": 1, "high": 10**17}, "high", "can be searched"),
        ({"type": "int", "low": 1, "high": 9 * 10**15, "step": 3}, "step", "Try `high: 8999999999999998`."),
        ({"type": "float", "low": 0, "high": 1.7e308, "step": 1e-300}, "step", "steps of 1e-300 are more"),
        ({"type": "float", "low": 0, "high": 1, "step": 5e-324}, "step", "at most 9007199254740992 steps"),
        ({"type": "categorical", "choices": []}, "choices", "At least two choices"),
        ({"type": "categorical", "choices": ["a"]}, "choices", "Fix the setting"),
        ({"type": "categorical", "choices": ["a", "a"]}, "choices", "Duplicate choice"),
        ({"type": "categorical", "choices": [1, True]}, "choices", "Duplicate choice"),
    ],
)
def test_each_broken_range_names_its_key(parameter, key, fragment):
    found = faults_of(x=parameter)
    assert fragment in found[f"space/x/{key}"]


@pytest.mark.parametrize(
    ("parameters", "path", "fragment"),
    [
        ({"x": {**RATE, "when": {"mod": "a"}}, "mode": MODE}, "space/x/when/mod", "Did you mean 'mode'?"),
        ({"x": {**RATE, "when": {"mode": "c"}}, "mode": MODE}, "space/x/when/mode", "one of 'a', 'b'"),
        ({"x": {**RATE, "when": {"mode": []}}, "mode": MODE}, "space/x/when/mode", "at least one value"),
        ({"x": {**RATE, "when": {"x": 1}}}, "space/x/when", "circles"),
        ({"x": {**RATE, "when": {"rate": 0.02}}, "rate": RATE}, "space/x/when/rate", "continuous draw"),
        ({"x": {**RATE, "when": {"steps": 120}}, "steps": STEPS}, "space/x/when/steps", "steps of 50"),
        ({"x": {**RATE, "when": {"steps": 450}}, "steps": STEPS}, "space/x/when/steps", "100 to 400"),
    ],
)
def test_conditions_that_cannot_come_true_are_refused(parameters, path, fragment):
    assert fragment in faults_of(**parameters)[path]


def test_a_circle_of_conditions_names_all_in_it():
    found = faults_of(
        x={**MODE, "when": {"y": "a"}}, y={**MODE, "when": {"z": "a"}}, z={**MODE, "when": {"x": "a"}}, w=MODE
    )
    assert list(found) == ["space/x/when"]
    assert "`x`, `y`, `z`" in found["space/x/when"]


def test_conditions_that_contradict_those_of_their_parents_are_refused():
    found = faults_of(mode=MODE, x={**MODE, "when": {"mode": "a"}}, y={**RATE, "when": {"x": "a", "mode": "b"}})
    assert list(found) == ["space/y/when"]
    assert "`mode`" in found["space/y/when"]


def test_an_empty_space_is_refused():
    assert "at least one parameter" in faults_of()["space"]


def test_parents_are_asked_before_their_children_whatever_the_order():
    written = space(child={**RATE, "when": {"parent": "a"}}, parent={**MODE, "when": {"root": ["a", "b"]}}, root=MODE)
    assert written.order == ["root", "parent", "child"]


def test_optuna_asks_exactly_what_holds():
    written = space(mode=MODE, low={**RATE, "when": {"mode": "a"}}, deep={**STEPS, "when": {"low": 0.5}}, steps=STEPS)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen = set()
    for _ in range(30):
        trial = study.ask()
        written.suggest(trial)
        seen.add(frozenset(trial.params))
        assert ("low" in trial.params) == (trial.params["mode"] == "a")
        study.tell(trial, 0.0)
    assert seen == {frozenset({"mode", "low", "steps"}), frozenset({"mode", "steps"})}


@settings(max_examples=30)
@given(st.integers(-5, 5), st.integers(1, 5), st.integers(1, 4), st.integers(0, 1000))
def test_every_drawn_value_is_in_the_grid(low, step, count, seed):
    written = space(
        i={"type": "int", "low": low, "high": low + step * count, "step": step},
        f={"type": "float", "low": low, "high": low + step * count, "step": step},
    )
    assert list(written.faults()) == []
    drawn = draw(written.suggest, seed)
    grid = {name: asked.values for name, asked in survey(written.suggest).parameters.items()}
    assert len(grid["i"]) == len(grid["f"]) == count + 1
    assert drawn["i"] in grid["i"]
    assert drawn["f"] in grid["f"]
    assert all(written.parameters[name].admits(value) for name in grid for value in grid[name])
    assert not any(written.parameters[name].admits(value + step / 2) for name in grid for value in grid[name])


def test_a_survey_visits_every_end_and_knows_what_is_conditional():
    written = space(mode=MODE, low={**RATE, "when": {"mode": "b"}}, steps=STEPS)
    found = survey(written.suggest)
    assert set(found.parameters) == {"mode", "low", "steps"}
    assert found.conditional == {"low"}
    assert found.size is None
    assert {point["mode"] for point in found.points} == {"a", "b"}
    assert {point["low"] for point in found.points if "low" in point} >= {0.01, 0.1}
    assert {point["steps"] for point in found.points} >= {100, 400}


def test_a_finite_space_without_conditions_has_a_grid():
    found = survey(space(mode=MODE, steps=STEPS).suggest)
    assert {name: list(asked.values) for name, asked in found.parameters.items()} == {
        "mode": ["a", "b"],
        "steps": [100, 150, 200, 250, 300, 350, 400],
    }
    assert found.size == 14
