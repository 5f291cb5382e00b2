"""Packed records: small, without traces of the machine, and enough to resume in a fresh folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd.errors import FolderError
from analysis.records.packed import Packed
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.interchange import packed_records
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.experiments import Experiments

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONTROLS = [{"name": "acgkd", "label": "a", "transfer": {"steps": 8}}, {"name": "acgkd", "label": "b", "transfer": {}}]
COMPARED: dict[str, Any] = {
    "space": None,
    "trials": None,
    "sampler": {"startup_trials": 10},
    "seeds": [0, 1, 2],
    "controls": CONTROLS,
}
SLOW = {**COMPARED, "transfer": {"delay_s": 0.02}}


def drive(folder: Path, changes: dict[str, Any], done: int) -> None:
    """Starts a sweep elsewhere and kills it without warning once so many records are there."""
    command = [sys.executable, str(HERE / "drive.py"), "inprocess", str(folder), json.dumps(changes)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(ROOT)])}
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while len(list((folder / "records").glob("[!.]*.json"))) < done and time.monotonic() < end:
        assert child.poll() is None
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()


def fitting(packed: Packed, spec: SweepSpec, experiments: Experiments) -> Packed:
    return packed_records.fitting(packed, spec, packed_records.misfits(packed, spec, experiments))


def test_a_fresh_folder_resumes_from_what_a_killed_sweep_left(lab: ModuleType, tmp_path: Path) -> None:
    drive(tmp_path / "killed", SLOW, done=5)
    path = tmp_path / "records.parquet"
    packed_records.write(path, {"fake": packed_records.pack(tmp_path / "killed")})
    kept = packed_records.read(path)["fake"]
    assert len(kept.files) >= 5

    spec, experiments = lab.make_spec(**SLOW), lab.FakeExperiments(hurry=True)
    fit = fitting(kept, spec, experiments)
    names = [name for name in kept.files if name.startswith("records/")]
    assert packed_records.restore(fit, tmp_path / "fresh") == len(names)
    run_sweep(spec, tmp_path / "fresh", InProcess(), experiments=experiments)
    run_sweep(spec, tmp_path / "undisturbed", InProcess(), experiments=experiments)
    assert lab.table(tmp_path / "fresh") == lab.table(tmp_path / "undisturbed")
    assert len(lab.table(tmp_path / "fresh")) == 12
    taught = sum("teacher" not in name for name in names)
    assert len(lab.events(tmp_path / "fresh", "measured")) == 9 - taught, "what was there was not run again"
    for name in names:
        assert (tmp_path / "fresh" / name).read_text() == kept.files[name]


def test_a_search_resumes_as_one_sweep(lab: ModuleType, tmp_path: Path) -> None:
    experiments = lab.FakeExperiments(hurry=True)
    run_sweep(lab.make_spec(trials=3), tmp_path / "short", InProcess(), experiments=experiments)
    packed = packed_records.pack(tmp_path / "short")
    longer = lab.make_spec(trials=6)
    packed_records.restore(fitting(packed, longer, experiments), tmp_path / "fresh")
    assert run_sweep(longer, tmp_path / "fresh", InProcess(), experiments=experiments).trials_started == 3
    run_sweep(longer, tmp_path / "whole", InProcess(), experiments=experiments)
    assert lab.table(tmp_path / "fresh") == lab.table(tmp_path / "whole")
    with pytest.raises(FolderError, match="by the search that asked for them"):
        fitting(packed, lab.make_spec(trials=6, sampler={"seed": 7}), experiments)


def test_what_the_spec_would_not_make_today_is_left_out(lab: ModuleType, tmp_path: Path) -> None:
    experiments = lab.FakeExperiments(hurry=True)
    run_sweep(lab.make_spec(**COMPARED), tmp_path / "sweep", InProcess(), experiments=experiments)
    packed = packed_records.pack(tmp_path / "sweep")

    def left(**changes: Any) -> dict[str, int]:
        fit = fitting(packed, lab.make_spec(**{**COMPARED, **changes}), experiments)
        files = [name.removeprefix("records/").rpartition("-")[0] for name in fit.files]
        return {name: files.count(name) for name in ("control-a", "control-b", "trial-0000", "teacher")}

    everything = {"control-a": 3, "control-b": 3, "trial-0000": 3, "teacher": 3}
    assert left() == everything
    changed = [CONTROLS[0], {**CONTROLS[1], "transfer": {"steps": 30}}]
    assert left(controls=changed) == {**everything, "control-b": 0}
    assert left(controls=[*CONTROLS, "random_graphs"]) == everything
    assert left(controls=CONTROLS[:1]) == {**everything, "control-b": 0}
    assert left(seeds=[0, 1, 2, 3]) == everything
    assert left(seeds=[0, 5]) == {name: 1 for name in everything}
    assert left(teacher={"preset": "gin-5-64", "epochs": 7}) == {name: 0 for name in everything}
    fewer = {"objectives": [{"name": "validation_divergence", "floor": None}]}
    assert left(**fewer) == {**dict.fromkeys(everything, 0), "teacher": 3}


def test_more_seeds_resume_where_fewer_ended(lab: ModuleType, tmp_path: Path) -> None:
    experiments = lab.FakeExperiments(hurry=True)
    run_sweep(lab.make_spec(**COMPARED), tmp_path / "sweep", InProcess(), experiments=experiments)
    more = lab.make_spec(**{**COMPARED, "seeds": [0, 1, 2, 3]})
    packed_records.restore(fitting(packed_records.pack(tmp_path / "sweep"), more, experiments), tmp_path / "more")
    summary = run_sweep(more, tmp_path / "more", InProcess(), experiments=experiments)
    assert summary.counts == {"completed": 1}
    assert lab.events(tmp_path / "more", "teacher") == ["teacher teacher-3"]
    assert len(lab.events(tmp_path / "more", "measured")) == 3


def test_nothing_of_the_machine_is_kept_and_equal_content_gives_equal_bytes(lab: ModuleType, tmp_path: Path) -> None:
    experiments = lab.FakeExperiments()
    folder = tmp_path / "sweep"
    run_sweep(
        lab.make_spec(trials=1, seeds=(0,), transfer={"fault": "bug"}), folder, InProcess(), experiments=experiments
    )
    raw = (folder / "records" / "trial-0000-00.json").read_text()
    assert str(ROOT) in raw, "the message of a failure names folders"
    packed = packed_records.pack(folder)
    text = "".join(packed.files.values())
    assert str(ROOT) not in text
    assert f'"host":"{socket.gethostname()}"' not in text
    assert "fake_experiments.py" in text
    packed_records.write(tmp_path / "one.parquet", {"b": packed, "a": packed})
    packed_records.write(tmp_path / "two.parquet", {"a": packed, "b": packed_records.pack(folder)})
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert packed_records.read(tmp_path / "one.parquet") == {"a": packed, "b": packed}


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    assert packed_records.read(tmp_path / "none.parquet") == {}
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(FolderError, match="cannot be read"):
        packed_records.read(tmp_path / "torn.parquet")
    with pytest.raises(FolderError, match=r"sweep\.json"):
        packed_records.pack(tmp_path)
    for name in ("../elsewhere.json", "records/../../elsewhere.json", "/etc/elsewhere.json"):
        with pytest.raises(FolderError, match="lies under"):
            packed_records.restore(Packed("", {name: "{}"}), tmp_path / "fresh")
