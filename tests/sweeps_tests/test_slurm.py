"""Batch scripts on a real Slurm of three nodes: cut by their time limit, hit by dying nodes, refused, cancelled."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acgkd.exit_codes import ExitCode
from sweeps.cli.app import main
from tests.slurm import PROGRAMS, Slurm, installed, slurm

CASES = Path(__file__).parents[1] / "cases"
# Some 30 seconds of work, and the same points whoever runs them.
WORK = ("--set", "budget/trials=6", "--set", "method/transfer/steps=300", "--set", "sampler/lag=4")
NODE = ("--cpus-per-node", "1", "--mem", "3500")

pytestmark = [pytest.mark.ray, pytest.mark.cluster, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def three() -> Iterator[Slurm]:
    missing = installed(*PROGRAMS)
    if missing:
        pytest.skip(missing)
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    with slurm(folder) as found:
        yield found
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The table of the same sweep in one process."""
    folder = tmp_path_factory.mktemp("undisturbed") / "sweep"
    assert main(["run", str(CASES / "tiny.yaml"), *WORK, "--in-process", "--out", str(folder)]) == 0
    return table(folder)


def table(folder: Path) -> dict[str, Any]:
    """What must not depend on who ran it, where, or how often it was interrupted."""
    kept = ("outcome", "objectives", "parameters", "seeds")
    found = {}
    for path in sorted((folder / "records").glob("*.json")):
        record = json.loads(path.read_text())
        found[path.stem] = {key: record[key] for key in kept if key in record}
    return found


def attempts(folder: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted((folder / "trials").glob("*/trial.json")):
        found += json.loads(path.read_text())["attempts"]
    return found


def log(job: int | str = "") -> str:
    return "\n".join(path.read_text() for path in sorted(Path().glob(f"*-{job}*.log")))


def write(*options: str, spec: str = "tiny.yaml") -> Path:
    assert main(["slurm", str(CASES / spec), *WORK, *NODE, "--out", "sweep", "-o", "job.sh", *options]) == 0
    return Path("job.sh").resolve()


def in_state(three: Slurm, job: int | str, *states: str, limit_s: float = 300) -> None:
    three.wait_for(lambda: three.facts(job).get("JobState") in states, limit_s, lambda: log(str(job).split("_")[0]))


def back_in_the_queue(three: Slurm, job: int, times: int) -> None:
    """Waits until a job has been requeued so often and waits; Slurm counts it while its processes still end."""

    def waits() -> bool:
        facts = three.facts(job)
        return (facts.get("Restarts"), facts.get("JobState")) == (str(times), "PENDING")

    three.wait_for(waits, 300, lambda: f"{three.facts(job)}\n{log(job)}")


def restarted(three: Slurm, job: int, times: int) -> None:
    """Waits until a job is back in the queue, and lets it begin at once."""
    back_in_the_queue(three, job, times)
    three.call("scontrol", "update", f"jobid={job}", "timelimit=30")
    three.release(job)
    in_state(three, job, "RUNNING")


def begins_as(undisturbed: dict[str, Any]) -> None:
    """A longer sweep begins as a shorter one does."""
    found = table(Path("sweep"))
    assert {name: found.get(name) for name in undisturbed} == undisturbed


def nothing_is_left_of(job: int) -> None:
    assert not list(Path("/tmp").glob(f"acgkd-{job}-*"))
    assert not list(Path("sweep/launch").glob("token*"))
    assert not list(Path("sweep/launch").glob("address*"))


def test_a_sweep_cut_ahead_of_its_limit_and_by_a_dying_node_is_that_of_an_undisturbed_run(
    three: Slurm, undisturbed: dict[str, Any]
) -> None:
    # Slurm misses a dead node after half a minute, and one node alone must not be done before that.
    job = three.submit(write("--nodes", "2", "--set", "budget/trials=20"))
    # As ahead of the time limit, by hand: Slurm looks at its limits twice a minute, and the sweep is as short.
    three.wait_for(lambda: "running;" in log(job), 300, lambda: log(job))
    three.call("scancel", "--batch", "--signal=TERM", str(job))
    three.wait_for(lambda: "Interrupted. What was done is kept" in log(job), 120, lambda: log(job))
    begun = log(job).count("running;")
    restarted(three, job, 1)
    # A node dies, with all that it does.
    three.wait_for(lambda: log(job).count("running;") > begun, 300, lambda: log(job))
    victim = three.facts(job)["NodeList"].translate({ord("["): None, ord("]"): None})
    victim = f"n{victim[-1]}"
    three.kill_node(victim)
    restarted(three, job, 2)
    three.start_node(victim)
    in_state(three, job, "COMPLETED")
    begins_as(undisturbed)
    assert {attempt["cause"] for attempt in attempts(Path("sweep"))} <= {None, "platform"}
    nothing_is_left_of(job)


def near_its_limit(three: Slurm, job: int) -> None:
    """Sets the limit of a running job so that its script's own `--signal=B:TERM@...` is due, and the limit is not."""
    (ahead,) = re.findall(r"#SBATCH --signal=B:TERM@(\d+)", Path("job.sh").read_text())
    hours, minutes, seconds = map(int, three.facts(job)["RunTime"].split(":"))
    ran = 3600 * hours + 60 * minutes + seconds
    three.call("scontrol", "update", f"jobid={job}", f"timelimit={(ran + int(ahead)) // 60}")


def test_slurms_own_signal_comes_ahead_of_a_real_limit_and_the_job_is_back_in_the_queue(three: Slurm) -> None:
    job = three.submit(write("--one-node", "--in-process", "--set", "budget/trials=500"))
    three.wait_for(lambda: list(Path("sweep").glob("records/trial-*")), 300, lambda: log(job))
    near_its_limit(three, job)
    three.wait_for(lambda: "Interrupted. What was done is kept" in log(job), 120, lambda: log(job))
    back_in_the_queue(three, job, 1)
    assert "TIME LIMIT" not in log(job)
    three.call("scancel", str(job))


def test_an_elastic_sweep_grows_and_shrinks(three: Slurm, undisturbed: dict[str, Any]) -> None:
    # Long enough that the second node comes in time, however fast a machine is and however slow its Slurm.
    script = write("--elastic", "--nodes", "2", "--set", "budget/trials=30")
    head = three.submit(script, "--mem=2900")
    nodes = script.with_name("job-nodes.sh")
    after = f"--dependency=after:{head}"
    three.wait_for(lambda: "starting Ray" in log(head), 300, lambda: log(head))  # and no node is there
    array = three.submit(nodes, "--array=0-1", after)
    three.wait_for(lambda: "2 running" in log(head), 300, lambda: log(head))
    three.call("scancel", f"{array}_0")
    in_state(three, head, "COMPLETED", limit_s=900)
    begins_as(undisturbed)
    in_state(three, f"{array}_1", "COMPLETED")  # the sweep has ended, so it need not wait for another head
    lost = [attempt for attempt in attempts(Path("sweep")) if attempt["outcome"] == "lost"]
    assert {attempt["cause"] for attempt in lost} <= {"platform"}
    nothing_is_left_of(head)
    nothing_is_left_of(array)


def test_the_smallest_script_of_the_guide_works(three: Slurm) -> None:
    guide = (CASES.parents[1] / "docs" / "cluster.md").read_text()
    text = re.findall(r"```bash\n(#!/bin/bash\n.*?)```", guide, re.S)[0]
    spec = (CASES / "tiny.yaml").read_text().replace("steps: 6", "steps: 200")
    Path("first.yaml").write_text(spec)
    text = text.replace("/shared/env/", f"{sys.prefix}/").replace("/shared/", f"{Path.cwd()}/")
    Path("small.sh").write_text(text)
    job = three.submit(Path("small.sh").resolve(), "--output=small-%j.log")
    three.wait_for(lambda: list(Path().glob("first/work/*")), 300, lambda: log(job))
    three.call("scancel", "--batch", "--signal=TERM", str(job))  # as ahead of the time limit
    restarted(three, job, 1)
    in_state(three, job, "COMPLETED")
    assert "Interrupted. What was done is kept" in log(job)
    assert {record["outcome"] for record in table(Path("first")).values()} == {"completed"}


def test_of_three_tasks_on_one_folder_one_runs_and_a_cancelled_one_stays_away(three: Slurm) -> None:
    job = three.submit(write("--one-node", "--in-process", "--set", "budget/trials=60"), "--array=0-2")
    tasks = [f"{job}_{number}" for number in range(3)]
    states: dict[str, str | None] = {}

    def one_runs() -> bool:
        states.update({task: three.facts(task).get("JobState") for task in tasks})
        return sorted(map(str, states.values())) == ["FAILED", "FAILED", "RUNNING"]

    three.wait_for(one_runs, 200, lambda: f"{states}\n{log()}")
    (winner,) = (task for task in tasks if states[task] == "RUNNING")
    for task in tasks:
        if task != winner:
            assert three.facts(task)["ExitCode"] == f"{ExitCode.IN_USE:d}:0"
    number = three.facts(winner)["JobId"]
    assert re.search(rf"another one does \(process \d+ on [\w.-]+, Slurm job {number}, since", " ".join(log().split()))
    trials = Path("sweep/trials")
    three.wait_for(lambda: trials.is_dir() and list(trials.iterdir()), 200, lambda: log(number))
    three.call("scancel", winner)
    in_state(three, winner, "CANCELLED")
    three.wait_for(lambda: not three.call("squeue", "-h", f"--jobs={job}"), 120, lambda: log(number))
    assert "Interrupted. What was done is kept" in log(number)


def test_the_script_of_one_node_leaves_nothing_of_its_ray_behind() -> None:
    assert main(["slurm", str(CASES / "tiny.yaml"), "--one-node", "--out", "sweep", "-o", "job.sh"]) == 0
    job = 900_000 + os.getpid()
    done = subprocess.run(
        ["bash", "job.sh"], env={**os.environ, "SLURM_JOB_ID": str(job)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the budget of 4 trials is met" in done.stdout
    nothing_is_left_of(job)
