"""PTC: the compounds of PTC_MR with their hydrogens, as the GIN paper used them.

Nodes are atoms, their features the one-hot kind of atom: 21 columns, of which the set uses 19.

Known of it without having it: sizes from half the published mean to as far above it (whole range 2 to 109, with a
long tail) and the published mean degree.

====== ======= ============= ========== ========== =========== ========
graphs classes nodes         mean nodes mean edges mean degree labels
====== ======= ============= ========== ========== =========== ========
344    2       2 to 109      25.56      25.96      2.03        21 kinds
====== ======= ============= ========== ========== =========== ========
"""

from acgkd.config import PriorConfig
from acgkd.datasets._readers.tu import tu_dataset

DATASET = tu_dataset(
    "PTC",
    graphs=344,
    known=PriorConfig(nodes=(13, 38), mean_degree=2.03, features="categorical", feature_count=21, classes=2),
    citation="Helma et al. (2001), Bioinformatics 17(1); Xu et al. (2019), arXiv:1810.00826.",
    class_counts=(192, 152),
)
