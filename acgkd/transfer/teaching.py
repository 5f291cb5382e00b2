"""From a synthesis to a run: teaching joined to it, after it or side by side."""

import copy
from collections.abc import Callable

import torch
from torch import nn

from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.images import IMAGES, ImageBatch
from acgkd.method import MethodConfig, MethodContext, MethodRun
from acgkd.modality import B, Modality
from acgkd.modules.teacher_protocol import graph_parts
from acgkd.priors import Prior
from acgkd.runtime import Streams
from acgkd.settings.transfer_stage import TransferConfig
from acgkd.students.projection import ProjectedStudent
from acgkd.transfer.teaching_draws import begin_teaching
from acgkd.transfer.teaching_work import teaching_work
from acgkd.transfer.transfer import Transfer
from acgkd.transfer.two_phase import Interleaved, Synthesis, TwoPhase


def teach_graphs(
    synthesis: Synthesis[GraphBatch], config: TransferConfig, context: MethodContext[Prior], *, joint: bool = False
) -> MethodRun:
    """A run whose student is taught on graphs, and lifted first where `projection` asks for it.

    Args:
        synthesis: makes the graphs.
        config: how the student is taught.
        context: teacher, student, streams, device.
        joint: whether the student is taught while graphs are made, or once they are.
    """

    def transfer() -> Transfer[GraphBatch]:
        return Transfer(config, context, GRAPHS, lift_to(context.teacher, context.device))

    return _joined(synthesis, transfer, config, context, GRAPHS, joint)


def teach_images(
    synthesis: Synthesis[ImageBatch], config: TransferConfig, context: MethodContext[Prior], *, joint: bool = False
) -> MethodRun:
    """A run whose student is taught on images; arguments as of `teach_graphs`."""

    def transfer() -> Transfer[ImageBatch]:
        return Transfer(config, context, IMAGES)

    return _joined(synthesis, transfer, config, context, IMAGES, joint)


def _joined(
    synthesis: Synthesis[B],
    transfer: Callable[[], Transfer[B]],
    config: TransferConfig,
    context: MethodContext[Prior],
    modality: Modality[B],
    joint: bool,
) -> MethodRun:
    if joint:
        return Interleaved(synthesis, transfer(), samples=config.samples)

    def ahead() -> float:
        student = _as_deployed(config, context.teacher, context.student, context.device)
        with context.streams.aside("teaching ahead"):
            batch = synthesis.samples(config.batch_size)
            pool = int(synthesis.facts().get("pseudo_samples", config.batch_size))
        costs = [modality.counter(model, batch)(batch) / config.batch_size for model in (context.teacher, student)]
        return teaching_work(config, pool, *costs)

    def begun() -> Transfer[B]:
        begin_teaching(config, context.streams)
        return transfer()

    return TwoPhase(
        synthesis,
        begun,
        student=context.student,
        transfer_steps=config.steps,
        samples=config.samples,
        ahead=ahead,
    )


def lift_to(teacher: nn.Module, device: torch.device) -> Callable[[nn.Module], nn.Module]:
    """How a plain student is lifted to `teacher`'s width and classifier."""
    parts = graph_parts(teacher)

    def lift(student: nn.Module) -> nn.Module:
        own, borrowed = getattr(student, "pooling", None), getattr(teacher, "pooling", None)
        if own is not None and borrowed is not None and own != borrowed:
            raise ConfigError(
                f"`projection: gat` ends in the teacher's classifier, which reads {borrowed}-pooled graphs, but the "
                f"student pools by {own}. Use `transfer: {{projection: none}}`, or a student that pools alike."
            )
        return ProjectedStudent(student, parts.classifier, parts.width, device)

    return lift


def pooling_like(teacher: nn.Module, otherwise: str = "sum") -> str:
    """The teacher's own pooling, where a preset has it: a student may end in its classifier.

    Args:
        teacher: any.
        otherwise: where it has another one, or does not say.
    """
    pooling = getattr(teacher, "pooling", None)
    return pooling if pooling in ("sum", "mean") else otherwise


def untrained(config: MethodConfig, teacher: nn.Module, student: nn.Module, device: torch.device) -> nn.Module:
    """The student as a run will deploy it, before anything is taught; both models are left as they were.

    Args:
        config: of the method.
        teacher: frozen.
        student: plain.
        device: where both are.

    Raises:
        ConfigError: the student cannot end in the teacher's classifier.
    """
    return _as_deployed(config.transfer, teacher, student, device)


def _as_deployed(transfer: object, teacher: nn.Module, student: nn.Module, device: torch.device) -> nn.Module:
    own = copy.deepcopy(student)
    if getattr(transfer, "projection", "none") != "gat":
        return own
    with Streams(0, device).fork("student"):
        return lift_to(teacher, device)(own)
