"""Teachers: trained, frozen, filled with foreign weights, built by trusted code."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch_geometric.data import Data

from acgkd import checkpoint
from acgkd.config import DatasetConfig
from acgkd.datasets import DATASETS
from acgkd.datasets._readers.motif_graphs import make
from acgkd.errors import CheckpointError, ConfigError, DivergedError, TeacherError
from acgkd.graphs import GRAPHS
from acgkd.graphs.batch import GraphBatch
from acgkd.graphs.select import GraphSelector, ranges
from acgkd.images import IMAGES
from acgkd.models import build_model
from acgkd.run.metrics import accuracy, logits
from acgkd.runtime import Streams
from acgkd.teachers.teacher import as_teacher, build_trusted, load_weights, train_teacher

CPU = torch.device("cpu")


def some_graphs(count: int = 20) -> list[Data]:
    return make(0, count)


def trained(seed: int = 0, *, graphs: int = 21, **changes: Any) -> tuple[nn.Module, list[float]]:
    streams = Streams(seed, CPU)
    samples = some_graphs(graphs + 1)[:graphs]
    with streams.fork("teacher"):
        model = build_model("gin-3-8", samples[0].x.shape[1], 2, device=CPU)
    how: dict[str, Any] = {"epochs": 3, "batch_size": 4, "learning_rate": 0.01, **changes}
    return model, train_teacher(model, GRAPHS, samples, streams=streams, device=CPU, **how)


def test_training_is_the_same_again_and_leaves_the_global_generator() -> None:
    before = torch.get_rng_state()
    (first, curve), (again, _), (other, _) = trained(0), trained(0), trained(1)
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True))
    assert not torch.equal(first.classifier.weight, other.classifier.weight)
    assert torch.equal(before, torch.get_rng_state())
    assert len(curve) == 3
    assert not first.training


def test_training_learns() -> None:
    samples = some_graphs(80)
    model, curve = trained(graphs=80, epochs=30, batch_size=16)
    batch = GRAPHS.collate(samples, CPU)
    assert curve[-1] < 0.5 * curve[0]
    assert accuracy(logits(model, GRAPHS, [batch]), batch.labels) > 0.9


def test_training_follows_adam_with_a_rate_that_falls_to_zero() -> None:
    """The slow plain twin: graphs put together one by one, torch's plain Adam."""
    fast, _ = trained(0)
    streams = Streams(0, CPU)
    samples = some_graphs(22)[:21]
    with streams.fork("teacher"):
        slow = build_model("gin-3-8", samples[0].x.shape[1], 2, device=CPU)
    optimizer = torch.optim.Adam(slow.parameters(), lr=0.01, fused=False, foreach=False)
    done = 0
    for _ in range(3):
        order = torch.randperm(21, generator=streams.host("teacher-order")).tolist()
        # Five batches of four; the one sample that is left over cannot pass BatchNorm.
        for start in range(0, 20, 4):
            optimizer.param_groups[0]["lr"] = 0.01 * (1 - done / 15)
            batch = GRAPHS.collate([samples[index] for index in order[start : start + 4]], CPU)
            loss = nn.functional.cross_entropy(GRAPHS.logits(slow, batch), batch.labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            done += 1
    # BatchNorm takes off again what a bias before it adds: its derivative is rounding error, which Adam makes large.
    idle = ("nn.0.bias", "nn.3.bias", "running_mean")
    compared = {name: value for name, value in slow.state_dict().items() if not name.endswith(idle)}
    assert len(compared) == len(slow.state_dict()) - 8
    for name, value in compared.items():
        assert torch.allclose(value, fast.state_dict()[name], atol=1e-5), name


def test_training_works_whatever_the_default_device() -> None:
    with torch.device("meta"):
        model, curve = trained()
    assert all(tensor.device == CPU for tensor in [*model.parameters(), *model.buffers()])
    assert all(value == value for value in curve)


def image_teacher(augment: str, seed: int = 0) -> tuple[nn.Module, list[float]]:
    streams = Streams(seed, CPU)
    data = DATASETS["digits"].load(DatasetConfig(name="digits"))
    with streams.fork("teacher"):
        model = build_model("resnet-8", 1, 10, device=CPU)
    chosen = data.take(torch.arange(64, device="cpu"))
    return model, train_teacher(
        model, IMAGES, chosen, epochs=1, batch_size=32, learning_rate=0.01, augment=augment, streams=streams, device=CPU
    )


def test_image_teachers_are_trained_and_augmented_from_a_stream_of_its_own() -> None:
    (plain, _), (moved, curve), (again, _) = (
        image_teacher("none"),
        image_teacher("crop_flip"),
        image_teacher("crop_flip"),
    )
    assert all(torch.equal(a, b) for a, b in zip(moved.state_dict().values(), again.state_dict().values(), strict=True))
    assert not torch.equal(plain.classifier.weight, moved.classifier.weight)
    assert len(curve) == 1
    with torch.device("meta"):
        model, _ = image_teacher("crop_flip")
    assert all(tensor.device == CPU for tensor in [*model.parameters(), *model.buffers()])


def test_a_teacher_that_diverges_says_so() -> None:
    with pytest.raises(DivergedError, match="Lower `teacher/learning_rate`"):
        trained(learning_rate=1e30)


def test_a_teacher_needs_two_samples() -> None:
    with pytest.raises(ConfigError, match="at least 2"):
        trained(graphs=1)


def test_a_teacher_is_a_frozen_copy() -> None:
    model = build_model("gin-3-8", 4, 2).train()
    teacher = as_teacher(model, CPU)
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not teacher.training
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    with torch.no_grad():
        model.classifier.weight.zero_()
    assert float(teacher.classifier.weight.abs().sum()) > 0


def test_a_module_without_the_protocol_is_no_teacher() -> None:
    with pytest.raises(TeacherError, match=r"must have `encode`, but Linear has none. `acgkd.adapt"):
        as_teacher(nn.Linear(1, 1), CPU)


def test_foreign_weights_are_taken_if_they_fit(tmp_path: Path) -> None:
    source, target = build_model("gin-3-8", 4, 2), build_model("gin-3-8", 4, 2)
    torch.save(source.state_dict(), tmp_path / "weights.pt")
    load_weights(target, tmp_path / "weights.pt")
    assert all(torch.equal(a, b) for a, b in zip(source.parameters(), target.parameters(), strict=True))


@pytest.mark.parametrize(
    ("preset", "features", "words"),
    [
        ("gin-4-8", 4, "missing: norms.2"),
        ("gin-2-8", 4, "not known: norms.1"),
        ("gin-3-8", 5, r"of other shape: layers.0.nn.0.weight \[8, 4\] instead of \[8, 5\]"),
        ("gcn-3-8", 4, "missing: layers.0.bias"),
    ],
)
def test_weights_of_another_architecture_are_refused(tmp_path: Path, preset: str, features: int, words: str) -> None:
    torch.save(build_model("gin-3-8", 4, 2).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(CheckpointError, match=words):
        load_weights(build_model(preset, features, 2), tmp_path / "weights.pt")


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = build_model("gin-3-8", 4, 2)
    state = {**model.state_dict(), "classifier.bias": torch.tensor([float("nan"), 0.0])}
    checkpoint.save(state, tmp_path / "weights.pt")
    with pytest.raises(CheckpointError, match=r"must be finite, but `classifier.bias` is not"):
        load_weights(model, tmp_path / "weights.pt")


def test_trusted_code_runs_only_when_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_teacher_code.py").write_text(
        "import torch\n\ndef build(prior):\n    return torch.nn.Linear(prior, 2)\n\n\ndef other(prior):\n    return 3\n"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="--trust-code"):
        build_trusted("my_teacher_code:build", 7, trust_code=False)
    assert build_trusted("my_teacher_code:build", 7, trust_code=True).in_features == 7
    with pytest.raises(TeacherError, match=r"must return a torch.nn.Module, but gave int"):
        build_trusted("my_teacher_code:other", 7, trust_code=True)
    for name in ("my_teacher_code:nothing", "no_such_module_of_mine:build", "my_teacher_code:", "a b:c"):
        with pytest.raises(ConfigError):
            build_trusted(name, 7, trust_code=True)


def test_minibatches_are_cut_as_if_put_together_one_by_one() -> None:
    samples = some_graphs(12)
    select = GraphSelector(GRAPHS.collate(samples, CPU))
    indices = torch.tensor([7, 0, 3])
    cut, slow = select(indices), GRAPHS.collate([samples[int(index)] for index in indices], CPU)
    for name in ("x", "edge_index", "batch", "labels"):
        assert torch.equal(getattr(cut, name), getattr(slow, name)), name
    assert cut.graphs == 3
    assert select.count == 12


def test_minibatches_are_cut_from_edges_in_any_order() -> None:
    whole = GRAPHS.collate(some_graphs(12), CPU)
    weight = torch.rand(whole.edge_index.shape[1])
    order = torch.randperm(weight.numel())
    mixed = GraphBatch(whole.x, whole.edge_index[:, order], weight[order], whole.batch, 12, whole.labels)
    cut = GraphSelector(mixed)(torch.tensor([5, 2]))
    tidy = GraphSelector(GraphBatch(whole.x, whole.edge_index, weight, whole.batch, 12))(torch.tensor([5, 2]))
    assert tidy.labels is None

    def listed(batch: GraphBatch) -> list[tuple[int, int, float]]:
        return sorted(zip(*batch.edge_index.tolist(), batch.edge_weight.tolist(), strict=True))

    assert listed(cut) == listed(tidy)


def test_ranges_follow_each_other() -> None:
    assert ranges(torch.tensor([4, 0, 9]), torch.tensor([2, 0, 3])).tolist() == [4, 5, 9, 10, 11]
    assert ranges(torch.tensor([], dtype=torch.long), torch.tensor([], dtype=torch.long)).tolist() == []
