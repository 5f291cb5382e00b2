"""Any set of the TU collection by name, `{name: tu, set: NCI1}`: what is known of it is measured on it.

It is found as the sets of the catalogue are: in `root`, on a `mirror`, in $ACGKD_DATA, or where torch_geometric fetches
the collection from. Nodes get their labels; where there are none their attributes, else their degrees. `options`:

* `features`: `labels`, `attributes`, `both`, `degree` or `constant`.
* `degree_cap`: degrees from here on share the last column.
* `edge_labels`: edges get their labels as features; without it they have none.
"""

from acgkd.config import PriorConfig
from acgkd.datasets import Dataset, Samples
from acgkd.datasets._given.entries import GraphOptions, tu_set
from acgkd.datasets._readers.tu import COLLECTION, HOME


def _unresolved(_: object) -> Samples:
    raise AssertionError("`dataset_of` gives the entry for a set")


DATASET = Dataset(
    modality="graphs",
    known=PriorConfig(),
    load=_unresolved,
    pooling="sum",
    source=f"{HOME}; {COLLECTION}",
    options=GraphOptions,
    takes=("set",),
    resolve=tu_set,
    measured=True,
)
