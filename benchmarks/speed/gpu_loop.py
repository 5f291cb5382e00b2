"""What a GPU does with a step, and with RDSKD as published for as long as time allows; `benchmarks/gpu.sh` runs it all.

    python -m benchmarks.speed.gpu_loop                # every part; docs/results/gpu.md where there is a GPU
    python -m benchmarks.speed.gpu_loop --parts steps --out page.md --records steps.jsonl

acgkd alone: no sweep. Of each size of graphs and each stage a step of ACGKD is run *as shipped* (`Run.step`, which also
chooses samples and puts their indices on the device), and its arithmetic alone over all pseudo-graphs at once, so that
shapes stay as they are: by Python, compiled, or replayed from one capture; and the teaching steps of several replicates
as one. A protocol is a run on the data set, judged
on the way. What is in the records is not measured again. The page is of all that they hold; pandas fills it in.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from acgkd.config import RunConfig
from acgkd.errors import AcgkdError
from acgkd.graphs import GRAPHS
from acgkd.losses import softened_kl
from acgkd.run.experiment import Experiment
from acgkd.runtime import backward, keep_freed_memory, resolve_device, synchronize
from acgkd.settings.graph_inversion import GraphInversionConfig
from acgkd.synthesis.graphs.inversion import GraphInversion
from acgkd.transfer.stacked.stage import StackedTransfer
from acgkd.transfer.two_phase import TwoPhase
from benchmarks._lib.pages import Page, arguments
from benchmarks._lib.timing import Kept, Step, in_turn, or_refusal
from benchmarks.speed._bare import bare_run, bare_setting

TEACHER, STUDENT, STAGES, WARM_UP = "gin-5-64", "gin-3-32", ("synthesis", "transfer"), 5
# Those of a part are run in turn; a compiler takes minutes, so it comes last and by itself.
VARIANTS = {
    "steps": ("as shipped", "eager", "CUDA graph"),
    "stacked": ("1 stacked", "4 stacked", "16 stacked", "64 stacked"),  # replicates whose teaching steps are one
    "compiled": ("eager", "compiled"),
}


def _protocol(student: str, method: Any, **teacher: Any) -> dict[str, Any]:
    return {"teacher": {"batch_size": 256, **teacher}, "student": student, "method": method}


# RDSKD by its released settings; teachers have fewer epochs than there, 199 and 499.
RDSKD_CIFAR10 = {"name": "rdskd", "transfer": {"decay": "steps", "decay_at": [0.8]}}
PROTOCOLS = {
    "mnist": _protocol("lenet5-half", "rdskd", preset="lenet5", epochs=9, learning_rate=0.001),
    "cifar10": _protocol(
        "wrn-16-1", RDSKD_CIFAR10, preset="wrn-40-2", epochs=6, learning_rate=0.003, augment="crop_flip"
    ),
}
TRANSFER: dict[str, Any] = {"steps": 1_000_000, "projection": "none", "curriculum": {"pacing": "none"}}
LOOKS = 8  # at the student of a protocol


# Pseudo-graphs: how many, of how many nodes, with how many neighbours each.
Size: TypeAlias = tuple[int, tuple[int, int], float]
SIZES: dict[str, Size] = {"MUTAG": (160, (10, 28), 2.2), "COLLAB": (60, (37, 111), 66.0)}


def core(stage: str, size: Size, device: torch.device, compiled: bool = False) -> tuple[Step, torch.Generator]:
    """The arithmetic of a step, with nothing that decides a shape, the same every time; what it draws from."""
    setting = bare_setting(size[1], TEACHER, STUDENT, device, size[2])
    inversion = GraphInversion(GraphInversionConfig(graphs=size[0], steps=1_000_000), setting)
    pseudo, student, everything = inversion.graphs, setting.student.train(), torch.arange(size[0], device="cpu")
    of_synthesis, generator = stage == "synthesis", setting.streams.generator(stage)
    parameters = list((pseudo if of_synthesis else student).parameters())

    def plain_loss() -> Tensor:
        if of_synthesis:
            return inversion._loss(pseudo.relaxed(generator), everything, None)["loss"]
        batch = pseudo.sampled(generator)
        with torch.no_grad():
            target = GRAPHS.logits(setting.teacher, batch)
        return softened_kl(target, GRAPHS.logits(student, batch), 4.0).mean()

    loss_of: Callable[[], Tensor] = torch.compile(plain_loss) if compiled else plain_loss
    captured, rate = device.type == "cuda", inversion.config.rate if of_synthesis else 0.01
    given: Any = torch.tensor(rate, device=device) if captured else rate
    optimizer = torch.optim.Adam(parameters, lr=given, fused=True, capturable=captured)

    def step() -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of()
        backward(loss)
        if of_synthesis:
            nn.utils.clip_grad_norm_(parameters, 10.0)
        optimizer.step()
        return loss.detach()

    return step, generator


def captured(step: Step, generator: torch.Generator) -> Step:
    """The step, which has run before on a side stream, as a CUDA graph; it knows the generator, and draws anew."""
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(generator)
    with torch.cuda.graph(graph):
        loss = step()

    def replay() -> Tensor:
        graph.replay()
        return loss

    return replay


def warmed(step: Step, device: torch.device) -> Step:
    """The step after a few; on a GPU on a side stream, as capture asks for."""
    synchronize(device)
    with torch.cuda.stream(torch.cuda.Stream(device) if device.type == "cuda" else None):
        for _ in range(WARM_UP):
            step()
    synchronize(device)
    return step


def shipped(stage: str, size: Size, device: torch.device) -> Step:
    """`Run.step`, in the stage; transfer takes all graphs at once and ends in a plain student, as its core does."""
    setting, steps = bare_setting(size[1], TEACHER, STUDENT, device, size[2]), 1_000_000 if stage == "synthesis" else 1
    run = bare_run("acgkd", setting, {"graphs": size[0], "steps": steps}, {**TRANSFER, "batch_size": size[0]})
    if stage == "transfer":
        run.step()
    return lambda: run.step()["loss"]


def team(count: int, size: Size, device: torch.device) -> Step:
    """The teaching step of so many replicates, each of its own seed, as one."""
    members = []
    for seed in range(count):
        setting = bare_setting(size[1], TEACHER, STUDENT, device, size[2], seed)
        run = bare_run("acgkd", setting, {"graphs": size[0], "steps": 1}, TRANSFER)
        run.step()
        assert isinstance(run, TwoPhase), "its student is taught afterwards"
        members.append(run.teaching())
    stack = StackedTransfer(members).__enter__()  # to the end of the process
    return lambda: torch.stack([shown["loss"] for shown in stack.step()]).mean()


def prepared(variant: str, stage: str, size: Size, device: torch.device) -> Step | str:
    """The step of a variant, warmed up; or why there is none."""
    if variant == "CUDA graph" and device.type != "cuda":
        return "needs a GPU"

    def make() -> Step:
        if variant == "as shipped":
            return warmed(shipped(stage, size, device), device)
        if variant.endswith("stacked"):
            return warmed(team(int(variant.split()[0]), size, device), device)
        step, generator = core(stage, size, device, variant == "compiled")
        return captured(warmed(step, device), generator) if variant == "CUDA graph" else warmed(step, device)

    return or_refusal(make, variant not in ("as shipped", "eager"))


def measure(part: str, stage: str, size: Size, steps: int, rounds: int, device: torch.device) -> dict[str, Any]:
    """Seconds of a step by variant, the variants in turn in every round."""
    ready = {variant: prepared(variant, stage, size, device) for variant in VARIANTS[part]}
    return {"rows": {variant: asdict(row) for variant, row in in_turn(ready, steps, rounds, device).items()}}


def protocol(dataset: str, seconds: float, device: torch.device) -> dict[str, Any]:
    """What became of a student in so many seconds of its run, the teacher's not among them."""
    with tempfile.TemporaryDirectory() as home:
        config = RunConfig.model_validate({"dataset": dataset, **PROTOCOLS[dataset], "device": device.type})
        experiment = Experiment(config, 0, home=Path(home), agreement=False)
        begun = time.perf_counter()
        experiment.prepare()
        run, prepared_s, points = experiment.start(), time.perf_counter() - begun, []
        while not run.done and len(points) < LOOKS:
            run.advance(seconds=seconds / LOOKS)
            points.append({"steps": run.steps_done, **experiment.evaluate(run, ["validation_accuracy"])})
        made = experiment.measure(run)
    stages = [(stage.name, stage.steps) for stage in run.stages]
    return {"seconds": seconds, "teacher_s": prepared_s, "stages": stages, "points": points, "quality": made.quality}


def main() -> None:
    parser = arguments(__doc__, records="gpu.jsonl")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--parts", nargs="*", choices=(*VARIANTS, *PROTOCOLS), default=(*VARIANTS, *PROTOCOLS))
    parser.add_argument("--steps", type=int, default=50, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60, help="of a protocol's run")
    options = parser.parse_args()
    page, device = Page("gpu", "benchmarks.speed.gpu_loop", ()), resolve_device(options.device)
    keep_freed_memory()
    on = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    if options.out is None and device.type != "cuda":
        return print("No GPU, and no --out for figures of a CPU: nothing was measured or written.")
    kept = Kept(options.records)
    for part in options.parts:
        try:
            if part in PROTOCOLS:
                kept.once(partial(protocol, part, options.seconds, device), protocol=part, device=on)
        except AcgkdError as error:  # there are no data
            print(f"{part}: {error}")
        for name, stage in ((name, stage) for name in SIZES for stage in STAGES if part in VARIANTS):
            if (part, stage) == ("stacked", "synthesis"):
                continue
            measured = partial(measure, part, stage, SIZES[name], options.steps, options.rounds, device)
            kept.once(measured, part=part, size=name, stage=stage, device=on)
    try:
        page.write(options.out, lines=kept.lines, steps=options.steps, rounds=options.rounds)
    except ImportError as error:
        print(f"The records are in {options.records}; the page needs {error.name}: --parts without any fills it in.")


if __name__ == "__main__":
    main()
