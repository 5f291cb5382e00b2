"""Laws on data: a set that exists, files that are there, enough known of it, real data for those who need it."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from acgkd.config import DatasetConfig, MethodChoice, PriorConfig, StudentConfig, TeacherConfig
from acgkd.errors import AcgkdError, DataError, Fault
from sweeps.spec.controls import Control
from sweeps.spec.fault_messages import known_name


def dataset_law(dataset: DatasetConfig | None) -> Iterator[Fault]:
    """The data set exists, takes its options, and has the files and folders that are named."""
    if dataset is None:
        return
    from acgkd.datasets import DATASETS, dataset_of

    if dataset.name not in DATASETS:
        yield from known_name(DATASETS, dataset.name, "dataset/name")
        return
    if dataset.split_file is not None:
        yield from _split_file_law(Path(dataset.split_file), dataset)
    if dataset.root is not None and not os.path.isdir(dataset.root):
        yield Fault("dataset/root", f"There is no folder {dataset.root}.")
        return
    try:
        entry = dataset_of(dataset)
    except AcgkdError as error:
        named = next((key for key in ("set", "path") if getattr(dataset, key) is not None), "name")
        wrong = named if isinstance(error, DataError) or not dataset.options else "options"
        yield Fault(f"dataset/{wrong}", str(error))
        return
    try:
        entry.read_options(dataset)
    except AcgkdError as error:
        yield Fault("dataset/options", str(error))
    try:
        entry.check_fractions(dataset)
    except AcgkdError as error:
        yield Fault("dataset/fractions", str(error))


def data_are_there(dataset: DatasetConfig | None, teacher: TeacherConfig) -> Iterator[Fault]:
    """A run will find the files, if it looks at the data."""
    from acgkd.datasets import DATASETS, dataset_of

    if dataset is None or dataset.name not in DATASETS or not data_judge(dataset, teacher):
        return
    if dataset.root is not None and not os.path.isdir(dataset.root):
        return  # reported already
    try:
        entry = dataset_of(dataset)
        entry.read_options(dataset)
        entry.check_fractions(dataset)
    except AcgkdError:
        return  # reported already
    try:
        if entry.locate is not None:
            entry.locate(dataset)
    except AcgkdError as error:
        named = next((key for key in ("root", "mirror") if getattr(dataset, key) is not None), "name")
        yield Fault(f"dataset/{named}", str(error))


def _split_file_law(path: Path, dataset: DatasetConfig) -> Iterator[Fault]:
    """The file is there and is a split, of samples that there are as far as this is known before they are loaded."""
    from acgkd.datasets import dataset_of
    from acgkd.run.split_file import split_numbers

    try:
        labels = dataset_of(dataset).labels
        known = None if labels is None else labels(dataset)
    except AcgkdError:
        known = None

    if not os.path.isfile(path):
        yield Fault("dataset/split_file", f"There is no file {path}.")
        return
    try:
        split_numbers(path, size=sys.maxsize if known is None else len(known))
    except AcgkdError as error:
        yield Fault("dataset/split_file", str(error))


def images_fit(
    prior: PriorConfig, dataset: DatasetConfig | None, teacher: TeacherConfig, student: StudentConfig
) -> Iterator[Fault]:
    """Models that read one size of image get that size; only images are augmented."""
    from acgkd.datasets import DATASETS, dataset_of, known_of
    from acgkd.models import MODELS

    if dataset is not None and dataset.name not in DATASETS:
        return
    try:
        known = known_of(dataset)
    except AcgkdError:
        return  # reported already
    if dataset is not None and teacher.augment != "none" and dataset_of(dataset).modality != "images":
        yield Fault("teacher/augment", f"'{teacher.augment}' is for images, but '{dataset.name}' holds graphs.")
    shapes = [prior.shape or known.shape]
    if data_judge(dataset, teacher):
        shapes.append(known.shape)
    for path, preset in (("teacher/preset", teacher.preset), ("student/preset", student.preset)):
        name = preset.split("-")[0]
        side = MODELS[name].side if name in MODELS else None
        shape = next((each for each in shapes if side and each is not None and each[1:] != (side, side)), None)
        if shape is not None:
            yield Fault(
                path,
                f"'{preset}' reads images of {side} x {side}, but these have {shape[1]} x {shape[2]}. Set "
                f"`dataset/options/size: {side}`, or take a `resnet` or a `wrn`.",
            )


def prior_law(
    prior: PriorConfig, dataset: DatasetConfig | None, teacher: TeacherConfig, method: MethodChoice
) -> Iterator[Fault]:
    """Enough is known of the data to make pseudo-samples, and nothing that the data refute."""
    yield from prior_faults(prior, dataset, teacher, method.name, "prior")


def prior_faults(
    prior: PriorConfig, dataset: DatasetConfig | None, teacher: TeacherConfig, method: str, path: str
) -> Iterator[Fault]:
    """What a method of some kind lacks to make pseudo-samples; nothing where other sections are wrong."""
    from acgkd.datasets import DATASETS, dataset_of, known_of
    from acgkd.methods import METHODS
    from acgkd.priors import resolve_prior

    if method not in METHODS or (dataset is not None and dataset.name not in DATASETS):
        return
    try:
        known = known_of(dataset)
    except AcgkdError:
        return  # reported already
    kind = METHODS[method].modality or (None if dataset is None else dataset_of(dataset).modality)
    if kind is None:
        return  # it needs data, and that is reported elsewhere
    try:
        resolve_prior(kind, prior, known)
        if dataset is not None and data_judge(dataset, teacher):
            dataset_of(dataset).check_prior(prior, dataset)
    except AcgkdError as error:
        yield Fault(path, str(error))


def data_judge(dataset: DatasetConfig | None, teacher: TeacherConfig) -> bool:
    """Whether the data are looked at: not where nobody says which of them trained a teacher that is given."""
    return dataset is not None and (teacher.checkpoint is None or dataset.split_file is not None)


def method_needs_data(
    method: MethodChoice, controls: Sequence[Control], dataset: DatasetConfig | None, teacher: TeacherConfig
) -> Iterator[Fault]:
    """Methods that learn from the training split need one."""
    from acgkd.methods import METHODS

    used = [("method/name", method.name)] + [(f"controls/{n}", control.name) for n, control in enumerate(controls)]
    for path, name in used:
        if name not in METHODS or not METHODS[name].needs_data:
            continue
        if dataset is None:
            yield Fault(path, f"'{name}' learns from real data, but there is no `dataset`.")
        elif teacher.checkpoint is not None and dataset.split_file is None:
            yield Fault(
                path,
                f"'{name}' learns from the teacher's training split, but nothing says which samples trained "
                "`teacher/checkpoint`. Give `dataset/split_file`, or leave it out.",
            )
