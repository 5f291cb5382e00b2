import itertools
import json
import os
import resource
import socket
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd.errors import FolderError, StorageError, SweepError
from analysis.records import pseudo_samples
from sweeps.engine.snapshot import Snapshot, Summary
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.store.folder import SweepFolder


def go(lab: ModuleType, folder: Path, watch: Any = None, **changes: Any) -> Summary:
    return run_sweep(lab.make_spec(**changes), folder, InProcess(), experiments=lab.FakeExperiments(), watch=watch)


def states(lab: ModuleType, folder: Path) -> list[str]:
    return [trial["state"] for trial in lab.trials(folder)]


def test_a_whole_sweep(lab: ModuleType, tmp_path: Path) -> None:
    summary = go(lab, tmp_path / "s")
    ended_by = "the budget of 6 trials is met"
    assert summary == Summary((tmp_path / "s").resolve(), 6, {"completed": 6}, False, False, ended_by=ended_by)
    rows = lab.table(tmp_path / "s")
    assert [row["file"] for row in rows if row["identity"]["kind"] == "trial"] == [
        f"trial-{trial:04d}-{replicate:02d}.json" for trial in range(6) for replicate in range(2)
    ]
    for trial in lab.trials(tmp_path / "s"):
        own = [row["objectives"] for row in rows if row["identity"]["trial"] == trial["number"]]
        for index, name in enumerate(("validation_divergence", "multiply_adds")):
            assert trial["values"][index] == pytest.approx(sum(objectives[name] for objectives in own) / 2)
        assert [attempt["outcome"] for attempt in trial["attempts"]] == ["completed", "completed"]
    assert len(os.listdir(tmp_path / "s" / "students")) == len(os.listdir(tmp_path / "s" / "curves")) == 12
    left = [path for path in (tmp_path / "s" / "trials").rglob("*") if path.is_file()]
    assert {path.name for path in left} == {"trial.json"}


def test_samples_are_kept_of_first_replicates_and_change_nothing(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path / "without", trials=3)
    go(lab, tmp_path / "with", trials=3, artefacts={"samples": 3})
    assert not (tmp_path / "without" / "samples").exists()
    kept = sorted(os.listdir(tmp_path / "with" / "samples"))
    assert kept == [f"trial-{number:04d}-00.npz" for number in range(3)]
    assert lab.table(tmp_path / "with") == lab.table(tmp_path / "without")
    # Asked for later, they are kept of what is run from then on.
    go(lab, tmp_path / "without", trials=4, artefacts={"samples": 3})
    assert os.listdir(tmp_path / "without" / "samples") == ["trial-0003-00.npz"]


def test_samples_that_cannot_be_drawn_cost_no_replicate(lab: ModuleType, tmp_path: Path) -> None:
    summary = go(lab, tmp_path, trials=1, artefacts={"samples": 3}, transfer={"fault": "no samples"})
    assert summary.counts == {"completed": 1}
    kept = pseudo_samples.read(tmp_path / "samples" / "trial-0000-00.npz")
    assert kept is not None
    assert "MemoryError: no room for a picture" in kept.absent


def test_of_replicates_that_did_not_complete_no_samples_are_kept(lab: ModuleType, tmp_path: Path) -> None:
    summary = go(lab, tmp_path, trials=1, artefacts={"samples": 3}, transfer={"fault": "diverge"})
    assert summary.counts == {"infeasible": 1}
    assert not (tmp_path / "samples").exists()


def test_with_nothing_left_nothing_happens(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    summary = go(lab, tmp_path)
    assert summary.nothing_to_do
    assert summary.trials_started == 0
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    assert (tmp_path / "epoch").read_text() == "1"


def test_an_extended_sweep_is_the_longer_sweep(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path / "short", trials=5)
    assert go(lab, tmp_path / "short", trials=9).trials_started == 4
    go(lab, tmp_path / "long", trials=9)
    assert lab.table(tmp_path / "short") == lab.table(tmp_path / "long")
    assert len(lab.events(tmp_path / "short", "measured")) == 18


def test_a_changed_spec_is_refused_with_the_difference(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path)
    with pytest.raises(SweepError, match=r"sampler/seed: 0 is now 3(.|\n)*--out"):
        go(lab, tmp_path, trials=9, sampler={"seed": 3})
    assert len(lab.trials(tmp_path)) == 6


def test_a_replaced_teacher_is_refused_and_a_moved_one_is_not(lab: ModuleType, tmp_path: Path) -> None:
    def teacher(folder: str, weights: str) -> dict[str, object]:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "teacher.pt").write_text(weights)
        given = {"preset": "gin-5-64", "checkpoint": str(tmp_path / folder / "teacher.pt")}
        return {"teacher": given, "replicates": {"seeds": (0, 1), "vary": ("draws",)}}

    sweep = tmp_path / "sweep"
    go(lab, sweep, trials=1, **teacher("here", "weights"))
    assert go(lab, sweep, trials=2, **teacher("moved", "weights")).trials_started == 1
    with pytest.raises(FolderError, match=r"teacher/checkpoint: sha256 \w+ is now sha256"):
        go(lab, sweep, trials=3, **teacher("moved", "others"))


def test_a_folder_with_other_things_is_refused(lab: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(SweepError, match=r"holds other things \(thesis.tex\)"):
        go(lab, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SweepError, match="is a file"):
        go(lab, tmp_path / "file")
    assert sorted(os.listdir(tmp_path)) == ["file", "thesis.tex"]


def test_each_teacher_is_trained_once_and_has_a_row(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path / "own", trials=2)
    assert sorted(lab.events(tmp_path / "own", "teacher")) == ["teacher teacher-0", "teacher teacher-1"]
    draws = {"replicates": {"seeds": (5, 6, 7), "vary": ("draws",)}}
    go(lab, tmp_path / "shared", trials=2, **draws)
    assert lab.events(tmp_path / "shared", "teacher") == ["teacher teacher-0"]
    rows = [row for row in lab.table(tmp_path / "shared") if row["identity"]["kind"] == "teacher"]
    assert [row["identity"]["seed"] for row in rows] == [5]
    assert rows[0]["quality"]["teacher_test_accuracy"] == 0.9


def test_a_teacher_that_cannot_be_made_stops_the_sweep(lab: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=r"teacher of seed 0 cannot be made: ValueError: .*13 epochs"):
        go(lab, tmp_path, teacher={"preset": "gin-5-64", "epochs": 13})
    assert lab.trials(tmp_path) == []


OUTCOMES = [
    ("diverge", "infeasible", "diverged"),
    ("nan", "infeasible", "diverged"),
    ("oom", "infeasible", "out_of_memory"),
    ("bug", "failed", "failed"),
]


@pytest.mark.parametrize(("fault", "state", "outcome"), OUTCOMES)
def test_outcomes(lab: ModuleType, tmp_path: Path, fault: str, state: str, outcome: str) -> None:
    space = {"method/transfer/fault": {"type": "categorical", "choices": ("none", fault)}}
    go(lab, tmp_path, trials=2, space=space, sampler={"name": "grid"})
    seen = set()
    for trial in lab.trials(tmp_path):
        faulty = trial["parameters"]["method/transfer/fault"] == fault
        seen.add(faulty)
        assert trial["state"] == (state if faulty else "completed")
        outcomes = [attempt["outcome"] for attempt in trial["attempts"]]
        # A bug ends the trial at once; where memory did not suffice, it is tried once more, alone.
        expected = [outcome] * {"bug": 1, "oom": 3}.get(fault, 2)
        assert outcomes == (expected if faulty else ["completed"] * 2)
        assert {attempt["cause"] for attempt in trial["attempts"]} == ({"trial"} if faulty else {None})
        assert trial["constraint"] == (1.0 if faulty and state == "infeasible" else None)
        assert (trial["values"] is None) == faulty
        if fault == "bug" and faulty:
            assert "KeyError: 'a bug'" in trial["message"]
            assert "fake_experiments.py" in trial["message"]
    assert seen == {True, False}
    status = SweepFolder(tmp_path).status()
    assert set(status.trials) == {"completed", state}
    assert {(group.cause, group.outcome) for group in status.failures} == {("trial", outcome)}


def test_a_share_of_replicates_is_the_constraint(lab: ModuleType, tmp_path: Path) -> None:
    class OneSeedDiverges(lab.FakeExperiments):  # type: ignore[misc, name-defined]
        def experiment(self, config: Any, seed: int, home: Path) -> Any:
            made = super().experiment(config, seed, home)
            made.options["fault"] = "diverge" if seed == 1 else "none"
            return made

    run_sweep(lab.make_spec(trials=1, seeds=(0, 1, 2, 3)), tmp_path, InProcess(), experiments=OneSeedDiverges())
    trial = lab.trials(tmp_path)[0]
    assert (trial["state"], trial["constraint"], trial["values"]) == ("infeasible", 0.25, None)
    assert len(trial["attempts"]) == 4


def test_a_time_limit(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=1, seeds=(0,), timeout_s=0.3, transfer={"delay_s": 0.05, "steps": 60})
    trial = lab.trials(tmp_path)[0]
    assert trial["state"] == "infeasible"
    assert trial["attempts"][0]["outcome"] == "timed_out"
    assert 0 < trial["attempts"][0]["progress"] < 0.5


def test_a_step_that_hangs_is_timed_out(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=2, seeds=(0,), timeout_s=0.4, transfer={"fault": "hang"})
    assert states(lab, tmp_path) == ["infeasible"] * 2
    assert "no step ended within" in lab.trials(tmp_path)[0]["message"]


def test_halving_prunes_and_every_trial_ends(lab: ModuleType, tmp_path: Path) -> None:
    spec = {"trials": 18, "seeds": (0, 1, 2), "scheduler": {"name": "halving", "fractions": (0.5,)}}
    go(lab, tmp_path, **spec)
    found = lab.trials(tmp_path)
    assert len(found) == 18
    assert {trial["state"] for trial in found} == {"completed", "pruned"}
    pruned = [trial for trial in found if trial["state"] == "pruned"]
    assert len(pruned) >= 8
    for trial in pruned:
        assert trial["values"] is None
        assert [rung["promoted"] for rung in trial["rungs"].values()] == [True] * (len(trial["rungs"]) - 1) + [False]
        last = trial["attempts"][-1]
        record = json.loads(
            (tmp_path / "records" / f"trial-{trial['number']:04d}-{last['replicate']:02d}.json").read_text()
        )
        assert (record["outcome"], record["identity"]["replicate"]) == ("pruned", last["replicate"])
        assert record["progress"] == last["progress"]
        assert {attempt["host"] for attempt in trial["attempts"]} == {socket.gethostname()}
    for trial in found:
        if trial["state"] == "completed":
            assert list(trial["rungs"]) == ["0.5", "1", "2"]
    # The rung inside the first replicate lies in the middle of the judged half.
    assert {line.split()[-1] for line in lab.events(tmp_path, "judged")} == {"0.750"}
    assert len(lab.events(tmp_path, "judged")) == 18


def test_a_floor_ranks_last_what_is_cheap_and_poor(lab: ModuleType, tmp_path: Path) -> None:
    objectives = [{"name": "validation_divergence", "floor": 0.22}, {"name": "multiply_adds"}]
    go(lab, tmp_path, trials=20, seeds=(0, 1), scheduler="halving", objectives=objectives)
    rungs = [trial["rungs"]["0.5"] for trial in lab.trials(tmp_path)]
    good = [rung for rung in rungs if rung["values"][0] <= 0.22]
    poor = [rung for rung in rungs[1:] if rung["values"][0] > 0.22]
    assert good
    assert poor
    first_good = next(i for i, rung in enumerate(rungs) if rung["values"][0] <= 0.22)
    assert not any(rung["promoted"] for rung in rungs[first_good + 3 :] if rung["values"][0] > 0.22)


def test_infeasible_trials_end_at_once_with_halving(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=2, seeds=(0, 1, 2), scheduler="halving", transfer={"fault": "diverge"})
    assert states(lab, tmp_path) == ["infeasible"] * 2
    assert [len(trial["attempts"]) for trial in lab.trials(tmp_path)] == [1, 1]


def test_a_full_disk_stops_the_sweep_and_loses_nothing(lab: ModuleType, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    go(lab, tmp_path / "calm", trials=3, transfer={"steps": 20})

    class FullOnce(lab.FakeExperiments):  # type: ignore[misc, name-defined]
        count = 0

        def experiment(self, config: Any, seed: int, home: Path) -> Any:
            made = super().experiment(config, seed, home)
            FullOnce.count += 1
            made.options["fault"] = "full" if FullOnce.count == 6 else "none"
            return made

    spec = lab.make_spec(trials=3, transfer={"steps": 20})
    try:
        with pytest.raises(StorageError, match=r"File too large(.|\n)*Make room"):
            run_sweep(spec, tmp_path / "full", InProcess(), experiments=FullOnce())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert 0 < len(lab.events(tmp_path / "full", "measured")) < 6
    run_sweep(spec, tmp_path / "full", InProcess(), experiments=lab.FakeExperiments())
    assert lab.table(tmp_path / "full") == lab.table(tmp_path / "calm")


def test_hours_count_over_all_starts(lab: ModuleType, tmp_path: Path) -> None:
    changes = {"trials": None, "seeds": (0,), "transfer": {"delay_s": 0.02, "steps": 5}}
    first = go(lab, tmp_path, hours=1.0 / 3600, **changes)
    assert 2 <= first.trials_started <= 12
    assert go(lab, tmp_path, hours=1.0 / 3600, **changes).nothing_to_do
    assert go(lab, tmp_path, hours=2.0 / 3600, **changes).trials_started >= 2


def test_the_watch_sees_everything(lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A third of the seconds.
    monkeypatch.setattr("sweeps.engine.progress.WATCH_EVERY_S", 0.5)
    monkeypatch.setattr("sweeps.worker.replicate_runner.SLICE_S", 0.33)
    seen: list[Snapshot] = []
    go(lab, tmp_path, watch=seen.append, trials=2, seeds=(0,), transfer={"delay_s": 0.033, "steps": 24})
    assert (seen[0].prepared, seen[0].to_prepare) == (0, 1)
    assert seen[-1].counts == {"completed": 2}
    assert seen[-1].best is not None
    assert {*seen[-1].best} == {"number", "validation_divergence", "multiply_adds", "validation_accuracy"}
    assert any(shown.running and 0 < shown.running[0].progress < 1 for shown in seen)
    assert any(shown.remaining_s is not None and shown.remaining_s > 0 for shown in seen)
    gaps = [later.elapsed_s - earlier.elapsed_s for earlier, later in itertools.pairwise(seen)]
    assert max(gaps) < 1.5


def test_a_torn_checkpoint_falls_back_to_the_older_one(lab: ModuleType, tmp_path: Path) -> None:
    from sweeps.worker.replicate_runner import ReplicateRunner

    folder = SweepFolder(tmp_path)
    folder.make()
    folder.begin_generation()
    spec = lab.make_spec(transfer={"steps": 30, "delay_s": 0.01})
    config = spec.run_config({})

    def runner() -> ReplicateRunner:
        made = ReplicateRunner(folder, "trial-0000", 0, 0, 1, lab.FakeExperiment(config, 0, folder.cache))
        made.start()
        return made

    first = runner()
    for progress in (0.2, 0.4, 0.6):
        first.advance(progress)
        first.checkpoint()
    kept = sorted(folder.work("trial-0000").glob("*.ckpt"))
    assert len(kept) == 2
    kept[-1].write_bytes(kept[-1].read_bytes()[:100])
    second = runner()
    assert second.run is not None
    assert second.run.progress == pytest.approx(0.4)
    assert 0.05 <= second.clock.lost_s < 5  # six steps of 10 ms, on a machine that may be busy
    assert not kept[-1].exists()
    kept[0].write_bytes(b"")
    third = runner()
    assert third.run is not None
    assert third.run.progress == 0
    assert third.clock.lost_s > second.clock.lost_s + 0.1
    assert third.clock.kept_s < 0.1


def test_an_undisturbed_sweep_has_lost_nothing(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=3, controls=("random_graphs",), transfer={"start_s": 0.02})
    records = [json.loads(path.read_text()) for path in (tmp_path / "records").glob("*.json")]
    lost = [record["cost"]["lost_s"] for record in records if record["identity"]["kind"] != "teacher"]
    assert lost == [0.0] * 8


def test_a_kill_costs_what_was_done_since_the_checkpoint_and_no_more(lab: ModuleType, tmp_path: Path) -> None:
    from sweeps.worker.replicate_runner import ReplicateRunner

    folder = SweepFolder(tmp_path)
    folder.make()
    folder.begin_generation()
    config = lab.make_spec(transfer={"steps": 20, "delay_s": 0.01, "start_s": 0.05}).run_config({})

    def started(attempt: int) -> ReplicateRunner:
        made = ReplicateRunner(folder, "trial-0000", 0, attempt, 1, lab.FakeExperiment(config, 0, folder.cache))
        made.start()
        return made

    # Each attempt is left as a kill leaves it: with what its files say.
    first = started(0).clock
    assert (first.lost_s, first.kept_s >= 0.05) == (0.0, True)
    second = started(1)
    assert second.clock.lost_s == first.kept_s, "the start-up of an attempt that kept nothing"
    second.advance(0.5)
    second.checkpoint()
    (saved_s,) = second.clock.at.values()
    assert saved_s == second.clock.kept_s >= 0.05 + 10 * 0.01
    second.advance(0.8)
    third = started(2).clock
    assert third.lost_s == pytest.approx(first.kept_s + second.clock.kept_s - saved_s)
    assert third.kept_s >= saved_s + 0.05
    fourth = started(3)
    assert fourth.clock.lost_s == pytest.approx(third.lost_s + third.kept_s - saved_s), "a start-up, done again"
    fourth.advance(0.9)
    fourth.checkpoint()
    fifth = started(4).clock
    assert fifth.lost_s == fourth.clock.lost_s, "nothing was done since the checkpoint"


def test_torn_leftovers_are_ignored(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path / "calm", trials=4)
    go(lab, tmp_path / "torn", trials=2)
    (tmp_path / "torn" / "trials" / "0002").mkdir()
    (tmp_path / "torn" / "trials" / "0002" / ".trial.json.h.1.2.tmp").write_text('{"numb')
    (tmp_path / "torn" / "records" / ".trial-0002-00.json.h.1.2.tmp").write_text('{"schema')
    go(lab, tmp_path / "torn", trials=4)
    assert lab.table(tmp_path / "torn") == lab.table(tmp_path / "calm")
    assert not list((tmp_path / "torn" / "records").glob(".*"))


@pytest.mark.parametrize("name", ["trials/0001/trial.json", "sweep.json"])
def test_damage_is_reported_with_its_path(lab: ModuleType, tmp_path: Path, name: str) -> None:
    go(lab, tmp_path, trials=2)
    path = tmp_path / name
    path.write_text(path.read_text()[:50])
    (tmp_path / "asked.jsonl").unlink()  # as in a folder of an earlier version; else it is made again
    with pytest.raises(SweepError, match=f"{name}.* damaged"):
        go(lab, tmp_path, trials=3)


def test_a_missing_trial_is_reported(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=3)
    (tmp_path / "trials/0001/trial.json").unlink()
    (tmp_path / "asked.jsonl").unlink()
    with pytest.raises(SweepError, match=r"without gaps(.|\n)*0001"):
        go(lab, tmp_path, trials=4)


def test_a_crash_between_record_and_trial_file_is_repaired(lab: ModuleType, tmp_path: Path) -> None:
    for scheduler in ("none", "halving"):
        folder = tmp_path / scheduler
        go(lab, folder, trials=5, scheduler=scheduler)
        calm, states_before = lab.table(folder), states(lab, folder)
        for trial in lab.trials(folder):  # as it was when the last replicate's record had just been written
            last = {**trial["attempts"][-1], "outcome": None, "finished_at": "", "progress": 0.0}
            trial |= {"state": "running", "values": None, "attempts": [*trial["attempts"][:-1], last]}
            (folder / f"trials/{trial['number']:04d}/trial.json").write_text(json.dumps(trial))
        measured = len(lab.events(folder, "measured"))
        summary = go(lab, folder, trials=5, scheduler=scheduler)
        assert summary.trials_started == 0
        assert states(lab, folder) == states_before
        assert lab.table(folder) == calm
        assert len(lab.events(folder, "measured")) == measured


def test_status_of_a_running_and_of_a_copied_folder(lab: ModuleType, tmp_path: Path) -> None:
    alive = []
    go(lab, tmp_path / "s", watch=lambda shown: alive.append(SweepFolder(tmp_path / "s").status().driver_alive))
    assert alive
    assert all(alive)
    import shutil

    shutil.copytree(tmp_path / "s", tmp_path / "copy")
    status = SweepFolder(tmp_path / "copy").status()
    assert not status.driver_alive
    assert status.trials == {"completed": 6}
    assert status.replicates == {"completed": 12}
    assert json.loads(json.dumps(status.to_json()))["teachers"] == 2
    with pytest.raises(SweepError, match=r"sweep\.json"):
        SweepFolder(tmp_path).status()


def test_a_moved_folder_resumes(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path / "calm", trials=4)
    go(lab, tmp_path / "here", trials=2)
    os.rename(tmp_path / "here", tmp_path / "there")
    go(lab, tmp_path / "there", trials=4)
    assert lab.table(tmp_path / "there") == lab.table(tmp_path / "calm")
