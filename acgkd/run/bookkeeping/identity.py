"""What a checkpoint must share with the run that resumes from it."""

import hashlib

import torch
from torch import nn

from acgkd.code_digest import foreign_code
from acgkd.config import fingerprint
from acgkd.method import AnyMethod, MethodConfig, MethodContext
from acgkd.priors import Prior
from acgkd.students.saving import describe


def shape_of(student: nn.Module) -> list[object]:
    """How a student is built, and the shapes of its weights."""
    shapes = {name: list(value.shape) for name, value in student.state_dict().items()}
    return [describe(student), shapes]


def identity(method: AnyMethod, config: MethodConfig, context: MethodContext[Prior], student: list[object]) -> str:
    """Sixteen hex digits over settings, seed, device, prior, teacher and the shape of the student.

    Args:
        method: entry of the catalogue.
        config: its settings.
        context: what it is handed.
        student: `shape_of` the student before the method started.
    """
    teacher = hashlib.sha256()
    for name, value in context.teacher.state_dict().items():
        teacher.update(name.encode())
        teacher.update(value.detach().to("cpu").contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return fingerprint(
        [
            # Names the method: its settings are joined in the one file that it has.
            method.config.__module__,
            *foreign_code(method.config.__module__),
            config.model_dump(mode="json"),
            context.streams.seed,
            context.device.type,
            context.prior.facts(),
            teacher.hexdigest(),
            *student,
        ]
    )
