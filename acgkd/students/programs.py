"""`torch.export` programs: made for any number of nodes, edges, graphs and images, packed, and called again."""

import copy
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from acgkd.errors import CheckpointError, ConfigError
from acgkd.modules.cost import model_device
from acgkd.modules.graph_module import GraphData, counted, embed, in_blocks, taken_apart
from acgkd.modules.teacher_protocol import graph_parts, image_parts
from acgkd.pixels import standardised
from acgkd.priors import ImagePrior, Prior
from acgkd.students.exporter_noise import quiet, quiet_exporter
from acgkd.students.program_guard import require_plain

# What belongs to edges and is passed by name, in the order in which programs take it.
OF_EDGES = ("edge_weight", "edge_attr")


@dataclass(frozen=True)
class Inputs:
    """What a model is called with.

    Args:
        given: ``x, edge_index, batch`` of a few graphs, or one tensor of a few samples.
        named: what of `OF_EDGES` there is.
    """

    given: tuple[Tensor, ...]
    named: Mapping[str, Tensor] = field(default_factory=dict)

    def put(self, model: Callable[..., Tensor], **others: object) -> Tensor:
        """What a model says of it."""
        return model(*self.given, **self.named, **others)

    def to(self, device: torch.device) -> "Inputs":
        """The same on another device."""
        named = {name: tensor.to(device) for name, tensor in self.named.items()}
        return Inputs(tuple(tensor.to(device) for tensor in self.given), named)


def exported(module: nn.Module, inputs: Inputs, *, strict: bool = False) -> ExportedProgram:
    """The program of a module at rest.

    Args:
        module: is copied; it is left as it is.
        inputs: an example.
        strict: whether the code of `forward` is read, and not only run; slower, and it follows less and other things.
    """
    names = ("x", "edge_index", "batch", *inputs.named)
    of_graphs = {name: {1 if name == "edge_index" else 0: Dim.DYNAMIC} for name in names}
    shapes = of_graphs if len(inputs.given) == 3 else ({0: Dim.DYNAMIC},)
    own = copy.deepcopy(module).to("cpu").eval()
    with quiet_exporter(), torch.no_grad():
        program = torch.export.export(own, inputs.given, dict(inputs.named), dynamic_shapes=shapes, strict=strict)
    program._example_inputs = None  # torch writes them as a pickle, and nobody needs them
    return program


def packed(program: ExportedProgram) -> bytes:
    """The program as bytes."""
    buffer = io.BytesIO()
    with quiet():
        torch.export.save(program, buffer)
    return buffer.getvalue()


def unpacked(content: bytes, shown: object) -> nn.Module:
    """The module that a program computes; looked at before it is opened.

    Raises:
        CheckpointError: it is damaged, or holds more than tensors and tensor operations.
    """
    require_plain(content, shown)
    try:
        with quiet_exporter():
            module: nn.Module = torch.export.load(io.BytesIO(content)).module()
    except Exception as error:
        raise CheckpointError(f"{shown} holds a program that cannot be read ({type(error).__name__}).") from error
    return module


def read_program(path: str | Path) -> nn.Module:
    """The module of a ``.pt2`` file."""
    try:
        return unpacked(Path(path).read_bytes(), path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None


class Called(nn.Module):
    """A module of the teacher protocol that need not have a `forward`, as a program is made of it.

    Args:
        student: any.
        prior: where it is given, images are pixels of 0 to 1; else they are standardised already.
    """

    def __init__(self, student: nn.Module, prior: Prior | None = None) -> None:
        super().__init__()
        self.student = student
        self.prior = prior

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor | None = None,
        batch: Tensor | None = None,
        *,
        edge_weight: Tensor | None = None,
        edge_attr: Tensor | None = None,
    ) -> Tensor:
        """Class scores."""
        if edge_index is None:
            if isinstance(self.prior, ImagePrior):
                x = standardised(x, self.prior.mean, self.prior.std)
            scores: Tensor = image_parts(self.student).classifier(image_parts(self.student).encode(x))
            return scores
        graphs, batch = counted(x, batch, None)
        of_graphs: Tensor = graph_parts(self.student).classifier(
            embed(self.student, x, edge_index, edge_weight, batch, graphs, edge_attr=edge_attr)
        )
        return of_graphs


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
        of_graphs = self._run(x, edge_index, batch, **named)
        if not torch.compiler.is_compiling() and of_graphs.shape[0] < graphs:
            raise ConfigError("This student was kept as a program, to which the last graph must have a node.")
        return of_graphs
