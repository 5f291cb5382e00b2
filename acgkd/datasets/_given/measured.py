"""What was measured on data that nobody has published: kept in the cache beside what was read of them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from acgkd import cache
from acgkd.config import FeatureKind, PriorConfig
from acgkd.errors import ConfigError

Features = Literal["labels", "attributes", "both", "degree", "constant"]


@dataclass(frozen=True)
class Measured:
    """Figures of a whole set; what a method may know of them is in the prior.

    Args:
        counts: samples of each class.
        nodes: of graphs: the smallest, and the size that 95 of 100 do not exceed.
        mean_degree: of graphs.
        kinds: of graphs: how many kinds of nodes there are; 0 where nodes have none.
        values: of graphs: columns of continuous features.
        max_degree: of graphs.
        node_columns: of graphs: how many kinds each of several columns of nodes has, `kinds` all together.
        edge_columns: of graphs: the same of edges; empty where they have no labels, or these were not asked for.
        shape: of images: channels, height, width.
        mean: of images: of every channel, with bytes read as 0 to 1; of the training part, where there is one.
        std: the same of the standard deviation.
        train: of images: how many come first that are the training part; None where there are no parts.
    """

    counts: tuple[int, ...]
    nodes: tuple[int, int] = (2, 2)
    mean_degree: float = 0.0
    kinds: int = 0
    values: int = 0
    max_degree: int = 0
    shape: tuple[int, int, int] = (0, 0, 0)
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    train: int | None = None
    node_columns: tuple[int, ...] = ()
    edge_columns: tuple[int, ...] = ()

    def graph_prior(self, features: Features, degree_cap: int | None) -> PriorConfig:
        """What is known of graphs whose nodes get such features."""
        top = self.max_degree if degree_cap is None else min(degree_cap, self.max_degree)
        chosen: dict[Features, tuple[FeatureKind, int]] = {
            "labels": ("categorical", self.kinds),
            "attributes": ("continuous", self.values),
            "both": ("continuous", self.kinds + self.values),
            "degree": ("degree", top + 1),
            "constant": ("constant", 1),
        }
        kind, columns = chosen[features]
        return PriorConfig(
            nodes=self.nodes,
            mean_degree=self.mean_degree or "unknown",
            features=kind,
            feature_count=columns,
            classes=len(self.counts),
            node_columns=self.node_columns if features == "labels" and self.node_columns else None,
            edge_columns=self.edge_columns or None,
        )

    def image_prior(self) -> PriorConfig:
        """What is known of images."""
        return PriorConfig(shape=self.shape, classes=len(self.counts), mean=self.mean, std=self.std)

    def chosen_features(self, asked: Features | None, name: str) -> Features:
        """What nodes get: what was asked for, else labels, else attributes, else degrees.

        Raises:
            ConfigError: the data do not have what was asked for.
        """
        if asked is None:
            return "labels" if self.kinds else "attributes" if self.values else "degree"
        for what, wanted, has in (
            ("labels", ("labels", "both"), self.kinds),
            ("attributes", ("attributes", "both"), self.values),
        ):
            if asked in wanted and not has:
                raise ConfigError(f"`options/features: {asked}` needs {what} of nodes, but {name} has none.")
        return asked


def kept(name: str, make: Callable[[Path], Measured]) -> tuple[Measured, Path]:
    """What was measured on a set, and the file in the cache that it is read from: both made once.

    Args:
        name: of the file; changes when the data do.
        make: reads the set, keeps it as the file that it is given, and measures it.
    """
    folder = cache.folder() / "datasets"
    facts, content = folder / f"{name}.json", folder / f"{name}.pt"

    def measure(part: Path) -> None:
        found: list[Measured] = []
        cache.remove(content)  # without its figures it is nobody's
        cache.once(content, lambda place: found.append(make(place)))
        part.write_text(json.dumps(asdict(found[0])), encoding="utf-8")

    if not content.exists():
        cache.remove(facts)
    cache.once(facts, measure)
    return _read(json.loads(facts.read_text(encoding="utf-8"))), content


def _read(tree: Mapping[str, object]) -> Measured:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in tree.items()}
    return Measured(**values)
