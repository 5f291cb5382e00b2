"""A step of synthesis and one of transfer on a GPU: eager, compiled, and captured as a CUDA graph.

    python -m benchmarks.speed.gpu_loop                # all variants in turn; docs/results/gpu.md where there is a GPU
    python -m benchmarks.speed.gpu_loop --out page.md  # the page goes there, GPU or not

acgkd alone: no sweep, no data. *As shipped* is `Run.step`, which also chooses samples and puts their indices on the
device. The other rows are its arithmetic alone, over all pseudo-graphs at once, so that shapes stay as they are: the
same loss, derivatives and optimiser, run by Python, compiled, or replayed from one capture. Without a GPU the eager
rows (and the compiled ones, where a compiler is at hand) run on the CPU to show that they work; nothing is written
then, but where `--out` asks for it.
"""

import argparse
import datetime
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from acgkd.graphs import GRAPHS
from acgkd.losses import softened_kl
from acgkd.runtime import backward, keep_freed_memory, resolve_device, synchronize
from acgkd.settings.graph_inversion import GraphInversionConfig
from acgkd.synthesis.graphs.inversion import GraphInversion
from benchmarks._lib.opening import Opening
from benchmarks.speed._bare import bare_run, bare_setting

RESULT = Path(__file__).resolve().parents[2] / "docs" / "results" / "gpu.md"
TEACHER, STUDENT = "gin-5-64", "gin-3-32"
COMMAND = "python -m benchmarks.speed.gpu_loop"
STAGES = ("synthesis", "transfer")
VARIANTS = ("as shipped", "eager", "compiled", "CUDA graph")
WARM_UP = 5


@dataclass(frozen=True)
class Core:
    """The arithmetic of a step, with nothing that decides a shape.

    Args:
        loss: draws and computes the loss.
        parameters: what is learned.
        rate: of Adam.
        generator: that `loss` draws from, on the device.
        clip: largest norm of the gradient, or None.
    """

    loss: Callable[[], Tensor]
    parameters: list[nn.Parameter]
    rate: float
    generator: torch.Generator
    clip: float | None = None

    def stepper(self, device: torch.device) -> Callable[[], Tensor]:
        """A function that does one step and returns the loss."""
        captured = device.type == "cuda"
        rate: Any = torch.tensor(self.rate, device=device) if captured else self.rate
        optimizer = torch.optim.Adam(self.parameters, lr=rate, fused=True, capturable=captured)

        def step() -> Tensor:
            optimizer.zero_grad(set_to_none=True)
            loss = self.loss()
            backward(loss)
            if self.clip is not None:
                nn.utils.clip_grad_norm_(self.parameters, self.clip)
            optimizer.step()
            return loss.detach()

        return step


def core(stage: str, graphs: int, nodes: tuple[int, int], device: torch.device) -> Core:
    """A fresh one, the same every time."""
    setting = bare_setting(nodes, TEACHER, STUDENT, device)
    inversion = GraphInversion(GraphInversionConfig(graphs=graphs, steps=1_000_000), setting)
    pseudo = inversion.graphs
    if stage == "synthesis":
        generator, everything = setting.streams.generator("synthesis"), torch.arange(graphs, device="cpu")

        def synthesis_loss() -> Tensor:
            return inversion._loss(pseudo.relaxed(generator), everything, None)["loss"]

        return Core(synthesis_loss, list(pseudo.parameters()), inversion.config.rate, generator, clip=10.0)
    drawing, student = setting.streams.generator("transfer"), setting.student.train()

    def transfer_loss() -> Tensor:
        batch = pseudo.sampled(drawing)
        with torch.no_grad():
            target = GRAPHS.logits(setting.teacher, batch)
        return softened_kl(target, GRAPHS.logits(student, batch), 4.0).mean()

    return Core(transfer_loss, list(student.parameters()), 0.01, drawing)


def captured(step: Callable[[], Tensor], generator: torch.Generator) -> Callable[[], Tensor]:
    """The step as a CUDA graph; replaying it draws anew, since the graph knows the generator.

    Args:
        step: has run before on a side stream, so that nothing is made for the first time while it is captured.
        generator: that it draws from.
    """
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(generator)
    with torch.cuda.graph(graph):
        loss = step()

    def replay() -> Tensor:
        graph.replay()
        return loss

    return replay


def warmed(step: Callable[[], Tensor], device: torch.device) -> None:
    """A few steps; on a GPU on a side stream, as capture asks for."""
    if device.type != "cuda":
        for _ in range(WARM_UP):
            step()
        return
    side = torch.cuda.Stream(device)
    side.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream(device).wait_stream(side)


def shipped(stage: str, graphs: int, nodes: tuple[int, int], device: torch.device) -> Callable[[], Tensor]:
    """`Run.step`, in the stage; transfer takes all graphs at once and ends in a plain student, as its core does."""
    setting = bare_setting(nodes, TEACHER, STUDENT, device)
    steps = 1_000_000 if stage == "synthesis" else 1
    transfer = {"steps": 1_000_000, "batch_size": graphs, "projection": "none", "curriculum": {"pacing": "none"}}
    run, _ = bare_run("acgkd", setting, {"graphs": graphs, "steps": steps}, transfer)
    if stage == "transfer":
        run.step()
    return lambda: run.step()["loss"]


@dataclass
class Row:
    """What one variant came to.

    Args:
        seconds: of a step, by round.
        loss: of the last step, which all cores share up to rounding.
        missing: why there are none.
    """

    seconds: list[float] = field(default_factory=list)
    loss: float = float("nan")
    missing: str = ""


def prepared(
    variant: str, stage: str, graphs: int, nodes: tuple[int, int], device: torch.device
) -> Callable[[], Tensor] | str:
    """The step of a variant, warmed up; or why there is none."""
    if variant == "CUDA graph" and device.type != "cuda":
        return "needs a GPU"
    if variant == "as shipped":
        step = shipped(stage, graphs, nodes, device)
        warmed(step, device)
        return step
    made = core(stage, graphs, nodes, device)
    if variant == "compiled":
        made = Core(torch.compile(made.loss), made.parameters, made.rate, made.generator, made.clip)
    step = made.stepper(device)
    try:
        warmed(step, device)
        return captured(step, made.generator) if variant == "CUDA graph" else step
    except Exception as error:
        if variant == "eager":
            raise
        # Compilers and captures refuse for reasons of their own: a result like any other.
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:120]}"


def measure(
    graphs: int, nodes: tuple[int, int], steps: int, rounds: int, device: torch.device, variants: tuple[str, ...]
) -> dict[tuple[str, str], Row]:
    """Seconds of a step for each stage and variant, the variants in turn in every round."""
    rows = {}
    for stage in STAGES:
        ready = {variant: prepared(variant, stage, graphs, nodes, device) for variant in variants}
        for variant, step in ready.items():
            rows[stage, variant] = Row(missing=step if isinstance(step, str) else "")
        for _ in range(rounds):
            for variant, step in ready.items():
                if isinstance(step, str):
                    continue
                synchronize(device)
                begun = time.perf_counter()
                for _ in range(steps):
                    loss = step()
                synchronize(device)
                rows[stage, variant].seconds.append((time.perf_counter() - begun) / steps)
                rows[stage, variant].loss = float(loss)
    return rows


def opening(rows: dict[tuple[str, str], Row]) -> Opening:
    """The head of the page."""
    texts, faster = [], 0
    for stage in STAGES:
        pair = [rows.get((stage, variant), Row()).seconds for variant in ("CUDA graph", "eager")]
        if all(pair):
            captured, eager = (1000 * statistics.median(seconds) for seconds in pair)
            texts.append(f"{stage} {captured:.3f} ms, against {eager:.3f} ms")
            faster += captured < eager
    return Opening(
        "Is a step on a GPU faster captured as a CUDA graph than run by Python?",
        f"{faster} of {len(texts)} steps are.",
        f"Captured, against eager: {'; '.join(texts) or 'not measured'}.",
        "One GPU; the arithmetic of a step alone, without choosing samples.",
        COMMAND,
    )


def page(rows: dict[tuple[str, str], Row], about: str, machine: str) -> str:
    """The result table."""
    lines = [*opening(rows).lines("Steps on a GPU: eager, compiled, captured"), about, machine, ""]
    lines += ["| stage | variant | ms a step | times as fast as eager | last loss |", "|---|---|--:|--:|--:|"]
    for (stage, variant), row in rows.items():
        if row.missing:
            lines.append(f"| {stage} | {variant} | {row.missing} | | |")
            continue
        values = [1000 * value for value in row.seconds]
        seconds = f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"
        eager = rows.get((stage, "eager"))
        factor = ""
        if eager is not None and eager.seconds:
            pairs = zip(eager.seconds, row.seconds, strict=True)
            factor = f"{statistics.median(one / other for one, other in pairs):.2f}"
        lines.append(f"| {stage} | {variant} | {seconds} | {factor} | {row.loss:.6g} |")
    lines += [
        "",
        "Cores start alike and draw alike: their last losses differ by rounding, and by what a compiler does.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--graphs", type=int, default=160)
    parser.add_argument("--nodes", type=int, nargs=2, default=(10, 28))
    parser.add_argument("--steps", type=int, default=50, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    parser.add_argument("--out", type=Path, help="of the page, instead of docs/results/gpu.md")
    options = parser.parse_args()
    device = resolve_device(options.device)
    keep_freed_memory()
    nodes = (options.nodes[0], options.nodes[1])
    rows = measure(options.graphs, nodes, options.steps, options.rounds, device, tuple(options.variants))
    about = (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}. {options.graphs} "
        f"pseudo-graphs of {nodes[0]} to {nodes[1]} nodes, teacher `{TEACHER}`, student `{STUDENT}`; "
        f"{options.rounds} rounds in turn of {options.steps} steps; median (least to most)."
    )
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "torch_geometric"))
    text = page(rows, about, f"{where}, {platform.machine()}. Python {platform.python_version()}, {versions}.")
    print(text)
    out = options.out or (RESULT if device.type == "cuda" else None)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text)
        print(out)
    else:
        print("No GPU: these are figures of the CPU, and nothing was written.")


if __name__ == "__main__":
    main()
