import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd.errors import SweepError
from sweeps.engine.snapshot import Snapshot, Summary
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.executors.ray.executor import Ray
from sweeps.spec.loading import load as load_spec

pytestmark = pytest.mark.ray
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One cluster for this file; the executor uses a connection that is there and leaves it alone."""
    import ray

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(HERE)  # workers import the fake experiments by its name
    ray.init(address="local", num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield
    ray.shutdown()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def go(lab: ModuleType, folder: Path, watch: Any = None, **changes: Any) -> Summary:
    return run_sweep(lab.make_spec(**changes), folder, Ray(), experiments=lab.FakeExperiments(), watch=watch)


@pytest.mark.cluster
@pytest.mark.usefixtures("cluster")
def test_with_a_lag_two_workers_make_the_table_of_one_process(lab: ModuleType, tmp_path: Path) -> None:
    # Long enough for the second worker to get there.
    transfer = {"steps": 10, "delay_s": 0.1, "start_s": 0.1}
    changes: dict[str, Any] = {"trials": 12, "sampler": {"lag": 2}, "transfer": transfer}
    seen: list[Snapshot] = []
    summary = go(lab, tmp_path / "ray", watch=seen.append, **changes)
    assert summary.counts == {"completed": 12}
    run_sweep(lab.make_spec(**changes), tmp_path / "one", InProcess(), experiments=lab.FakeExperiments(hurry=True))
    assert lab.table(tmp_path / "ray") == lab.table(tmp_path / "one")
    assert lab.lost(tmp_path / "ray") == [0.0] * 24
    assert max(len(shown.running) for shown in seen) >= 2
    # Each teacher once, though two workers were there for them.
    assert sorted(lab.events(tmp_path / "ray", "teacher")) == ["teacher teacher-0", "teacher teacher-1"]
    # Started where the other stopped, in either executor.
    more = {**changes, "trials": 15}
    assert go(lab, tmp_path / "one", **more).trials_started == 3
    run_sweep(lab.make_spec(**more), tmp_path / "ray", InProcess(), experiments=lab.FakeExperiments(hurry=True))
    assert lab.table(tmp_path / "ray") == lab.table(tmp_path / "one")


@pytest.mark.usefixtures("cluster")
def test_a_sweep_on_ray_is_that_of_one_process(lab: ModuleType, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"trials": 4, "seeds": (0, 1), "sampler": {"lag": 2}}
    assert go(lab, tmp_path / "ray", **changes).counts == {"completed": 4}
    run_sweep(lab.make_spec(**changes), tmp_path / "one", InProcess(), experiments=lab.FakeExperiments())
    assert lab.table(tmp_path / "ray") == lab.table(tmp_path / "one")


@pytest.mark.usefixtures("cluster")
def test_a_worker_that_must_wait_for_another_trial_is_kept_and_so_is_the_other(lab: ModuleType, tmp_path: Path) -> None:
    from tests.working_experiments import WorkingExperiments

    log = tmp_path / "processes"
    spec = lab.make_spec(trials=12, seeds=(0,), sampler={"lag": 1})
    run_sweep(spec, tmp_path / "sweep", Ray(), experiments=WorkingExperiments(partial(_every_other_is_long, log)))
    trials_of = Counter(log.read_text().split())
    assert trials_of.total() == 12
    assert len(trials_of) == 2
    assert min(trials_of.values()) >= 4


def _every_other_is_long(log: Path) -> None:
    """Writes down who works; the next trial but one waits for a long one, and then two are there at once."""
    with log.open("a+") as file:
        file.write(f"{os.getpid()}\n")
        file.flush()
        file.seek(0)
        number = len(file.read().split())
    time.sleep(0.4 if number % 2 else 0.05)


@pytest.mark.cluster
@pytest.mark.usefixtures("cluster")
def test_every_way_to_end(lab: ModuleType, tmp_path: Path) -> None:
    kinds = ("none", "diverge", "oom", "bug", "die once", "hang below")
    space = {"method/transfer/fault": {"type": "categorical", "choices": kinds}}
    summary = go(
        lab,
        tmp_path,
        trials=20,
        seeds=(0, 1),
        space=space,
        sampler={"name": "grid"},
        timeout_s=5.0,  # a machine that lets a worker wait for a second or two makes no timeout of it
        transfer={"start_s": 0.1},
    )
    found = {trial["parameters"]["method/transfer/fault"]: trial for trial in lab.trials(tmp_path)}
    assert sorted(found) == sorted(kinds)
    assert {kind: trial["state"] for kind, trial in found.items()} == {
        "none": "completed",
        "diverge": "infeasible",
        "oom": "infeasible",
        "bug": "failed",
        "die once": "completed",
        "hang below": "infeasible",
    }
    assert summary.counts == {"completed": 2, "failed": 1, "infeasible": 3}
    tries = {kind: [attempt["outcome"] for attempt in trial["attempts"]] for kind, trial in found.items()}
    assert tries["oom"] == ["out_of_memory"] * 3, "once more, alone"
    assert tries["hang below"] == ["timed_out", "timed_out"]
    assert Counter(tries["die once"]) == {"lost": 2, "completed": 2}
    # Both died before a checkpoint: their first start-up is lost, the second one kept.
    assert all(0.1 <= seconds < 3 for seconds in lab.lost(tmp_path, found["die once"]["number"]))
    assert lab.lost(tmp_path, found["none"]["number"]) == [0.0, 0.0]
    assert "fake_experiments.py" in found["hang below"]["message"]
    log = tmp_path / found["bug"]["attempts"][0]["log"]
    assert "KeyError: 'a bug'" in log.read_text()
    rows = {row["file"]: row for row in lab.table(tmp_path)}
    assert len(rows) == 2 + 2 * 5 + 1
    processes = _processes(tmp_path, found["oom"]["number"])
    assert len(set(processes)) == 2, "a worker that ran out of memory is replaced"


def _processes(folder: Path, number: int) -> list[int]:
    import json

    paths = sorted((folder / "records").glob(f"trial-{number:04d}-*.json"))
    return [json.loads(path.read_text())["environment"]["process"] for path in paths]


@pytest.mark.cluster
@pytest.mark.usefixtures("cluster")
def test_halving_on_two_workers(lab: ModuleType, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"trials": 20, "seeds": (0, 1, 2), "scheduler": "halving"}
    summary = go(lab, tmp_path, **changes)
    found = lab.trials(tmp_path)
    assert len(found) == summary.trials_started == 20
    assert set(summary.counts) == {"completed", "pruned"}
    assert len({str(trial["parameters"]) for trial in found}) == 20
    for trial in found:
        outcomes = [attempt["outcome"] for attempt in trial["attempts"]]
        assert outcomes == ["completed"] * 3 or outcomes[-1] == "pruned"
        assert [attempt["replicate"] for attempt in trial["attempts"]] == list(range(len(outcomes)))
    measured = lab.events(tmp_path, "measured")
    assert len(measured) == len(set(measured))
    assert not list((tmp_path / "trials").rglob("*.ckpt"))


@pytest.mark.cluster
@pytest.mark.usefixtures("cluster")
def test_a_teacher_that_cannot_be_made_stops_the_sweep(lab: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="13 epochs"):
        go(lab, tmp_path, teacher={"preset": "gin-5-64", "epochs": 13})
    assert lab.trials(tmp_path) == []


@pytest.mark.cluster
@pytest.mark.usefixtures("cluster")
def test_a_full_disk_in_a_worker_stops_the_sweep(lab: ModuleType, tmp_path: Path) -> None:
    from acgkd.errors import StorageError

    space = {"method/transfer/fault": {"type": "categorical", "choices": ("full",)}}
    with pytest.raises(StorageError, match="File too large"):
        go(lab, tmp_path, trials=3, space=space, sampler={"name": "random"})
    assert {trial["state"] for trial in lab.trials(tmp_path)} == {"waiting"}


@pytest.mark.usefixtures("cluster")
def test_signal_handlers_and_folder_are_put_back(lab: ModuleType, tmp_path: Path) -> None:
    import signal

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    before = [signal.getsignal(number) for number in numbers], Path.cwd(), dict(os.environ)
    go(lab, tmp_path, trials=1, seeds=(0,))
    assert ([signal.getsignal(number) for number in numbers], Path.cwd(), dict(os.environ)) == before


STRAY = """
import os, sys
from pathlib import Path
from fake_experiments import FakeExperiments, make_spec
from sweeps.executors.base import run_sweep
from sweeps.executors.ray.executor import Ray
os.environ["PYTHONPATH"] = sys.argv[1] + os.pathsep + os.environ["PYTHONPATH"]  # for the workers alone
run_sweep(make_spec(trials=1), Path(sys.argv[2]), Ray(), experiments=FakeExperiments())
"""


@pytest.mark.cluster
@pytest.mark.parametrize("name", ["analysis.py", "sweeps.py", "sweeps/__init__.py"])
def test_a_stray_package_in_a_worker_is_refused_before_it_runs(name: str, tmp_path: Path) -> None:
    stray = tmp_path / "stray" / name
    stray.parent.mkdir(parents=True)
    stray.write_text(f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n")
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    command = [sys.executable, "-c", STRAY, str(tmp_path / "stray"), str(tmp_path / "sweep")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{stray} comes first on the path" in done.stderr
    assert not (tmp_path / "ran").exists()
    assert not list((tmp_path / "sweep" / "trials").iterdir())


def test_a_finished_sweep_starts_no_ray(lab: ModuleType, tmp_path: Path) -> None:
    run_sweep(lab.make_spec(trials=2), tmp_path, InProcess(), experiments=lab.FakeExperiments())
    program = f"""
import sys
from pathlib import Path
from sweeps.executors.base import run_sweep
from sweeps.executors.ray.executor import Ray
from fake_experiments import FakeExperiments, make_spec
summary = run_sweep(make_spec(trials=2), Path({str(tmp_path)!r}), Ray(), experiments=FakeExperiments())
assert summary.nothing_to_do
assert not any(name.split(".")[0] in ("ray", "torch") for name in sys.modules)
"""
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


@pytest.mark.usefixtures("cluster")
def test_a_trial_that_does_not_fit_into_this_machine_is_refused(lab: ModuleType, tmp_path: Path) -> None:
    for resources, facts in (({"gpu": 0.25}, "1 CPU and 0.25 GPU, and Ray finds 2 and 0"), ({"cpu": 3}, "3 CPU")):
        spec = lab.make_spec(resources=resources)
        with pytest.raises(SweepError, match=facts):
            run_sweep(spec, tmp_path / "sweep", Ray("local"), experiments=lab.FakeExperiments())
    assert not lab.events(tmp_path / "sweep", "teacher")


@pytest.mark.cluster
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("named", [True, False])
def test_workers_have_the_cache_that_the_driver_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """A connection that was there may be one to a cluster: only a cache that is named is shared then."""
    if named:
        monkeypatch.setenv("ACGKD_CACHE", str(tmp_path / "named"))
    else:
        monkeypatch.delenv("ACGKD_CACHE")
    spec = load_spec(
        {
            "name": "small",
            "dataset": {"name": "motifs", "options": {"graphs": 40}},
            "teacher": {"preset": "gin-2-8", "epochs": 1},
            "student": "gin-2-8",
            "method": {"name": "acgkd", "synthesis": {"graphs": 4, "steps": 3}, "transfer": {"steps": 3}},
            "space": {"method/transfer/rate": {"type": "float", "low": 0.001, "high": 0.03}},
            "objectives": ["validation_divergence"],
            "replicates": {"seeds": [0]},
            "budget": {"trials": 1},
            "controls": [],
            "device": "cpu",
        }
    )
    assert run_sweep(spec, tmp_path / "sweep", Ray()).counts == {"completed": 1}
    cache = tmp_path / "named" if named else tmp_path / "sweep" / "cache"
    assert len(list((cache / "teachers").glob("*.pt"))) == 1
    assert (tmp_path / "sweep" / "cache").exists() != named
    assert not list((tmp_path / "named").glob("in-use/*.lock"))
