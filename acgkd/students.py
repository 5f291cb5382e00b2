"""What comes out of a run: the student's weights and how to rebuild it, in one file that holds no code."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from acgkd import checkpoint
from acgkd.errors import CheckpointError
from acgkd.models import build_model
from acgkd.projection import ProjectedStudent

FORMAT = "acgkd-student-1"


def describe(student: nn.Module) -> dict[str, Any]:
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
        }
    config = getattr(student, "config", None)
    return {"kind": "plain", "model": config()} if callable(config) else {"kind": "custom"}


def save_student(student: nn.Module, path: Path) -> None:
    """Writes weights and description, atomically."""
    state = {name: value.detach().to("cpu") for name, value in student.state_dict().items()}
    checkpoint.save({"format": FORMAT, "student": describe(student), "state": state}, path)


def load_student(path: str | Path, *, into: nn.Module | None = None, device: str = "cpu") -> nn.Module:
    """Loads a student that a run wrote, in evaluation mode.

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
    elif made["kind"] == "plain":
        student = build_model(**made["model"], device=where)
    elif made["kind"] == "projected":
        classifier = nn.Linear(made["width"], made["classes"], device=where)
        inner = build_model(**made["model"], device=where)
        student = ProjectedStudent(inner, classifier, made["width"], where, heads=made["heads"])
    else:
        raise CheckpointError(
            f"{path} holds the weights of a module of your own. Build one and pass it: load_student(path, into=module)."
        )
    try:
        student.load_state_dict(loaded["state"])
    except RuntimeError as error:
        raise CheckpointError(f"The weights in {path} do not fit the module: {error}.") from error
    return student.eval()
