"""Whether a run got the machine to itself: its seconds beside its CPU seconds. Plain numbers, without pandas."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

FACTOR = 1.25
"""How many times its CPU seconds a run on a CPU may take before something else had the machine."""
LEAST_S = 1.0
"""A wait of less is nobody's fault."""
_STAGES = ("synthesis_s", "transfer_s", "joint_s")


@dataclass(frozen=True)
class Contended:
    """A run that took much longer than it computed.

    Args:
        label: ``trial 7``, a control's name.
        replicate: index of the seed.
        seconds: of its stages.
        cpu_s: CPU seconds in them.
    """

    label: str
    replicate: int
    seconds: float
    cpu_s: float


def seconds_of(cost: Mapping[str, float | None]) -> float:
    """Seconds of all stages of a method, from a record's cost."""
    return sum(cost.get(stage) or 0.0 for stage in _STAGES)


def is_contended(seconds: float, cpu_s: float, device: str) -> bool:
    """Whether a run waited for the machine: one on a GPU waits for that by right, and what is not known is not said.

    With several threads CPU seconds exceed seconds on a free machine, so that a wait of theirs may stay unseen.
    """
    if device != "cpu" or math.isnan(seconds) or math.isnan(cpu_s):
        return False
    return seconds > FACTOR * cpu_s and seconds - cpu_s >= LEAST_S


def contended(record: Mapping[str, Any]) -> Contended | None:
    """A completed replicate that took much longer than it computed, from its record's JSON; None where it did not."""
    identity, cost = record["identity"], record["cost"]
    seconds, cpu_s = seconds_of(cost), cost["cpu_s"]
    if not is_contended(seconds, cpu_s, record["environment"]["device"]):
        return None
    return Contended(str(identity["label"]), int(identity["replicate"]), seconds, cpu_s)


def sentence(found: Iterable[Contended]) -> str:
    """How many replicates waited for the machine, and the one that waited longest; empty where none did."""
    every = sorted(found, key=lambda item: item.cpu_s / item.seconds)
    if not every:
        return ""
    worst, one = every[0], len(every) == 1
    return (
        f"{'1 replicate' if one else f'{len(every)} replicates'} took much longer than {'it' if one else 'they'} "
        f"computed: {worst.label}, replicate {worst.replicate}{'' if one else ', most'} ({worst.seconds:.3g} s for "
        f"{worst.cpu_s:.3g} s of CPU time). The machine was shared with other work: "
        f"{'its seconds are' if one else 'their seconds are'} not comparable with those of others. Compare CPU seconds "
        "or multiply-adds instead."
    )
