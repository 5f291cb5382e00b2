"""The benchmark of RDSKD's two steps: its plain loop is the step that is shipped, and what it counts is true."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.image_scripts import imported

CPU = torch.device("cpu")
TINY = {"tiny": {"recipe": "compact", "batch_size": 8, "generator": {"latent": 6, "width": 8}}}


@pytest.fixture(scope="module")
def scripts() -> SimpleNamespace:
    return imported("_plain_images", "_image_floor", "timing", "image_loop")


@pytest.fixture
def loop(scripts: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark on eight images of a narrow generator, one step at a time, without a compiler."""
    module = scripts.image_loop
    monkeypatch.setattr(module, "RECIPES", TINY)
    monkeypatch.setattr(module, "MEASURE_S", 0.0)
    variants = {label: variant for label, variant in module.VARIANTS.items() if not variant.compiled}
    monkeypatch.setattr(module, "VARIANTS", variants)
    # Process-wide, and there is no way back.
    monkeypatch.setattr(module, "keep_freed_memory", lambda: True)
    return module


@pytest.mark.parametrize("step", ["generator", "student"])
@pytest.mark.parametrize("layers", ["PLAIN", "TORCHS"])
def test_the_plain_loop_does_what_the_step_that_is_shipped_does(loop: Any, step: str, layers: str) -> None:
    shipped = loop.shipped("tiny", step, CPU)
    plain = loop.plain(loop.VARIANTS[getattr(loop, layers)], "tiny", step, CPU)
    for _ in range(4):
        # A student's loss is 100 times a difference of logarithms near 1.
        assert plain().item() == pytest.approx(shipped().item(), rel=1e-3, abs=2e-5)


def test_what_does_not_compile_is_a_row_and_not_the_end(
    loop: Any, scripts: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(network: Any) -> Any:
        def compiled(*_: Tensor) -> Tensor:
            raise RuntimeError("no compiler\nat hand")

        network.forward = compiled
        return network

    monkeypatch.setattr(torch, "compile", refuse)
    label = "plain loop, compiled"
    ways = {loop.PLAIN: loop.VARIANTS[loop.PLAIN], label: scripts.plain_images.Variant(compiled=True)}
    monkeypatch.setattr(loop, "VARIANTS", {**ways, loop.TORCHS: loop.VARIANTS[loop.TORCHS]})
    monkeypatch.setattr(loop, "in_a_process_of_its_own", lambda *_: [1.0, 0.5])
    found = loop.measure("tiny", 1, CPU)
    assert found.rows[label, "student"].missing == "RuntimeError: no compiler"
    text = loop.Page("image-loop", "benchmarks.speed.image_loop", ()).text(
        found=[found], device_name=str, options=SimpleNamespace(rounds=1, threads=1)
    )
    assert f"| {label} | RuntimeError: no compiler |" in text


def test_work_is_products_and_the_bytes_of_all_else(scripts: SimpleNamespace) -> None:
    layer, x = nn.Linear(3, 5, device=CPU), torch.ones(4, 3, device=CPU)

    def step() -> Tensor:
        # A product, 20 numbers read and written once, a sum of them; back, a sum of 5 columns and a product.
        loss = layer(x).relu().sum()
        loss.backward()
        return loss

    work = scripts.image_floor.Work.of(step)
    assert work.multiply_adds == 2 * 4 * 3 * 5
    other = scripts.image_floor.Work.of(lambda: (x.t() + x.t()).t().view(12))
    assert (other.multiply_adds, other.operations, other.bytes) == (0, 1, 3 * 12 * 4)
    with torch.no_grad():
        assert scripts.image_floor.Work.of(lambda: layer(x)).bytes == 0


def test_the_floor_is_work_by_pace(scripts: SimpleNamespace) -> None:
    pace = scripts.image_floor.Pace(64)
    pace.measure(lambda call: call() is None or 0.5, CPU)
    assert (pace.products, pace.additions) == ([2 * 1024**3], [2 * 3 * 64])
    pace.products, pace.additions = [1.0, 4.0, 9.0], [2.0]
    assert pace.floor(scripts.image_floor.Work(8.0, 1, 6)) == (2.0, 3.0)


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        ([2.0, 4.2, 6.0], "1.050 (0.500 to 1.500), **met**"),
        ([4.4, 4.8, 4.3], "1.100 (1.075 to 1.200), **missed**"),
    ],
)
def test_a_tax_beyond_the_limit_is_a_target_missed(
    scripts: SimpleNamespace, seconds: list[float], verdict: str
) -> None:
    module, floor = scripts.image_loop, scripts.image_floor
    ways = (module.PLAIN, module.SHIPPED, module.TORCHS, module.ALONE)
    rows = {
        (label, step): scripts.timing.Timed([4.0, 4.0, 4.0], kernel=[0.5]) for label in ways for step in module.STEPS
    }
    rows[module.SHIPPED, "student"].seconds = seconds
    work = {(label, step): floor.Work(8e6, 1, 6) for label in (module.SHIPPED, module.TORCHS) for step in module.STEPS}
    found = module.Measured(module.config_of("compact"), CPU, floor.Pace(64, [4e6], [3.0]), rows, work)
    text = module.Page("image-loop", "benchmarks.speed.image_loop", ()).text(
        found=[found], device_name=str, options=SimpleNamespace(rounds=3, threads=1)
    )
    lines = [line for line in text.splitlines() if "at most 1.05:" in line]
    assert lines[0].endswith("1.000 (1.000 to 1.000), **met**")
    assert lines[1].endswith(verdict)
    assert "| a step as shipped, times both | 1.00 (1.00 to 1.00) | " in text
    assert "| the system's share of the seconds, as shipped, % | 50.0 | 50.0 |" in text
