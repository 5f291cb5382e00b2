"""What ACGKD's synthesis can be told beyond its plain form."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS
from acgkd.methods.acgkd import _targets

OPTIONS: dict[str, dict[str, Any]] = {
    "annealed": {"final_concrete_temperature": 0.1},
    "boundary": {"confidence": 0.6},
    "degree": {"degree_weight": 2.0},
}


def small(**synthesis: Any) -> dict[str, Any]:
    return {"graphs": 8, "steps": 4, **synthesis}


def test_the_concrete_temperature_falls_geometrically_from_first_to_last(tiny: ModuleType) -> None:
    run = tiny.distillation(synthesis=small(concrete_temperature=0.8, final_concrete_temperature=0.1)).run
    seen = []
    for _ in range(4):
        run.step()
        seen.append(run._synthesis.graphs.relaxing.temperature)
    assert seen == pytest.approx([0.8, 0.4, 0.2, 0.1])


def test_one_step_keeps_the_first_temperature(tiny: ModuleType) -> None:
    run = tiny.distillation(synthesis=small(steps=1, concrete_temperature=0.8, final_concrete_temperature=0.1)).run
    run.step()
    assert run._synthesis.graphs.relaxing.temperature == 0.8


def test_targets_spread_from_the_least_confidence_to_certainty() -> None:
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2], device="cpu")
    targets = _targets(labels, 3, 0.4)
    assert torch.allclose(targets.sum(dim=1), torch.ones(9, device="cpu"))
    own = targets[torch.arange(9, device="cpu"), labels]
    assert own.tolist() == pytest.approx([0.4] * 3 + [0.7] * 3 + [1.0] * 3)
    # What is left is shared by the other classes alike.
    assert targets[0].tolist() == pytest.approx([0.4, 0.3, 0.3])
    assert _targets(labels, 3, 1.0) is labels


def test_less_confidence_than_chance_is_refused(tiny: ModuleType) -> None:
    with pytest.raises(ConfigError, match=r"1/2 <= method/synthesis/confidence <= 1"):
        tiny.distillation(synthesis=small(confidence=0.4))


def test_the_cross_entropy_is_taken_to_what_is_asked_for(tiny: ModuleType) -> None:
    run, twin = (tiny.distillation(synthesis=small(confidence=0.6)).run._synthesis for _ in range(2))
    losses = run.step(None)
    batch = twin.graphs.relaxed(twin.setting.streams.generator("synthesis"))
    scores = F.log_softmax(GRAPHS.logits(twin.setting.teacher, batch), dim=1)
    expected = -(_targets(twin.graphs.labels, 2, 0.6) * scores).sum(dim=1).mean()
    assert losses["cross_entropy"].item() == pytest.approx(expected.item())


def test_the_degree_term_draws_density_to_the_prior(tiny: ModuleType) -> None:
    away = []
    for weight in (0.0, 100.0):
        run = tiny.distillation(
            synthesis=small(steps=60, degree_weight=weight, complexity={"mode": "ratio", "ratio": 1.0}), mean_degree=2.0
        ).run
        # Far too dense to start from.
        with torch.no_grad():
            run._synthesis.graphs.structure.logits.fill_(1.5)
        for _ in range(60):
            losses = run.step()
        graphs = run._synthesis.graphs
        away.append(abs(2 * graphs.kept_edges().item() / graphs.candidates.nodes - 2.0))
        assert ("degree" in losses) == (weight > 0)
    assert away[1] < 0.3 < away[0]


def test_there_is_no_degree_term_where_the_mean_degree_is_unknown(tiny: ModuleType) -> None:
    losses = tiny.distillation(synthesis=small(degree_weight=1.0), mean_degree="unknown").run.step()
    assert "degree" not in losses


@pytest.mark.parametrize("name", OPTIONS)
def test_a_run_resumed_at_any_step_ends_in_the_same_bytes(tiny: ModuleType, tmp_path: Path, name: str) -> None:
    def start() -> Any:
        return tiny.distillation(synthesis=small(**OPTIONS[name]))

    whole, plain = start(), tiny.distillation()
    whole.advance()
    plain.advance()
    assert whole.curves != plain.curves
    for steps in range(6):
        run, resumed = start(), start()
        while run.steps_done < steps:
            run.advance(until=run.progress + 1e-6)
        run.save(tmp_path / "run.ckpt")
        resumed.load(tmp_path / "run.ckpt")
        resumed.advance()
        assert tiny.weight_bytes(resumed.student) == tiny.weight_bytes(whole.student)
        assert resumed.curves == whole.curves
