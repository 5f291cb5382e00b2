"""PTC_MR: compounds, by whether they give cancer to male rats.

Nodes are atoms, their features the one-hot kind of atom.

Known of it without having it: sizes from half the published mean to as far above it (whole range 2 to 64, with a
long tail) and the published mean degree.

====== ======= ============= ========== ========== =========== ========
graphs classes nodes         mean nodes mean edges mean degree labels
====== ======= ============= ========== ========== =========== ========
344    2       2 to 64       14.29      14.69      2.06        18 kinds
====== ======= ============= ========== ========== =========== ========
"""

from acgkd.config import PriorConfig
from acgkd.datasets._readers.tu import tu_dataset

DATASET = tu_dataset(
    "PTC_MR",
    graphs=344,
    known=PriorConfig(nodes=(7, 22), mean_degree=2.06, features="categorical", feature_count=18, classes=2),
    citation="Helma et al. (2001), Bioinformatics 17(1).",
    class_counts=(192, 152),
)
