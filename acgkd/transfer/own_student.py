"""Students of the user's: adapted where they are plain modules, and tried before anything is learned."""

import torch
from torch import nn

from acgkd.errors import TeacherError
from acgkd.method import Batch
from acgkd.modality import Modality
from acgkd.priors import Prior
from acgkd.teachers.teacher import adapt


def as_student(module: nn.Module, kind: Modality[Batch], prior: Prior, device: torch.device, name: str) -> nn.Module:
    """A module that can be taught, by the protocol that teachers have; of a plain one by the parts found in it.

    Args:
        module: of the user's; its weights are shared.
        kind: of its samples.
        prior: what is known of the data.
        device: where it shall live.
        name: how messages call it.

    Raises:
        TeacherError: it lacks something.
    """
    plain = not all(callable(getattr(module, part, None)) for part in ("encode", "classifier"))
    try:
        own = (adapt(module, prior=prior) if plain else module).to(device)
        kind.check_teacher(own, prior)
    except TeacherError as error:
        raise TeacherError(f"A student must have what a teacher has, but {name} has not. {error}") from error
    return own
