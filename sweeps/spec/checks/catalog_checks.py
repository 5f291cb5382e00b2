"""Laws that need the catalogues: methods, models and controls that exist, with settings that they know."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from acgkd.config import DatasetConfig, MethodChoice, PriorConfig, StudentConfig, TeacherConfig
from acgkd.errors import AcgkdError, Fault
from sweeps.spec.checks.dataset_checks import (
    data_are_there,
    dataset_law,
    images_fit,
    method_needs_data,
    prior_faults,
    prior_law,
)
from sweeps.spec.checks.model_checks import ranked_in_synthesis, settings_fit_models
from sweeps.spec.checks.tracker_checks import trackers_law
from sweeps.spec.controls import Control
from sweeps.spec.fault_messages import known_name
from sweeps.spec.inspection import Inspection

if TYPE_CHECKING:
    from torch import Tensor, nn


def method_law(method: MethodChoice, inspection: Inspection) -> Iterator[Fault]:
    """The method exists and understands its fixed settings."""
    from acgkd.methods import METHODS

    if method.name not in METHODS:
        yield from known_name(METHODS, method.name, "method/name")
        return
    yield from inspection.settings(method).at("method")


def models_law(teacher: TeacherConfig, student: StudentConfig, trust_code: bool) -> Iterator[Fault]:
    """Teacher and student name models that can be built."""
    from acgkd.models import check_preset

    for path, preset in (("teacher/preset", teacher.preset), ("student/preset", student.preset)):
        if ":" in preset:
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
        if teacher.checkpoint_key is not None:
            yield Fault("teacher/checkpoint_key", "It says where in `checkpoint` the weights are, but there is none.")
        return
    from acgkd.checkpoint import load_state
    from acgkd.teachers.teacher import fitting_state

    path = Path(teacher.checkpoint)
    if not os.path.exists(path):
        yield Fault("teacher/checkpoint", f"There is no file {path}.")
        return
    try:
        model = _blank_teacher(teacher.preset, prior, dataset)
        if model is None:
            yield from _cannot_score(load_state(path, key=teacher.checkpoint_key), teacher, path, prior, dataset)
        else:
            fitting_state(model, path, key=teacher.checkpoint_key)
    except AcgkdError as error:
        yield Fault("teacher/checkpoint", str(error))


def _cannot_score(
    state: "Mapping[str, Tensor]", teacher: TeacherConfig, path: Path, prior: PriorConfig, dataset: DatasetConfig | None
) -> Iterator[Fault]:
    """Of code that has not run: weights among which none is as many as the classes make scores of no such classes.

    Heads of one output each, side by side, would be such weights, so a tensor with one row is reason for doubt.
    """
    from acgkd.datasets import known_of

    classes = prior.classes or known_of(dataset).classes
    if ":" not in teacher.preset or classes is None:
        return
    sizes = {int(size) for value in state.values() for size in value.shape}
    heads = any(value.dim() == 2 and value.shape[0] == 1 for value in state.values())
    if classes not in sizes and not heads:
        yield Fault(
            "teacher/checkpoint",
            f"The weights in {path} cannot make scores of {classes} classes: no tensor in it has {classes} rows or "
            "columns. Name the right file, or the right `prior/classes`.",
        )


def _blank_teacher(preset: str, prior: PriorConfig, dataset: DatasetConfig | None) -> "nn.Module | None":
    """A model without numbers that the weights should fit, or None where other sections are too wrong to build one."""
    import torch

    from acgkd.datasets import known_of
    from acgkd.models import build_model, parse_preset
    from acgkd.priors import resolve_prior
    from acgkd.runtime import Streams

    try:
        facts = resolve_prior(parse_preset(preset)[0].modality, prior, known_of(dataset))
        with Streams(0, torch.device("cpu")).fork("teacher"):
            return build_model(
                preset,
                facts.feature_count,
                facts.classes,
                edge_features=facts.edge_features,
                device=torch.device("meta"),
            )
    except AcgkdError:
        return None


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
    from acgkd.datasets import dataset_of
    from acgkd.methods import METHODS
    from acgkd.models import MODELS

    if method.name not in METHODS:
        return
    kind = kind_of(method.name, student)
    if kind is None:
        return
    others = []
    for path, shown in (("teacher/preset", teacher.preset), ("student/preset", student.preset)):
        if (name := shown.split("-")[0]) in MODELS:
            others.append((path, shown, MODELS[name].modality))
    if dataset is not None:
        with suppress(AcgkdError):  # reported already
            others.append(("dataset/name", dataset.name, dataset_of(dataset).modality))
    for path, shown, other in others:
        if other != kind:
            yield Fault(path, f"'{method.name}' works on {kind}, but '{shown}' is for {other}.")


def controls_law(
    controls: Sequence[Control],
    method: MethodChoice,
    dataset: DatasetConfig | None,
    teacher: TeacherConfig,
    student: StudentConfig,
    inspection: Inspection,
) -> Iterator[Fault]:
    """Controls exist and can run on this kind of data; labels are unique; none is the method itself by a plain name."""
    from acgkd.methods import METHODS

    labels: set[str] = set()
    for number, control in enumerate(controls):
        path, name, label = f"controls/{number}", control.name, control.label
        if name not in METHODS:
            yield from known_name(METHODS, name, path)
        elif label in labels:
            yield Fault(path, f"Duplicate label '{label}'. Give one of them another `label`.")
        elif label == method.name:
            yield Fault(
                path, f"'{label}' is the method itself. Leave it out, or give it a `label` of its own to run both."
            )
        elif method.name in METHODS and METHODS[name].modality not in (None, kind_of(method.name, student)):
            yield Fault(path, f"'{name}' is for {METHODS[name].modality}, but '{method.name}' is not. Leave it out.")
        else:
            yield from _settings_of(control, method, path, inspection)
            if control.prior is not None:
                yield from prior_faults(control.prior, dataset, teacher, name, f"{path}/prior")
        labels.add(label)


def _settings_of(control: Control, method: MethodChoice, path: str, inspection: Inspection) -> Iterator[Fault]:
    """What it says itself, then what it takes over: a sound method may hold a value that the control's refuses."""
    own = inspection.settings(control.choice(MethodChoice(name=control.name))).at(path)
    yield from own
    if not own and not inspection.settings(method).faults:
        yield from inspection.settings(control.choice(method)).at(path)


CATALOG_CHECKS: tuple[Callable[..., Iterator[Fault]], ...] = (
    dataset_law,
    data_are_there,
    teacher_comes_from_somewhere,
    models_law,
    checkpoint_law,
    method_law,
    modalities_agree,
    images_fit,
    prior_law,
    method_needs_data,
    controls_law,
    settings_fit_models,
    ranked_in_synthesis,
    trackers_law,
)
