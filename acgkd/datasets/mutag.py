"""MUTAG: nitroaromatic compounds, by whether they are mutagenic.

Nodes are atoms, their features the one-hot kind of atom (C, N, O, F, I, Cl, Br).

Known of it without having it: the published range of sizes and the published mean degree.

====== ======= ============= ========== ========== =========== =======
graphs classes nodes         mean nodes mean edges mean degree labels
====== ======= ============= ========== ========== =========== =======
188    2       10 to 28      17.93      19.79      2.21        7 kinds
====== ======= ============= ========== ========== =========== =======
"""

from acgkd.config import PriorConfig
from acgkd.datasets._readers.tu import tu_dataset

DATASET = tu_dataset(
    "MUTAG",
    graphs=188,
    known=PriorConfig(nodes=(10, 28), mean_degree=2.21, features="categorical", feature_count=7, classes=2),
    citation="Debnath et al. (1991), J. Med. Chem. 34(2).",
    class_counts=(63, 125),
)
