"""What comes out of a run: the student's weights and how to rebuild it, in one file that holds no code."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from acgkd import checkpoint
from acgkd.errors import CheckpointError
from acgkd.method import State
from acgkd.models import ModelConfig, build_model
from acgkd.runtime import Streams
from acgkd.students.projection import ProjectedStudent

FORMAT = "acgkd-student-1"


@runtime_checkable
class OfPreset(Protocol):
    """A model that was built by name."""

    def config(self) -> ModelConfig:
        """What it is made of again."""


def describe(student: nn.Module) -> State:
    """How to rebuild a student, as plain values; ``{"kind": "custom"}`` for modules that are not ours."""
    if isinstance(student, ProjectedStudent):
        classifier = student.classifier
        plain = isinstance(classifier, nn.Linear)
        inner = describe(student.student)
        if not plain or inner["kind"] != "plain":
            return {"kind": "custom"}
        return {
            "kind": "projected",
            "model": inner["model"],
            "width": student.width,
            "heads": student.heads,
            "classes": classifier.out_features,
            "bias": classifier.bias is not None,
        }
    if not type(student).__module__.startswith("acgkd.models.") or not isinstance(student, OfPreset):
        return {"kind": "custom"}
    return {"kind": "plain", "model": student.config()}


def _rebuild(made: State, device: torch.device) -> nn.Module:
    model = build_model(**made["model"], device=device)
    if made["kind"] == "plain":
        return model
    classifier = nn.Linear(made["width"], made["classes"], bias=made["bias"], device=device)
    return ProjectedStudent(model, classifier, made["width"], device, heads=made["heads"])


def save_student(student: nn.Module, path: Path) -> None:
    """Writes weights and description, atomically."""
    state = {name: value.detach().to("cpu") for name, value in student.state_dict().items()}
    checkpoint.save({"format": FORMAT, "student": describe(student), "state": state}, path)


def load_student(path: str | Path, *, into: nn.Module | None = None, device: str = "cpu") -> nn.Module:
    """Loads a student that a run wrote, in evaluation mode.

    It is called as ``student(x, edge_index, batch)``, or ``student(images)``; a module of yours as you wrote it.

    Args:
        path: the ``.pt`` file.
        into: a freshly built module of yours, where the student was not one of this project's models.
        device: where it shall live.

    Raises:
        CheckpointError: torn, foreign or unsafe file, or a custom student without `into`.
    """
    loaded = checkpoint.load(Path(path))
    if not isinstance(loaded, dict) or loaded.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a student written by acgkd (no `{FORMAT}` inside).")
    made, where = loaded["student"], torch.device(device)
    if into is not None:
        student = into.to(where)
    elif made["kind"] == "custom":
        raise CheckpointError(
            f"{path} holds the weights of a module of your own. Build one and pass it: load_student(path, into=module)."
        )
    else:
        # Building draws weights that are replaced at once; the caller's random state is left alone.
        with Streams(0, where).fork("student"):
            student = _rebuild(made, where)
    try:
        student.load_state_dict(loaded["state"])
    except RuntimeError as error:
        raise CheckpointError(f"The weights in {path} do not fit the module: {error}.") from error
    return student.eval()
