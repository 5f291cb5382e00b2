"""PROTEINS: proteins, by whether they are enzymes.

Nodes are secondary structure elements, their features the one-hot kind (helix, sheet, turn); the one continuous
attribute is left out, as in the GIN literature.

Known of it without having it: sizes from half the published mean to as far above it (whole range 4 to 620, with a
long tail) and the published mean degree.

====== ======= ============= ========== ========== =========== =======
graphs classes nodes         mean nodes mean edges mean degree labels
====== ======= ============= ========== ========== =========== =======
1113   2       4 to 620      39.06      72.82      3.73        3 kinds
====== ======= ============= ========== ========== =========== =======
"""

from acgkd.config import PriorConfig
from acgkd.datasets._readers.tu import tu_dataset

DATASET = tu_dataset(
    "PROTEINS",
    graphs=1113,
    known=PriorConfig(nodes=(20, 58), mean_degree=3.73, features="categorical", feature_count=3, classes=2),
    citation="Borgwardt et al. (2005), Bioinformatics 21; Dobson and Doig (2003).",
    class_counts=(663, 450),
)
