"""Students of which a `torch.export` program alone is left, and heads of which one is: called as modules are."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.modules.cost import model_device
from acgkd.modules.graph_module import GraphData, counted, in_blocks, taken_apart
from acgkd.pixels import standardised
from acgkd.priors import ImagePrior, Prior
from acgkd.students.exporter_noise import quiet
from acgkd.students.programs import unpacked


class Program(nn.Module):
    """What is left of a module that only a program can rebuild: it computes, and is always at rest.

    Args:
        content: the program.
        shown: how messages call the file.
    """

    def __init__(self, content: bytes, shown: object = "the program") -> None:
        super().__init__()
        self.content = content
        self.program = unpacked(content, shown)

    def __deepcopy__(self, memo: object) -> "Program":
        # What torch keeps beside the graph warns when it is copied.
        return self._again().to(model_device(self))

    def _again(self) -> "Program":
        return Program(self.content)

    def train(self, mode: bool = True) -> "Program":
        """A program has one mode alone."""
        self.training = mode
        return self

    def forward(self, x: Tensor) -> Tensor:
        """What the program makes of one tensor.

        Shapes:
            x: ``[samples, ...]``; returns: ``[samples, classes]``
        """
        return self._run(x)

    def _run(self, *inputs: Tensor, **named: Tensor) -> Tensor:
        with quiet():
            scores: Tensor = self.program(*inputs, **named)
        return scores


class ProgramStudent(Program):
    """A student of which a program alone is left: called as students are.

    Args:
        content: the program, of graphs or of standardised images.
        prior: what was known of the data.
        shown: how messages call the file.
        named: what of `OF_EDGES` the program takes; one without edge weights is of layers that take none themselves,
            or of an earlier version.
    """

    def __init__(
        self, content: bytes, prior: Prior, shown: object = "the program", *, named: Sequence[str] = ()
    ) -> None:
        super().__init__(content, shown)
        self.prior = prior
        self.named = tuple(named)

    def _again(self) -> "Program":
        return ProgramStudent(self.content, self.prior, named=self.named)

    def forward(
        self,
        x: Tensor | GraphData,
        edge_index: Tensor | None = None,
        batch: Tensor | None = None,
        *,
        edge_weight: Tensor | None = None,
        edge_attr: Tensor | None = None,
        graphs: int | None = None,
        normalised: bool = False,
    ) -> Tensor:
        """Class scores; arguments as of students that were rebuilt.

        Shapes:
            returns: ``[samples, classes]``
        Raises:
            ConfigError: there are edge weights that the program does not take, or no edge features that it takes.
        """
        if isinstance(self.prior, ImagePrior):
            assert isinstance(x, Tensor), "images"
            return self._run(x if normalised else standardised(x, self.prior.mean, self.prior.std))
        if not isinstance(x, Tensor) or edge_index is None:
            x, edge_index, batch, own, graphs = taken_apart(x, graphs)
            edge_weight = own["edge_weight"] if edge_weight is None else edge_weight
            edge_attr = own["edge_attr"] if edge_attr is None else edge_attr
        if edge_weight is not None and "edge_weight" not in self.named:
            raise ConfigError(
                "This student was kept as a program, which knows no edge weights. Leave them out, or build the module "
                "that was taught and pass it: `load_student(path, into=module)`."
            )
        graphs, batch = counted(x, batch, graphs)
        x, edge_attr = in_blocks(self.prior, x, edge_attr)
        weights = x.new_ones(edge_index.shape[1]) if edge_weight is None else edge_weight
        known = {"edge_weight": weights, "edge_attr": edge_attr}
        named = {name: value for name in self.named if (value := known[name]) is not None}
        if torch.compiler.is_compiling():
            return self._run(x, edge_index, batch, **named)
        of_graphs = self._run(x, edge_index, batch, **named) if len(batch) else x.new_empty(0)
        if of_graphs.shape[0] < graphs:
            # A program knows graphs up to the last that has a node: so one more has one, and is left out again.
            x, batch = torch.cat([x, x.new_zeros(1, x.shape[1])]), torch.cat([batch, batch.new_tensor([graphs])])
            of_graphs = self._run(x, edge_index, batch, **named)[:graphs]
        return of_graphs
