"""`acgkd predict`: what a student says of samples, as a table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acgkd.errors import ConfigError
from sweeps.cli.commands._options import Plugin, TrustCode, examples
from sweeps.cli.commands._student import Replicate, StudentPath, Trial, named
from sweeps.cli.console import plural, print_line, print_note

if TYPE_CHECKING:
    from torch import Tensor, nn

    from acgkd.priors import Prior

EPILOG = examples(
    "acgkd predict runs/mutag mutag --out mutag.parquet",
    "acgkd predict student.safetensors ./pictures --out classes.parquet",
)


def predict(
    source: StudentPath,
    samples: Annotated[
        str,
        typer.Argument(
            metavar="DATASET|FOLDER",
            help="A data set (see `acgkd list datasets`); a folder of pictures, or of a set in the TU collection's "
            "text files; or what the data set `folder` reads: saved graphs, tables, pictures by class, `.npz`.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="F.parquet", help="The table.", show_default=False)],
    trial: Trial = None,
    replicate: Replicate = 0,
    plugin: Plugin = None,
    trust_code: TrustCode = False,
) -> None:
    """Classify samples with a student, and write what it says of each as a Parquet table.

    One row for each sample: `sample`, `class`, `logit_0` ..., `probability_0` ..., and `label` where it is known.
    Graphs of your own need no labels. Kinds, as whole numbers, are those that the student was taught, of which there
    may be fewer; in text files they begin at the smallest one there, as the data set `tu` reads them.
    """
    if out.suffix != ".parquet":
        raise ConfigError(f"The table is a Parquet file, `*.parquet`, but got {out.name}.")
    if plugin and not trust_code:
        raise ConfigError("`--plugin` is Python code that reads samples. `--trust-code` allows it.")
    from acgkd import plugins
    from sweeps.cli.commands._samples import to_classify
    from sweeps.store.writable import require_writable

    plugins.use_plugins(*(plugin or ()))
    found = named(source, trial, replicate, trust_code)
    given = to_classify(samples, found.prior)
    require_writable(out.parent)
    import torch

    with torch.no_grad():
        logits = torch.cat([_scores(found.student, found.prior, batch) for batch in given.batches])
    _write(out, given.names, given.labels, logits)
    said = f"{plural(len(given.names), 'sample')} classified: {out}."
    known = [number for number, label in enumerate(given.labels) if label is not None]
    if known:
        labels = torch.tensor([given.labels[number] for number in known])
        right = float((logits[known].argmax(1) == labels).double().mean())
        some = "" if len(known) == len(given.names) else f" of {len(known)}"
        said += f" {right:.1%}{some} as labelled{_with_trained(found.known.record.get('dataset'), samples)}."
        strange = int((labels >= logits.shape[1]).sum())
        said += f" {strange} of them are of classes that the student does not know." if strange else ""
    print_line(said)
    if given.note:
        print_note(f"Note: {given.note}")


def _with_trained(trained: object, samples: str) -> str:
    """Whether the teacher knows these samples, where that may be so."""
    if trained and trained != samples:
        return ""
    return f"; samples that trained the teacher {'are' if trained else 'may be'} among them"


def _scores(student: "nn.Module", prior: "Prior | None", batch: object) -> "Tensor":
    from acgkd.graphs import GraphBatch
    from acgkd.images import ImageBatch

    fault = "" if prior is None else _other_kind(prior, batch)
    if fault:
        raise ConfigError(f"The student cannot read these samples: {fault}. Are they of the kind it was taught on?")
    try:
        if isinstance(batch, GraphBatch):
            edges = {} if batch.edge_attr is None else {"edge_attr": batch.edge_attr}
            scores: Tensor = student(
                batch.x, batch.edge_index, batch.batch, edge_weight=batch.edge_weight, graphs=batch.graphs, **edges
            )
            return scores
        assert isinstance(batch, ImageBatch), "of one of two modalities"
        of_images: Tensor = student(batch.x, normalised=True)
        return of_images
    except (RuntimeError, TypeError) as error:
        first = str(error).splitlines()[0]
        raise ConfigError(
            f"The student cannot read these samples: {first}. Are they of the kind it was taught on?"
        ) from error


def _other_kind(prior: "Prior", batch: object) -> str:
    from acgkd.graphs import GraphBatch
    from acgkd.priors import ImagePrior

    x: Tensor = batch.x  # type: ignore[attr-defined]
    if isinstance(prior, ImagePrior):
        if isinstance(batch, GraphBatch):
            return "it reads images, and these are graphs"
        shape = tuple(x.shape[1:])
        return "" if shape == prior.shape else f"it reads images {list(prior.shape)}, and these are {list(shape)}"
    if not isinstance(batch, GraphBatch):
        return "it reads graphs, and these are images"
    if x.shape[1] != prior.feature_count:
        return f"it reads {prior.feature_count} columns of node features, and these have {x.shape[1]}"
    return ""


def _write(path: Path, names: list[str], labels: "list[int | None]", logits: "Tensor") -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from acgkd.cache import write_atomic

    columns: dict[str, object] = {"sample": names, "class": logits.argmax(1).numpy()}
    if labels:
        columns["label"] = labels
    probabilities = logits.double().softmax(1)
    for number in range(logits.shape[1]):
        columns[f"logit_{number}"] = logits[:, number].numpy()
    for number in range(logits.shape[1]):
        columns[f"probability_{number}"] = probabilities[:, number].numpy()
    table = pa.table(columns)
    write_atomic(path, lambda part: pq.write_table(table, part))
