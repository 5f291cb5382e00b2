"""Numbers that no teacher may have, each said in one sentence before anything else is tried."""

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from acgkd.errors import TeacherError
from acgkd.modules.inspected_model import remembering

ONE_SCORE = (
    "A teacher must score two classes or more, but {kind} has one score. Of two classes with one score `s`, let the "
    "classifier give `[0, s]`: `torch.cat([torch.zeros_like(s), s], dim=1)`, without a sigmoid."
)


def check_values(module: nn.Module) -> None:
    """Refuses weights of another precision, weights and memories that are not finite, and a single class score.

    Raises:
        TeacherError: the first that was found, by its name.
    """
    kind = type(module).__name__
    for name, value in (*module.named_parameters(), *module.named_buffers()):
        if is_lazy(value):
            raise TeacherError(
                f"A teacher's layers must have their sizes, but `{name}` of {kind} is of a lazy one that was never "
                "called. Call the module once on graphs or images of yours before it is adapted."
            )
    for layer_name, layer in module.named_modules():
        if any(layer is known for known in remembering(module)):
            for what in ("running_mean", "running_var"):
                if not bool(torch.isfinite(getattr(layer, what)).all()):
                    raise TeacherError(
                        f"A teacher's BatchNorm memory must be finite, but `{layer_name}.{what}` of {kind} is not: it "
                        "has seen infinite numbers in training. Pass the training data through it once more."
                    )
    for name, weight in module.named_parameters():
        if weight.is_floating_point() and weight.dtype != torch.float32:
            found = str(weight.dtype).partition(".")[2]
            raise TeacherError(
                f"A teacher's weights must be float32, but `{name}` of {kind} is {found}. Call `module.float()` first."
            )
        if not bool(torch.isfinite(weight).all()):
            raise TeacherError(f"A teacher's weights must be finite, but `{name}` of {kind} is not.")
    layers = [part for part in getattr(module, "classifier", nn.Identity()).modules()]
    if any(type(part).__module__.partition(".")[0] not in ("torch", "torch_geometric") for part in layers):
        return  # a class of the user's may make two scores of one
    last = next((part for part in reversed(layers) if type(part).__name__ == "Linear"), None)
    scores = getattr(last, "out_features", None) or getattr(last, "out_channels", None)
    if scores == 1:
        raise TeacherError(ONE_SCORE.format(kind=kind))
