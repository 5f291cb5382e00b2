"""Fashion-MNIST: pictures of clothes, by kind of garment.

Grey images of 28 by 28, resized to 32 by 32 as LeNet-5 and the data-free literature have them (`options/size: 28` keeps
them). The test part is the published one.

Known of it without having it: shape, classes, and the mean and standard deviation that teachers normalise with.

====== ====== ======= ============ ====== ======
train  test   classes published    mean   std
====== ====== ======= ============ ====== ======
60,000 10,000 10      1 x 28 x 28  0.2860 0.3530
====== ====== ======= ============ ====== ======
"""

from acgkd.datasets._readers.idx import NAMES, idx_dataset

DATASET = idx_dataset(
    "fashion_mnist",
    title="Fashion-MNIST",
    mean=0.2860,
    std=0.3530,
    md5=dict(
        zip(
            NAMES,
            (
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "25c81989df183df01b3e8a0aad5dffbe",
                "bef4ecab320f06d8554ea6380940ec79",
                "bb300cfdad3c16e7a12a480ee83cd310",
            ),
            strict=True,
        )
    ),
    folders=("fashion_mnist", "FashionMNIST/raw", "."),
    other_labels="ec29112dd5afa0611ce80d1b7f02629c",  # MNIST's files have the same names
    class_counts={"train": (6000,) * 10, "test": (1000,) * 10},
    home="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    citation="Xiao et al. (2017), arXiv:1708.07747.",
)
