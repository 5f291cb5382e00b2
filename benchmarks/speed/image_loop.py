"""RDSKD's two steps with LeNet-5: as shipped, beside a plain loop, and against what arithmetic and memory would take.

    python -m benchmarks.speed.image_loop                    # one thread of the CPU, and a GPU where there is one
    python -m benchmarks.speed.image_loop --recipes compact  # docs/results/image-loop.md is written all the same

*As shipped* is `Run.step` of the method. The plain loop (`_plain_images.py`) does the same arithmetic with the same
networks, and once more with generators of torch's own layers; it begins with the same weights and draws the same noise.
Ways to run it are taken in turn in every round, and ratios within a round, so that a busy moment meets them alike.
On a CPU the seconds are the processor's, user and system: what others take of the machine is not counted.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from acgkd.methods import METHODS
from acgkd.methods.rdskd import RdskdConfig
from acgkd.runtime import keep_freed_memory, resolve_device, synchronize
from benchmarks.speed._image_floor import Pace, Work
from benchmarks.speed._image_loop_page import ALONE, PLAIN, SHIPPED, STEPS, TORCHS, Measured, Row, page
from benchmarks.speed._plain_images import SHAPE, STUDENT_RATE, PlainLoop, Variant, image_setting

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "docs" / "results" / "image-loop.md"
VARIANTS: dict[str, Variant] = {
    PLAIN: Variant(),
    f"{PLAIN}, channels last": Variant(channels_last=True),
    f"{PLAIN}, bfloat16": Variant(bfloat16=True),
    f"{PLAIN}, compiled": Variant(compiled=True),
    TORCHS: Variant(own_layers=False),
    f"{TORCHS}, channels last": Variant(own_layers=False, channels_last=True),
}
# Of synthesis; what is said beside the recipe's name.
RECIPES: dict[str, dict[str, Any]] = {"released": {}, "compact": {}}
# Steps of one measurement: as many as fit into about this many seconds, one at least. Many short ones, rather than few
# long ones: what disturbs one round then weighs little in the median.
MEASURE_S = 0.5

Step = Callable[[], Tensor]


def config_of(recipe: str, steps: int = 1_000_000) -> RdskdConfig:
    """RDSKD by that recipe, with so many steps of the generator."""
    synthesis = {"recipe": recipe, **RECIPES[recipe], "steps": steps}
    batch = RdskdConfig.model_validate({"synthesis": synthesis}).synthesis.batch_size
    transfer = {"steps": 1_000_000, "batch_size": batch, "rate": STUDENT_RATE, "decay": "none"}
    return RdskdConfig.model_validate({"synthesis": synthesis, "transfer": transfer})


def shipped(recipe: str, step: str, device: torch.device) -> Step:
    """`Run.step` in that stage."""
    run = METHODS["rdskd"].start(config_of(recipe, 1_000_000 if step == "generator" else 1), image_setting(device))
    if step == "student":
        run.step()
    return lambda: run.step()["loss"]


def plain(variant: Variant, recipe: str, step: str, device: torch.device) -> Step:
    """The same step of a plain loop."""
    how = config_of(recipe).synthesis
    loop = PlainLoop(variant, how.generator, how.batch_size, device)
    if step == "generator":
        return loop.generator_step
    # The generator has had one step, as that of the shipped run.
    loop.generator_step()
    return loop.student_step


def clock(device: torch.device) -> tuple[float, float]:
    """Seconds so far, and those of them that the system spent: of this process; on a GPU, of the wall."""
    if device.type == "cuda":
        synchronize(device)
        return time.perf_counter(), 0.0
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_stime


def timed(step: Callable[[], Any], times: int, device: torch.device, row: Row | None = None) -> float:
    """Seconds of each of so many steps, noted in `row`."""
    begun, kernel = clock(device)
    for _ in range(times):
        loss = step()
    ended, kernel_end = clock(device)
    if row is not None:
        row.seconds.append((ended - begun) / times)
        row.kernel.append((kernel_end - kernel) / max(ended - begun, 1e-9))
        row.loss = float(loss)
    return (ended - begun) / times


def prepared(label: str, recipe: str, step: str, device: torch.device) -> Step | str:
    """A step that has run twice; or why there is none."""
    try:
        made = shipped(recipe, step, device) if label == SHIPPED else plain(VARIANTS[label], recipe, step, device)
        for _ in range(2):
            made()
        return made
    except Exception as error:
        if label == SHIPPED or not VARIANTS[label].compiled:
            raise
        # Compilers refuse for reasons of their own: a result like any other.
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:80]}"


def measure(recipe: str, rounds: int, device: torch.device) -> Measured:
    """Seconds of either step, the ways in turn in every round."""
    config = config_of(recipe)
    how = config.synthesis
    largest = 4 * how.batch_size * (how.generator.width // 2) * SHAPE[1] * SHAPE[2]
    found = Measured(config, device, Pace(largest))
    for step in STEPS:
        ready = {label: prepared(label, recipe, step, device) for label in (SHIPPED, *VARIANTS)}
        for label, made in ready.items():
            found.rows[label, step] = Row(missing=made if isinstance(made, str) else "")
        runs = {label: made for label, made in ready.items() if not isinstance(made, str)}
        for label in (SHIPPED, TORCHS):
            counted = prepared(label, recipe, step, device)
            assert not isinstance(counted, str), "it is never missing"
            found.work[label, step] = Work.of(counted)
        # Once each, so that all of them have done as many steps at the end.
        once = {label: timed(made, 1, device) for label, made in runs.items()}
        times = max(1, round(MEASURE_S / max(once[SHIPPED], 1e-6)))
        for turn in range(rounds):
            found.pace.measure(lambda call: timed(call, 5, device), device)
            # There and back, so that nobody always comes first.
            for label, made in list(runs.items())[:: -1 if turn % 2 else 1]:
                seconds = timed(made, times, device, found.rows[label, step])
                where = f"{device.type}, {recipe}, round {turn + 1}: {step}, {label}"
                print(f"{where}: {1000 * seconds:.1f} ms", flush=True)
            if device.type == "cpu":
                row = found.rows.setdefault((ALONE, step), Row())
                seconds, kernel = in_a_process_of_its_own(recipe, step, times)
                row.seconds.append(seconds)
                row.kernel.append(kernel)
    return found


def in_a_process_of_its_own(recipe: str, step: str, times: int) -> list[float]:
    """Seconds and the system's share of a plain script: torch's layers, and memory handed back when it is freed."""
    command = [sys.executable, "-m", "benchmarks.speed.image_loop", "--alone", recipe, step, str(times)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
    answer: list[float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def alone(recipe: str, step: str, times: int) -> list[float]:
    """The same, in this process."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    device, row = torch.device("cpu"), Row()
    made = prepared(TORCHS, recipe, step, device)
    assert not isinstance(made, str), "it is never missing"
    timed(made, times, device, row)
    return [row.seconds[0], row.kernel[0]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alone", nargs=3, metavar=("RECIPE", "STEP", "TIMES"), help=argparse.SUPPRESS)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    if options.alone:
        recipe, step, times = options.alone
        print(json.dumps(alone(recipe, step, int(times))))
        return
    load = os.getloadavg()[0]
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    devices = [torch.device("cpu"), *([resolve_device("cuda")] if torch.cuda.is_available() else [])]
    found = [measure(recipe, options.rounds, device) for device in devices for recipe in options.recipes]
    command = " ".join(["python", "-m", "benchmarks.speed.image_loop", *sys.argv[1:]])
    text = page(found, command, options.rounds, load)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text)
    print(f"\n{text}\n{options.out}")


if __name__ == "__main__":
    main()
