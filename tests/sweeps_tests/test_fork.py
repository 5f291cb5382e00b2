"""Forks: a new sweep takes over what its spec would make today, and nothing else."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd.errors import FolderError, StorageError
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.interchange.forking import Forked, fork
from sweeps.store.folder import SweepFolder

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONTROLS = [{"name": "acgkd", "label": "a", "transfer": {"steps": 8}}, {"name": "acgkd", "label": "b", "transfer": {}}]
THREE = [{"name": name, "floor": None} for name in ("validation_accuracy", "validation_divergence", "multiply_adds")]


def run(lab: ModuleType, folder: Path, **changes: Any) -> Any:
    experiments = lab.FakeExperiments(hurry=True)
    return run_sweep(lab.make_spec(**changes), folder, InProcess(), experiments=experiments)


def forked(lab: ModuleType, folder: Path, out: Path, **changes: Any) -> Forked:
    return fork(folder, lab.make_spec(**changes), out, lab.FakeExperiments(hurry=True))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def source(lab: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search with controls."""
    folder = tmp_path_factory.mktemp("source") / "sweep"
    run(lab, folder, controls=CONTROLS)
    return folder


def space(lab: ModuleType, **changes: Any) -> dict[str, Any]:
    return {name: changes.get(name.rpartition("/")[2], item) for name, item in lab.SPACE.items()}


def test_a_narrower_space_and_other_objectives(lab: ModuleType, source: Path, tmp_path: Path) -> None:
    before = contents(source)
    old = lab.trials(source)
    rates = sorted(trial["parameters"]["method/synthesis/rate"] for trial in old)
    narrow = space(lab, rate={"type": "float", "low": 0.0, "high": rates[3]})
    changes: dict[str, Any] = {"space": narrow, "objectives": THREE, "controls": CONTROLS, "trials": 7}
    made = forked(lab, source, tmp_path / "new", **changes)
    assert (made.trials, made.trials_there, made.trials_more) == (4, 6, 3)
    assert made.records == {"trial": 8, "control": 4, "teacher": 2}
    reason = f"method/synthesis/rate: not within 0 to {rates[3]}, the new space's range"
    assert made.refused == {reason: 4}
    assert made.refused_trials == {reason: 2}
    assert (made.controls_left, made.trials_left) == (0, 0)

    kept = [trial for trial in old if trial["parameters"]["method/synthesis/rate"] <= rates[3]]
    new = lab.trials(tmp_path / "new")
    assert [trial["number"] for trial in new] == [0, 1, 2, 3]
    assert [trial["origin"] for trial in new] == [trial["number"] for trial in kept]
    assert [trial["parameters"] for trial in new] == [trial["parameters"] for trial in kept]
    for now, then in zip(new, kept, strict=True):
        divergence, work = then["values"]
        assert now["state"] == "completed"
        assert now["values"] == pytest.approx([1 - divergence, divergence, work])
        assert json.loads(now["distributions"]["method/synthesis/rate"])["attributes"]["high"] == rates[3]
        for kind, ending in (("curves", "json"), ("students", "pt")):
            stems = [f"{kind}/trial-{trial['number']:04d}-01.{ending}" for trial in (then, now)]
            assert (source / stems[0]).read_bytes() == (tmp_path / "new" / stems[1]).read_bytes()

    summary = run(lab, tmp_path / "new", **changes)
    assert (summary.trials_started, summary.counts) == (3, {"completed": 7})
    measured = lab.events(tmp_path / "new", "measured")
    assert len(measured) == len(lab.events(source, "measured")) + 6, "what was taken over was not run again"
    for row in lab.table(tmp_path / "new"):
        if row["identity"]["kind"] != "teacher":
            assert set(row["objectives"]) == {item["name"] for item in THREE}
        number = row["identity"]["trial"]
        assert row["identity"]["label"] == (f"trial {number}" if number is not None else row["identity"]["label"])
    assert contents(source) == before, "the old folder is only read"


def test_a_wider_space_holds_what_was_fixed(lab: ModuleType, source: Path, tmp_path: Path) -> None:
    fixed = {"steps": 20}
    run(lab, tmp_path / "old", trials=3, transfer=fixed)
    wide = lab.SPACE | {"method/transfer/steps": {"type": "int", "low": 10, "high": 30}}
    made = forked(lab, tmp_path / "old", tmp_path / "new", trials=5, transfer=fixed, space=wide)
    assert (made.trials, made.refused) == (3, {})
    assert {trial["parameters"]["method/transfer/steps"] for trial in lab.trials(tmp_path / "new")} == {20}
    for row in lab.table(tmp_path / "new"):
        assert row["identity"]["kind"] == "teacher" or row["parameters"]["method/transfer/steps"] == 20
    summary = run(lab, tmp_path / "new", trials=5, transfer=fixed, space=wide)
    assert (summary.trials_started, summary.counts) == (2, {"completed": 5})


def test_seeds_lead_records_to_their_replicates(lab: ModuleType, source: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"seeds": (7, 1, 0), "controls": CONTROLS}
    made = forked(lab, source, tmp_path / "new", **changes)
    assert (made.trials, made.trials_left, made.controls_left) == (6, 6, 2)
    assert {trial["state"] for trial in lab.trials(tmp_path / "new")} == {"waiting"}
    assert run(lab, tmp_path / "new", **changes).counts == {"completed": 6}
    for row in lab.table(tmp_path / "new"):
        assert row["identity"]["seed"] == (7, 1, 0)[row["identity"]["replicate"]]
    measured = lab.events(tmp_path / "new", "measured")
    assert len(measured) == len(set(measured))
    fewer = forked(lab, source, tmp_path / "fewer", seeds=(1,))
    assert (fewer.trials, fewer.records["trial"], fewer.trials_left) == (6, 6, 0)
    others = {f"no control is called '{label}'": 1 for label in "ab"}
    assert fewer.refused == {"seed 0: not among the new seeds": 9, **others}


def test_each_reason_is_counted_by_the_first_setting_that_differs(
    lab: ModuleType, source: Path, tmp_path: Path
) -> None:
    def reasons(name: str, **changes: Any) -> dict[str, int]:
        return dict(forked(lab, source, tmp_path / name, **{"controls": CONTROLS, **changes}).refused)

    taught = reasons("teacher", teacher={"preset": "gin-5-64", "epochs": 7})
    assert taught == {"teacher/epochs: 100 is now 7": 18}
    changed = [CONTROLS[0], {**CONTROLS[1], "transfer": {"steps": 30}}]
    assert reasons("control", controls=changed) == {"method/transfer/steps: (not set) is now 30": 2}
    assert reasons("steps", transfer={"steps": 5}) == {"method/transfer/steps: (not set) is now 5": 12}
    assert reasons("objective", objectives=[{"name": "agreement", "floor": None}]) == {
        "objective agreement: not in the record": 16
    }


def test_one_trial_is_taken_where_nothing_is_searched_any_more(lab: ModuleType, source: Path, tmp_path: Path) -> None:
    point = lab.trials(source)[2]["parameters"]
    synthesis = {name.rpartition("/")[2]: value for name, value in point.items()}
    method = {"name": "acgkd", "synthesis": synthesis}
    made = forked(lab, source, tmp_path / "new", space=None, trials=None, method=method)
    trial = lab.trials(tmp_path / "new")[0]
    assert (made.trials, trial["origin"], trial["parameters"], trial["state"]) == (1, 2, {}, "completed")


def test_what_ended_early_is_taken_under_the_same_rules_alone(lab: ModuleType, tmp_path: Path) -> None:
    rules: dict[str, Any] = {"trials": 12, "scheduler": {"name": "halving", "reduction": 2}}
    run(lab, tmp_path / "old", **rules)
    before = lab.trials(tmp_path / "old")
    pruned = [trial["number"] for trial in before if trial["state"] == "pruned"]
    assert pruned
    same = forked(lab, tmp_path / "old", tmp_path / "same", **(rules | {"trials": 14}))
    assert same.trials == 12
    now = lab.trials(tmp_path / "same")
    assert [trial["state"] for trial in now] == [trial["state"] for trial in before]
    assert [trial["rungs"] for trial in now] == [trial["rungs"] for trial in before]
    assert run(lab, tmp_path / "same", **(rules | {"trials": 14})).trials_started == 2
    other = forked(lab, tmp_path / "old", tmp_path / "other", trials=12)
    assert other.trials == 12 - len(pruned)
    assert other.refused_trials == {"pruned by other objectives, seeds or rules of early stopping": len(pruned)}


def test_failures_come_along_and_can_be_retried(lab: ModuleType, tmp_path: Path) -> None:
    faults = {"method/transfer/fault": {"type": "categorical", "choices": ("none", "bug", "diverge")}}
    changes: dict[str, Any] = {"trials": 9, "space": lab.SPACE | faults, "sampler": {"name": "random"}}
    run(lab, tmp_path / "old", failures={"stop_after": 0}, **changes)
    made = forked(lab, tmp_path / "old", tmp_path / "new", **changes)
    assert made.trials == 9
    states = [[trial["state"] for trial in lab.trials(tmp_path / name)] for name in ("old", "new")]
    assert states[0] == states[1]
    assert {"failed", "infeasible", "completed"} == set(states[1])
    groups = SweepFolder(tmp_path / "new").status().failures
    assert all((tmp_path / "new" / group.log).is_file() for group in groups if group.outcome == "failed")


def test_a_running_sweep_can_be_forked(lab: ModuleType, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"trials": 30, "transfer": {"delay_s": 0.005}}
    command = [sys.executable, str(HERE / "drive.py"), "inprocess", str(tmp_path / "old"), json.dumps(changes)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(ROOT)])}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as child:
        end = time.monotonic() + 60
        while len(list((tmp_path / "old" / "records").glob("trial-*.json"))) < 5 and time.monotonic() < end:
            assert child.poll() is None
            time.sleep(0.01)
        made = forked(lab, tmp_path / "old", tmp_path / "new", **(changes | {"trials": 6}))
        alive = child.poll() is None
        child.send_signal(signal.SIGKILL)
    assert alive, "the old sweep was at work all the time"
    assert made.records["trial"] >= 5
    assert run(lab, tmp_path / "new", **(changes | {"trials": 6})).counts.keys() == {"completed"}
    run(lab, tmp_path / "calm", **(changes | {"trials": 6}))
    taken = made.records["trial"] + made.records["teacher"]
    rows = [lab.table(tmp_path / name) for name in ("new", "calm")]
    assert len(rows[0]) == len(rows[1]) > taken
    assert rows[0] == rows[1]


def test_a_folder_that_is_not_free_is_refused(lab: ModuleType, source: Path, tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "thing").write_text("")
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match=r"new or empty folder, but .*used holds something"):
        forked(lab, source, tmp_path / "used")
    with pytest.raises(FolderError, match="is a file"):
        forked(lab, source, tmp_path / "file")
    for inside in (source, source / "deeper" / "fork"):
        with pytest.raises(FolderError, match="outside of"):
            forked(lab, source, inside)
    with pytest.raises(FolderError, match=r"sweep\.json"):
        forked(lab, tmp_path, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    (tmp_path / "empty").mkdir()
    assert forked(lab, source, tmp_path / "empty").trials == 6
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_damaged_record_is_left_out_and_run_again(lab: ModuleType, tmp_path: Path) -> None:
    run(lab, tmp_path / "old", trials=2)
    (tmp_path / "old" / "records" / "trial-0001-01.json").write_text("{")
    made = forked(lab, tmp_path / "old", tmp_path / "new", trials=2)
    assert (made.refused, made.trials_left) == ({"damaged": 1}, 1)
    assert run(lab, tmp_path / "new", trials=2).counts == {"completed": 2}


@pytest.mark.parametrize("name", ["random", "nsga2", "qmc", "tpe"])
def test_every_sampler_continues_among_what_was_taken_over(lab: ModuleType, tmp_path: Path, name: str) -> None:
    changes: dict[str, Any] = {"trials": 24, "seeds": (0,), "sampler": {"name": name}}
    run(lab, tmp_path / "old", **changes)
    half = space(lab, rate={"type": "float", "low": 0.0, "high": 0.5})
    narrow = forked(lab, tmp_path / "old", tmp_path / "narrow", **(changes | {"space": half}))
    assert 0 < narrow.trials < 24
    assert run(lab, tmp_path / "narrow", **(changes | {"space": half, "trials": 45})).counts == {"completed": 45}
    same = forked(lab, tmp_path / "old", tmp_path / "same", **changes)
    assert same.trials == 24
    run(lab, tmp_path / "same", **(changes | {"trials": 30}))
    points = [json.dumps(trial["parameters"], sort_keys=True) for trial in lab.trials(tmp_path / "same")]
    assert len(points) == 30
    # A child of two equal parents is a point that was there before; no other sampler asks for one again.
    assert name == "nsga2" or len(set(points)) == 30


def test_what_timed_out_is_taken_under_the_same_limit_alone(lab: ModuleType, tmp_path: Path) -> None:
    hang: dict[str, Any] = {"trials": 1, "seeds": (0,), "transfer": {"fault": "hang"}}
    run(lab, tmp_path / "old", timeout_s=0.3, **hang)
    assert lab.trials(tmp_path / "old")[0]["state"] == "infeasible"
    assert forked(lab, tmp_path / "old", tmp_path / "same", timeout_s=0.3, **hang).trials == 1
    longer = forked(lab, tmp_path / "old", tmp_path / "longer", timeout_s=60.0, **hang)
    assert (longer.trials, longer.refused) == (0, {"timeout_s: 0.3 is now 60": 1})


def test_a_full_disk_leaves_nothing_behind(lab: ModuleType, source: Path, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    try:
        with pytest.raises(StorageError):
            forked(lab, source, tmp_path / "new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
    assert forked(lab, source, tmp_path / "new").trials == 6
