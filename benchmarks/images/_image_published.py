"""Figures of others, each beside ours."""

from benchmarks._lib import tables
from benchmarks._lib.tables import Results

# Who, figure, source, what is different there, and which row of ours it is to be read beside.
PUBLISHED = (
    ("DAFL", "0.982", "its paper's table 1", "teacher 0.989; 24,000 steps of 512 images, best epoch on test", "dafl"),
    ("DAFL, as others ran it", "0.981 ± 0.001", "the DFAD code's table", "teacher 0.989; best epoch on test", "dafl"),
    ("DFAD", "0.983 ± 0.002", "the same", "10,000 student steps of 512 images, best epoch on test", "dfad"),
    ("ZSKD", "0.988", "its paper, from a secondary source", "could not be read", "zskd"),
    ("ZSKD, as others ran it", "0.970 and 0.979", "two unofficial codes", "24,000 impressions, 2,000 epochs", "zskd"),
    ("noise", "0.880", "DAFL's table 1", "normal noise; how long is not said", "noise"),
    ("noise, as others ran it", "0.747 ± 0.033", "the DFAD code's table", "the same", "noise"),
    ("distillation with the data", "0.989", "DAFL's table 1", "best epoch on test", "real_data"),
    ("RDSKD", "", "arXiv:2011.03749", "the tables could not be read, so no figure is quoted", "rdskd"),
    ("MSKD", "", "the same", "the same", "mskd"),
)


def quoted(compact: Results) -> list[str]:
    """Published figures.

    Args:
        compact: MNIST by the compact protocol.
    """
    text = (
        "LeNet-5 → half on MNIST, quoted for orientation: no protocol is ours. *Ours*: by the compact one, from above."
    )
    rows = [
        [who, figure, _ours(compact, label), source, different] for who, figure, source, different, label in PUBLISHED
    ]
    header = ("what", "published", "ours", "source", "what is different there")
    return ["## Published figures", "", text, "", *tables.table(header, rows)]


def _ours(result: Results, label: str) -> str:
    return tables.mean_sd(result.value(label, "test_accuracy"), result.value(label, "test_accuracy_sd"))
