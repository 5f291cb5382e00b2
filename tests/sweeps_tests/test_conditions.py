"""What stands under a condition is surveyed, checked and asked for like all else, and no range is written out."""

import sys
import time
import tracemalloc
from itertools import combinations, product
from pathlib import Path
from types import ModuleType, SimpleNamespace

import optuna
import pytest
import yaml
from pydantic import TypeAdapter

from acgkd.errors import SpecError
from sweeps.engine.trials.sampling import Study
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.spaces import SPACES
from sweeps.spec.loading import load
from sweeps.spec.parameters import Space
from sweeps.spec.space_survey import survey
from sweeps.spec.written_space import WrittenSpace
from sweeps.store.trial import Trial

CASES = Path(__file__).resolve().parents[1] / "cases"
HUGE = 10**9
STEPS = {"type": "int", "low": 2, "high": HUGE}
TENTHS = {"type": "float", "low": 0.1, "high": 0.5, "step": 0.1}
RATE = {"type": "float", "low": 0.01, "high": 0.1}


def written(**parameters):
    return WrittenSpace(TypeAdapter(Space).validate_python(parameters))


def test_whatever_a_condition_names_is_surveyed():
    space = written(
        steps=STEPS,
        tenths=TENTHS,
        both={**RATE, "when": {"steps": [7, 500_000_000], "tenths": 0.3}},
        deep={**RATE, "when": {"both_steps": 9}},
        both_steps={**STEPS, "when": {"steps": 500_000_000, "tenths": 0.4}},
    )
    assert list(space.faults()) == []
    found = survey(space.suggest)
    assert set(found.parameters) == set(space.parameters)
    assert found.conditional == {"both", "deep", "both_steps"}
    under = [point for point in found.points if "both" in point]
    assert {(point["steps"], point["tenths"]) for point in under} >= {(7, 0.3), (500_000_000, 0.3)}
    for steps in (7, 500_000_000):
        assert {point["both"] for point in under if point["steps"] == steps} >= {0.01, 0.1}
    assert len(found.points) < 200


def test_a_condition_that_always_holds_is_none():
    space = written(mode={"type": "categorical", "choices": ["a", "b"]}, rate={**RATE, "when": {"mode": ["a", "b"]}})
    assert survey(space.suggest).conditional == frozenset()


RARE = {"method/synthesis/steps": STEPS}
SEVEN = {"when": {"method/synthesis/steps": 7}}
WEIGHT = {"type": "float", "low": 0, "high": 1}
AT_ONCE = {"type": "categorical", "choices": [None, 4]}
PROJECTION = {"type": "categorical", "choices": ["gat", "none"]}


@pytest.mark.parametrize(
    ("space", "blamed", "law"),
    [
        (
            {"method/transfer/feature_weight": WEIGHT, **RARE, "method/transfer/projection": {**PROJECTION, **SEVEN}},
            "method/transfer/feature_weight",
            "needs `projection: gat`",
        ),
        (
            {**RARE, "method/transfer/projection": {**PROJECTION, **SEVEN}, "method/transfer/feature_weight": WEIGHT},
            "method/transfer/projection",
            "needs `projection: gat`",
        ),
        (
            {
                **RARE,
                "method/synthesis/graphs_at_once": {**AT_ONCE, **SEVEN},
                "method/synthesis/adversarial_weight": {**WEIGHT, **SEVEN},
            },
            "method/synthesis/graphs_at_once",
            "needs `graphs_at_once: null`",
        ),
        (
            {
                **RARE,
                "method/transfer/steps": {**STEPS, **SEVEN},
                "method/synthesis/regrowth/every": {
                    "type": "categorical",
                    "choices": [None, 2],
                    "when": {"method/transfer/steps": 4321},
                },
                "method/synthesis/complexity/mode": {
                    "type": "categorical",
                    "choices": ["degree", "ratio", "threshold"],
                    **SEVEN,
                },
            },
            "method/synthesis/regrowth/every",
            "needs `complexity/mode: degree` or `ratio`",
        ),
    ],
    ids=["parent first", "condition first", "two under one", "nested"],
)
def test_a_law_between_two_settings_is_not_escaped_under_a_condition(space, blamed, law):
    spec = {**yaml.safe_load((CASES / "tiny.yaml").read_text()), "space": space}
    with pytest.raises(SpecError) as caught:
        load(spec)
    (fault,) = caught.value.faults
    assert fault.path == f"space/{blamed}"
    assert law in fault.message


def test_every_two_values_stand_together_in_few_points():
    names = [f"p{number}" for number in range(12)]
    parents = {name: {"type": "categorical", "choices": ["a", "b", "c"]} for name in names}
    space = written(steps=STEPS, **parents, child={**RATE, "when": {"steps": 7, "p0": "b"}})
    points = list(space.contexts())
    under = [point for point in points if point.get("steps") == 7 and point.get("p0") == "b"]
    for one, other in combinations(names, 2):
        assert {(point.get(one), point.get(other)) for point in points} >= set(product("abc", repeat=2))
        assert {(point.get("child"), point.get(other)) for point in under} >= set(product([0.01, 0.1], "abc"))
    assert len(points) < 200


def test_many_values_in_one_condition_are_each_tried():
    space = written(steps=STEPS, rate={**RATE, "when": {"steps": list(range(1000, 1200))}})
    found = survey(space.suggest)
    assert {point["steps"] for point in found.points if "rate" in point} == set(range(1000, 1200))


def test_every_choice_is_tried_however_many_there_are():
    space = written(kind={"type": "categorical", "choices": list(range(3000))}, rate=RATE)
    assert {point["kind"] for point in survey(space.suggest).points} == set(range(3000))


def branching(trial):
    """Branches as a catalogue's function may."""
    small = trial.suggest_int("small", 1, 9)
    large = trial.suggest_int("large", 1, HUGE)
    step = trial.suggest_float("step", 0.1, 0.9, step=0.1)
    if small % 4 == 2:
        trial.suggest_int("by arithmetic", 1, 2)
    if large == 123_456 and 777 <= trial.suggest_int("other", 1, HUGE) < 778:
        trial.suggest_int("both", 1, 2)
    if step == 0.3:
        trial.suggest_int("by step", 1, 2)
    if large in range(5, HUGE):
        trial.suggest_int("by a range", 1, 2)
    if trial.suggest_float("rate", 0.0, 1.0) > 0.999:
        trial.suggest_int("by threshold", 1, 2)


def test_branches_of_a_function_are_found():
    start = time.process_time()
    found = survey(branching)
    assert time.process_time() - start < 5
    hidden = {"by arithmetic", "other", "both", "by step", "by a range", "by threshold"}
    assert hidden <= set(found.parameters)
    assert hidden <= found.conditional
    assert all(type(value) in (int, float) for point in found.points for value in point.values())


def test_a_teacher_behind_a_branch_of_a_catalogue_space_is_refused(tmp_path, monkeypatch):
    def suggest(trial):
        if trial.suggest_int("method/synthesis/steps", 2, HUGE) == 31_415:
            trial.suggest_int("teacher/epochs", 1, 3)

    monkeypatch.setitem(sys.modules, "sweeps.spaces.made_up", SimpleNamespace(suggest=suggest))
    own = type(SPACES).own_names
    monkeypatch.setattr(type(SPACES), "own_names", lambda self: ["made_up"] if self is SPACES else own(self))
    path = tmp_path / "spec.yaml"
    path.write_text((CASES / "tiny.yaml").read_text().partition("space:")[0] + "space: made_up\nbudget: {trials: 1}\n")
    with pytest.raises(SpecError, match="`teacher/epochs` cannot be searched"):
        load(path)


@pytest.mark.parametrize("name", ["random", "tpe", "nsga2", "qmc"])
@pytest.mark.parametrize(
    "parameter",
    [
        STEPS,
        {"type": "int", "low": -(10**12), "high": 10**12},
        {"type": "int", "low": 1, "high": 10**12, "log": True},
        {"type": "float", "low": 0.0, "high": 1.0, "step": 1e-9},
        {"type": "float", "low": 1e8, "high": 1e8 + 1, "step": 0.1},
    ],
    ids=["int", "wide int", "log int", "fine steps", "steps far from zero"],
)
def test_wide_ranges_are_sampled_and_resumed(lab: ModuleType, name, parameter):
    spec = lab.make_spec(space={"method/synthesis/rate": parameter}, sampler={"name": name, "startup_trials": 2})
    trials: list[Trial] = []
    for _ in range(5):
        asked = Study(spec, trials).ask()
        assert asked is not None
        trials.append(asked.model_copy(update={"state": "completed", "values": (float(asked.number), 1.0)}))
    together = Study(spec)
    for trial in trials:
        again = together.ask()
        assert again is not None
        assert again.parameters == trial.parameters
        together.ended(trial)


def test_nothing_finite_is_written_out_while_checking(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(
        (CASES / "int_range_memory.yaml").read_text().replace("trials: 4", "trials: 1000000")
        + "sampler: {startup_trials: 1000000000, lag: 1000000000}\n"
    )
    overrides = {
        "space/method/transfer/temperature/value": {"type": "float", "low": 1, "high": 2, "step": 1e-9},
        "space/method/transfer/batch_size": {"type": "int", "low": 2, "high": HUGE, "step": 2, "when": {}},
        "space/method/transfer/rate": {**RATE, "when": {"method/transfer/temperature/value": [1.000000003, 1.5]}},
    }
    load(CASES / "tiny.yaml")  # what is imported is not counted
    tracemalloc.start()
    try:
        start = time.process_time()
        spec = load(path, overrides)
        assert spec.inspection.survey(spec.space).conditional == {"method/transfer/rate"}
        assert time.process_time() - start < 5
        assert tracemalloc.get_traced_memory()[1] < 30 * 2**20
    finally:
        tracemalloc.stop()


def test_a_thousand_seeds_and_labels_are_checked_at_once():
    start = time.process_time()
    load(CASES / "tiny.yaml", {"replicates/seeds": list(range(20_000))})
    assert time.process_time() - start < 10


def test_a_stepped_float_is_the_decimal_that_is_written():
    spec = load(CASES / "when_float_never.yaml", {"sampler": "random"})
    study = Study(spec)
    seen = {}
    for _ in range(40):
        parameters = study.ask().parameters
        value = parameters["method/transfer/temperature/value"]
        seen[value] = "method/transfer/rate" in parameters
    assert seen == {0.1: False, 0.2: False, 0.3: True, 0.4: False, 0.5: False}


def test_a_grid_of_stepped_floats_is_those_decimals_and_ends(lab: ModuleType):
    spec = lab.make_spec(space={"method/synthesis/rate": TENTHS}, sampler={"name": "grid"})
    trials: list[Trial] = []
    while (asked := Study(spec, trials).ask()) is not None:
        trials.append(asked.model_copy(update={"state": "completed", "values": (0.0, 1.0)}))
    assert sorted(trial.parameters["method/synthesis/rate"] for trial in trials) == [0.1, 0.2, 0.3, 0.4, 0.5]


def test_a_plain_study_asks_by_written_values_too():
    space = written(tenths=TENTHS, rate={**RATE, "when": {"tenths": 0.30000000000000004}})
    assert list(space.faults()) == []
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    asked = [space.suggest(study.ask()) for _ in range(30)]
    assert {values["tenths"] for values in asked} == {0.1, 0.2, 0.3, 0.4, 0.5}
    assert all(("rate" in values) == (values["tenths"] == 0.3) for values in asked)


def test_null_is_a_value_like_any_other():
    spec = load(CASES / "null_choice.yaml")
    name = "method/synthesis/graphs_at_once"
    assert spec.inspection.survey(spec.space).parameters[name].text == "null, 4"
    study = Study(spec)
    trials = [Trial.model_validate_json(study.ask().model_dump_json()) for _ in range(12)]
    assert {trial.parameters[name] for trial in trials} == {None, 4}
    assert Study(spec, trials[:5]).ask().parameters == trials[5].parameters
    under = load(
        CASES / "null_choice.yaml",
        {"space/method/transfer/rate/when": {name: None}, "space/method/transfer/steps": STEPS},
    )
    study = Study(under)
    for _ in range(12):
        parameters = study.ask().parameters
        assert ("method/transfer/rate" in parameters) == (parameters[name] is None)


def test_records_hold_null_where_it_was_chosen_and_nothing_where_inactive(lab: ModuleType, tmp_path: Path):
    kind, depth = "method/synthesis/kind", "method/synthesis/depth"
    space = {
        kind: {"type": "categorical", "choices": (None, "b")},
        depth: {"type": "float", "low": 0.1, "high": 1.0, "when": {kind: None}},
    }
    spec = lab.make_spec(space=space, trials=8, seeds=(0,), sampler={"name": "random"})
    run_sweep(spec, tmp_path / "s", InProcess(), experiments=lab.FakeExperiments())
    rows = [row["parameters"] for row in lab.table(tmp_path / "s") if row["identity"]["kind"] == "trial"]
    assert rows == [trial["parameters"] for trial in lab.trials(tmp_path / "s")]
    assert {row[kind] for row in rows} == {None, "b"}
    assert all((depth in row) == (row[kind] is None) for row in rows)
