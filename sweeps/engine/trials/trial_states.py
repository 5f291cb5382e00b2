"""A trial's life as one state machine: states, events, what each event does, and who may cause it.

Every change of a trial's state is made here and nowhere else; `docs/explanations/trial-states.md` is drawn from
`TRANSITIONS`. Which final state the ended replicates of a trial amount to is decided by
`sweeps.engine.trials.trial_rules`. Pure: no files, no clocks but the time that an attempt starts or ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from acgkd.errors import SweepError
from analysis.records.record import Outcome
from sweeps.engine.trials.halving import Values
from sweeps.store.trial import Rung, State, Trial

Event = Literal["suggested", "started", "replicate_ended", "rung_reached", "released", "ended", "retried"]
Actor = Literal["sampler", "worker", "scheduler", "driver", "user"]


@dataclass(frozen=True)
class Transition:
    """What one event does to a trial in one state.

    Args:
        event: what happened.
        source: the state before; None where there was no trial yet.
        targets: the states in which the trial may be afterwards.
        actor: who may cause the event.
        effect: what else changes in the trial's file.
    """

    event: Event
    source: State | None
    targets: tuple[State, ...]
    actor: Actor
    effect: str


_FINAL: tuple[State, ...] = ("completed", "pruned", "infeasible", "failed")

TRANSITIONS = (
    Transition("suggested", None, ("waiting",), "sampler", "the parameters, the user's first, are written"),
    Transition("started", "waiting", ("running",), "worker", "an attempt at a replicate is opened"),
    Transition("started", "running", ("running",), "worker", "an attempt at the next replicate is opened"),
    Transition("replicate_ended", "running", ("running",), "worker", "the open attempt is closed with its outcome"),
    Transition("rung_reached", "running", ("running", "pruned"), "scheduler", "values and decision are kept"),
    Transition("rung_reached", "waiting", ("waiting", "pruned"), "scheduler", "the same, for results found on disk"),
    Transition("released", "running", ("waiting",), "driver", "the open attempt is closed as lost, interrupted, ..."),
    Transition("released", "waiting", ("waiting",), "driver", "nothing: no attempt was open"),
    Transition("ended", "running", _FINAL, "driver", "objective values, constraint or message are written"),
    Transition("ended", "waiting", _FINAL, "driver", "the same, for results found on disk"),
    Transition("retried", "completed", ("waiting",), "driver", "a record is gone or damaged: values are cleared"),
    Transition("retried", "pruned", ("waiting",), "driver", "the same; decisions at rungs stand"),
    Transition("retried", "infeasible", ("waiting",), "user", "constraint and message are cleared"),
    Transition("retried", "failed", ("waiting",), "user", "the same; by the driver where its node is set aside"),
)

_ALLOWED = {(transition.event, transition.source): transition.targets for transition in TRANSITIONS}


def _move(trial: Trial, event: Event, target: State, **changes: object) -> Trial:
    """The trial after an event.

    Raises:
        SweepError: the event cannot happen in the trial's state, or does not lead to `target`.
    """
    if target not in _ALLOWED.get((event, trial.state), ()):
        raise SweepError(
            f"Trial {trial.number} is {trial.state}; the event '{event}' cannot make it {target}. This is a bug of the "
            "engine: the sweep folder is as it was before."
        )
    return trial.model_copy(update={"state": target, **changes})


def suggested(
    number: int,
    parameters: Mapping[str, object],
    distributions: Mapping[str, str],
    system_attrs: Mapping[str, object],
    study_attrs: Mapping[str, object],
    enqueued: str = "",
) -> Trial:
    """A new trial, waiting for a worker.

    Args:
        number: Optuna's.
        parameters: values by slash path.
        distributions: Optuna's JSON, by parameter.
        system_attrs: what the sampler noted on the trial.
        study_attrs: what it noted on the study.
        enqueued: the file of the queue that asked for it.
    """
    return Trial(
        number=number,
        parameters=dict(parameters),
        distributions=dict(distributions),
        system_attrs=dict(system_attrs),
        study_attrs=dict(study_attrs),
        enqueued=enqueued,
    )


def started(trial: Trial, replicate: int, generation: int) -> Trial:
    """A worker has begun with a replicate."""
    return _move(trial, "started", "running", attempts=trial.with_attempt(replicate, generation))


def replicate_ended(trial: Trial, outcome: Outcome, message: str = "", **facts: object) -> Trial:
    """A replicate has ended; more may follow. `facts` are other fields of the attempt."""
    return _move(trial, "replicate_ended", "running", attempts=trial.with_outcome(outcome, message, **facts))


def rung_reached(trial: Trial, rung: str, values: Values, promoted: bool, reason: str = "") -> Trial:
    """Early stopping has decided at a rung: the trial continues, or is pruned. A decision that was kept stays."""
    new = Rung(values=values, promoted=promoted, reason=reason)
    rungs = trial.rungs if rung in trial.rungs else {**trial.rungs, rung: new}
    return _move(trial, "rung_reached", trial.state if promoted else "pruned", rungs=rungs)


def pruned_at(trial: Trial, replicate: int, generation: int, **facts: object) -> Trial:
    """A pruned trial with the attempt at which it was pruned: the open one, else one at the next replicate.

    Args:
        trial: that early stopping has ended.
        replicate: index of the seed.
        generation: number of the start.
        facts: other fields of the attempt.
    """
    if trial.open_attempt is None:
        facts = {"host": trial.attempts[-1].host if trial.attempts else "", **facts}
        trial = trial.model_copy(update={"attempts": trial.with_attempt(replicate, generation)})
    return trial.model_copy(update={"attempts": trial.with_outcome("pruned", "", **facts)})


def released(trial: Trial, outcome: Outcome, message: str = "", **facts: object) -> Trial:
    """Its worker is gone; the trial waits for another one. `facts` are other fields of the attempt."""
    return _move(trial, "released", "waiting", attempts=trial.with_outcome(outcome, message, **facts))


def retried(trial: Trial) -> Trial:
    """A final trial of which something runs again: what its replicates amounted to is cleared."""
    return _move(trial, "retried", "waiting", values=None, constraint=None, message="")


def taken_back(trial: Trial) -> Trial:
    """A failed trial whose error was its node's: its failed attempts are lost ones, and it runs again."""
    attempts = tuple(
        item.model_copy(update={"outcome": "lost", "cause": "node"}) if item.outcome == "failed" else item
        for item in trial.attempts
    )
    return retried(trial).model_copy(update={"attempts": attempts})


def ended(trial: Trial, state: State, **facts: object) -> Trial:
    """Its replicates amount to a final state.

    Args:
        trial: waiting or running.
        state: final.
        facts: `values`, `constraint` or `message` of the trial's file.
    """
    return _move(trial, "ended", state, **facts)
