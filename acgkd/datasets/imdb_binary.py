"""IMDB-BINARY: who acted with whom, by the film's genre (action or romance).

Ego networks of actors: unions of cliques. Nodes have no labels; their features are one-hot degrees (GIN
literature), 0 to 135, the last column meaning that or more. The option `degree_cap` makes the last column come
sooner.

Known of it without having it: sizes from half the published mean to as far above it (whole range 12 to 136, with a
long tail) and the published mean degree.

====== ======= ============= ========== ========== =========== ========
graphs classes nodes         mean nodes mean edges mean degree features
====== ======= ============= ========== ========== =========== ========
1000   2       12 to 136     19.77      96.53      9.77        degrees
====== ======= ============= ========== ========== =========== ========
"""

from acgkd.config import PriorConfig
from acgkd.datasets._readers.tu import tu_dataset

DATASET = tu_dataset(
    "IMDB-BINARY",
    graphs=1000,
    known=PriorConfig(nodes=(12, 28), mean_degree=9.77, features="degree", feature_count=136, classes=2),
    citation="Yanardag and Vishwanathan (2015), Deep graph kernels, KDD.",
    class_counts=(500, 500),
)
