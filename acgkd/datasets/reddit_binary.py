"""REDDIT-BINARY: who answered whom in a discussion, by the kind of forum.

Question-and-answer forums against discussion forums. Nodes have no labels; all get the constant feature 1 (GIN
literature).

Known of it without having it: sizes from half the published mean to as far above it (whole range 6 to 3782, with a
long tail) and the published mean degree.

====== ======= ============= ========== ========== =========== ========
graphs classes nodes         mean nodes mean edges mean degree features
====== ======= ============= ========== ========== =========== ========
2000   2       6 to 3782     429.63     497.75     2.32        constant
====== ======= ============= ========== ========== =========== ========
"""

from acgkd.config import PriorConfig
from acgkd.datasets._readers.tu import tu_dataset

DATASET = tu_dataset(
    "REDDIT-BINARY",
    graphs=2000,
    known=PriorConfig(nodes=(215, 645), mean_degree=2.32, features="constant", feature_count=1, classes=2),
    citation="Yanardag and Vishwanathan (2015), Deep graph kernels, KDD.",
    class_counts=(1000, 1000),
)
