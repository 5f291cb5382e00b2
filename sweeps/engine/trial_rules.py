"""What becomes of a trial, given how its replicates ended. Pure: no files, no clocks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analysis.records.record import Outcome
from sweeps.engine.halving import Halving, Values, replicate_rung
from sweeps.engine.teachers_and_controls import mean
from sweeps.store.trial import INFEASIBLE, Rung, Trial


@dataclass(frozen=True)
class Result:
    """How a replicate ended.

    Args:
        outcome: completed, or why not.
        objectives: in the order of the spec.
        message: of the record.
    """

    outcome: Outcome
    objectives: Values
    message: str = ""


Decide = Callable[[Trial, str, Values], bool]


@dataclass(frozen=True)
class Rules:
    """How a sweep judges trials.

    Args:
        replicates: how many each trial has.
        halving: early stopping, if it is on.
    """

    replicates: int
    halving: Halving | None = None

    def settle(self, trial: Trial, results: Mapping[int, Result], decide: Decide) -> Trial:
        """The trial in the state that its results amount to: final, or as it was because replicates are left.

        Args:
            trial: with all attempts so far.
            results: of the replicates that ended, by index.
            decide: whether the trial goes on from a rung that it has reached; asked once for each rung.
        """
        outcomes = [result.outcome for result in results.values()]
        for result in results.values():
            if result.outcome == "failed":
                return trial.model_copy(update={"state": "failed", "message": result.message})
        if "pruned" in outcomes:
            return trial.model_copy(update={"state": "pruned"})
        infeasible = [result for result in results.values() if result.outcome in INFEASIBLE]
        # With early stopping, what can never complete is not worth finishing; without, the share is worth knowing.
        if infeasible and (self.halving is not None or len(results) == self.replicates):
            share = len(infeasible) / len(results)
            return trial.model_copy(
                update={"state": "infeasible", "constraint": share, "message": infeasible[0].message}
            )
        if infeasible or not results:
            return trial
        values = means(list(results.values()))
        if len(results) == self.replicates:
            return trial.model_copy(update={"state": "completed", "values": values})
        if self.halving is None:
            return trial
        return self.at_rung(trial, replicate_rung(len(results)), values, decide)

    def at_rung(self, trial: Trial, rung: str, values: Values, decide: Decide) -> Trial:
        """The trial after a rung: going on, or pruned. A decision that was taken stands."""
        known = trial.rungs.get(rung)
        promoted = decide(trial, rung, values) if known is None else known.promoted
        if known is None:
            rungs = {**trial.rungs, rung: Rung(values=values, promoted=promoted)}
            trial = trial.model_copy(update={"rungs": rungs})
        return trial if promoted else trial.model_copy(update={"state": "pruned"})


def means(results: list[Result]) -> Values:
    """Each objective's mean over replicates; None where one is missing."""
    return tuple(mean(column) for column in zip(*(result.objectives for result in results), strict=True))
