"""Memory: what a trial asks of a node's, what this process may use of the machine's, and its share of a device's."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.device_share import limit_device_memory, memory_fraction
from sweeps.worker.host_memory import usable_memory
from sweeps.worker.messages import Job

GB = 1e9
NODE = {"CPU": 4.0, "memory": 8 * GB}
JOB = Job("trial", "trial-0000", "trial 0", (0,), {0: 0}, 1, number=0, parameters={})


def record(peak: Any, kind: str = "trial", label: str = "trial 7", method: str = "acgkd") -> str:
    identity = {"kind": kind, "label": label, "method": method}
    return json.dumps({"identity": identity, "cost": {"peak_host_bytes": peak}})


def needs(lab: ModuleType, folder: Path, **resources: Any) -> Any:
    pytest.importorskip("ray")
    from sweeps.executors.ray.memory_needs import MemoryNeeds

    spec: SweepSpec = lab.make_spec(resources=resources)
    return MemoryNeeds(spec, folder)


@pytest.mark.ray  # which it imports
def test_what_a_trial_asks_for(lab: ModuleType, tmp_path: Path) -> None:
    found = needs(lab, tmp_path)
    share = found.of(JOB, [NODE])
    assert share == pytest.approx(0.98 * 2 * GB), "as many as there are cores, before anything is known"
    for text in (record(0.5 * GB), record(None), record(1_000_000_000), "torn", "[]", record(5, kind="teacher")):
        found.learn(text)
    assert found.of(JOB, [NODE]) == share, "less than the share is no reason to let workers go"
    found.learn(record(2_500_000_000))
    assert 1.2 * 2.5 * GB <= found.of(JOB, [NODE]) <= 1.2 * 2.5 * GB + share / 4
    assert found.of(JOB, [NODE, {"CPU": 4.0, "memory": 4 * GB}]) > 1.2 * 2.5 * GB
    found.learn(record(30_000_000_000))
    assert found.of(JOB, [NODE]) == pytest.approx(0.98 * 8 * GB), "no more than there is: else it would never run"
    control = Job("control", "control-x-00", "x", (0,), {0: 0}, 1, control="x")
    assert found.of(control, [NODE]) == share, "what others took says nothing of it"
    assert found.of(JOB, [NODE, {"CPU": 1.0}]) == 0, "a node that shares no memory out would get nothing"
    assert found.of(JOB, []) == 0


@pytest.mark.ray
def test_a_later_start_knows_what_earlier_ones_took(lab: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "trial-0000-00.json").write_text(record(3_000_000_000))
    assert needs(lab, tmp_path).of(JOB, [NODE]) > 3.6 * GB
    assert needs(lab, tmp_path, memory="none").of(JOB, [NODE]) == 0
    assert needs(lab, tmp_path, memory=1.5).of(JOB, [NODE]) == 1.5 * GB


@pytest.mark.ray
def test_a_trial_that_is_alone_has_the_whole_device(lab: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from sweeps.executors.ray.placement import Placement

    spec = lab.make_spec(resources={"cpu": 1, "gpu": 0.25})
    driver: Any = SimpleNamespace(
        spec=spec,
        folder=SimpleNamespace(records=tmp_path),
        failures=SimpleNamespace(nodes={}),
        nodes=SimpleNamespace(look=list),
    )
    there = {"CPU": 16.0, "GPU": 2.0, "memory": 16 * GB}
    node = {"NodeID": "a", "Alive": True, "NodeManagerAddress": "1", "NodeManagerHostname": "h", "Resources": there}
    placement = Placement(driver, lambda: [node])
    assert placement.of(JOB).bundles == [{"CPU": 1, "GPU": 0.25, "memory": 0.98 * 2 * GB}]
    assert placement.slots() == 8
    assert placement.of(replace(JOB, alone=True)).bundles[0]["GPU"] == 1.0
    assert placement.slots() == 8, "one that is alone says nothing of the others"


def test_memory_within_the_limits_of_control_groups(tmp_path: Path) -> None:
    machine, own, groups = tmp_path / "meminfo", tmp_path / "own", tmp_path / "groups"
    machine.write_text("MemTotal: 9000 kB\nMemAvailable:    8000 kB\n")
    assert usable_memory(groups, own, machine) == 8000 * 1024
    own.write_text("0::/job/step\n")
    (groups / "job" / "step").mkdir(parents=True)
    for group, limit, used in (("job", "5000000", "1000000"), ("job/step", "max", "900000")):
        (groups / group / "memory.max").write_text(f"{limit}\n")
        (groups / group / "memory.current").write_text(f"{used}\n")
    assert usable_memory(groups, own, machine) == 4_000_000
    own.write_text("5:memory:/job\n4:cpu:/\n")
    (groups / "memory" / "job").mkdir(parents=True)
    (groups / "memory" / "job" / "memory.limit_in_bytes").write_text("3000000\n")
    (groups / "memory" / "job" / "memory.usage_in_bytes").write_text("500000\n")
    assert usable_memory(groups, own, machine) == 2_500_000
    assert usable_memory(groups, tmp_path / "none", tmp_path / "none") is None


def test_shares_of_a_device_leave_room_for_what_cuda_itself_takes() -> None:
    total = 24 * 10**9
    assert 4 * (memory_fraction(0.25, total) * total + 600 * 2**20) <= total + 4
    assert memory_fraction(1.0, total) == 1.0
    assert memory_fraction(0.01, 10**9) == 0.005


def test_a_process_is_held_to_its_share_unless_it_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[float, int]] = []
    cuda = SimpleNamespace(
        is_available=lambda: True,
        device_count=lambda: 1,
        get_device_properties=lambda device: SimpleNamespace(total_memory=10**11),
        set_per_process_memory_fraction=lambda fraction, device: called.append((round(fraction, 3), device)),
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    limit_device_memory(0.25, alone=False)
    limit_device_memory(0.25, alone=True)
    limit_device_memory(0.0, alone=False)
    limit_device_memory(2.0, alone=False)
    assert called == [(0.244, 0), (1.0, 0)]


@pytest.mark.gpu
def test_beyond_its_share_torch_is_out_of_memory() -> None:
    import torch

    from sweeps.faults.classification import outcome_of

    total = torch.cuda.get_device_properties(0).total_memory
    limit_device_memory(0.1, alone=False)
    try:
        with pytest.raises(torch.OutOfMemoryError) as caught:
            torch.empty(int(0.15 * total), dtype=torch.uint8, device="cuda")
        assert outcome_of(caught.value) == "out_of_memory"
        limit_device_memory(0.1, alone=True)
        assert torch.empty(int(0.15 * total), dtype=torch.uint8, device="cuda").numel() > 0
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
