"""`torch.export` programs: made for any number of nodes, edges, graphs and images, packed, and called again."""

import copy
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from acgkd.errors import CheckpointError
from acgkd.modules.graph_module import counted, embed
from acgkd.modules.open_sizes import open_sizes
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
    own: nn.Module = copy.deepcopy(module).to("cpu").eval()
    if len(inputs.given) == 3 and not strict:
        own = _WithOpenSizes(own)
    with quiet_exporter(), torch.no_grad():
        program = torch.export.export(own, inputs.given, dict(inputs.named), dynamic_shapes=shapes, strict=strict)
    program._example_inputs = None  # torch writes them as a pickle, and nobody needs them
    return program


class _WithOpenSizes(nn.Module):
    """A module of graphs, as an exporter is to run it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        batch: Tensor,
        *,
        edge_weight: Tensor | None = None,
        edge_attr: Tensor | None = None,
    ) -> Tensor:
        graphs, batch = counted(x, batch, None)
        given = {"edge_weight": edge_weight, "edge_attr": edge_attr}
        named = {name: value for name, value in given.items() if value is not None}
        with open_sizes(self.module, batch, graphs):
            scores: Tensor = self.module(x, edge_index, batch, **named)
        return scores


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
