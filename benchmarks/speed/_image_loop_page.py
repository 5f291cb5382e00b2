"""What the benchmark of RDSKD's two steps measured, as a page."""

import datetime
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

import torch

from acgkd.methods.rdskd import RdskdConfig
from benchmarks._lib.opening import Opening
from benchmarks.speed._image_floor import Pace, Work

STEPS = ("generator", "student")
SHIPPED, PLAIN, TORCHS = "as shipped", "plain loop", "plain loop, torch's layers"
ALONE = f"{TORCHS}, in a process that hands freed memory back"
# Of what a plain loop takes, so much a step may take as it is shipped.
LIMIT = 1.05


@dataclass
class Row:
    """What one way to run a step came to.

    Args:
        seconds: of a step, by round.
        kernel: share of them that the system spent, by round; on a CPU.
        loss: of the last step.
        missing: why there are none.
    """

    seconds: list[float] = field(default_factory=list)
    kernel: list[float] = field(default_factory=list)
    loss: float = float("nan")
    missing: str = ""


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
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    work: dict[tuple[str, str], Work] = field(default_factory=dict)

    def ratio(self, label: str, other: str, step: str) -> tuple[float, float, float] | None:
        """Median, least and greatest of a way's seconds in another's, round by round; None where either has none."""
        one, two = self.rows[label, step].seconds, self.rows[other, step].seconds
        if not one or not two:
            return None
        values = [mine / others for mine, others in zip(one, two, strict=True)]
        return statistics.median(values), min(values), max(values)


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median (least to most)."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _verdicts(found: Measured) -> list[str]:
    lines = []
    for step in STEPS:
        ratio = found.ratio(SHIPPED, PLAIN, step)
        assert ratio is not None, "neither is ever missing"
        middle, low, high = ratio
        shown = f"{middle:.3f} ({low:.3f} to {high:.3f}), **{'met' if middle <= LIMIT else 'missed'}**"
        lines.append(f"- a {step} step as shipped against the plain loop's, at most {LIMIT}: {shown}")
    return [*lines, ""]


def _ways(found: Measured) -> list[str]:
    lines = ["| | " + " | ".join(f"{step} step, ms | times the plain loop's | last loss" for step in STEPS) + " |"]
    lines.append("|---|" + "--:|--:|--:|" * len(STEPS))
    for label in dict.fromkeys(label for label, _ in found.rows):
        cells = [label]
        for step in STEPS:
            row, ratio = found.rows[label, step], found.ratio(label, PLAIN, step)
            if ratio is None:
                cells += [row.missing, "", ""]
                continue
            loss = "" if label == ALONE else f"{row.loss:.6g}"
            cells += [spread([1000 * value for value in row.seconds]), "{:.2f} ({:.2f} to {:.2f})".format(*ratio), loss]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def _floor(found: Measured) -> list[str]:
    rows: list[tuple[str, list[str]]] = []
    products, additions = (statistics.median(paces) for paces in (found.pace.products, found.pace.additions))
    work = [found.work[SHIPPED, step] for step in STEPS]
    floors = [found.pace.floor(own) for own in work]
    written = [found.work[TORCHS, step].multiply_adds / 1e6 for step in STEPS]
    rows.append(
        ("multiply-adds with torch's layers, forward and back, millions", [f"{value:,.0f}" for value in written])
    )
    rows.append(("as they are worked out, millions", [f"{own.multiply_adds / 1e6:,.0f}" for own in work]))
    pace = f"{products / 1e9:.0f} thousand million a second, a product of two [1024, 1024]"
    rows.append((f"seconds of these ({pace}), ms", [f"{1000 * floor[0]:.1f}" for floor in floors]))
    rows.append(("other operations read and write, MB", [f"{own.bytes / 1e6:,.0f}" for own in work]))
    pace = f"{additions / 1e9:.0f} GB/s, an addition of maps of {found.pace.map_bytes / 1e6:.0f} MB"
    rows.append((f"seconds of these ({pace}), ms", [f"{1000 * floor[1]:.1f}" for floor in floors]))
    rows.append(("operations that are no views", [str(own.operations) for own in work]))
    shipped = [found.rows[SHIPPED, step] for step in STEPS]
    above = [[value / sum(floor) for value in row.seconds] for row, floor in zip(shipped, floors, strict=True)]
    rows.append(("a step as shipped, times both", [spread(values, 2) for values in above]))
    if found.device.type == "cpu":
        for label in (SHIPPED, ALONE):
            shares = [spread([100 * share for share in found.rows[label, step].kernel]) for step in STEPS]
            rows.append((f"the system's share of the seconds, {label}, %", shares))
    lines = ["| | " + " | ".join(f"{step} step" for step in STEPS) + " |", "|---|" + "--:|" * len(STEPS)]
    return [*lines, *(f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows), ""]


def opening(measured: Sequence[Measured], command: str, load: float) -> Opening:
    """The head of the page; arguments as of `page`."""
    found = [each.ratio(SHIPPED, PLAIN, step) for each in measured for step in STEPS]
    ratios = [ratio for ratio in found if ratio is not None]
    first = measured[0]
    texts = []
    for step in STEPS:
        ours, torchs = first.ratio(SHIPPED, PLAIN, step), first.ratio(TORCHS, PLAIN, step)
        assert ours is not None, "neither is ever missing"
        beside = "" if torchs is None else f", where torch's own layers take {torchs[0]:.2f}"
        texts.append("a {} step {:.2f} ({:.2f} to {:.2f}){}".format(step, *ours, beside))
    cpu = all(each.device.type == "cpu" for each in measured)
    return Opening(
        "Is a step of RDSKD as shipped as fast as one of a plain loop over the same networks?",
        f"{sum(middle <= LIMIT for middle, _, _ in ratios)} of {len(ratios)} steps are: they take at most {LIMIT} of "
        "its seconds.",
        f"{first.config.synthesis.recipe.capitalize()} recipe, against the plain loop's seconds: {'; '.join(texts)}.",
        f"One machine, with other work beside (load {load:.1f} at the start)"
        f"{', and no GPU: nothing here was measured on one' if cpu else ''}.",
        command,
    )


def page(measured: Sequence[Measured], command: str, rounds: int, load: float) -> str:
    """The result page.

    Args:
        measured: recipe by recipe and device by device.
        command: that made it.
        rounds: of the measurement.
        load: average load of the machine when it began.
    """
    lines = [
        *opening(measured, command, load).lines("RDSKD's steps on images, beside a plain loop"),
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}. Teacher `lenet5`, student `lenet5-half`, random "
        f"weights, images of 1 × 32 × 32; rounds in turn: {rounds}; median (least to most); ratios round by round. On "
        f"a CPU, processor seconds, the system's included, threads: {torch.get_num_threads()}; on a GPU, of the wall.",
        f"{os.cpu_count()} cores, {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, {sys.platform}; "
        f"load average at the start {load:.1f}. Python {platform.python_version()}, torch {version('torch')}.",
        "",
        "Plain loops do the same arithmetic from the same weights and noise, with fused Adam, in a process that keeps "
        "freed memory; their losses differ from those of the step as shipped by rounding, and by what a number format "
        "or a compiler does. What is shipped has teacher and student channels last on a CPU; bfloat16 and compiling it "
        "does not use.",
        "",
    ]
    for found in measured:
        how = found.config.synthesis
        where = "CPU" if found.device.type == "cpu" else torch.cuda.get_device_name(found.device)
        lines += [f"## {how.recipe.capitalize()}, {where}: {how.batch_size} images, width {how.generator.width}", ""]
        lines += [*_ways(found), *_verdicts(found), *_floor(found)]
    if all(found.device.type == "cpu" for found in measured):
        lines += ["No GPU was at hand: nothing here was measured on one.", ""]
    return "\n".join(lines)
