"""Trackers: what tools read back, what a kill owes them, and that they cost a sweep nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from processes import command

from acgkd.errors import ConfigError, SpecError
from analysis.stores import copies
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.journal import opening
from sweeps.spec.loading import load
from sweeps.trackers import TRACKERS

HERE = Path(__file__).parent
CONTROL = ({"name": "random_graphs", "label": "random_graphs"},)

# Appends what it is handed to `calls.jsonl` in its home; options make it slow, or let it fail.
OWN = """
import json, os, time

class Mine:
    def __init__(self, sweep, options):
        self.sweep, self.options = sweep, options
        if options.get("refused"):
            raise ConnectionError("no server")
        self.note({"opened": sweep.name, "identity": sweep.identity, "objectives": dict(sweep.objectives)})

    def note(self, facts):
        with (self.sweep.home / "calls.jsonl").open("a") as file:
            file.write(json.dumps(facts) + "\\n")

    def log(self, run):
        time.sleep(self.options.get("slow_s", 0))
        self.note({"key": run.key, "name": run.name, "again": run.again, "outcome": run.record.outcome,
                   "curves": sorted(run.curves), "measures": run.measures, "labels": run.labels})
        if run.key == self.options.get("die"):
            os.kill(os.getpid(), 9)
        if run.key == self.options.get("fail"):
            raise RuntimeError("the tool has a bug")

    def close(self):
        self.note({"closed": True})
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    work = tmp_path / "work"
    work.mkdir()
    name = f"mine_{abs(hash(tmp_path))}"
    (work / f"{name}.py").write_text(OWN)
    monkeypatch.chdir(work)
    return f"{name}:Mine"


def go(lab: ModuleType, folder: Path, said: list[str] | None = None, **changes: Any) -> Any:
    return run_sweep(
        lab.make_spec(**changes),
        folder,
        InProcess(),
        experiments=lab.FakeExperiments(),
        trust_code=True,
        say=(said if said is not None else []).append,
    )


def calls(folder: Path, own: str) -> list[dict[str, Any]]:
    path = folder / "trackers" / own.replace(":", "-") / "calls.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def keys(folder: Path, own: str) -> Counter[str]:
    return Counter(call["key"] for call in calls(folder, own) if "key" in call)


def records(folder: Path) -> Counter[str]:
    return Counter(path.stem for path in (folder / "records").glob("*.json"))


def test_every_replicate_is_logged_once(lab: ModuleType, tmp_path: Path, own: str) -> None:
    folder, said = tmp_path / "s", []
    go(lab, folder, said, trials=2, trackers=[own], controls=CONTROL)
    assert keys(folder, own) == records(folder)
    assert len(records(folder)) == 8  # two teachers, two controls, two trials of two replicates
    opened, *logged, closed = calls(folder, own)
    assert opened["opened"] == "fake"
    assert opened["objectives"] == {"validation_divergence": "minimize", "multiply_adds": "minimize"}
    assert closed == {"closed": True}
    one = next(call for call in logged if call["key"] == "trial-0001-01")
    record = json.loads((folder / "records" / "trial-0001-01.json").read_text())
    assert one["name"] == "trial-0001/seed 1"
    assert one["curves"] == ["transfer/loss"]
    assert one["measures"]["objective/multiply_adds"] == record["objectives"]["multiply_adds"]
    assert one["measures"]["test_accuracy"] == record["quality"]["test_accuracy"]
    assert one["labels"]["host"] == os.uname().nodename
    assert not any(call["again"] for call in logged)
    go(lab, folder, said, trials=2, trackers=[own], controls=CONTROL)  # nothing to do, for the tracker either
    assert len(calls(folder, own)) == 10
    go(lab, folder, said, trials=3, trackers=[own], controls=CONTROL)
    assert keys(folder, own) == records(folder)
    assert said == []


def test_a_tracker_that_comes_later_gets_all_and_other_options_are_another_target(
    lab: ModuleType, tmp_path: Path, own: str
) -> None:
    folder = tmp_path / "s"
    go(lab, folder, trials=2)
    assert not (folder / "trackers").exists()
    go(lab, folder, trials=2, trackers={own: None})
    assert keys(folder, own) == records(folder)
    go(lab, folder, trials=2, trackers={own: {"project": "other"}})
    assert set(keys(folder, own).values()) == {2}


@pytest.mark.parametrize("at", ["trial-0001-00", "teacher-01"])
def test_a_kill_while_a_run_is_logged_is_made_up_for(lab: ModuleType, tmp_path: Path, own: str, at: str) -> None:
    folder = tmp_path / "s"
    spec = {"trials": 3, "trackers": {own: {"die": at}}, "transfer": {"delay_s": 0.005}}
    program = (
        "import json, sys; from pathlib import Path; import fake_experiments as lab\n"
        "from sweeps.executors.base import run_sweep; from sweeps.executors.inprocess import InProcess\n"
        "run_sweep(lab.make_spec(**json.loads(sys.argv[1])), Path(sys.argv[2]), InProcess(), "
        "experiments=lab.FakeExperiments(), trust_code=True)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1])])}
    line = [sys.executable, "-c", program, json.dumps(spec), str(folder)]
    assert subprocess.run(line, env=environment, check=False).returncode == -signal.SIGKILL
    # The same target, and no more deaths.
    log = folder / "trackers" / own.replace(":", "-") / "logged.jsonl"
    log.write_text(log.read_text().replace(json.dumps(json.dumps({"die": at})), json.dumps("{}")))
    go(lab, folder, trials=3, trackers=[own], transfer={"delay_s": 0.005})
    found = keys(folder, own)
    assert found[at] == 2
    assert found - records(folder) == Counter([at])
    assert set(found) == set(records(folder))
    assert [call["again"] for call in calls(folder, own) if call.get("key") == at] == [False, True]


def test_a_failing_tracker_is_a_warning_once_and_nobodys_fault(lab: ModuleType, tmp_path: Path, own: str) -> None:
    folder, said = tmp_path / "s", []
    summary = go(lab, folder, said, trials=2, trackers={own: {"fail": "trial-0000-01"}})
    assert summary.counts == {"completed": 2}
    assert len(said) == 1
    assert "RuntimeError: the tool has a bug" in said[0]
    assert (folder / "logs" / "driver.log").read_text().count("the tool has a bug") == 1
    assert set(keys(folder, own)) == set(records(folder))  # the others were logged
    go(lab, folder, said, trials=2, trackers={own: {"fail": "trial-0000-01"}})
    assert keys(folder, own)["trial-0000-01"] == 4  # twice in each start
    assert all(count == 1 for key, count in keys(folder, own).items() if key != "trial-0000-01")
    refused: list[str] = []
    summary = go(lab, folder, refused, trials=3, trackers={own: {"refused": True}})
    assert summary.counts == {"completed": 3}
    assert len(refused) == 1
    assert "ConnectionError: no server" in refused[0]


def test_a_slow_tracker_keeps_nobody_waiting(
    lab: ModuleType, tmp_path: Path, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "LIMIT_S", 0.1)
    folder, said = tmp_path / "s", []
    assert go(lab, folder, said, trials=3, trackers={own: {"slow_s": 0.4}}).counts == {"completed": 3}
    assert len(said) == 1
    assert "has not got to the end" in said[0]
    time.sleep(0.8)  # the one at hand
    left = records(folder) - keys(folder, own)
    assert left
    monkeypatch.setattr(opening, "LIMIT_S", 60)
    go(lab, folder, said, trials=3, trackers={own: {"slow_s": 0.4}})
    assert keys(folder, own) == records(folder)


def test_a_run_that_is_made_again_replaces_what_there_was(lab: ModuleType, tmp_path: Path, own: str) -> None:
    folder = tmp_path / "s"
    go(lab, folder, trials=2, trackers=[own])
    (folder / "records" / "trial-0001-00.json").unlink()
    go(lab, folder, trials=2, trackers=[own])
    again = [call for call in calls(folder, own) if call.get("key") == "trial-0001-00"]
    assert [call["again"] for call in again] == [False, True]


def test_own_code_needs_trust_and_has_to_be_there(lab: ModuleType, tmp_path: Path, own: str) -> None:
    with pytest.raises(ConfigError, match="may not run by itself"):
        run_sweep(lab.make_spec(trackers=[own]), tmp_path / "s", InProcess(), experiments=lab.FakeExperiments())
    with pytest.raises(ConfigError, match="cannot be imported"):
        go(lab, tmp_path / "s", trackers=["not_there:Tracker"])
    assert not (tmp_path / "s").exists()


def test_a_tool_that_is_not_installed_is_a_fault_of_the_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.spec.checks.tracker_checks.find_spec", lambda name: None)
    spec = {"dataset": "motifs", "teacher": "gin-5-64", "student": "gin-3-32", "method": "acgkd", "space": "smoke"}
    with pytest.raises(SpecError) as found:
        load({**spec, "name": "x", "budget": {"trials": 1}, "trackers": ["mlflow"]})
    [fault] = found.value.faults
    assert fault.path == "trackers/mlflow"
    assert 'needs the package mlflow, which is not installed. `pip install "acgkd[trackers]"` installs' in fault.message


def test_the_catalogue_of_trackers() -> None:
    assert TRACKERS.names() == ["mlflow", "tensorboard"]
    for name in TRACKERS:
        assert TRACKERS[name].package
        assert all(TRACKERS[name].options.values())


# ---- what the tools read back


def test_tensorboard_reads_what_was_logged(lab: ModuleType, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    go(lab, tmp_path, trials=2, trackers=["tensorboard"], transfer={"steps": 12})
    home = tmp_path / "trackers" / "tensorboard"
    runs = sorted(str(path.parent.relative_to(home)) for path in home.rglob("events.out.*"))
    assert runs == [f"{name}/seed {seed}" for name in ("teacher", "trial-0000", "trial-0001") for seed in (0, 1)]
    read = accumulator.EventAccumulator(str(home / "trial-0001" / "seed 1")).Reload()
    curves = json.loads((tmp_path / "curves" / "trial-0001-01.json").read_text())["transfer"]
    scalars = read.Scalars("transfer/loss")
    assert [point.step for point in scalars] == curves["step"] == list(range(1, 13))
    assert [point.value for point in scalars] == pytest.approx(curves["loss"], rel=1e-6)
    record = json.loads((tmp_path / "records" / "trial-0001-01.json").read_text())
    assert read.Scalars("test_accuracy")[0].value == pytest.approx(record["quality"]["test_accuracy"])
    assert read.Tensors("run/outcome")[0].tensor_proto.string_val[0] == b"completed"
    hparams = read.PluginTagToContent("hparams")
    assert hparams.keys() == {"_hparams_/session_start_info", "_hparams_/session_end_info"}


def test_two_sweeps_that_log_into_one_folder_of_tensorboards_keep_their_runs(lab: ModuleType, tmp_path: Path) -> None:
    board = tmp_path / "board"
    for name in ("a", "b"):
        go(lab, tmp_path / name, trials=1, trackers={"tensorboard": {"folder": str(board)}})
    found = sorted(path.relative_to(board) for path in board.glob("*/trial-0000/*"))
    assert len(found) == 4  # of two sweeps of one name, two replicates each
    assert len({path.parts[0] for path in found}) == 2
    go(lab, tmp_path / "a", trials=2, trackers={"tensorboard": {"folder": str(board)}})
    assert len(list(board.iterdir())) == 2
    said: list[str] = []
    go(lab, tmp_path / "a", said, trials=2, trackers={"tensorboard": {"folder": "s3://bucket/board"}})
    assert any("must be on a filesystem" in line for line in said)


def test_a_tracker_that_leaves_python_is_named(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "leaves.py").write_text("import sys\n\ndef open_it(sweep, options):\n    sys.exit('no licence')\n")
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    go(lab, tmp_path / "s", said, trials=1, trackers=["leaves:open_it"])
    assert any("SystemExit: no licence" in line for line in said)


def _mlflow(lab: ModuleType, tmp_path: Path, trackers: Any, uri: str) -> None:
    client = pytest.importorskip("mlflow.tracking").MlflowClient
    said: list[str] = []
    go(lab, tmp_path / "s", said, trials=2, trackers=trackers, transfer={"steps": 12})
    assert said == []
    read = client(tracking_uri=uri)
    experiment = read.get_experiment_by_name("fake")
    runs = {run.data.tags["mlflow.runName"]: run for run in read.search_runs([experiment.experiment_id])}
    assert len(runs) == len(records(tmp_path / "s")) == 6
    one = runs["trial-0001/seed 1"]
    record = json.loads((tmp_path / "s" / "records" / "trial-0001-01.json").read_text())
    curves = json.loads((tmp_path / "s" / "curves" / "trial-0001-01.json").read_text())["transfer"]
    history = sorted(read.get_metric_history(one.info.run_id, "transfer/loss"), key=lambda metric: metric.step)
    assert [metric.step for metric in history] == curves["step"]
    assert [metric.value for metric in history] == pytest.approx(curves["loss"])
    assert one.info.status == "FINISHED"
    assert one.data.params["method/synthesis/rate"] == str(record["parameters"]["method/synthesis/rate"])
    assert one.data.metrics["objective/multiply_adds"] == record["objectives"]["multiply_adds"]
    assert one.data.tags["acgkd.host"] == os.uname().nodename
    assert one.info.end_time >= one.info.start_time > 1e12
    # Made again, it is there once, and new.
    (tmp_path / "s" / "records" / "trial-0001-01.json").unlink()
    go(lab, tmp_path / "s", said, trials=2, trackers=trackers, transfer={"steps": 12})
    again = [
        run for run in read.search_runs([experiment.experiment_id]) if run.data.tags["acgkd.key"] == "trial-0001-01"
    ]
    assert len(again) == 1
    assert again[0].info.run_id != one.info.run_id
    assert not any("tracker" in line for line in said)


@pytest.mark.cluster  # seconds of imports
def test_mlflow_reads_what_was_logged_from_a_file_store(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "LIMIT_S", 200)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = f"file://{tmp_path}/store"
    _mlflow(lab, tmp_path, {"mlflow": {"uri": uri}}, uri)


@pytest.mark.cluster  # seconds in which it makes its tables
def test_mlflow_reads_what_was_logged_in_the_sweep_folder(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "LIMIT_S", 200)
    _mlflow(lab, tmp_path, ["mlflow"], f"sqlite:///{tmp_path}/s/trackers/mlflow/mlflow.db")


@pytest.mark.cluster  # seconds of imports
def test_a_server_that_is_away_delays_no_end(lab: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    away = {"mlflow": {"uri": "http://127.0.0.1:9"}}
    with command(folder, "--in-process", trials=50, trackers=away, transfer={"delay_s": 0.02}) as running:
        running.wait_for(lambda: len(list(folder.glob("records/trial-*.json"))) >= 3)
        begun = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.end() == 130
        assert time.monotonic() - begun < 25  # batch systems kill half a minute after their signal
        assert "The tracker `mlflow`" in " ".join(running.text.split())
        assert "Traceback" not in running.text


@pytest.mark.cluster  # a server
def test_on_an_object_store_another_machine_logs_what_is_new_and_nothing_twice(
    lab: ModuleType, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from s3_server import BUCKET, serving

    with serving():
        address = f"s3://{BUCKET}/tracked/fake"
        found: list[Counter[str]] = []
        for trials in (2, 3):
            monkeypatch.setattr(copies, "_copies", {})  # another machine: nothing of the sweep is there
            monkeypatch.setenv("TMPDIR", str(Path.cwd()))
            go(lab, Path(address), trials=trials, trackers=[own])
            [root] = copies._copies
            found.append(keys(root, own))
            events = [json.loads(line) for line in (root / "events.jsonl").read_text().splitlines()]
            ends = [event["trial"] for event in events if event["event"] == "trial_ended"]
            assert ends == list(range(trials))
            shutil.rmtree(root)
        assert set(found[0].values()) == {1}
        assert set(found[1]) == {"trial-0002-00", "trial-0002-01"}


def test_without_its_folder_a_tracker_logs_all_again(lab: ModuleType, tmp_path: Path, own: str) -> None:
    go(lab, tmp_path / "s", trials=2, trackers=[own])
    shutil.rmtree(tmp_path / "s" / "trackers")
    go(lab, tmp_path / "s", trials=2, trackers=[own])
    assert keys(tmp_path / "s", own) == records(tmp_path / "s")


def test_a_stray_file_among_records_is_nothing_to_log(lab: ModuleType, tmp_path: Path, own: str) -> None:
    said: list[str] = []
    go(lab, tmp_path / "s", trials=1)
    before = records(tmp_path / "s")
    for name, text in (("a note.json", "{}"), ("copy-of.json", "{}"), ("control-7.json", '{"environment": "mine"}')):
        (tmp_path / "s" / "records" / name).write_text(text)
    go(lab, tmp_path / "s", said, trials=2, trackers=[own])
    assert keys(tmp_path / "s", own) >= before
    assert said == []
