"""MNIST: handwritten digits, by which digit they are.

Grey images of 28 by 28, resized to 32 by 32 as LeNet-5 and the data-free literature have them (`options/size: 28` keeps
them). The test part is the published one.

Known of it without having it: shape, classes, and the mean and standard deviation that teachers normalise with.

====== ====== ======= ============ ====== ======
train  test   classes published    mean   std
====== ====== ======= ============ ====== ======
60,000 10,000 10      1 x 28 x 28  0.1307 0.3081
====== ====== ======= ============ ====== ======
"""

from acgkd.datasets._readers.idx import NAMES, idx_dataset

DATASET = idx_dataset(
    "mnist",
    title="MNIST",
    mean=0.1307,
    std=0.3081,
    md5=dict(
        zip(
            NAMES,
            (
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "d53e105ee54ea40749a09fcbcd1e9432",
                "9fb629c4189551a2d022fa330f9573f3",
                "ec29112dd5afa0611ce80d1b7f02629c",
            ),
            strict=True,
        )
    ),
    folders=("mnist", "MNIST/raw", "."),
    other_labels="bb300cfdad3c16e7a12a480ee83cd310",  # Fashion-MNIST's files have the same names
    class_counts={
        "train": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        "test": (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    },
    home="https://storage.googleapis.com/cvdf-datasets/mnist",
    citation="LeCun et al. (1998), Gradient-based learning applied to document recognition, Proc. IEEE 86(11).",
)
