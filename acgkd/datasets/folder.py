"""Graphs or images of your own, `{name: folder, path: ...}`: what is known of them is measured on them.

Graphs: a list of `Data` that torch saved, the `data.pt` of an `InMemoryDataset`, or a folder with a `.pt` file for each
graph; or a folder with the tables `nodes` (`graph`, `label`, features, `node` where edges name nodes otherwise than by
their place) and `edges` (`graph`, `source`, `target`), as `.parquet` or `.csv`. Images: a folder of pictures for each
class, in two folders `train` and `test` where there is a test part; or a `.npz` file with `images` and `labels`, or the
four arrays `train_images`, `train_labels`, `test_images`, `test_labels`.

`options` of graphs: `features`, `degree_cap` and `edge_labels`, as those of `tu`; with the last one `edge_attr` and the
further columns of `edges` are kinds of edges, which are left out otherwise. Of images: `size`, height and width that
all are resized to; with a test part `validation`, the share of the rest that judges.
"""

from acgkd.config import PriorConfig
from acgkd.datasets import Dataset, Samples
from acgkd.datasets._given.entries import FolderOptions, data_at


def _unresolved(_: object) -> Samples:
    raise AssertionError("`dataset_of` gives the entry for a path")


DATASET = Dataset(
    modality="graphs",  # until the path says otherwise
    known=PriorConfig(),
    load=_unresolved,
    pooling="sum",
    source="Your own files.",
    options=FolderOptions,
    takes=("path",),
    resolve=data_at,
    measured=True,
)
