"""The teacher protocol as types: the parts that evaluation and methods ask of a module.

`torch.nn.Module` says nothing of them. Whether a module has them is tried once, by `Modality.check_teacher`; behind
that they are taken for granted. `acgkd.teachers.teacher` says what each part means.
"""

from typing import Protocol, cast

from torch import Tensor, nn


class GraphParts(Protocol):
    """A model of graphs, by its parts."""

    width: int
    classifier: nn.Module

    def encode(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_weight: Tensor | None,
        batch: Tensor,
        *,
        edge_attr: Tensor | None = None,
    ) -> Tensor:
        """Embeds every node; `edge_attr` is there in models that read edge features, and handed to them alone.

        Shapes:
            edge_attr: ``[edges, edge features]``; returns: ``[nodes, width]``
        """

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int | None = None) -> Tensor:
        """Pools the nodes of each graph.

        Shapes:
            returns: ``[graphs, width]``
        """


class ImageParts(Protocol):
    """A model of images, by its parts; `stages` and what follows it are not there in every one."""

    width: int
    classifier: nn.Module

    def encode(self, x: Tensor) -> Tensor:
        """What the classifier sees.

        Shapes:
            returns: ``[images, width]``
        """

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """The feature maps at the end of each stage."""

    def before_pool(self, last: Tensor) -> Tensor:
        """The last stage's maps as `pool` reads them."""

    def pool(self, last: Tensor) -> Tensor:
        """What the classifier sees, from the maps of the last stage."""

    def stages_and_embedding(self, x: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """Both in one pass, of models that cannot `pool` by itself."""


def graph_parts(model: nn.Module) -> GraphParts:
    """The same module, which satisfies the teacher protocol of graphs."""
    return cast(GraphParts, model)


def image_parts(model: nn.Module) -> ImageParts:
    """The same module, which satisfies the teacher protocol of images."""
    return cast(ImageParts, model)


def has_stages(model: nn.Module) -> bool:
    """Whether an image model shows the maps on the way: `stages` and `pool`, or both at once."""
    return callable(getattr(model, "stages", None)) and any(
        callable(getattr(model, part, None)) for part in ("pool", "stages_and_embedding")
    )
