import random
from types import ModuleType
from typing import Any

import optuna
import pytest

from sweeps.engine.trials.sampling import Study, frozen
from sweeps.store.trial import State, Trial

SAMPLERS = ["random", "tpe", "nsga2", "qmc", "gp"]


def outcome(trial: Trial) -> Trial:
    """A deterministic ending for a point."""
    rate = trial.parameters["method/synthesis/rate"]
    width = trial.parameters["method/synthesis/width"]
    kind = trial.number % 7
    if kind == 5:
        return trial.model_copy(update={"state": "pruned"})
    if kind == 6:
        return trial.model_copy(update={"state": "infeasible", "constraint": 0.5})
    if kind == 4:
        return trial.model_copy(update={"state": "failed", "message": "a bug"})
    return trial.model_copy(update={"state": "completed", "values": ((rate - 0.3) ** 2, float(width))})


def sequential(spec: Any, count: int) -> list[Trial]:
    study, trials = Study(spec), []
    for _ in range(count):
        asked = study.ask()
        assert asked is not None
        trials.append(outcome(asked))
        study.ended(trials[-1])
    return trials


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_restart_after_every_trial_asks_the_same_points(lab: ModuleType, name: str) -> None:
    spec = lab.make_spec(sampler={"name": name, "startup_trials": 4})
    count = 6 if name == "gp" else 26  # each point of a Gaussian process, after the first four, takes half a second
    expected = [trial.parameters for trial in sequential(spec, count)]
    trials: list[Trial] = []
    for _ in range(count):
        asked = Study(spec, trials).ask()
        assert asked is not None
        # Through a file, as a restart would see it.
        trials.append(outcome(Trial.model_validate_json(asked.model_dump_json())))
    assert [trial.parameters for trial in trials] == expected
    assert len({str(point) for point in expected}) == count


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
@pytest.mark.parametrize("lag", [0, 3])
def test_with_a_lag_the_order_of_arrival_does_not_matter(lab: ModuleType, name: str, lag: int) -> None:
    spec = lab.make_spec(sampler={"name": name, "startup_trials": 4, "lag": lag})
    expected = [trial.parameters for trial in sequential(spec, 20)]
    for seed in (1, 2):
        order = random.Random(seed)
        study, trials, open_trials = Study(spec), [], []
        while len(trials) < 20:
            while study.ready and study.count < 20 and len(open_trials) < 4 and order.random() < 0.8:
                asked = study.ask()
                assert asked is not None
                open_trials.append(asked)
            if open_trials:
                trials.append(outcome(open_trials.pop(order.randrange(len(open_trials)))))
                study.ended(trials[-1])
            if order.random() < 0.3:  # a restart: those under way are handed out again
                known = sorted([*trials, *open_trials], key=lambda trial: trial.number)
                study = Study(spec, known)
        assert [trial.parameters for trial in sorted(trials, key=lambda trial: trial.number)] == expected


def test_a_lag_makes_the_study_wait(lab: ModuleType) -> None:
    study = Study(lab.make_spec(sampler={"lag": 1}))
    first, second = study.ask(), study.ask()
    assert first is not None
    assert second is not None
    assert not study.ready
    study.ended(outcome(second))
    assert not study.ready
    study.ended(outcome(first))
    assert study.ready


def test_a_grid_gives_every_point_once_and_then_nothing(lab: ModuleType) -> None:
    space = {
        "method/synthesis/width": {"type": "int", "low": 1, "high": 3},
        "method/synthesis/kind": {"type": "categorical", "choices": ("a", "b")},
        "method/synthesis/depth": {
            "type": "float", "low": 0.0, "high": 1.0, "step": 0.5, "when": {"method/synthesis/kind": "b"},
        },
    }  # fmt: skip
    spec = lab.make_spec(space=space, sampler={"name": "grid"})
    trials: list[Trial] = []
    while (asked := Study(spec, trials).ask()) is not None:
        trials.append(asked.model_copy(update={"state": "completed", "values": (0.0, 1.0)}))
    assert len({str(sorted(trial.parameters.items())) for trial in trials}) == len(trials) == 3 * (1 + 3)


def test_a_changed_seed_asks_other_points(lab: ModuleType) -> None:
    points = [Study(lab.make_spec(sampler={"seed": seed})).ask() for seed in (0, 1)]
    assert points[0] is not None
    assert points[1] is not None
    assert points[0].parameters != points[1].parameters


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("waiting", optuna.trial.TrialState.RUNNING),
        ("running", optuna.trial.TrialState.RUNNING),
        ("completed", optuna.trial.TrialState.COMPLETE),
        ("pruned", optuna.trial.TrialState.PRUNED),
        ("infeasible", optuna.trial.TrialState.PRUNED),
        ("failed", optuna.trial.TrialState.FAIL),
    ],
)
def test_what_is_reported_to_optuna(lab: ModuleType, state: State, expected: optuna.trial.TrialState) -> None:
    asked = Study(lab.make_spec()).ask()
    assert asked is not None
    trial = asked.model_copy(update={"state": state, "values": (1.0, 2.0), "constraint": 0.5})
    held = frozen(trial)
    assert held.state == expected
    assert held.values == ([1.0, 2.0] if state == "completed" else None)
    assert list(held.constraints.values()) == ([0.5] if state == "infeasible" else [])
    assert frozen(trial, known=False).state == optuna.trial.TrialState.RUNNING


def test_reported_and_rebuilt_studies_are_equal(lab: ModuleType) -> None:
    spec = lab.make_spec(sampler={"name": "nsga2"})
    study = Study(spec)
    trials = []
    for _ in range(25):
        asked = study.ask()
        assert asked is not None
        trials.append(outcome(asked))
        study.ended(trials[-1])
    rebuilt = Study(spec, trials)

    def facts(held: Study) -> list[Any]:
        return [(t.number, t.state, t.values, t.params, t.system_attrs) for t in held._study.trials]

    assert facts(rebuilt) == facts(study)
    assert study._storage.get_study_system_attrs(0) == rebuilt._storage.get_study_system_attrs(0)


def test_rebuilding_ten_thousand_trials_is_quick(lab: ModuleType) -> None:
    import time

    spec = lab.make_spec(sampler={"name": "random"})
    one = outcome(Study(spec).ask() or Trial(number=0))
    trials = [one.model_copy(update={"number": number}) for number in range(10_000)]
    start = time.process_time()  # some tenths of a second; minutes where each trial looks at all others
    Study(spec, trials)
    assert time.process_time() - start < 10
