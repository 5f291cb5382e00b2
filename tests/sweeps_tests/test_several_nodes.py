"""Several nodes on this machine, one of them broken: nothing is blamed on a trial, and the node gets no more work."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.executors.ray.executor import Ray
from sweeps.store.folder import SweepFolder

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
pytestmark = [pytest.mark.ray, pytest.mark.cluster]


@pytest.fixture
def broken_node() -> Iterator[str]:
    """A cluster of two nodes, of which the second has no device that its torch was built for; its name."""
    import ray
    from ray.cluster_utils import Cluster

    path = os.pathsep.join([str(ROOT), str(HERE)])
    sound = {"include_dashboard": False, "num_cpus": 1, "env_vars": {**os.environ, "PYTHONPATH": path}}
    cluster = Cluster(initialize_head=True, head_node_args=sound)
    try:
        bad = cluster.add_node(num_cpus=1, env_vars={**os.environ, "PYTHONPATH": path, "FAKE_BROKEN_NODE": "1"})
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False)
        yield str(bad.node_id)
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_a_broken_node_is_set_aside_and_no_trial_fails(lab: ModuleType, tmp_path: Path, broken_node: str) -> None:
    changes: dict[str, Any] = {"trials": 16, "seeds": (0,), "sampler": {"lag": 4}, "transfer": {"delay_s": 0.2}}
    spec = lab.make_spec(**changes)
    summary = run_sweep(spec, tmp_path / "two", Ray(), experiments=lab.FakeExperiments())
    assert summary.counts == {"completed": 16}
    (line,) = summary.set_aside
    assert "gets no more work: RuntimeError: CUDA error: no kernel image" in line
    assert SweepFolder(tmp_path / "two").status().set_aside == [line]
    failed = [attempt for trial in lab.trials(tmp_path / "two") for attempt in trial["attempts"] if attempt["cause"]]
    assert {(attempt["outcome"], attempt["cause"]) for attempt in failed} == {("lost", "node")}
    assert 1 <= len(failed) <= 4
    run_sweep(spec, tmp_path / "one", InProcess(), experiments=lab.FakeExperiments(hurry=True))
    assert lab.table(tmp_path / "two") == lab.table(tmp_path / "one")
