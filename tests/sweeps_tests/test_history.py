"""A sampler's bounded history, and a lean TPE on it: which trials it sees, and that its points are Optuna's."""

import itertools
import random
from types import ModuleType
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from sweeps.engine.trials import fronts
from sweeps.engine.trials.fronts import Fronts, best
from sweeps.engine.trials.history import BoundedStorage
from sweeps.engine.trials.lean_tpe import Representations
from sweeps.engine.trials.sampling import Study
from sweeps.store.trial import Trial

LIMIT = 20


def outcome(trial: Trial) -> Trial:
    rate, width = trial.parameters["method/synthesis/rate"], trial.parameters["method/synthesis/width"]
    if trial.number % 5 == 4:
        return trial.model_copy(update={"state": "pruned"})
    return trial.model_copy(update={"state": "completed", "values": ((rate - 0.3) ** 2, float(width))})


def asked(spec: Any, count: int, *, restarted: bool) -> list[Trial]:
    study, trials = Study(spec), list[Trial]()
    for _ in range(count):
        trial = (Study(spec, trials) if restarted else study).ask()
        assert trial is not None
        trials.append(outcome(trial))
        if not restarted:
            study.ended(trials[-1])
    return trials


def test_a_restart_sees_the_same_history(lab: ModuleType) -> None:
    spec = lab.make_spec(sampler={"name": "tpe", "history": LIMIT, "startup_trials": 5})
    through, anew = (asked(spec, 45, restarted=restarted) for restarted in (False, True))
    assert [trial.parameters for trial in through] == [trial.parameters for trial in anew]


def asked_by_four_workers(spec: Any, seed: int, restarts: float) -> list[Any]:
    order, study, trials, at_work = random.Random(seed), Study(spec), list[Trial](), list[Trial]()
    while len(trials) < 45:
        while study.ready and study.count < 45 and len(at_work) < 4:
            at_work += [trial for trial in [study.ask()] if trial is not None]
        trials.append(outcome(at_work.pop(order.randrange(len(at_work)))))
        study.ended(trials[-1])
        if order.random() < restarts:
            study = Study(spec, sorted([*trials, *at_work], key=lambda trial: trial.number))
    return [trial.parameters for trial in sorted(trials, key=lambda trial: trial.number)]


@pytest.mark.parametrize("lag", [None, 3])
def test_restarts_change_no_point_and_with_a_lag_arrivals_neither(lab: ModuleType, lag: int | None) -> None:
    spec = lab.make_spec(sampler={"name": "tpe", "history": LIMIT, "startup_trials": 5, "lag": lag})
    assert asked_by_four_workers(spec, 1, restarts=0.3) == asked_by_four_workers(spec, 1, restarts=0)
    assert (asked_by_four_workers(spec, 1, 0) == asked_by_four_workers(spec, 2, 0)) == (lag is not None)


def test_what_lies_outside_of_it_changes_no_point(lab: ModuleType) -> None:
    spec = lab.make_spec(sampler={"name": "tpe", "history": LIMIT, "startup_trials": 5})
    trials = asked(spec, 40, restarted=False)
    # Trial 15 becomes by far the worst: it is neither among the best nor the first nor the latest.
    trials[15] = trials[15].model_copy(update={"values": (50.0, 50.0)})
    other = [*trials[:15], trials[15].model_copy(update={"values": (99.0, 99.0)}), *trials[16:]]
    points = [Study(spec, known).ask() for known in (trials, other)]
    assert points[0] is not None
    assert points[1] is not None
    assert points[0].parameters == points[1].parameters
    # And by far the best of both objectives is among the best, however old it is.
    best_one = [*trials[:15], trials[15].model_copy(update={"values": (-1.0, -1.0)}), *trials[16:]]
    changed = Study(spec, best_one).ask()
    assert changed is not None
    assert changed.parameters != points[0].parameters


@pytest.mark.parametrize("limit", [None, 60])
def test_within_its_limit_it_is_the_whole_study(lab: ModuleType, limit: int | None) -> None:
    spec = lab.make_spec(sampler={"name": "tpe", "history": limit, "startup_trials": 5})
    whole = lab.make_spec(sampler={"name": "tpe", "history": None, "startup_trials": 5})
    found = [[trial.parameters for trial in asked(item, 30, restarted=False)] for item in (spec, whole)]
    assert found[0] == found[1]


def test_a_storage_shows_the_best_the_first_the_latest_and_all_that_run() -> None:
    storage = BoundedStorage(LIMIT)
    study = optuna.create_study(storage=storage, directions=["maximize"])
    for number in range(60):
        value = 100.0 if number in (3, 7) else float(number % 10)
        study.add_trial(optuna.trial.create_trial(values=[value]))
    running = study.ask()
    assert storage.good == 6  # a tenth, as Optuna's TPE has it, and no more than a third of what is shown
    shown = [trial.number for trial in study.get_trials(deepcopy=False)]
    assert shown == [
        0,
        1,
        2,
        3,
        4,
        7,
        9,
        29,
        39,
        *range(49, 60),
        running.number,
    ]  # of the equal ones with 9 a spread part
    study.tell(running, 200.0)  # now it is the best, and room is made for it
    assert [trial.number for trial in study.get_trials(deepcopy=False)][-1] == running.number
    assert len(study.trials) == LIMIT


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_the_best_are_those_of_the_first_fronts(objectives: int) -> None:
    draws = random.Random(objectives)
    losses = np.array([[draws.randrange(6) for _ in range(objectives)] for _ in range(80)], dtype=float)

    def rank(index: int, left: set[int]) -> bool:
        return not any(
            (losses[other] <= losses[index]).all() and (losses[other] < losses[index]).any() for other in left
        )

    left, fronts = set(range(80)), list[set[int]]()
    while left:
        fronts.append({index for index in left if rank(index, left)})
        left -= fronts[-1]
    for count in (1, 5, 12, 80):
        found = best(losses, np.arange(80), count).tolist()
        assert len(found) == len(set(found)) == count
        sizes = list(itertools.accumulate(len(front) for front in fronts))
        whole = sum(count >= size for size in sizes)
        allowed = set().union(*fronts[: whole + 1])
        assert set().union(*fronts[:whole]) <= set(found) <= allowed


def test_of_a_large_front_the_part_is_spread_to_its_ends() -> None:
    losses = np.array([[float(index), float(99 - index)] for index in range(100)])
    assert best(losses, np.arange(100), 4).tolist() == [0, 33, 66, 99]


@pytest.mark.parametrize("objectives", [1, 2, 3])
@pytest.mark.parametrize("kind", ["far apart", "many equal", "ever better", "one large front"])
def test_fronts_that_are_kept_up_to_date_are_those_of_all_points(
    monkeypatch: pytest.MonkeyPatch, objectives: int, kind: str
) -> None:
    draws = np.random.default_rng(objectives)
    losses = draws.random((300, objectives))
    if kind == "many equal":
        losses = np.round(5 * losses)
    elif kind == "ever better":
        losses *= np.linspace(1, 0.1, 300)[:, None]
    elif kind == "one large front":
        losses[:, -1] = 1 - losses[:, 0] + 0.05 * losses[:, -1]
    numbers = draws.permutation(300)
    sorted_anew, count = list[int](), 60
    plain = fronts.first_fronts
    monkeypatch.setattr(fronts, "first_fronts", lambda *facts: sorted_anew.append(count) or plain(*facts))
    kept = Fronts(20)
    while count <= 300:
        wanted = min(20, count // 10)
        found = kept.best(losses[:count], numbers[:count], wanted).tolist()
        with monkeypatch.context() as context:
            context.setattr(fronts, "first_fronts", plain)
            assert sorted(found) == sorted(best(losses[:count], numbers[:count], wanted).tolist())
        count += int(draws.choice([1, 1, 2, 7]))
    assert len(sorted_anew) < 10  # else nothing was kept


def test_points_are_those_of_a_history_found_anew_at_each_ask(lab: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = lab.make_spec(sampler={"name": "tpe", "history": LIMIT, "startup_trials": 5})
    kept = [trial.parameters for trial in asked(spec, 45, restarted=False)]
    monkeypatch.setattr(Fronts, "best", lambda self, *facts: best(*facts))
    assert kept == [trial.parameters for trial in asked(spec, 45, restarted=False)]


def test_what_was_drawn_and_not_asked_for_counts_once_its_name_is_known() -> None:
    def trial(number: int, state: TrialState, **values: float) -> FrozenTrial:
        ranges = {name: FloatDistribution(0.0, 9.0) for name in values}
        made = optuna.trial.create_trial(state=state, value=None, params=values, distributions=ranges)
        made.number = number
        return made

    known = Representations()
    running = trial(0, TrialState.RUNNING, rate=1.0)
    drawn = {"rate": 1.0, "width": 2.0}
    assert known.table([running], lambda item: drawn).tolist() == [[1.0]]
    other = trial(1, TrialState.PRUNED, rate=3.0, width=4.0)
    known.names(other)
    assert known.table([running, other], lambda item: drawn).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    # Ended, it has what it was asked for and no more.
    over = trial(0, TrialState.PRUNED, rate=1.0)
    np.testing.assert_array_equal(known.table([over], lambda item: drawn), [[1.0, np.nan]])


SPACE = {
    "method/synthesis/kind": {"type": "categorical", "choices": ("a", "b", "c")},
    "method/synthesis/rate": {"type": "float", "low": 0.01, "high": 1.0, "log": True},
    "method/synthesis/depth": {"type": "int", "low": 1, "high": 9, "when": {"method/synthesis/kind": "b"}},
    "method/synthesis/width": {"type": "int", "low": 1, "high": 3, "when": {"method/synthesis/kind": ["a", "b"]}},
}


@pytest.mark.parametrize("objectives", [1, 2])
@pytest.mark.parametrize("pruned", [(3,), (0, 1, 2, 3, 4, 5, 6, 8, 9)])
def test_a_lean_tpe_suggests_what_optunas_own_does(
    lab: ModuleType, monkeypatch: pytest.MonkeyPatch, objectives: int, pruned: tuple[int, ...]
) -> None:
    names = ["validation_divergence", "multiply_adds"][:objectives]
    spec = lab.make_spec(
        space=SPACE, sampler={"startup_trials": 6, "lag": 3}, objectives=[{"name": name} for name in names]
    )

    def found() -> list[dict[str, Any]]:
        study, trials, open_trials, points = Study(spec), list[Trial](), list[Trial](), list[dict[str, Any]]()
        while len(points) < 36:
            if len(points) % 7 == 6:  # a restart
                known = sorted([*trials, *open_trials], key=lambda trial: trial.number)
                study = Study(spec, known)
            while study.ready:
                trial = study.ask()
                assert trial is not None
                open_trials.append(trial)
                points.append(dict(trial.parameters))
            done = open_trials.pop(0)
            values = (
                done.parameters["method/synthesis/rate"],
                1.0 - float(done.parameters.get("method/synthesis/depth", 0)),
            )
            last = done.number % 10
            state = "pruned" if last in pruned else "failed" if last == 7 else "completed"
            trials.append(done.model_copy(update={"state": state, "values": values[:objectives]}))
            study.ended(trials[-1])
        return points

    lean = found()

    def own(known: object, good: int, seed: int, startup_trials: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=startup_trials, multivariate=True, group=True, constant_liar=True
        )

    monkeypatch.setattr("sweeps.engine.trials.sampling.LeanTPE", own)
    assert found() == lean
    assert len({str(point) for point in lean}) > 30
