"""What is known of graph data without having it."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from acgkd.config import FeatureKind, PriorConfig
from acgkd.errors import ConfigError

# Of sizes with a long tail: deviation of the logarithm, and how many means the largest may have.
TAIL, LARGEST = 1.0, 8


@dataclass(frozen=True)
class Prior:
    """A node range, a mean degree or none, what features mean, how many classes. Every method gets the same.

    Args:
        min_nodes: fewest nodes of a pseudo-graph.
        max_nodes: most nodes of a pseudo-graph; of data whose sizes have a long tail, the tail is left out.
        mean_degree: mean number of neighbours of a node; None where it is unknown.
        features: `categorical` (one-hot), `continuous`, `degree` (one-hot of the degree, capped at the last column)
            or `constant` (a single 1).
        feature_count: columns of the node features.
        classes: how many classes the teacher tells apart.
    """

    min_nodes: int
    max_nodes: int
    mean_degree: float | None
    features: FeatureKind
    feature_count: int
    classes: int

    def sizes(self, count: int, generator: torch.Generator) -> Tensor:
        """Draws numbers of nodes, uniform over the range.

        Shapes:
            returns: ``[count]`` on the CPU
        """
        return torch.randint(self.min_nodes, self.max_nodes + 1, (count,), generator=generator, device="cpu")

    def matched_sizes(self, count: int, generator: torch.Generator) -> Tensor:
        """Numbers of nodes spread evenly over the range, each given to one graph of every class.

        Beside `labels`, size says nothing about the class, and no part of the range is left out by chance.

        Shapes:
            returns: ``[count]`` on the CPU
        """
        rounds = -(-count // self.classes)
        place = torch.arange(rounds, device="cpu") + torch.rand(rounds, generator=generator, device="cpu")
        spread = self.min_nodes + (place * (self.max_nodes + 1 - self.min_nodes) / rounds).long()
        # Rounding up in single precision could step out of the range.
        return spread.clamp(max=self.max_nodes).repeat_interleave(self.classes)[:count]

    def long_tailed_sizes(self, count: int, generator: torch.Generator) -> Tensor:
        """Numbers of nodes with a long tail: log-normal about the middle of the range, which they leave both ways.

        An assumption about the data, of sets whose range stands for a mean and leaves the tail out. The mean is the
        middle, no size is above `LARGEST` times that. One size from each of equally likely stretches, in no order,
        each given to one graph of every class.

        Shapes:
            returns: ``[count]`` on the CPU
        """
        rounds = -(-count // self.classes)
        place = torch.randperm(rounds, generator=generator, device="cpu").double()
        place = (place + torch.rand(rounds, generator=generator, device="cpu")) / rounds
        mean = (self.min_nodes + self.max_nodes) / 2
        sizes = mean * torch.exp(TAIL * torch.special.ndtri(place) - TAIL**2 / 2)
        return sizes.clamp(2, LARGEST * mean).long().repeat_interleave(self.classes)[:count]

    def labels(self, count: int) -> Tensor:
        """Balanced pseudo-labels: 0, 1, ..., 0, 1, ...

        Shapes:
            returns: ``[count]`` on the CPU
        """
        return torch.arange(count, device="cpu") % self.classes

    def drawn_labels(self, count: int, host: torch.Generator) -> Tensor:
        """Pseudo-labels drawn evenly, each by itself, after one of every class.

        Args:
            count: how many; as many as there are classes at least.
            host: on the CPU.

        Shapes:
            returns: ``[count]`` on the CPU
        """
        drawn = torch.randint(self.classes, (count - self.classes,), generator=host, device="cpu")
        return torch.cat([torch.arange(self.classes, device="cpu"), drawn])

    def facts(self) -> dict[str, Any]:
        """The prior as plain values, for records and tables."""
        return asdict(self)


def resolve_prior(config: PriorConfig, known: PriorConfig) -> Prior:
    """Joins what a run says with what the data set's entry says; the run wins.

    Raises:
        ConfigError: something needed is said by neither.
    """
    nodes, features = config.nodes or known.nodes, config.features or known.features
    feature_count, classes = config.feature_count or known.feature_count, config.classes or known.classes
    if nodes is None or features is None or feature_count is None or classes is None:
        said = {"nodes": nodes, "features": features, "feature_count": feature_count, "classes": classes}
        missing = ", ".join(f"`{name}`" for name, value in said.items() if value is None)
        raise ConfigError(
            f"A prior must say `nodes`, `features`, `feature_count` and `classes`, but nothing gives {missing}. "
            "Name a data set that knows them or set them under `prior`."
        )
    degree = known.mean_degree if config.mean_degree == "known" else config.mean_degree
    return Prior(
        min_nodes=nodes[0],
        max_nodes=nodes[1],
        mean_degree=None if isinstance(degree, str) else float(degree),
        features=features,
        feature_count=feature_count,
        classes=classes,
    )
