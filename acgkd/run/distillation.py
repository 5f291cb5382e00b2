"""One distillation: stepped, timed, watched, saved and resumed."""

import math
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from torch import Tensor, nn

from acgkd import checkpoint
from acgkd.agreement.health_facts import Health
from acgkd.errors import CheckpointError
from acgkd.method import AnyMethod, MethodConfig, MethodContext, Stage, State
from acgkd.modality import modality
from acgkd.modules.inspected_model import InspectedModel, remembering
from acgkd.priors import Prior
from acgkd.run.bookkeeping.clocks import Clocks
from acgkd.run.bookkeeping.divergence import require_finite_losses, require_finite_weights
from acgkd.run.bookkeeping.expected_cost import expected_multiply_adds, expected_seconds
from acgkd.run.bookkeeping.identity import identity, shape_of
from acgkd.run.bookkeeping.run_state import FORMAT, read_run, read_synthesis
from acgkd.run.bookkeeping.stage_progress import Progress
from acgkd.run.compatibility import Surroundings, absent
from acgkd.runtime import PeakMemory
from acgkd.students.saving import save_student
from acgkd.synthesis.health import health_of
from acgkd.transfer.teaching_draws import begin_teaching

POINTS_PER_CURVE = 100


class Distillation(Progress):
    """A method at work, from any step to any later one.

    Every stage takes an equal share of `progress`: a two-phase method is half done when its pseudo-samples are.

    Args:
        method: entry of the catalogue.
        config: its settings.
        context: what the method is handed.
        keep_synthesis: file that takes the state at the end of synthesis, for other runs to start from.
    """

    def __init__(
        self,
        method: AnyMethod,
        config: MethodConfig,
        context: MethodContext[Prior],
        *,
        keep_synthesis: Path | None = None,
    ) -> None:
        self.method = method
        self.config = config
        self.context = context
        # Taken before the method starts: a student that is lifted to its teacher's width changes shape.
        self._student = shape_of(context.student)
        teacher, student = (InspectedModel(model, context.device) for model in (context.teacher, context.student))
        self.absent = absent(config, Surroundings(teacher, student, context.prior))
        if method.needs_student(config):  # samples are made for this student, so that they are another draw's too
            begin_teaching(config.transfer, context.streams)
        self.method_run = method.start(config, context)
        super().__init__(self.method_run.stages)
        self.curves: dict[str, dict[str, list[float]]] = {stage.name: {"step": []} for stage in self.stages}
        self.synthesis_cached = False
        self.together = 1  # runs that did steps of the teaching stage at once, at most
        self._clocks = Clocks(context.device)
        self._memory = PeakMemory(context.device)
        self._keep_synthesis = keep_synthesis
        self._before_judged: float | None = None  # multiply-adds when the stage began in which the student learns

    @cached_property
    def _identity(self) -> str:
        return identity(self.method, self.config, self.context, self._student)

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of each stage so far."""
        return dict(self._clocks.seconds)

    @property
    def student(self) -> nn.Module:
        """The student as it would be deployed now."""
        return self.method_run.student

    @property
    def expected_multiply_adds(self) -> float:
        """Multiply-adds of the whole run, at its end (`acgkd.run.bookkeeping.expected_cost`)."""
        return expected_multiply_adds(self, self.method_run, self._before_judged)

    @property
    def expected_seconds(self) -> float:
        """Seconds of all stages, at its end."""
        return expected_seconds(self, self.seconds, self.method_run.multiply_adds(), self.expected_multiply_adds)

    def statistics_at(self, share: float) -> float | None:
        """How far pseudo-samples were from what the teacher remembers, by a share of a synthesis of its own.

        Args:
            share: of the steps of synthesis; between two the later one counts, as where a run stops.

        Returns:
            the last value of ``statistics`` by then; None where the synthesis reports none, the teacher remembers
            nothing, or there is no such stage.
        """
        first = self.stages[0]
        if first.name != "synthesis" or not remembering(self.context.teacher):
            return None
        curve = self.curves[first.name]
        last = self.steps_at(0, share / len(self.stages))
        by_then = sum(step <= last for step in curve["step"])
        known = curve.get("statistics", [])[:by_then]
        return known[-1] if known else None

    def advance(self, *, until: float = 1.0, seconds: float | None = None) -> None:
        """Steps until `progress` reaches `until`, or for about `seconds`, whichever comes first.

        Raises:
            DivergedError: a loss or a weight left the finite numbers.
        """
        until = min(until, 1.0)
        deadline = math.inf if seconds is None else time.perf_counter() + seconds
        while self.progress < until - 1e-9 and time.perf_counter() < deadline:
            index, _ = self.position()
            stage = self.stages[index]
            with self._clocks.time(stage.name):
                self._advance_stage(index, until, deadline)
            self._end_of_stage(stage, index)
        self._look()

    def _look(self) -> None:
        self._memory.update()
        index, within = self.position()
        if within > 0 and self.stages[index].judged:
            # Whoever stopped here may judge the student now.
            require_finite_weights(self.student, self.stages[index])

    def _advance_stage(self, index: int, until: float, deadline: float) -> None:
        last = self.begin_stage(index, until)
        while self.steps_done < last:
            before = self.method_run.left_out()
            losses = self.method_run.step()
            self.stepped(losses, 1 + self.method_run.left_out() - before)
            if time.perf_counter() >= deadline:
                return

    def begin_stage(self, index: int, until: float) -> int:
        """Begins or continues the stage of a number; returns the steps that are done where `progress` is `until`."""
        if self.stages[index].judged and self.position() == (index, 0):
            self._before_judged = self.method_run.multiply_adds()
        return self.steps_at(index, until)

    def stepped(self, losses: Mapping[str, Tensor], steps: int = 1) -> None:
        """Takes in what a step of the method's run returned.

        Args:
            losses: by name.
            steps: as which it counts; more than 1 where some were left out.

        Raises:
            DivergedError: a loss left the finite numbers.
        """
        index, done = self.position()
        stage, within = self.stages[index], done + 1
        self.steps_done += steps
        if within % max(1, stage.steps // POINTS_PER_CURVE) == 0 or done + steps == stage.steps:
            self._note(stage, within, {name: float(value) for name, value in losses.items()})

    def stepped_with(self, index: int, seconds: float, cpu: float, together: int) -> None:
        """Takes in the end of a stretch of steps that this run did in the stage of a number together with others.

        Args:
            index: of the stage.
            seconds: this run's share of them.
            cpu: its share of the CPU seconds.
            together: how many runs there were, this one included.

        Raises:
            DivergedError: a weight left the finite numbers.
        """
        self._clocks.add(self.stages[index].name, seconds, cpu)
        self.together = max(self.together, together)
        self._end_of_stage(self.stages[index], index)
        self._look()

    def _note(self, stage: Stage, step: int, losses: Mapping[str, float]) -> None:
        """Keeps a point of each curve. Reading the losses waits for the device, hence not at every step."""
        curve = self.curves[stage.name]
        curve["step"].append(float(step))
        for name, value in losses.items():
            curve.setdefault(name, []).append(value)
        require_finite_losses(losses, step, stage)

    def _end_of_stage(self, stage: Stage, index: int) -> None:
        now, within = self.position()
        if now == index:
            return
        if stage.judged:
            require_finite_weights(self.student, stage)
        elif self._keep_synthesis is not None and within == 0:
            checkpoint.save(self._state(), self._keep_synthesis)

    def measure_cost(self) -> dict[str, float | int | bool | None]:
        """Seconds, steps, counted work, structure and memory so far; keys are the record's."""
        facts = self.method_run.facts()
        cost: dict[str, float | int | bool | None] = {
            "multiply_adds": self.method_run.multiply_adds(),
            "candidate_edges": int(facts["candidate_edges"]) if "candidate_edges" in facts else None,
            "kept_edges": facts.get("kept_edges"),
            "peak_host_bytes": self._memory.host_bytes,
            "peak_device_bytes": self._memory.device_bytes,
            "synthesis_cached": self.synthesis_cached,
            "cpu_s": self._clocks.cpu_seconds,
        }
        if self.together > 1:
            cost["taught_together"] = self.together
        if "restarts" in facts:
            cost["synthesis_restarts"] = int(facts["restarts"])
        if facts.get("restarts_held"):
            cost["synthesis_restarts_held"] = int(facts["restarts_held"])
        for stage, steps in zip(self.stages, self.steps_by_stage(), strict=True):
            cost[f"{stage.name}_s"] = self._clocks.seconds.get(stage.name, 0.0)
            cost[f"{stage.name}_steps"] = steps
        if self.method_run.left_out():
            # Only a synthesis leaves steps out: those of draws that were not needed.
            cost[f"{self.stages[0].name}_steps"] = self.stages[0].steps - self.method_run.left_out()
        return cost

    def health(self) -> Health:
        """How healthy the synthesis is as it stands, without data; nothing is known of one that has real data."""
        if self.method.needs_data:
            return Health()
        assert self.method.modality is not None, "only methods that are handed data work on either kind"
        context, kind, draw = self.context, modality(self.method.modality), self.method_run.samples
        asked = not self.method.lower_control and self.method.asks_for_classes(self.config)
        with context.streams.aside("health"):
            different = self.method_run.facts().get("pseudo_samples")
        found = health_of(draw, context.teacher, kind, context.prior, context.streams, asked=asked, different=different)
        return found[0]

    def _state(self) -> State:
        return {
            "format": FORMAT,
            "identity": self._identity,
            "steps_done": self.steps_done,
            "run": self.method_run.state_dict(),
            "streams": self.context.streams.state_dict(),
            **self._clocks.state_dict(),
            "curves": self.curves,
            "memory": self._memory.state_dict(),
            "synthesis_cached": self.synthesis_cached,
            "before_judged": self._before_judged,
            "together": self.together,
        }

    def save(self, path: Path) -> None:
        """Writes all that is needed to resume from here, atomically."""
        checkpoint.save(self._state(), path)

    def load(self, path: Path) -> None:
        """Resumes from a file written by `save` of the same run.

        Raises:
            CheckpointError: torn, foreign, unsafe, or of another run.
        """
        self._resume_from(read_run(path, self._identity))

    def load_synthesis(self, path: Path) -> None:
        """Starts from pseudo-samples that another run with the same synthesis made; their seconds are kept.

        Raises:
            CheckpointError: damaged, foreign or unsafe.
        """
        state = read_synthesis(path, self.stages)
        try:
            self._resume_from(state)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path} is not a finished synthesis ({type(error).__name__}: {error}).") from error

    def _resume_from(self, state: State) -> None:
        self.method_run.load_state_dict(state["run"])
        self.context.streams.load_state_dict(state["streams"])
        self.steps_done = int(state["steps_done"])
        self._clocks.load_state_dict(state)
        self.curves.update(state["curves"])
        self._memory.load_state_dict(state["memory"])
        self.synthesis_cached = bool(state["synthesis_cached"])
        self._before_judged = state.get("before_judged")
        self.together = int(state.get("together", 1))

    def export(self, path: Path) -> None:
        """Writes the student's weights and description; `acgkd.load_student(path)` reads them."""
        save_student(self.student, path, self.context.prior)
