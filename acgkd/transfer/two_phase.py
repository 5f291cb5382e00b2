"""Runs made of a synthesis and a transfer: one after the other, or interleaved where synthesis needs the student."""

from collections.abc import Callable, Mapping
from typing import Generic, Protocol

from torch import Tensor, nn

from acgkd.method import MethodRun, Stage, State
from acgkd.modality import B
from acgkd.settings.choices import PseudoSamples
from acgkd.transfer.difficulty import Drawn, Source
from acgkd.transfer.transfer import Transfer


class Synthesis(Protocol[Drawn]):
    """The stage that makes pseudo-samples."""

    @property
    def steps(self) -> int:
        """How many there will be, at most."""

    @property
    def done(self) -> int:
        """How many are done or left out; with all of them the synthesis is finished."""

    @property
    def multiply_adds(self) -> float:
        """Counted multiply-adds of all its steps so far."""

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """One step; `student` is given to those that need it."""

    def source(self, samples: PseudoSamples) -> Source[Drawn]:
        """Where transfer draws from: the learned distribution, its most likely samples, ..."""

    def samples(self, count: int) -> Drawn:
        """`count` pseudo-samples as one batch."""

    def facts(self) -> Mapping[str, float]:
        """Figures for the record."""

    def state_dict(self) -> State:
        """Everything needed to resume."""

    def load_state_dict(self, state: State) -> None:
        """Loads such a state."""


class TwoPhase(MethodRun, Generic[B]):
    """Synthesis to its end, then transfer.

    At the end of synthesis the state depends on the synthesis settings alone: transfer is made when its first step
    comes, which is what lets pseudo-samples be cached between trials.

    Args:
        synthesis: makes the samples.
        transfer: makes the teaching stage, when its time has come.
        student: what `student` answers before that.
        transfer_steps: length of the teaching stage.
        samples: what transfer is taught with.
        ahead: what transfer will take, before it begins, of the synthesis as it is; left out where nobody can say.
    """

    def __init__(
        self,
        synthesis: Synthesis[B],
        transfer: Callable[[], Transfer[B]],
        *,
        student: nn.Module,
        transfer_steps: int,
        samples: PseudoSamples,
        ahead: Callable[[], float] = float,
    ) -> None:
        self._synthesis = synthesis
        self._make_transfer = transfer
        self._transfer: Transfer[B] | None = None
        self._source: Source[B] | None = None
        self._student = student
        self._steps = transfer_steps
        self._samples = samples
        self._ahead = ahead

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Synthesis (where it has steps), then transfer."""
        transfer = Stage("transfer", self._steps, judged=True)
        if self._synthesis.steps == 0:
            return (transfer,)
        return (Stage("synthesis", self._synthesis.steps, judged=False), transfer)

    @property
    def student(self) -> nn.Module:
        """The deployed student."""
        return self._student if self._transfer is None else self._transfer.student

    def _begin_transfer(self) -> Transfer[B]:
        if self._transfer is None:
            self._transfer = self._make_transfer()
        if self._source is None:
            self._source = self._synthesis.source(self._samples)
        return self._transfer

    def step(self) -> Mapping[str, Tensor]:
        """One step of synthesis, or of transfer once synthesis is done."""
        if self._synthesis.done < self._synthesis.steps:
            return self._synthesis.step(None)
        transfer, source = self.teaching()
        return transfer.step(source)

    def teaching(self) -> tuple[Transfer[B], Source[B]]:
        """The teaching stage and what it draws from, once synthesis is done."""
        transfer = self._begin_transfer()
        assert self._source is not None, "made together with transfer"
        return transfer, self._source

    def samples(self, count: int) -> B:
        """Pseudo-samples as they are now."""
        return self._synthesis.samples(count)

    def multiply_adds(self) -> float:
        """Of both stages."""
        return self._synthesis.multiply_adds + (0.0 if self._transfer is None else self._transfer.multiply_adds)

    def teaching_ahead(self) -> float:
        """Of transfer, by one batch of samples as they are now."""
        return self._ahead()

    def left_out(self) -> int:
        """Of synthesis, where it has draws to spare."""
        return int(getattr(self._synthesis, "left_out", 0))

    def facts(self) -> Mapping[str, float]:
        """Of synthesis."""
        return self._synthesis.facts()

    def state_dict(self) -> State:
        """Both stages; transfer None until it begins."""
        return {
            "synthesis": self._synthesis.state_dict(),
            "transfer": None if self._transfer is None else self._transfer.state_dict(),
        }

    def load_state_dict(self, state: State) -> None:
        """Loads a state of the same settings."""
        self._synthesis.load_state_dict(state["synthesis"])
        if state["transfer"] is not None:
            self._begin_transfer().load_state_dict(state["transfer"])


class Interleaved(MethodRun, Generic[B]):
    """One joint stage: synthesis steps spread evenly between transfer steps, each seeing the other's latest state.

    Args:
        synthesis: makes the samples, looking at the student.
        transfer: teaches it.
        samples: what transfer is taught with.
    """

    def __init__(self, synthesis: Synthesis[B], transfer: Transfer[B], *, samples: PseudoSamples) -> None:
        self._synthesis = synthesis
        self._transfer = transfer
        self._source = synthesis.source(samples)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """One, as long as transfer."""
        return (Stage("joint", self._transfer.config.steps, judged=True),)

    @property
    def student(self) -> nn.Module:
        """The deployed student."""
        return self._transfer.student

    def due(self) -> int:
        """How many synthesis steps there are before the next one of transfer."""
        return (self._transfer.done + 1) * self._synthesis.steps // self._transfer.config.steps

    def step(self) -> Mapping[str, Tensor]:
        """The synthesis steps that are due, then one of transfer."""
        due = self.due()
        shown: dict[str, Tensor] = {}
        while self._synthesis.done < due:
            shown = {f"synthesis_{name}": value for name, value in self._synthesis.step(self.student).items()}
        return {**shown, **self._transfer.step(self._source)}

    def samples(self, count: int) -> B:
        """Pseudo-samples as they are now."""
        return self._synthesis.samples(count)

    def multiply_adds(self) -> float:
        """Of both."""
        return self._synthesis.multiply_adds + self._transfer.multiply_adds

    def facts(self) -> Mapping[str, float]:
        """Of synthesis."""
        return self._synthesis.facts()

    def state_dict(self) -> State:
        """Both."""
        return {"synthesis": self._synthesis.state_dict(), "transfer": self._transfer.state_dict()}

    def load_state_dict(self, state: State) -> None:
        """Loads a state of the same settings."""
        self._synthesis.load_state_dict(state["synthesis"])
        self._transfer.load_state_dict(state["transfer"])


class WarmedUp(Interleaved[B]):
    """The same, but the first synthesis steps come at once, and each of the others begins a stretch of transfer.

    So one more than the first ones is done before the first step of transfer.

    Args:
        synthesis: makes the samples.
        transfer: teaches the student.
        first: how many of its steps come first; at most all of them.
        samples: what transfer is taught with.
    """

    def __init__(self, synthesis: Synthesis[B], transfer: Transfer[B], *, first: int, samples: PseudoSamples) -> None:
        super().__init__(synthesis, transfer, samples=samples)
        self._first = min(first, synthesis.steps)

    def due(self) -> int:
        """How many synthesis steps there are before the next one of transfer."""
        rest = self._synthesis.steps - self._first
        # Rounded up: the step that a stretch begins with comes before it, the last one before the last stretch.
        return self._first + -(-(self._transfer.done + 1) * rest // self._transfer.config.steps)
