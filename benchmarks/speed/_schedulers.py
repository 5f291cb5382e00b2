"""The schedulers that `early_stopping.py` replays: ours, Ray's ASHA, and Syne Tune's MOASHA."""

import subprocess
from collections.abc import Callable
from functools import partial
from operator import methodcaller
from types import SimpleNamespace
from typing import Any

from sweeps.followups.observed_table import ObservedTable
from sweeps.followups.replay import Point, Scheduler, Stop

Make = Callable[[ObservedTable], Scheduler]
# Runs where Syne Tune is installed, which may not be here.
SERVER = """
import sys
from types import SimpleNamespace
from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA
known = {}
for line in sys.stdin:
    word, *rest = line.split()
    if word == "new":
        grace, factor, most = map(int, rest)
        rule = MOASHA({}, ["a", "b"], time_attr="t", max_t=most, grace_period=grace, reduction_factor=factor)
        known = {}
        continue
    if word not in known:
        known[word] = SimpleNamespace(trial_id=int(word))
        rule.on_trial_add(known[word])
    result = {"t": int(rest[0]), "a": float(rest[1]), "b": float(rest[2])}
    print(int(rule.on_trial_result(known[word], result) == "CONTINUE"), flush=True)
"""


class Asha:
    """Ray's own, on the first objective; a time unit is a twentieth of a replicate."""

    def __init__(self, grace: int, factor: int, table: ObservedTable) -> None:
        from ray.tune.schedulers import AsyncHyperBandScheduler

        units = {"max_t": 20 * table.seeds, "grace_period": grace, "reduction_factor": factor}
        self._rule = AsyncHyperBandScheduler(time_attr="t", metric="loss", mode="min", **units)
        self._known: dict[int, Any] = {}

    def reached(self, point: Point, stop: Stop) -> bool:
        """What it says; of synthesis it knows nothing."""
        if float(stop.rung) < 0:
            return True
        if point.number not in self._known:
            self._known[point.number] = SimpleNamespace(trial_id=str(point.number))
            self._rule.on_trial_add(None, self._known[point.number])
        result = {"t": round(20 * float(stop.rung)), "loss": stop.values[0]}
        return bool(self._rule.on_trial_result(None, self._known[point.number], result) == "CONTINUE")


class Moasha:
    """Syne Tune's own, in an environment of its own; the same units."""

    def __init__(self, server: "subprocess.Popen[str]", grace: int, factor: int, table: ObservedTable) -> None:
        self._server = server
        self._say(f"new {grace} {factor} {20 * table.seeds}")

    def _say(self, line: str) -> None:
        assert self._server.stdin is not None
        print(line, file=self._server.stdin, flush=True)

    def reached(self, point: Point, stop: Stop) -> bool:
        """What it says; of synthesis it knows nothing."""
        if float(stop.rung) < 0:
            return True
        assert self._server.stdout is not None
        self._say(f"{point.number} {round(20 * float(stop.rung))} {stop.values[0]!r} {stop.values[1]!r}")
        return self._server.stdout.readline().strip() == "1"


# Looked at on the points of the choice, too; on the page with these words.
ALSO_TRIED = (
    "an error of 0.05 and 0.5 in racing: medians within 0.15",
    "fractions of 0.75 alone, of 0.25 and 0.75, and of 0.5 and 0.75, by halves: medians of 1.5 to 2.1",
    "another reduction in synthesis than at the other rungs, 2 and 3: not above the better of those with one reduction "
    "for both",
    "in synthesis the distance alone, or with the cost of synthesis alone: more misses",
    "rungs that stop what has a small chance to beat, at its cost, the front of those that ran to the end, by "
    "a regression of ends on the rung: below 0.02, 0.05, 0.1, 0.2 and 0.3, from 5 or 8 such pairs on, at eight sets of "
    "rungs, alone or where the rank is too low as well (reductions 2, 3 and 4): no fewer misses where as much is saved",
)


def candidates(syne_tune: str | None) -> dict[str, dict[str, Make]]:
    """Settings of each scheduler among which is chosen: all that were tried of what can be set."""
    makers: dict[str, Callable[..., Scheduler]] = {"Ray's ASHA on the divergence": Asha}
    if syne_tune is not None:
        server = subprocess.Popen([syne_tune, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        makers["Syne Tune's MOASHA"] = partial(Moasha, server)
    choices = [(reduction, rungs) for reduction in (2, 3) for rungs in (("0.5",), ("0.1", "0.5"))]
    ours = partial(methodcaller, "our_rule")
    found: dict[str, dict[str, Make]] = {
        name: {f"reduction {r}, fractions {', '.join(rungs)}": ours(r, rungs, error, synthesis) for r, rungs in choices}
        for name, error, synthesis in (
            ("ours", None, ()),
            ("ours, replicates raced", 0.2, ()),
            ("ours, with a rung in synthesis", None, ("0.5",)),
            ("ours, raced, with a rung in synthesis", 0.2, ("0.5",)),
        )
    }
    units = [(grace, factor) for grace in (2, 10) for factor in (2, 4)]
    for name, maker in makers.items():
        words = "grace period {:g} of a replicate, factor {}"
        found[name] = {words.format(grace / 20, factor): partial(maker, grace, factor) for grace, factor in units}
    return found
