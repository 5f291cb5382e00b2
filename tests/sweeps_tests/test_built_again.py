"""A student that no program can say, a plain module of the user's: its code builds it again, where that is trusted."""

from pathlib import Path

import pytest
import torch

from acgkd.errors import CheckpointError, FolderError
from sweeps.cli.app import main
from sweeps.sweep import open_sweep

MODELS = """
import torch
from torch import nn
from torch_geometric.nn import GIN, global_add_pool


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers, self.head = GIN(7, width, num_layers=2, norm="batch_norm"), nn.Linear(width, 2)

    def forward(self, x, edge_index, batch):
        return self.head(global_add_pool(self.layers(x, edge_index), batch))


def teacher(prior):
    import acgkd

    return acgkd.adapt(Net(16))


def student(prior):
    return Net(8)
"""
SPEC = """
name: own
teacher: {module: "odd_models:teacher", checkpoint: net.pt}
student: {module: "odd_models:student"}
method: {name: acgkd, synthesis: {graphs: 8, steps: 1}, transfer: {steps: 2, batch_size: 4}}
prior: {nodes: [10, 14], mean_degree: 2.2, features: categorical, feature_count: 7, classes: 2}
controls: []
replicates: {seeds: [100]}
"""


def test_weights_alone_become_a_student_by_the_code_that_the_spec_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A whole sweep: nothing smaller has a spec, records and a file of such a student."""
    from acgkd.run import reference_pool
    from acgkd.students import saving

    def cannot(*_: object, **__: object) -> None:
        raise RuntimeError("it asks a number")  # as torch.export does, after seconds

    monkeypatch.setattr(saving, "program_of", cannot)

    monkeypatch.setitem(reference_pool.PRESETS, "graphs", (("acgkd", {"graphs": 8, "steps": 1}),))
    monkeypatch.setenv("ACGKD_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd_models.py").write_text(MODELS)
    (tmp_path / "own.yaml").write_text(SPEC)
    built: dict[str, object] = {}
    exec(compile(MODELS, "odd_models.py", "exec"), built)
    with torch.random.fork_rng(devices=[]):
        torch.save(built["Net"](16).state_dict(), "net.pt")  # type: ignore[operator]
    threads = torch.get_num_threads()
    assert main(["run", "own.yaml", "--trust-code", "--in-process", "--out", "sweep"]) == 0
    torch.set_num_threads(threads)
    assert "is kept as weights alone" in caplog.text
    sweep = open_sweep("sweep")
    with pytest.raises(CheckpointError, match=r"weights alone.*`odd_models:student` builds one: add `--trust-code`"):
        sweep.student()
    student = sweep.student(trust_code=True)
    kept = torch.load("sweep/students/trial-0000-00.pt")["state"]
    assert kept.keys() == student.state_dict().keys()
    assert all(torch.equal(kept[name], value) for name, value in student.state_dict().items())
    x, edges = torch.eye(7)[[0, 1, 2]], torch.tensor([[0, 1], [1, 0]])
    assert student(x, edges, torch.tensor([0, 0, 1])).shape == (2, 2)
    (tmp_path / "graphs").mkdir()
    torch.save({"graphs": [{"x": x, "edge_index": edges}]}, "graphs/some.pt")
    assert main(["predict", "sweep", "graphs/some.pt", "--out", "said.parquet"]) == 2
    (tmp_path / "odd_models.py").write_text(MODELS.replace("Net(8)", "Net(8).double()"))
    with pytest.raises(FolderError, match=r"`odd_models\.py` has changed since"):
        sweep.student(trust_code=True)
    (tmp_path / "net.pt").write_bytes(b"others")
    with pytest.raises(CheckpointError, match=r"add `--trust-code`"):  # whatever has become of the rest
        sweep.student()
    with pytest.raises(FolderError, match=r"`teacher/checkpoint` names another one"):
        sweep.student(trust_code=True)
