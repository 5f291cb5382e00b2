"""RDSKD's two steps on images as shipped, beside plain loops over the same networks, and what they cannot do without.

    python -m benchmarks.speed.image_loop               # every way, in turn in every round; docs/results/image-loop.md
    python -m benchmarks.speed.image_loop --recipes compact --rounds 3 --out page.md

acgkd alone: no sweep, no data. A *generator* step is one of RDSKD's synthesis, a *student* step one of its transfer,
which draws fresh images from the generator at rest. A plain loop is written as anybody would: three networks and two
optimisers; once more with generators of torch's own layers; it begins with the same weights and draws the same noise.
Ways to run it are taken in turn in every round, and ratios within a round, so that a busy moment meets them alike.
On a CPU the seconds are the processor's, user and system: what others take of the machine is not counted.
"""

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from acgkd.methods import METHODS
from acgkd.methods.rdskd import RdskdConfig
from acgkd.runtime import keep_freed_memory, resolve_device
from benchmarks._lib.pages import Page
from benchmarks._lib.timing import Timed, in_turn, own_process, refused, timed
from benchmarks.speed._image_floor import Pace, Work
from benchmarks.speed._plain_images import SHAPE, STUDENT_RATE, PlainLoop, Variant, image_setting

STEPS = ("generator", "student")
SHIPPED, PLAIN, TORCHS = "as shipped", "plain loop", "plain loop, torch's layers"
ALONE = f"{TORCHS}, in a process that hands freed memory back"
# Of what a plain loop takes, so much a step may take as it is shipped.
LIMIT = 1.05
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


@dataclass
class Measured:
    """What one recipe came to on one device.

    Args:
        config: of the method.
        device: where.
        pace: of the machine.
        rows: by way and step.
        work: of either step as shipped, and with generators of torch's layers.
    """

    config: RdskdConfig
    device: torch.device
    pace: Pace
    rows: dict[tuple[str, str], Timed] = field(default_factory=dict)
    work: dict[tuple[str, str], Work] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """The device's name."""
        return "CPU" if self.device.type == "cpu" else str(torch.cuda.get_device_name(self.device))


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
        return refused(error)


def measure(recipe: str, rounds: int, device: torch.device) -> Measured:
    """Seconds of either step, the ways in turn in every round."""
    config = config_of(recipe)
    how = config.synthesis
    largest = 4 * how.batch_size * (how.generator.width // 2) * SHAPE[1] * SHAPE[2]
    found = Measured(config, device, Pace(largest))
    for step in STEPS:
        ways = {label: prepared(label, recipe, step, device) for label in (SHIPPED, *VARIANTS)}
        for label in (SHIPPED, TORCHS):
            counted = prepared(label, recipe, step, device)
            assert not isinstance(counted, str), "it is never missing"
            found.work[label, step] = Work.of(counted)
        # Once each, so that all of them have done as many steps at the end.
        once = {label: timed(way, 1, device) for label, way in ways.items() if not isinstance(way, str)}
        times = max(1, round(MEASURE_S / max(once[SHIPPED], 1e-6)))
        alone = Timed()

        def between(step: str = step, times: int = times, alone: Timed = alone) -> None:
            found.pace.measure(lambda call: timed(call, 5, device), device)
            if device.type == "cpu":
                seconds, kernel = in_a_process_of_its_own(recipe, step, times)
                alone.seconds.append(seconds)
                alone.kernel.append(kernel)

        rows = in_turn(ways, times, rounds, device, between) | ({ALONE: alone} if device.type == "cpu" else {})
        found.rows |= {(label, step): row for label, row in rows.items()}
    return found


def in_a_process_of_its_own(recipe: str, step: str, times: int) -> list[float]:
    """Seconds and the system's share of a plain script: torch's layers, and memory handed back when it is freed."""
    answer: list[float] | None = own_process(
        "benchmarks.speed.image_loop", "--alone", recipe, step, times, threads=torch.get_num_threads()
    )
    if answer is None:
        raise RuntimeError("The plain script was killed.")
    return answer


def alone(recipe: str, step: str, times: int) -> list[float]:
    """The same, in this process."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    device, row = torch.device("cpu"), Timed()
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
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.alone:
        recipe, step, times = options.alone
        print(json.dumps(alone(recipe, step, int(times))))
        return
    page = Page("image-loop", "benchmarks.speed.image_loop")
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    devices = [torch.device("cpu"), *([resolve_device("cuda")] if torch.cuda.is_available() else [])]
    found = [measure(recipe, options.rounds, device) for device in devices for recipe in options.recipes]
    page.write(options.out, **words(found), rounds=options.rounds, threads=options.threads)


def words(found: list[Measured]) -> dict[str, Any]:
    """What the template of the page calls."""
    ways = {"SHIPPED": SHIPPED, "PLAIN": PLAIN, "TORCHS": TORCHS, "ALONE": ALONE}
    return {"found": found, "STEPS": STEPS, "LIMIT": LIMIT, **ways}


if __name__ == "__main__":
    main()
