"""Trials that do not fit into the memory of a node together do not run together: real scheduling by Ray."""

import itertools
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sweeps.executors.base import run_sweep
from sweeps.executors.ray.executor import Ray

HERE = Path(__file__).parent
pytestmark = [pytest.mark.ray, pytest.mark.cluster]
MEMORY = 1_000_000_000


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Two cores, and memory for one trial that takes more than half of it."""
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HERE))  # workers import the fake experiments by their name
        ray.init(address="local", num_cpus=2, _memory=MEMORY, log_to_driver=False, include_dashboard=False)
        yield
        ray.shutdown()


def times(folder: Path) -> list[tuple[datetime, datetime]]:
    """From when to when each attempt ran, in order of its begin."""
    found = [json.loads(path.read_text()) for path in (folder / "trials").glob("*/trial.json")]
    return sorted(
        (datetime.fromisoformat(item["started_at"]), datetime.fromisoformat(item["finished_at"]))
        for trial in found
        for item in trial["attempts"]
    )


def together(spans: list[tuple[datetime, datetime]]) -> int:
    """How many neighbours in time overlap."""
    return sum(second[0] < first[1] for first, second in itertools.pairwise(spans))


def go(lab: ModuleType, folder: Path, peak: int, steps: int = 15, **resources: Any) -> list[tuple[datetime, datetime]]:
    transfer = {"steps": steps, "delay_s": 0.1, "peak_host_bytes": peak}
    spec = lab.make_spec(
        trials=7, seeds=(0,), sampler={"name": "random"}, transfer=transfer, resources={"cpu": 1, **resources}
    )
    assert run_sweep(spec, folder, Ray(), experiments=lab.FakeExperiments()).counts == {"completed": 7}
    return times(folder)


@pytest.mark.usefixtures("cluster")
def test_large_trials_run_one_after_the_other_once_that_is_known(lab: ModuleType, tmp_path: Path) -> None:
    spans = go(lab, tmp_path / "large", peak=700_000_000)
    # The first ones, and those that wait for their workers meanwhile, are placed before anything is known.
    assert together(spans[4:]) == 0
    later = run_sweep(
        lab.make_spec(
            trials=10,
            seeds=(0,),
            sampler={"name": "random"},
            transfer={"steps": 15, "delay_s": 0.1, "peak_host_bytes": 700_000_000},
        ),
        tmp_path / "large",
        Ray(),
        experiments=lab.FakeExperiments(),
    )
    assert later.counts == {"completed": 10}
    assert together(times(tmp_path / "large")[7:]) == 0, "the records of the first start say it"


@pytest.mark.usefixtures("cluster")
def test_small_trials_and_those_that_ask_for_nothing_run_side_by_side(lab: ModuleType, tmp_path: Path) -> None:
    steps = 40  # four seconds each: the other worker gets there before the first one has done nearly all of them
    assert together(go(lab, tmp_path / "small", 100_000_000, steps)) >= 2
    assert together(go(lab, tmp_path / "none", 700_000_000, steps, memory="none")) >= 2


@pytest.mark.usefixtures("cluster")
def test_what_the_user_says_holds_from_the_first_trial(lab: ModuleType, tmp_path: Path) -> None:
    assert together(go(lab, tmp_path, peak=1_000, memory=0.6)) == 0
