"""What a process may use of a machine: `taskset`, batch systems and control groups say it."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from processes import command

from acgkd.errors import AcgkdError
from acgkd.exit_codes import ExitCode
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.worker.cores import usable_cores

HOME = Path(__file__).parents[2]


def test_cores_are_those_of_the_process() -> None:
    program = "import os; from sweeps.worker.cores import usable_cores as u; os.sched_setaffinity(0, {%d}); print(u())"
    one = min(os.sched_getaffinity(0))
    environment = {**os.environ, "PYTHONPATH": str(HOME)}
    done = subprocess.run([sys.executable, "-c", program % one], env=environment, capture_output=True, check=True)
    assert done.stdout.strip() == b"1"
    assert 1 <= usable_cores() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("limit", "cores"), [("100000 100000", 1), ("50000 100000", 1), ("max 100000", None)])
def test_a_limit_of_a_control_group_counts(limit: str, cores: int | None, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("0::/batch/job_7/step_0\n")
    group = tmp_path / "groups" / "batch" / "job_7" / "step_0"
    group.mkdir(parents=True)
    (group.parent / "cpu.max").write_text(f"{limit}\n")  # on the job, not the step
    (group / "cpu.max").write_text("max 100000\n")
    assert usable_cores(tmp_path / "groups", own) == (cores or len(os.sched_getaffinity(0)))


def test_the_older_control_groups_count_too(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("4:memory:/job\n3:cpu,cpuacct:/job\n")
    (tmp_path / "groups" / "cpu" / "job").mkdir(parents=True)
    (tmp_path / "groups" / "cpu" / "job" / "cpu.cfs_quota_us").write_text("100000\n")
    (tmp_path / "groups" / "cpu" / "job" / "cpu.cfs_period_us").write_text("100000\n")
    assert usable_cores(tmp_path / "groups", own) == 1


def test_threads_of_a_trial_are_within_them(lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    experiments = lab.FakeExperiments()
    monkeypatch.setattr(experiments, "use_threads", asked.append)
    spec = lab.make_spec(trials=1, seeds=(0,), resources={"cpu": 1000})
    run_sweep(spec, tmp_path, InProcess(), experiments=experiments)
    assert set(asked) == {usable_cores()}


def test_what_is_timed_has_the_threads_of_a_trial_and_leaves_none_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from sweeps.suites import calibration, pace
    from sweeps.suites.suite_loading import load_suite

    before = torch.get_num_threads()
    seen: list[int | bool] = []

    def keep_freed_memory(keep: bool = True) -> bool:
        seen.append(keep)
        return True

    def measure(configs: object, reference: str, experiments: object) -> dict[str, pace.Pace]:
        seen.append(torch.get_num_threads())
        raise AcgkdError("no data set")

    monkeypatch.setattr(pace, "measure", measure)
    monkeypatch.setattr("acgkd.runtime.keep_freed_memory", keep_freed_memory)
    suite = {"methods": ["acgkd", "gfkd"], "budgets": "equal_seconds"}
    pair = {"dataset": "motifs", "teacher": "gin-2-8", "student": "gin-2-8"}
    member = load_suite({"name": "timed", "suite": suite, "resources": {"cpu": 1000}, **pair}).members[0]
    torch.set_num_threads(before + 1)
    try:
        with pytest.raises(AcgkdError, match="no data set"):
            calibration.measured_rows(member, member.spec(), calibration.timed_rows(member))
        assert seen == [True, usable_cores(), False]
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.ray
@pytest.mark.cluster
def test_ray_takes_the_cores_of_the_process(tmp_path: Path) -> None:
    """What `affinity.sh` does: under `taskset -c 0`, one trial at a time, and a trial of two cores is refused."""
    one = min(os.sched_getaffinity(0))

    def bound() -> None:
        os.sched_setaffinity(0, {one})

    with command(tmp_path / "two", before=bound, trials=2, resources={"cpu": 2}) as run:
        assert run.end() == ExitCode.LOOK
        assert "A trial must fit into this machine, but takes 2 CPU" in " ".join(run.text.split())
    with command(tmp_path / "one", before=bound, trials=3, seeds=(0,)) as run:
        assert run.end() == ExitCode.OK, run.text
    texts = [path.read_text() for path in tmp_path.glob("one/records/trial-*.json")]
    assert len(texts) == 3
    assert all('"trials_alongside":1' in text.replace(" ", "") for text in texts)
