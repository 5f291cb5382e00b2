"""A graph-classification set made in memory: rings and triangle pairs planted in random trees.

Every skeleton is used once for each class, so the classes agree in sizes, edges and degree counts exactly:

* class 0 carries one ring of six nodes, hung into its tree by two neighbouring nodes;
* class 1 carries two rings of three, each hung into its tree by one node.

Both have six motif nodes, six motif edges and two edges to the tree, and their kinds are 1, 2, 1, 2, 1, 2: round the
ring of six only unlike kinds are neighbours, within a ring of three like ones are too. The trees are of kinds 0, 1 and
2; those of class 1 are sprinkled with seven rare kinds besides. So a model can use which kinds occur, which kinds are
neighbours, and which structure carries them; counting degrees is of no use. Graphs whose kinds are drawn evenly are
full of rare kinds and all look like class 1: a student that is taught on such graphs learns next to nothing.

====== ======= ========== ========== ======== ======= =======
graphs classes nodes      mean nodes mean edges kinds  degree
====== ======= ========== ========== ======== ======= =======
320    2       12 to 24   18         19       10      2.1
====== ======= ========== ========== ======== ======= =======
"""

from typing import Annotated

from pydantic import Field

from acgkd.config import Config, DatasetConfig, PriorConfig
from acgkd.datasets import DATASETS, Dataset, Samples

KINDS = 10


class Options(Config):
    """Options of `motifs`."""

    seed: int = 0
    graphs: Annotated[int, Field(ge=12, le=100_000)] = 320


def _load(config: DatasetConfig) -> Samples:
    from acgkd.datasets._readers.motif_graphs import load_motifs

    options: Options = DATASETS["motifs"].read_options(config)
    return load_motifs(options.seed, options.graphs)


DATASET = Dataset(
    modality="graphs",
    known=PriorConfig(nodes=(12, 24), mean_degree=2.1, features="categorical", feature_count=KINDS, classes=2),
    load=_load,
    pooling="sum",
    source="Made by this project; every graph follows from the option `seed`.",
    needs_files=False,
    options=Options,
    class_counts=lambda options: {"all": ((options.graphs + 1) // 2, options.graphs // 2)},
    labels=lambda config: [number % 2 for number in range(DATASETS["motifs"].read_options(config).graphs)],
)
