"""The upper control: the same teaching on the teacher's own training split, handed in from outside."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS
from acgkd.graphs.batch import GraphBatch
from acgkd.graphs.select import GraphSelector
from acgkd.methods import Method, MethodConfig, NoSettings, Run, Setting
from acgkd.methods._graphs import GraphTransferConfig, lift_to
from acgkd.methods._transfer import CurriculumConfig, Samples, Transfer
from acgkd.methods._two_phase import TwoPhase


class RealTransferConfig(GraphTransferConfig):
    """Teaching on real samples: all are let in from the beginning."""

    curriculum: CurriculumConfig = CurriculumConfig(pacing="none")


class RealDataConfig(MethodConfig):
    """Settings of the control; there is nothing to synthesise."""

    synthesis: NoSettings = NoSettings()
    transfer: RealTransferConfig = RealTransferConfig()


class _RealGraphs:
    """A synthesis that has its samples already, and the source that draws from them."""

    steps = 0
    done = 0
    multiply_adds = 0.0

    def __init__(self, graphs: Sequence[Any], device: torch.device) -> None:
        if not graphs:
            raise ConfigError("`real_data` learns from the training split, but no data set was given.")
        self.labels = torch.tensor([int(graph.y) for graph in graphs], device="cpu")
        self._ends = torch.tensor([int(graph.edge_index.shape[1]) for graph in graphs], device="cpu")
        self.load = torch.tensor([int(graph.x.shape[0]) for graph in graphs], device="cpu") + self._ends
        self._select = GraphSelector(GRAPHS.collate(graphs, device))

    def draw(self, indices: Tensor) -> GraphBatch:
        """The graphs at `indices`."""
        return self._select(indices)

    def edges(self, indices: Tensor) -> Tensor:
        """Number of edges of the graphs at `indices`; each is listed in both directions."""
        return self._ends[indices] / 2

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """There is none to do."""
        raise ConfigError("`real_data` has no synthesis step.")

    def source(self, samples: Samples) -> "_RealGraphs":
        """Itself: real graphs are what they are."""
        return self

    def samples(self, count: int) -> GraphBatch:
        """The first `count` real graphs."""
        return self.draw(torch.arange(min(count, self._select.count), device="cpu"))

    def facts(self) -> Mapping[str, float]:
        """Nothing to say of pseudo-graphs."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Nothing changes."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to take up."""


def _start(config: RealDataConfig, setting: Setting) -> Run:
    def transfer() -> Transfer:
        return Transfer(config.transfer, setting, GRAPHS, lift_to(setting.teacher, setting.device))

    return TwoPhase(
        _RealGraphs(setting.real, setting.device),
        transfer,
        student=setting.student,
        transfer_steps=config.transfer.steps,
        samples="fixed",
    )


METHOD = Method(config=RealDataConfig, modality="graphs", start=_start, needs_data=True)
