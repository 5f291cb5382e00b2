"""A synthesis that got stuck is done again from another draw, and the healthiest draw is kept.

Where a stuck draw of graphs has shed edges, the next one holds the mean degree, if the method can: on the one teacher
that is known (MUTAG, GIN, seed 6) further draws of its own kind did not help, and each draw with the degree held did.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Generic

import torch
from torch import Tensor, nn

from acgkd.agreement.health_facts import Health
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.images import IMAGES, ImageBatch
from acgkd.method import GraphContext, ImageContext, MethodContext, State
from acgkd.modality import B, Modality
from acgkd.priors import Prior
from acgkd.runtime import Streams, derive_seed
from acgkd.settings.choices import PseudoSamples
from acgkd.synthesis.health import health_of
from acgkd.transfer.difficulty import Source
from acgkd.transfer.two_phase import Synthesis


class _Within(Streams):
    """The streams of one further draw: those of a run under names of their own, at their start.

    The run's streams keep their state, so that a checkpoint has it, and whatever is drawn aside stays aside.
    """

    def __init__(self, whole: Streams, prefix: str) -> None:
        super().__init__(whole.seed, whole.device)
        self._whole, self._prefix = whole, prefix
        for name, generator in whole._generators.items():
            if f"/{prefix}/" in name:
                generator.manual_seed(derive_seed(whole.seed, name))

    def generator(self, name: str) -> torch.Generator:
        return self._whole.generator(f"{self._prefix}/{name}")

    def host(self, name: str) -> torch.Generator:
        return self._whole.host(f"{self._prefix}/{name}")

    @contextmanager
    def fork(self, name: str) -> Iterator[None]:
        with self._whole.fork(f"{self._prefix}/{name}"):
            yield

    @contextmanager
    def aside(self, name: str) -> Iterator[None]:
        with self._whole.aside(name):
            yield

    def state_dict(self) -> dict[str, Tensor]:
        return self._whole.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._whole.load_state_dict(state)


@dataclass(frozen=True)
class _Draw(Generic[B]):
    """One synthesis from its own draw; `health` is known once it is done, `held` says that it holds the mean degree."""

    number: int
    synthesis: Synthesis[B]
    health: Health | None = None
    held: bool = False

    def state(self) -> State:
        columns = None if self.health is None else self.health.columns()
        synthesis = self.synthesis.state_dict()
        return {"number": self.number, "held": self.held, "synthesis": synthesis, "health": columns}


class Restarted(Generic[B]):
    """A synthesis, and further draws of it while the last one is stuck; implements `Synthesis`.

    It counts as many steps as all draws would take. Those of draws that are not needed are left out: after a healthy
    draw all are done.

    Args:
        make: begins the synthesis, from the streams of the context that it is given.
        context: teacher, prior, streams, device. The first draw is the one that there would be without restarts.
        modality: of the samples.
        restarts: most further draws.
        hold: begins the synthesis with the mean degree held at the prior's, in as many steps; None where it cannot be.
    """

    def __init__(
        self,
        make: Callable[[Any], Synthesis[B]],
        context: MethodContext[Prior],
        modality: Modality[B],
        restarts: int,
        hold: Callable[[Any], Synthesis[B]] | None = None,
    ) -> None:
        self._hold = hold
        self._make, self._context, self._modality, self._restarts = make, context, modality, restarts
        self._current: _Draw[B] = _Draw(0, make(context))
        self._best: _Draw[B] | None = None
        self._begun, self._held = 1, 0
        self._finished = False
        # Of draws that were let go, and of looking at those that were done.
        self._work = 0.0
        self._each = self._current.synthesis.steps
        self.steps = self._each * (restarts + 1)

    @property
    def done(self) -> int:
        """Steps so far, those that were left out among them."""
        return self.steps if self._finished else self._each * (self._begun - 1) + self._current.synthesis.done

    @property
    def left_out(self) -> int:
        """Steps of further draws that were not needed."""
        return self._each * (self._restarts + 1 - self._begun) if self._finished else 0

    @property
    def multiply_adds(self) -> float:
        """Of all draws, and of looking at each."""
        kept = {id(draw): draw for draw in (self._current, self._best) if draw is not None}
        return self._work + sum(draw.synthesis.multiply_adds for draw in kept.values())

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """One step of the draw under way; after its last one it is looked at."""
        terms = self._current.synthesis.step(student)
        if self._current.synthesis.done >= self._each:
            self._judge()
        return terms

    def _judge(self) -> None:
        """Keeps the healthier draw, and begins another one where this one is stuck and one is left."""
        context, synthesis = self._context, self._current.synthesis
        health, batch = health_of(
            synthesis.samples,
            context.teacher,
            self._modality,
            context.prior,
            context.streams,
            different=synthesis.facts().get("pseudo_samples"),
        )
        self._work += self._modality.counter(context.teacher, batch)(batch)
        draw = replace(self._current, health=health)
        if self._best is None or self._best.health is None or health.rank > self._best.health.rank:
            self._best, draw = draw, self._best or draw
        if draw is not self._best:
            self._work += draw.synthesis.multiply_adds
        if health.stuck and self._begun <= self._restarts:
            held = self._hold is not None and health.sheds_edges
            self._current = self._begin(self._begun, held)
            self._begun, self._held = self._begun + 1, self._held + held
        else:
            self._current, self._finished = self._best, True

    def _begin(self, number: int, held: bool) -> _Draw[B]:
        context = self._context
        make = self._hold if held and self._hold is not None else self._make
        if number:
            context = replace(context, streams=_Within(context.streams, f"restart {number}"))
        return _Draw(number, make(context), held=held)

    def source(self, samples: PseudoSamples) -> Source[B]:
        """Of the draw that is kept."""
        return self._current.synthesis.source(samples)

    def samples(self, count: int) -> B:
        """Of the draw under way, or of the one that is kept."""
        return self._current.synthesis.samples(count)

    def facts(self) -> Mapping[str, float]:
        """The same, how many restarts there were, and how many of them held the mean degree."""
        return {**self._current.synthesis.facts(), "restarts": self._begun - 1, "restarts_held": self._held}

    def state_dict(self) -> State:
        """The draw under way, the healthiest of those before it, and how many were begun."""
        same = self._current is self._best
        return {
            "begun": self._begun,
            "held": self._held,
            "finished": self._finished,
            "multiply_adds": self._work,
            "best": None if self._best is None else self._best.state(),
            "current": None if same else self._current.state(),
        }

    def load_state_dict(self, state: State) -> None:
        """Loads a state made by `state_dict`; a draw's structure follows from its streams, which are at their start."""
        self._begun, self._finished = int(state["begun"]), bool(state["finished"])
        self._held = int(state["held"])
        self._work = float(state["multiply_adds"])
        self._best = None if state["best"] is None else self._loaded(state["best"])
        if state["current"] is not None:
            self._current = self._loaded(state["current"])
        elif self._best is not None:
            self._current = self._best

    def _loaded(self, state: State) -> _Draw[B]:
        number = int(state["number"])
        same = number == self._current.number
        draw = self._current if same else self._begin(number, bool(state["held"]))
        draw.synthesis.load_state_dict(state["synthesis"])
        return replace(draw, health=None if state["health"] is None else Health.from_columns(state["health"]))


def restarted_graphs(
    make: Callable[[GraphContext], Synthesis[GraphBatch]],
    context: GraphContext,
    restarts: int,
    hold: Callable[[GraphContext], Synthesis[GraphBatch]] | None = None,
) -> Synthesis[GraphBatch]:
    """A synthesis of graphs, with further draws of it while it is stuck; as it is where there are none to be.

    Args:
        make: begins it, from the streams of the context that it is given.
        context: teacher, prior, streams, device.
        restarts: most further draws.
        hold: begins it with the mean degree held at the prior's; None where it cannot be.
    """
    return Restarted(make, context, GRAPHS, restarts, hold) if restarts else make(context)


def restarted_images(
    make: Callable[[ImageContext], Synthesis[ImageBatch]], context: ImageContext, restarts: int
) -> Synthesis[ImageBatch]:
    """A synthesis of images, likewise."""
    return Restarted(make, context, IMAGES, restarts) if restarts else make(context)
