"""Several teachings from the same pseudo-samples: the first is what it was, others share its synthesis bit for bit."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import acgkd
from acgkd.config import RunConfig, fingerprint
from acgkd.method import MethodConfig
from acgkd.methods import METHODS, parse_method
from acgkd.run.distillation import Distillation
from acgkd.run.experiment import Experiment
from acgkd.run.together import Together
from acgkd.testing.method_laws import MethodCase, finished, weight_bytes

TAUGHT = [name for name in METHODS if not METHODS[name].needs_data]
# Of the defaults of some methods, each as it was before there were further teachings, or changed since.
BEFORE = {"acgkd": "3e3cd9f2a9d65056", "dfad_gnn": "7307d39dbc200f4e", "dafl": "c981d789984c0c3d"}


def case(name: str) -> MethodCase:
    return MethodCase(METHODS[name], METHODS[name].modality or "graphs")


def begun(name: str, draw: int) -> Distillation:
    return case(name).run(transfer={"draw": draw})


@pytest.mark.parametrize("name", list(METHODS))
def test_the_first_teaching_is_not_written_down(name: str) -> None:
    config = METHODS[name].config
    for settings in ({}, {"transfer": {"draw": 0}}):
        assert "draw" not in config.model_validate(settings).model_dump()["transfer"]
    assert config.model_validate({"transfer": {"draw": 2}}).model_dump(mode="json")["transfer"]["draw"] == 2
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        config.model_validate({"transfer": {"draw": -1}})


@pytest.mark.parametrize("name", BEFORE)
def test_defaults_keep_their_fingerprint(name: str) -> None:
    assert fingerprint(METHODS[name].config().model_dump(mode="json")) == BEFORE[name]


@pytest.mark.parametrize("name", TAUGHT)
def test_another_draw_is_another_teaching_of_the_same_pseudo_samples(name: str, tmp_path: Path) -> None:
    first, second = begun(name, 0), begun(name, 1)
    for run in (first, second):
        run.advance(until=1 / len(run.stages) if len(run.stages) > 1 else 1.0)
    if len(first.stages) > 1:
        made = [run.method_run.state_dict()["synthesis"] for run in (first, second)]
        torch.testing.assert_close(made[0], made[1], rtol=0, atol=0)
        assert second.health() == first.health()
    second.advance(until=1 - 0.5 / len(second.stages))
    second.save(tmp_path / "run.ckpt")
    resumed = begun(name, 1)
    resumed.load(tmp_path / "run.ckpt")
    for run in (first, second, resumed):
        run.advance()
    assert weight_bytes(resumed.student) == weight_bytes(second.student) != weight_bytes(first.student)
    assert resumed.curves == second.curves
    assert weight_bytes(first.student) == finished(case(name))
    if len(first.stages) > 1:
        assert second.health() == first.health()


def config(tiny: ModuleType, draw: int, method: str = "acgkd", **transfer: Any) -> RunConfig:
    synthesis = {"real_data": {}, "acgkd": tiny.SYNTHESIS}.get(method, {"graphs": 8})
    return RunConfig.model_validate(
        {
            "dataset": {"name": "motifs", "options": {"graphs": 40}},
            "teacher": {"preset": "gin-2-8", "epochs": 1},
            "student": "gin-2-4",
            "method": {
                "name": method,
                "synthesis": synthesis,
                "transfer": {**tiny.TRANSFER, **transfer} | ({"draw": draw} if draw else {}),
            },
            "device": "cpu",
        }
    )


def run_of(tiny: ModuleType, home: Path, draw: int, *, share: bool = False, **options: Any) -> Distillation:
    experiment = Experiment(config(tiny, draw, **options), 0, home=home, share_synthesis=share, agreement=False)
    experiment.prepare()
    return experiment.start()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_whoever_makes_the_pseudo_samples_all_teachings_take_them(
    tiny: ModuleType, tmp_path: Path, order: tuple[int, int]
) -> None:
    alone = {}
    for draw in order:
        run = run_of(tiny, tmp_path / "alone", draw, projection="gat")
        run.advance()
        alone[draw] = weight_bytes(run.student)
    cached = []
    for draw in order:
        run = run_of(tiny, tmp_path / "shared", draw, projection="gat", share=True)
        cached.append(run.synthesis_cached)
        run.advance()
        assert weight_bytes(run.student) == alone[draw]
    assert cached == [False, True]
    assert len(list((tmp_path / "shared" / "synthesis").glob("*.pt"))) == 1
    assert alone[0] != alone[1]


@pytest.mark.parametrize("method", ["acgkd", "random_graphs", "real_data"])
def test_a_further_teaching_starts_from_another_student(tiny: ModuleType, home: Path, method: str) -> None:
    starts = [weight_bytes(run_of(tiny, home, draw, method=method).student) for draw in (0, 1, 2)]
    assert len(set(starts)) == 3
    assert starts[1] == weight_bytes(run_of(tiny, home, 1, method=method).student)
    runs = [run_of(tiny, home, draw, method=method) for draw in (0, 1)]
    for run in runs:
        run.advance()
    assert weight_bytes(runs[0].student) != weight_bytes(runs[1].student)


def test_further_teachings_of_several_seeds_are_taught_together(tiny: ModuleType) -> None:
    def fresh(draw: int = 1) -> list[Distillation]:
        transfer = {**tiny.TRANSFER, "draw": draw}
        return [tiny.distillation(transfer=transfer, seed=seed) for seed in (0, 1)]

    alone, runs = fresh(), fresh()
    Together(runs).advance()
    for run, other, first in zip(runs, alone, fresh(0), strict=True):
        other.advance()
        first.advance()
        assert run.together == 2
        ours, theirs, others = (each.student.state_dict() for each in (run, other, first))
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
        assert any(not torch.allclose(ours[name].float(), others[name].float(), atol=1e-3) for name in ours)


def test_a_checkpoint_is_of_one_teaching(tiny: ModuleType, tmp_path: Path) -> None:
    run = tiny.distillation(transfer={**tiny.TRANSFER, "draw": 1})
    run.advance(until=0.7)
    run.save(tmp_path / "run.ckpt")
    with pytest.raises(acgkd.errors.CheckpointError, match="other settings"):
        tiny.distillation().load(tmp_path / "run.ckpt")


def test_one_call_teaches_another_student(tiny: ModuleType) -> None:
    def student(draw: int) -> bytes:
        method = {"name": "acgkd", "synthesis": tiny.SYNTHESIS, "transfer": {**tiny.TRANSFER, "draw": draw}}
        found = acgkd.distill(
            tiny.teacher(),
            "gin-2-4",
            prior=tiny.PRIOR_CONFIG,
            method=method,
            device="cpu",
            agreement=False,
            progress=False,
        )
        return bytes(weight_bytes(found.student))

    assert student(0) != student(1) == student(1)


def test_only_what_changes_is_another_run(tiny: ModuleType) -> None:
    first, second = config(tiny, 0), config(tiny, 1)
    assert first.fingerprint() != second.fingerprint()
    parsed: list[MethodConfig] = [parse_method(each.method)[1] for each in (first, second)]
    assert parsed[0].synthesis == parsed[1].synthesis
