"""Laws that need the catalogues: names that exist, settings that their method knows, files that are there."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from acgkd.config import DatasetConfig, MethodChoice, PriorConfig, StudentConfig, TeacherConfig
from acgkd.errors import AcgkdError
from sweeps.controls import Control
from sweeps.errors import Fault
from sweeps.faults import translate
from sweeps.tree import tuples


def known_name(catalog: Any, name: str, path: str) -> Iterator[Fault]:
    """The entry exists and can be loaded."""
    try:
        catalog[name]
    except AcgkdError as error:
        yield Fault(path, str(error))


def method_law(method: MethodChoice) -> Iterator[Fault]:
    """The method exists and understands its fixed settings."""
    from acgkd.methods import METHODS

    if method.name not in METHODS:
        yield from known_name(METHODS, method.name, "method/name")
        return
    yield from settings_faults(method)


def settings_faults(method: MethodChoice, prefix: str = "method") -> Iterator[Fault]:
    """What a method's own config has to say of its settings; nothing where there is no such method."""
    from acgkd.methods import METHODS

    if method.name not in METHODS:
        return
    config = METHODS[method.name].config
    data = {"synthesis": method.synthesis, "transfer": method.transfer}
    try:
        config.model_validate(tuples(data), strict=True)
    except ValidationError as error:
        yield from translate(error, config, data, prefix)


def models_law(teacher: TeacherConfig, student: StudentConfig, trust_code: bool) -> Iterator[Fault]:
    """Teacher and student name models that can be built."""
    from acgkd.models import check_preset

    for path, preset in (("teacher/preset", teacher.preset), ("student/preset", student.preset)):
        if path == "teacher/preset" and ":" in preset:
            if not trust_code:
                yield Fault(
                    path, f"'{preset}' names Python code, which a spec may not run by itself. `--trust-code` allows it."
                )
            continue
        try:
            check_preset(preset)
        except AcgkdError as error:
            yield Fault(path, str(error))


def checkpoint_law(teacher: TeacherConfig, prior: PriorConfig, dataset: DatasetConfig | None) -> Iterator[Fault]:
    """The teacher's file is there, safe to open, and holds the weights of such a model."""
    if teacher.checkpoint is None:
        return
    from acgkd.checkpoint import load_state
    from acgkd.teacher import load_weights

    path = Path(teacher.checkpoint)
    if not path.exists():
        yield Fault("teacher/checkpoint", f"There is no file {path}.")
        return
    try:
        model = _blank_teacher(teacher.preset, prior, dataset)
        if model is None:
            load_state(path)
        else:
            load_weights(model, path)
    except AcgkdError as error:
        yield Fault("teacher/checkpoint", str(error))


def _blank_teacher(preset: str, prior: PriorConfig, dataset: DatasetConfig | None) -> Any:
    """A model that the weights should fit, or None where other sections are too wrong to build one."""
    import torch

    from acgkd.datasets import DATASETS
    from acgkd.modalities import modality
    from acgkd.models import build_model, parse_preset
    from acgkd.runtime import Streams

    try:
        known = PriorConfig() if dataset is None else DATASETS[dataset.name].known_for(dataset)
        facts = modality(parse_preset(preset)[0].modality).prior(prior, known)
        with Streams(0, torch.device("cpu")).fork("teacher"):
            return build_model(preset, facts.feature_count, facts.classes)
    except AcgkdError:
        return None


def dataset_law(dataset: DatasetConfig | None) -> Iterator[Fault]:
    """The data set exists, and so do its files."""
    if dataset is None:
        return
    from acgkd.datasets import DATASETS

    if dataset.name not in DATASETS:
        yield from known_name(DATASETS, dataset.name, "dataset/name")
        return
    if dataset.split_file is not None:
        yield from _split_file_law(Path(dataset.split_file))
    if dataset.root is not None and not Path(dataset.root).is_dir():
        yield Fault("dataset/root", f"There is no folder {dataset.root}.")
        return
    try:
        DATASETS[dataset.name].read_options(dataset)
    except AcgkdError as error:
        yield Fault("dataset/options", str(error))
    try:
        DATASETS[dataset.name].check_fractions(dataset)
    except AcgkdError as error:
        yield Fault("dataset/fractions", str(error))
    locate = DATASETS[dataset.name].locate
    try:
        if locate is not None:
            locate(dataset)
    except AcgkdError as error:
        yield Fault("dataset/root", str(error))


def _split_file_law(path: Path) -> Iterator[Fault]:
    """The file is there and is a split; how many samples there are is known only once they are loaded."""
    from acgkd.datasets._split import read_split_file

    if not path.is_file():
        yield Fault("dataset/split_file", f"There is no file {path}.")
        return
    try:
        read_split_file(path, size=sys.maxsize)
    except AcgkdError as error:
        yield Fault("dataset/split_file", str(error))


def teacher_comes_from_somewhere(teacher: TeacherConfig, dataset: DatasetConfig | None) -> Iterator[Fault]:
    """Trained here on a data set, or loaded from a file."""
    if dataset is None and teacher.checkpoint is None:
        yield Fault(
            "teacher",
            "A teacher is trained on a `dataset` or loaded from `teacher/checkpoint`, but neither is given.",
        )


def kind_of(method: str, student: StudentConfig) -> str | None:
    """The modality of a method that there is; None where it is the student's and there is no such model."""
    from acgkd.methods import METHODS, modality_of

    try:
        return modality_of(METHODS[method], student.preset)
    except AcgkdError:
        return None


def modalities_agree(
    method: MethodChoice, dataset: DatasetConfig | None, teacher: TeacherConfig, student: StudentConfig
) -> Iterator[Fault]:
    """Method, data and models speak of the same kind of sample."""
    from acgkd.datasets import DATASETS
    from acgkd.methods import METHODS
    from acgkd.models import MODELS

    if method.name not in METHODS:
        return
    kind = kind_of(method.name, student)
    if kind is None:
        return
    others: list[tuple[str, str, Any, str]] = [("teacher/preset", teacher.preset, MODELS, teacher.preset.split("-")[0])]
    others.append(("student/preset", student.preset, MODELS, student.preset.split("-")[0]))
    if dataset is not None:
        others.append(("dataset/name", dataset.name, DATASETS, dataset.name))
    for path, shown, catalog, name in others:
        if name in catalog and catalog[name].modality != kind:
            yield Fault(path, f"'{method.name}' works on {kind}, but '{shown}' is for {catalog[name].modality}.")


def images_fit(
    prior: PriorConfig, dataset: DatasetConfig | None, teacher: TeacherConfig, student: StudentConfig
) -> Iterator[Fault]:
    """Models that read one size of image get that size; only images are augmented."""
    from acgkd.datasets import DATASETS
    from acgkd.models import MODELS

    if dataset is not None and dataset.name not in DATASETS:
        return
    if dataset is not None and teacher.augment != "none" and DATASETS[dataset.name].modality != "images":
        yield Fault("teacher/augment", f"'{teacher.augment}' is for images, but '{dataset.name}' holds graphs.")
    try:
        known = PriorConfig() if dataset is None else DATASETS[dataset.name].known_for(dataset)
    except AcgkdError:
        return  # told already
    shape = prior.shape or known.shape
    for path, preset in (("teacher/preset", teacher.preset), ("student/preset", student.preset)):
        name = preset.split("-")[0]
        side = MODELS[name].side if name in MODELS else None
        if side is not None and shape is not None and shape[1:] != (side, side):
            yield Fault(
                path,
                f"'{preset}' reads images of {side} x {side}, but these have {shape[1]} x {shape[2]}. Set "
                f"`dataset/options/size: {side}`, or take a `resnet` or a `wrn`.",
            )


def prior_law(prior: PriorConfig, dataset: DatasetConfig | None, method: MethodChoice) -> Iterator[Fault]:
    """Enough is known of the data to make pseudo-samples."""
    yield from _prior_faults(prior, dataset, method.name, "prior")


def _prior_faults(prior: PriorConfig, dataset: DatasetConfig | None, method: str, path: str) -> Iterator[Fault]:
    from acgkd.datasets import DATASETS
    from acgkd.methods import METHODS
    from acgkd.modalities import modality

    if method not in METHODS or (dataset is not None and dataset.name not in DATASETS):
        return
    try:
        known = PriorConfig() if dataset is None else DATASETS[dataset.name].known_for(dataset)
    except AcgkdError:
        return  # told already
    kind = METHODS[method].modality or (None if dataset is None else DATASETS[dataset.name].modality)
    if kind is None:
        return  # it needs data, and will be told so
    try:
        modality(kind).prior(prior, known)
    except AcgkdError as error:
        yield Fault(path, str(error))


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


def controls_law(
    controls: Sequence[Control], method: MethodChoice, dataset: DatasetConfig | None, student: StudentConfig
) -> Iterator[Fault]:
    """Controls exist, no label twice, none the method itself unless it says so, all of its kind and able to run."""
    from acgkd.methods import METHODS

    labels = [control.label for control in controls]
    for number, control in enumerate(controls):
        path, name, label = f"controls/{number}", control.name, control.label
        if name not in METHODS:
            yield from known_name(METHODS, name, path)
        elif label in labels[:number]:
            yield Fault(path, f"A label may stand once, but '{label}' stands twice. Give one of them another `label`.")
        elif label == method.name:
            yield Fault(
                path, f"'{label}' is the method itself. Leave it out, or give it a `label` of its own to run both."
            )
        elif method.name in METHODS and METHODS[name].modality not in (None, kind_of(method.name, student)):
            yield Fault(path, f"'{name}' is for {METHODS[name].modality}, but '{method.name}' is not. Leave it out.")
        else:
            yield from _settings_of(control, method, path)
            if control.prior is not None:
                yield from _prior_faults(control.prior, dataset, name, f"{path}/prior")


def _settings_of(control: Control, method: MethodChoice, path: str) -> Iterator[Fault]:
    """What it says itself, then what it takes over: a sound method may hold a value that the control's refuses."""
    own = list(settings_faults(control.choice(MethodChoice(name=control.name)), path))
    yield from own
    if not own and not any(True for _ in settings_faults(method)):
        yield from settings_faults(control.choice(method), path)


CATALOG_CHECKS: tuple[Callable[..., Iterator[Fault]], ...] = (
    dataset_law,
    teacher_comes_from_somewhere,
    models_law,
    checkpoint_law,
    method_law,
    modalities_agree,
    images_fit,
    prior_law,
    method_needs_data,
    controls_law,
)
