"""DeepInversion on graphs: structure never changes, features do, and where nothing can be learned it says so."""

import logging
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from acgkd.graphs.batch import GraphBatch
from acgkd.methods.deepinv_graphs import METHOD, DeepinvGraphsConfig
from acgkd.synthesis.graphs.feature_learning import FeatureInversion
from tests.motifs import taught

SMALL = {"graphs": 9, "steps": 5}


@pytest.fixture
def inversion(tiny: ModuleType) -> Any:
    def make(seed: int = 0, synthesis: dict[str, Any] | None = None, **prior: Any) -> FeatureInversion:
        config = DeepinvGraphsConfig.model_validate({"synthesis": {**SMALL, **(synthesis or {})}})
        return FeatureInversion(config.synthesis, tiny.context(seed, **prior))

    return make


def generator() -> torch.Generator:
    return torch.Generator(device="cpu").manual_seed(0)


def draws(synthesis: FeatureInversion, indices: Tensor | None = None) -> dict[str, GraphBatch]:
    graphs = synthesis.graphs
    return {
        "relaxed": graphs.relaxed(generator(), indices),
        "sampled": graphs.sampled(generator(), indices),
        "thresholded": graphs.thresholded(indices),
        "soft": graphs.soft(indices),
    }


@pytest.mark.parametrize("features", ["categorical", "continuous", "degree"])
def test_structure_stays_while_features_are_learned(inversion: Any, features: str) -> None:
    synthesis = inversion(features=features)
    before, start = draws(synthesis), synthesis.graphs.features.detach().clone()
    for _ in range(5):
        synthesis.step(None)
    assert bool((synthesis.graphs.features != start).any(dim=1).all())
    for how, batch in draws(synthesis).items():
        assert torch.equal(batch.edge_index, before[how].edge_index)
        assert torch.equal(batch.edge_weight, torch.ones(batch.edge_index.shape[1]))
        assert torch.equal(batch.edge_index, before["sampled"].edge_index)
        assert how == "thresholded" or not torch.equal(batch.x, before[how].x)


def test_structure_is_a_draw_of_the_controls(inversion: Any, tiny: ModuleType) -> None:
    synthesis = inversion(synthesis={"graphs": 40})
    control = tiny.distillation("random_graphs", {"graphs": 40}).method_run.samples(40)
    batch = synthesis.graphs.thresholded()
    assert torch.equal(batch.batch, control.batch)
    assert torch.equal(batch.labels, control.labels)
    adjacency = tiny.dense(batch)
    assert torch.equal(adjacency, adjacency.T)
    assert bool((adjacency.diagonal() == 0).all())
    assert torch.equal(batch.batch[batch.edge_index[0]], batch.batch[batch.edge_index[1]])
    # The prior says 2 neighbours a node.
    assert adjacency.sum().item() / batch.x.shape[0] == pytest.approx(2.0, rel=0.15)
    assert synthesis.facts() == {
        "candidate_edges": adjacency.sum() / 2,
        "kept_edges": adjacency.sum() / 2,
        "pseudo_samples": 40,
    }


def test_seeds_decide_the_structure(inversion: Any) -> None:
    one, same, other = (inversion(seed).graphs.thresholded() for seed in (0, 0, 1))
    assert torch.equal(one.edge_index, same.edge_index)
    assert torch.equal(one.x, same.x)
    assert one.edge_index.shape != other.edge_index.shape or not torch.equal(one.edge_index, other.edge_index)


@pytest.mark.parametrize("features", ["categorical", "continuous", "degree", "constant"])
def test_parts_hold_the_rows_and_edges_of_their_graphs(inversion: Any, features: str) -> None:
    synthesis = inversion(features=features)
    indices = torch.tensor([5, 0, 5])
    whole = synthesis.graphs.thresholded()
    for how, part in draws(synthesis, indices).items():
        assert part.graphs == 3
        assert torch.equal(part.labels, whole.labels[indices])
        rows = [whole.x[whole.batch == index] for index in indices.tolist()]
        assert part.x.shape == torch.cat(rows).shape
        assert how != "thresholded" or torch.equal(part.x, torch.cat(rows))
        edges = [int((whole.batch[whole.edge_index[0]] == index).sum()) for index in indices.tolist()]
        assert torch.bincount(part.batch[part.edge_index[0]], minlength=3).tolist() == edges
    source = synthesis.source("mixed")
    assert (2 * source.edges(indices)).tolist() == edges
    assert source.load[indices].tolist() == [len(r) + e for r, e in zip(rows, edges, strict=True)]


def test_what_transfer_sees(inversion: Any) -> None:
    synthesis, indices = inversion(), torch.arange(8)
    rows = {how: synthesis.source(how).draw(indices).x for how in ("resampled", "fixed", "soft", "mixed")}
    for how in ("resampled", "fixed", "mixed"):
        assert set(rows[how].flatten().tolist()) == {0.0, 1.0}
    assert torch.allclose(rows["soft"], torch.softmax(synthesis.graphs.features, dim=1)[: len(rows["soft"])])
    first = int(synthesis.graphs.sizes[:4].sum())
    assert torch.equal(rows["mixed"][:first], rows["fixed"][:first])
    assert not torch.equal(rows["mixed"][first:], rows["fixed"][first:])
    assert not torch.equal(rows["resampled"], synthesis.source("resampled").draw(indices).x)


def test_continuous_features_are_learned_as_they_are(inversion: Any) -> None:
    synthesis = inversion(features="continuous")
    assert synthesis.graphs.feature_logits() is None
    assert all(torch.equal(batch.x, synthesis.graphs.features) for batch in draws(synthesis).values())
    assert "entropy" not in synthesis.step(None)


def test_the_loss_is_the_weighted_sum_of_its_terms(inversion: Any) -> None:
    terms = inversion(synthesis={"statistics_weight": 3.0, "entropy_weight": 0.5}).step(None)
    expected = terms["cross_entropy"] + 3.0 * terms["statistics"] + 0.5 * terms["entropy"]
    assert terms["loss"].item() == pytest.approx(expected.item())
    assert set(inversion(synthesis={"entropy_weight": 0.0}).step(None)) == {"loss", "cross_entropy", "statistics"}


@pytest.mark.parametrize("statistics", ["gaussian_kl", "norm", "squared"])
def test_learning_brings_the_statistics_nearer(inversion: Any, statistics: str) -> None:
    synthesis = inversion(synthesis={"statistics": statistics, "steps": 60})
    terms = [synthesis.step(None) for _ in range(60)]
    early, late = (sum(step["statistics"].item() for step in part) for part in (terms[:5], terms[-5:]))
    # The memory of an untrained teacher is no data: features alone cannot come close to it.
    assert late < 0.96 * early


@pytest.mark.parametrize(("features", "synthesis"), [("constant", {}), ("degree", {"degree_features": "structural"})])
def test_where_features_follow_from_structure_nothing_is_learned_and_it_says_so(
    tiny: ModuleType, caplog: pytest.LogCaptureFixture, features: str, synthesis: dict[str, Any]
) -> None:
    with caplog.at_level(logging.WARNING, "acgkd"):
        run = tiny.distillation("deepinv_graphs", {**SMALL, **synthesis}, features=features)
    assert "nothing to learn" in caplog.text
    assert [stage.name for stage in run.stages] == ["transfer"]
    run.advance()
    batch = run.method_run.samples(9)
    expected = torch.ones(batch.x.shape[0], 4)
    if features == "degree":
        expected = torch.eye(4)[tiny.dense(batch).sum(dim=0).clamp(max=3).long()]
    assert torch.equal(batch.x, expected)


def test_free_degree_features_may_contradict_the_structure(inversion: Any, tiny: ModuleType) -> None:
    batch = inversion(features="degree", feature_count=4).graphs.thresholded()
    assert bool((batch.x.sum(dim=1) == 1).all())
    assert not torch.equal(batch.x.argmax(dim=1), tiny.dense(batch).sum(dim=0).clamp(max=3).long())


def test_the_defaults_are_a_plain_student_without_curriculum() -> None:
    transfer = METHOD.config().transfer
    assert (transfer.projection, transfer.curriculum.pacing) == ("none", "none")
    assert not METHOD.needs_student(METHOD.config())


@pytest.mark.slow
@pytest.mark.parametrize("seed", [100, 101])
def test_what_it_learns_on_motifs_teaches_more_than_random_graphs(tmp_path: Path, seed: int) -> None:
    accuracy, divergence = taught({"name": "deepinv_graphs", "transfer": {"projection": "none"}}, seed, tmp_path)
    control, far = taught({"name": "random_graphs", "transfer": {"projection": "none"}}, seed, tmp_path)
    assert accuracy > control + 0.2
    assert divergence < 0.5 * far
