"""RDSKD's two steps on images as shipped, beside plain loops over the same networks, and what they cannot do without.

    python -m benchmarks.speed.image_loop               # every way, in turn in every round; docs/results/image-loop.md
    python -m benchmarks.speed.image_loop --recipes compact --rounds 3 --out page.md

acgkd alone: no sweep, no data. A *generator* step is one of RDSKD's synthesis, a *student* step one of its transfer,
which draws fresh images from the generator at rest. A plain loop is written as anybody would: three networks and two
optimisers; once more with generators of torch's own layers; it begins with the same weights and draws the same noise.
Ways to run it are taken in turn in every round, and ratios within a round, so that a busy moment meets them alike.
On a CPU the seconds are the processor's, user and system: what others take of the machine is not counted.
"""

from dataclasses import dataclass, field
from typing import Any

import torch

from acgkd.methods import METHODS
from acgkd.methods.rdskd import RdskdConfig
from acgkd.runtime import keep_freed_memory, resolve_device
from benchmarks._lib.pages import Page, arguments
from benchmarks._lib.timing import Step, Timed, in_turn, or_refusal, own_process, timed
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

    def make() -> Step:
        made = shipped(recipe, step, device) if label == SHIPPED else plain(VARIANTS[label], recipe, step, device)
        for _ in range(2):
            made()
        return made

    return or_refusal(make, label != SHIPPED and VARIANTS[label].compiled)


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
    threads = torch.get_num_threads()
    answer: list[float] | None = own_process("benchmarks.speed.image_loop:alone", recipe, step, times, threads=threads)
    assert answer is not None, "little memory is enough"
    return answer


def alone(recipe: str, step: str, times: int) -> list[float]:
    """The same, in this process."""
    device, row = torch.device("cpu"), Timed()
    made = prepared(TORCHS, recipe, step, device)
    assert not isinstance(made, str), "it is never missing"
    timed(made, times, device, row)
    return [row.seconds[0], row.kernel[0]]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    options = parser.parse_args()
    page = Page("image-loop", "benchmarks.speed.image_loop")
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    devices = [torch.device("cpu"), *([resolve_device("cuda")] if torch.cuda.is_available() else [])]
    found = [measure(recipe, options.rounds, device) for device in devices for recipe in options.recipes]
    page.write(options.out, found=found, options=options, device_name=torch.cuda.get_device_name)


if __name__ == "__main__":
    main()
