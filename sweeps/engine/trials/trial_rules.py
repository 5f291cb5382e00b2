"""What becomes of a trial, given how its replicates ended. Pure: no files, no clocks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from analysis.records.record import Outcome, Record
from sweeps.engine.teachers_and_controls import mean
from sweeps.engine.trials import trial_states
from sweeps.engine.trials.early_stopping import Decision
from sweeps.engine.trials.halving import Values, replicate_rung
from sweeps.spec.sections import Objective
from sweeps.store.trial import INFEASIBLE, Trial


@dataclass(frozen=True)
class Result:
    """How a replicate ended.

    Args:
        outcome: completed, or why not.
        objectives: in the order of the spec.
        message: of the record.
        added: whether its seed was added after the trial had completed, so that the sampler never sees its values.
    """

    outcome: Outcome
    objectives: Values
    message: str = ""
    added: bool = False


def result_of(record: Record, objectives: Sequence[Objective]) -> Result:
    """What a record says of how its replicate ended."""
    values = tuple(record.measured(objective.name) for objective in objectives)
    return Result(record.outcome, values, record.message, record.identity.added)


Decide = Callable[[Trial, str, Values], Decision]


@dataclass(frozen=True)
class Rules:
    """How results become a trial's state.

    Args:
        replicates: how many each trial has.
        stops: whether early stopping is on.
        rungs: whether rungs are kept: with early stopping, or to observe what they would have shown.
    """

    replicates: int
    stops: bool = False
    rungs: bool = False

    def settle(self, trial: Trial, results: Mapping[int, Result], decide: Decide) -> Trial:
        """The trial in the state that its results amount to: final, or as it was because replicates are left.

        Args:
            trial: with all attempts so far.
            results: of the replicates that ended, by index.
            decide: whether the trial continues from a rung that it has reached; asked once for each rung.
        """
        if trial.final:
            return trial
        # A trial that had completed may run again, because a record is gone: its reported values stay as they are.
        planned = trial.replicates or self.replicates
        results = {index: result for index, result in results.items() if not result.added and index < planned}
        whole = len(results) == planned
        failed = next((result for result in results.values() if result.outcome == "failed"), None)
        if failed is not None:
            return trial_states.ended(trial, "failed", message=failed.message)
        if any(result.outcome == "pruned" for result in results.values()):
            return trial_states.ended(trial, "pruned")
        infeasible = [result for result in results.values() if result.outcome in INFEASIBLE]
        # With early stopping, what can never complete is not worth finishing; without, the share is worth knowing.
        if infeasible and (self.stops or whole):
            share = len(infeasible) / len(results)
            return trial_states.ended(trial, "infeasible", constraint=share, message=infeasible[0].message)
        if infeasible or not results:
            return trial
        values = means(list(results.values()))
        if whole:
            return trial_states.ended(trial, "completed", values=values, replicates=planned)
        if not self.rungs:
            return trial
        return self.at_rung(trial, replicate_rung(len(results)), values, decide)

    def at_rung(self, trial: Trial, rung: str, values: Values, decide: Decide) -> Trial:
        """The trial after a rung: as it was, or pruned. A decision that was taken stands."""
        known = trial.rungs.get(rung)
        new = Decision(known.promoted) if known is not None else decide(trial, rung, values)
        return trial_states.rung_reached(trial, rung, values, new.promoted, new.reason)


def means(results: list[Result]) -> Values:
    """Each objective's mean over replicates; None where one is missing."""
    return tuple(mean(column) for column in zip(*(result.objectives for result in results), strict=True))
