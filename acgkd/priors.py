"""What is known of data without having it: all that a method learns of them, and all that it takes to check a spec."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeAlias

from acgkd.config import FeatureKind, PriorConfig, checked
from acgkd.errors import ConfigError

ModalityName = Literal["graphs", "images"]


@dataclass(frozen=True)
class GraphPrior:
    """A node range, a mean degree or none, what features mean, how many classes. Every method gets the same.

    Args:
        min_nodes: fewest nodes of a pseudo-graph.
        max_nodes: most nodes of a pseudo-graph; of data whose sizes have a long tail, the tail is left out.
        mean_degree: mean number of neighbours of a node; None where it is unknown.
        features: `categorical` (one-hot), `continuous`, `degree` (one-hot of the degree, capped at the last column)
            or `constant` (a single 1).
        feature_count: columns of the node features.
        classes: how many classes the teacher tells apart.
        node_columns: how many kinds each of several categorical columns has, each a one-hot block of the features;
            empty where there is one.
        edge_columns: how many kinds each categorical column of the edges has; empty where edges have no features.
    """

    min_nodes: int
    max_nodes: int
    mean_degree: float | None
    features: FeatureKind
    feature_count: int
    classes: int
    node_columns: tuple[int, ...] = ()
    edge_columns: tuple[int, ...] = ()

    @property
    def edge_features(self) -> int:
        """Columns of the edge features, all one-hot blocks together; 0 where there are none."""
        return sum(self.edge_columns)

    def facts(self) -> dict[str, object]:
        """The prior as plain values, for records and tables; columns that are not there are left out."""
        return {name: value for name, value in asdict(self).items() if value != ()}


@dataclass(frozen=True)
class ImagePrior:
    """The shape of an image, how many classes there are, and the teacher's preprocessing. Every method gets the same.

    Preprocessing is a fact of the teacher as it is deployed, so it is known without data: a pixel of 0 to 1 reaches
    the teacher as ``(pixel - mean) / std``. Hence the range that valid images lie in.

    Args:
        shape: channels, height, width.
        classes: how many the teacher tells apart.
        mean: of each channel; left out, 0: the teacher reads pixels as they are.
        std: of each channel; left out, 1.
    """

    shape: tuple[int, int, int]
    classes: int
    mean: tuple[float, ...] = field(default=())
    std: tuple[float, ...] = field(default=())

    def __post_init__(self) -> None:
        channels = self.shape[0]
        for name, usual in (("mean", 0.0), ("std", 1.0)):
            numbers = getattr(self, name) or (usual,) * channels
            if len(numbers) != channels:
                raise ConfigError(
                    f"`{name}` of a prior of images must have a number for each channel, but {channels} channels have "
                    f"{len(numbers)}: {list(numbers)}."
                )
            object.__setattr__(self, name, numbers)

    @property
    def lowest(self) -> tuple[float, ...]:
        """What black is to the teacher, channel by channel."""
        return tuple(-mean / std for mean, std in zip(self.mean, self.std, strict=True))

    @property
    def highest(self) -> tuple[float, ...]:
        """What white is to the teacher, channel by channel."""
        return tuple((1 - mean) / std for mean, std in zip(self.mean, self.std, strict=True))

    @property
    def feature_count(self) -> int:
        """What a model must be built for: the channels."""
        return self.shape[0]

    @property
    def edge_features(self) -> int:
        """None: there are no edges."""
        return 0

    def facts(self) -> dict[str, object]:
        """The prior as plain values, for records and tables."""
        return asdict(self)


Prior: TypeAlias = GraphPrior | ImagePrior


def resolve_prior(modality: ModalityName, config: PriorConfig, known: PriorConfig) -> Prior:
    """Joins what a run says with what the data set's entry says; the run wins.

    Args:
        modality: of the samples.
        config: what the run says.
        known: what the data set's entry says.

    Raises:
        ConfigError: something needed is said by neither, or the numbers of channels differ.
    """
    return graph_prior(config, known) if modality == "graphs" else image_prior(config, known)


def prior_as_given(prior: "Prior | PriorConfig | Mapping[str, object]") -> Prior:
    """A prior that a user passes: with a `shape` it is of images, else of graphs.

    Args:
        prior: finished, as a config, or as a mapping with its keys.

    Raises:
        ConfigError: something needed is not said.
    """
    if isinstance(prior, (GraphPrior, ImagePrior)):
        return prior
    config = prior if isinstance(prior, PriorConfig) else checked(PriorConfig, prior, "`prior`")
    return resolve_prior("graphs" if config.shape is None else "images", config, PriorConfig())


def graph_prior(config: PriorConfig, known: PriorConfig) -> GraphPrior:
    """The prior of graphs; see `resolve_prior`."""
    nodes, features = config.nodes or known.nodes, config.features or known.features
    feature_count, classes = config.feature_count or known.feature_count, config.classes or known.classes
    if nodes is None or features is None or feature_count is None or classes is None:
        said = {"nodes": nodes, "features": features, "feature_count": feature_count, "classes": classes}
        missing = ", ".join(f"`{name}`" for name, value in said.items() if value is None)
        raise ConfigError(
            f"A prior must say `nodes`, `features`, `feature_count` and `classes`, but nothing gives {missing}. "
            "Name a data set that knows them or set them under `prior`."
        )
    columns = config.node_columns or (known.node_columns if feature_count == known.feature_count else None)
    degree = known.mean_degree if config.mean_degree == "known" else config.mean_degree
    return GraphPrior(
        min_nodes=nodes[0],
        max_nodes=nodes[1],
        mean_degree=None if isinstance(degree, str) else float(degree),
        features=features,
        feature_count=feature_count,
        classes=classes,
        node_columns=columns or (),
        edge_columns=config.edge_columns or known.edge_columns or (),
    )


def image_prior(config: PriorConfig, known: PriorConfig) -> ImagePrior:
    """The prior of images; see `resolve_prior`."""
    shape, classes = config.shape or known.shape, config.classes or known.classes
    if shape is None or classes is None:
        missing = "shape" if shape is None else "classes"
        raise ConfigError(
            f"A prior of images must say `shape` and `classes`, but nothing gives `{missing}`. "
            "Name a data set that knows it or set it under `prior`."
        )
    # Of other channels than the set's, its preprocessing says nothing.
    same = known.shape is not None and known.shape[0] == shape[0]
    mean, std = config.mean or (known.mean if same else None), config.std or (known.std if same else None)
    return ImagePrior(shape=shape, classes=classes, mean=mean or (), std=std or ())
