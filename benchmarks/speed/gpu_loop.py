"""A step of synthesis and one of transfer on a GPU: eager, compiled, and captured as a CUDA graph.

    python -m benchmarks.speed.gpu_loop                # all variants in turn; docs/results/gpu.md where there is a GPU
    python -m benchmarks.speed.gpu_loop --out page.md  # the page goes there, GPU or not

acgkd alone: no sweep, no data. *As shipped* is `Run.step`, which also chooses samples and puts their indices on the
device. The other rows are its arithmetic alone, over all pseudo-graphs at once, so that shapes stay as they are: the
same loss, derivatives and optimiser, run by Python, compiled, or replayed from one capture. Without a GPU the eager
rows (and the compiled ones, where a compiler is at hand) run on the CPU to show that they work; nothing is written
then, but where `--out` asks for it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from acgkd.graphs import GRAPHS
from acgkd.losses import softened_kl
from acgkd.runtime import backward, keep_freed_memory, resolve_device
from acgkd.settings.graph_inversion import GraphInversionConfig
from acgkd.synthesis.graphs.inversion import GraphInversion
from benchmarks._lib.pages import Page, arguments
from benchmarks._lib.timing import Step, Timed, in_turn, or_refusal
from benchmarks.speed._bare import bare_run, bare_setting

TEACHER, STUDENT = "gin-5-64", "gin-3-32"
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

    def stepper(self, device: torch.device) -> Step:
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


def captured(step: Step, generator: torch.Generator) -> Step:
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


def warmed(step: Step, device: torch.device) -> None:
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


def shipped(stage: str, graphs: int, nodes: tuple[int, int], device: torch.device) -> Step:
    """`Run.step`, in the stage; transfer takes all graphs at once and ends in a plain student, as its core does."""
    setting = bare_setting(nodes, TEACHER, STUDENT, device)
    steps = 1_000_000 if stage == "synthesis" else 1
    transfer = {"steps": 1_000_000, "batch_size": graphs, "projection": "none", "curriculum": {"pacing": "none"}}
    run, _ = bare_run("acgkd", setting, {"graphs": graphs, "steps": steps}, transfer)
    if stage == "transfer":
        run.step()
    return lambda: run.step()["loss"]


def prepared(variant: str, stage: str, graphs: int, nodes: tuple[int, int], device: torch.device) -> Step | str:
    """The step of a variant, warmed up; or why there is none."""
    if variant == "CUDA graph" and device.type != "cuda":
        return "needs a GPU"

    def make() -> Step:
        if variant == "as shipped":
            step = shipped(stage, graphs, nodes, device)
            warmed(step, device)
            return step
        made = core(stage, graphs, nodes, device)
        if variant == "compiled":
            made = replace(made, loss=torch.compile(made.loss))
        step = made.stepper(device)
        warmed(step, device)
        return captured(step, made.generator) if variant == "CUDA graph" else step

    return or_refusal(make, variant in ("compiled", "CUDA graph"))


def measure(
    graphs: int, nodes: tuple[int, int], steps: int, rounds: int, device: torch.device, variants: tuple[str, ...]
) -> dict[tuple[str, str], Timed]:
    """Seconds of a step for each stage and variant, the variants in turn in every round."""
    found: dict[tuple[str, str], Timed] = {}
    for stage in STAGES:
        ready = {variant: prepared(variant, stage, graphs, nodes, device) for variant in variants}
        rows = in_turn(ready, steps, rounds, device)
        found |= {(stage, variant): row for variant, row in rows.items()}
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--graphs", type=int, default=160)
    parser.add_argument("--nodes", type=int, nargs=2, default=(10, 28))
    parser.add_argument("--steps", type=int, default=50, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    options = parser.parse_args()
    page, device = Page("gpu", "benchmarks.speed.gpu_loop", ()), resolve_device(options.device)
    keep_freed_memory()
    nodes = (options.nodes[0], options.nodes[1])
    rows = measure(options.graphs, nodes, options.steps, options.rounds, device, tuple(options.variants))
    measured = {"rows": rows, "options": options, "device": device, "threads": torch.get_num_threads()}
    measured["device_name"] = torch.cuda.get_device_name
    if options.out is None and device.type != "cuda":
        print(page.text(**measured))
        print("No GPU: these are figures of the CPU, and nothing was written.")
        return
    page.write(options.out, **measured)


if __name__ == "__main__":
    main()
