"""What is new in a trial's file since the events that were written of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sweeps.store.trial import PASSING, Attempt, Trial

Fields = Mapping[str, object]
Emit = Callable[..., None]


@dataclass
class Written:
    """What events say of one trial so far.

    Args:
        suggested: whether there is one of its suggestion.
        started: attempts that began, as (replicate, attempt).
        ended: attempts that ended.
        rungs: at which early stopping has decided.
        final: state and number of attempts at its latest end; None where it has not ended, or runs again.
    """

    suggested: bool = False
    started: set[tuple[int, int]] = field(default_factory=set)
    ended: set[tuple[int, int]] = field(default_factory=set)
    rungs: set[str] = field(default_factory=set)
    final: tuple[str, int] | None = None

    def take_in(self, event: Mapping[str, object]) -> None:
        """One more event of the trial, as the file has it."""
        place = (_number(event.get("replicate")), _number(event.get("attempt")))
        match event.get("event"):
            case "trial_suggested":
                self.suggested = True
            case "replicate_started":
                self.started.add(place)
            case "replicate_ended":
                self.ended.add(place)
            case "rung_reached":
                self.rungs.add(str(event.get("rung")))
            case "trial_retried":
                self.final = None
            case "trial_ended":
                self.final = (str(event.get("state")), _number(event.get("attempts")))


class TrialEvents:
    """Compares trials with what was written of them.

    Args:
        objectives: their names, in order.
        emit: called with the event's name and its fields, `when` and `generation` among them.
        result: of a replicate: fields of its record, or none where it has no record.
    """

    def __init__(self, objectives: tuple[str, ...], emit: Emit, result: Callable[[int, int], Fields]) -> None:
        self.written: dict[int, Written] = {}
        self._objectives, self._emit, self._result = objectives, emit, result

    def compare(self, trial: Trial) -> None:
        """Emits what is new in a trial."""
        written = self.written.setdefault(trial.number, Written())
        if not written.suggested:
            written.suggested = True
            began = trial.attempts[0].started_at if trial.attempts else ""
            facts = {"parameters": dict(trial.parameters), "enqueued": trial.enqueued, "origin": trial.origin}
            self._emit("trial_suggested", trial=trial.number, when=began, **facts)
        left = None
        for attempt in trial.attempts:
            left = self._attempt(trial, attempt, written) or left
        for rung, entry in trial.rungs.items():
            if rung not in written.rungs:
                written.rungs.add(rung)
                values = self._by_name(entry.values)
                self._emit("rung_reached", trial=trial.number, rung=rung, values=values, promoted=entry.promoted)
        self._state(trial, written, left)

    def _attempt(self, trial: Trial, attempt: Attempt, written: Written) -> Attempt | None:
        """Emits how an attempt began and ended; returns it where its replicate has to be tried again."""
        place = (attempt.replicate, attempt.attempt)
        facts = {"trial": trial.number, "replicate": attempt.replicate, "attempt": attempt.attempt}
        facts["generation"] = attempt.generation
        if place not in written.started:
            written.started.add(place)
            self._emit("replicate_started", when=attempt.started_at, **facts)
        if attempt.outcome is None or place in written.ended:
            return None
        written.ended.add(place)
        again = attempt.outcome in PASSING
        ended: dict[str, object] = {"outcome": attempt.outcome, "cause": attempt.cause, "message": attempt.message}
        ended |= {"host": attempt.host, "progress": attempt.progress, "log": attempt.log}
        ended |= {"seconds": attempt.seconds, "lost_s": attempt.lost_s}
        if not again:
            known = {key: value for key, value in ended.items() if value not in (None, "")}
            ended = {**self._result(trial.number, attempt.replicate), **known}
        self._emit("replicate_ended", when=attempt.finished_at, **facts, **ended)
        return attempt if again else None

    def _state(self, trial: Trial, written: Written, left: Attempt | None) -> None:
        final = (trial.state, len(trial.attempts))
        if trial.final and written.final != final:
            written.final = final
            last = trial.attempts[-1] if trial.attempts else None
            facts: dict[str, object] = {"state": trial.state, "attempts": len(trial.attempts)}
            facts |= {"values": self._by_name(trial.values), "constraint": trial.constraint, "message": trial.message}
            facts["replicates"] = trial.replicates
            if last is not None:
                facts |= {"when": last.finished_at, "generation": last.generation}
            self._emit("trial_ended", trial=trial.number, **facts)
        elif not trial.final and written.final is not None:
            written.final = None
            self._emit("trial_retried", trial=trial.number)
        elif trial.state == "waiting" and left is not None:
            facts = {"cause": left.cause, "message": left.message, "generation": left.generation}
            self._emit("trial_waiting", trial=trial.number, replicate=left.replicate, when=left.finished_at, **facts)

    def _by_name(self, values: tuple[float | None, ...] | None) -> dict[str, float | None] | None:
        if values is None:
            return None
        return dict(zip(self._objectives, values, strict=False))


def _number(value: object) -> int:
    return value if isinstance(value, int) else -1
