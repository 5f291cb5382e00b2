"""What early stopping would have saved on an observed sweep: any scheduler, replayed on its trials in several orders.

    table = ObservedTable.of(packed, "validation_divergence")
    saved = table.saved(lambda: table.our_rule(3, ("0.1", "0.5")), orders=range(10), workers=4)

Two objectives are expected, both minimised and neither below 0: one that says how good a student is, and a cost.
"""

import math
import random
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from acgkd.errors import AnalysisError
from analysis.records import record_file, trial_file
from analysis.records.packed import Packed
from sweeps.engine.trials.early_stopping import EarlyStopping
from sweeps.engine.trials.halving import Halving, fraction_rung, synthesis_rung
from sweeps.engine.trials.racing import Racing
from sweeps.followups.replay import (
    OurRule,
    Outcome,
    Point,
    Scheduler,
    Stop,
    WholeTrials,
    hypervolumes,
    points_of,
    replayed,
    work_to,
)

Fresh = Callable[[], Scheduler]


@dataclass
class Saved:
    """What a scheduler saved, order by order, against the same trials run whole.

    Args:
        ratio: work without early stopping by work with it, to the hypervolume that half of the trials have, run whole
            in the same order; 0 where it is never reached.
        ratio_95: the same to 95 % of it.
        work: of all trials, as a share of that without early stopping.
        volume: the hypervolume of all trials, as such a share.
        stopped: share of the trials that were stopped.
    """

    ratio: list[float] = field(default_factory=list)
    ratio_95: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)
    volume: list[float] = field(default_factory=list)
    stopped: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class RungWorth:
    """What a rung says of the end.

    Args:
        rung: its name.
        rho: Spearman's rank correlation, over trials, of the first objective there with that at the end.
        share: of a trial's work by then, the mean over trials.
    """

    rung: str
    rho: float
    share: float


@dataclass(frozen=True)
class Confirmed:
    """A real sweep beside a replay.

    Args:
        trials: that both have.
        same: of them, those that ended where the replay says.
        stopped: of them, those that the real sweep stopped.
    """

    trials: int
    same: int
    stopped: int


# Points in an order, what comes of them, and the hypervolume after each.
Whole = tuple[list[Point], list[Outcome], list[float]]


@dataclass(frozen=True, eq=False)
class ObservedTable:
    """An observed sweep.

    Args:
        points: trials that ran whole.
        floor: of the first objective: what a student that learned nothing has.
    """

    points: tuple[Point, ...]
    floor: float
    _wholes: dict[tuple[int, int], Whole] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, packed: Packed, objective: str) -> "ObservedTable":
        """The table of packed records; its floor is the mean of the controls.

        Where costs at rungs within a replicate are those so far, as sweeps once kept them, they become those of its
        end, by which sweeps decide.

        Args:
            packed: of the sweep (`sweeps.interchange.packed_records`).
            objective: name of the first objective.

        Raises:
            AnalysisError: no control has it.
        """
        controls = [record_file.parse(text, name) for name, text in packed.files.items() if "/control-" in name]
        known = [record.objectives.get(objective) for record in controls]
        values = [value for value in known if value is not None]
        if not values:
            raise AnalysisError(
                f"The floor is what controls have of `{objective}`, but none of {len(controls)} controls has it. "
                "Observe a sweep with a control that learns nothing, or give the floor: `ObservedTable(points, floor)`."
            )
        return cls(tuple(map(with_expected_costs, points_of(packed))), statistics.fmean(values))

    @property
    def seeds(self) -> int:
        """Replicates of each trial."""
        return int(self.points[0].stops[-1].rung)

    def our_rule(
        self,
        reduction: int,
        fractions: Iterable[str],
        error: float | None = None,
        synthesis: Iterable[str] = (),
    ) -> Scheduler:
        """Early stopping as sweeps do it, fresh; arguments are keys of a spec's `scheduler`."""
        halving = Halving(reduction, ("minimize", "minimize"), (self.floor, None))
        racing = None if error is None else Racing(error, (1, 1))
        rule = EarlyStopping(self.seeds, halving, racing, halving.in_synthesis((False, True)))
        return OurRule(rule, [*fractions, *(fraction_rung(synthesis_rung(float(share))) for share in synthesis)])

    def saved(self, scheduler: Fresh, orders: Iterable[int], workers: int = 1) -> Saved:
        """What a scheduler saves.

        Args:
            scheduler: makes a fresh one.
            orders: seeds of the random orders in which trials come.
            workers: how many there are, equally fast.
        """
        found = Saved()
        for order in orders:
            points, whole, before = self._whole(order, workers)
            early = replayed(points, scheduler(), workers)
            after = self._volumes(early)
            level = before[len(points) // 2 - 1]
            for ratios, share in ((found.ratio, 1.0), (found.ratio_95, 0.95)):
                ratios.append(work_to(whole, before, share * level) / work_to(early, after, share * level))
            found.work.append(early[-1].work / whole[-1].work)
            found.volume.append(after[-1] / before[-1])
            found.stopped.append(sum(item.stopped_at is not None for item in early) / len(early))
        return found

    def predictive(self) -> list[RungWorth]:
        """What each rung says of the end, the end left out."""
        rows = []
        for place, stop in enumerate(self.points[0].stops[:-1]):
            there = [_first(point.stops[place]) for point in self.points]
            share = statistics.fmean(point.stops[place].work / point.stops[-1].work for point in self.points)
            rows.append(RungWorth(stop.rung, self.predicted_by(there), share))
        return rows

    def predicted_by(self, quantity: Sequence[float]) -> float:
        """Spearman's rank correlation of a quantity, one for each point, with the first objective at the end."""
        from scipy.stats import spearmanr

        return float(spearmanr(quantity, [_first(point.stops[-1]) for point in self.points])[0])

    def confirmed(self, scheduler: Fresh, real: Packed) -> Confirmed:
        """Whether the trials of a real sweep of the same points end where the replay says, one worker in order.

        Args:
            scheduler: makes a fresh one, as the real sweep has it.
            real: its packed records.
        """
        said = {item.trial: item.stopped_at for item in replayed(self.points, scheduler())}
        ended = dict[int, str | None]()
        for name, text in real.files.items():
            if name.startswith("trials/"):
                trial = trial_file.parse(text, name, trial_file.TrialFile)
                if trial.state in ("completed", "pruned"):
                    ended[trial.number] = max(trial.rungs, key=float) if trial.state == "pruned" else None
        both = said.keys() & ended.keys()
        same = sum(said[number] == ended[number] for number in both)
        return Confirmed(len(both), same, sum(ended[number] is not None for number in both))

    def _whole(self, order: int, workers: int) -> Whole:
        """The points in an order, and what comes of them without early stopping; it is worked out once."""
        if (order, workers) not in self._wholes:
            points = list(self.points)
            random.Random(order).shuffle(points)
            outcomes = replayed(points, WholeTrials(), workers)
            self._wholes[order, workers] = points, outcomes, self._volumes(outcomes)
        return self._wholes[order, workers]

    def _volumes(self, outcomes: Sequence[Outcome]) -> list[float]:
        worst = (self.floor, 1.001 * max(point.values[1] for point in self.points))
        return hypervolumes(outcomes, {point.number: point.values for point in self.points}, worst)


def _first(stop: Stop) -> float:
    value = stop.values[0]
    return math.nan if value is None else value


def with_expected_costs(point: Point) -> Point:
    """The same with the second objective, a cost, in the first transfer as at its replicate's end."""
    end = next(stop.values[1] for stop in point.stops if stop.rung == "1")
    before = [stop for stop in point.stops if float(stop.rung) < 0]
    inside = [stop for stop in point.stops if 0 < float(stop.rung) < 1]
    if any(stop.values[1] != stop.work for stop in inside):
        return point
    changed = [replace(stop, values=(stop.values[0], end)) for stop in inside]
    return replace(point, stops=(*before, *changed, *point.stops[len(before) + len(inside) :]))
