"""COLLAB: who published with whom, by the field of physics.

Ego networks of researchers: unions of cliques. Nodes have no labels; their features are one-hot degrees (GIN
literature), 0 to 491, the last column meaning that or more. So many columns make an epoch of a GIN take half a
minute: the option `degree_cap` makes the last column come sooner. The first load takes a minute and 6 GB.

Known of it without having it: sizes from half the published mean to as far above it (whole range 32 to 492, with a
long tail) and the published mean degree.

====== ======= ============= ========== ========== =========== ========
graphs classes nodes         mean nodes mean edges mean degree features
====== ======= ============= ========== ========== =========== ========
5000   3       32 to 492     74.49      2457.22    65.97       degrees
====== ======= ============= ========== ========== =========== ========
"""

from acgkd.config import PriorConfig
from acgkd.datasets._readers.tu import tu_dataset

DATASET = tu_dataset(
    "COLLAB",
    graphs=5000,
    known=PriorConfig(nodes=(37, 112), mean_degree=65.97, features="degree", feature_count=492, classes=3),
    citation="Yanardag and Vishwanathan (2015), Deep graph kernels, KDD.",
    class_counts=(2600, 775, 1625),
)
