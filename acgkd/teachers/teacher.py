"""Teachers: what a module must be to teach, how one is trained, and how foreign weights come in.

The protocol of graph teachers (a student satisfies it as well)::

    encode(x, edge_index, edge_weight, batch) -> [nodes, width]     edge_weight: [edges] in [0, 1], or None = all 1
    readout(nodes, batch, graphs=None) -> [graphs, width]           `graphs` may be left out; taken, the device is not
                                                                    waited for
    classifier                                                      a module, [graphs, width] -> [graphs, classes]
    width                                                           an int

Three laws on edge weights: 1 everywhere is the same as None, an edge of weight 0 is as good as absent, and gradients
reach them. `adapt` helps a plain torch_geometric module to satisfy this; `Modality.check_teacher` tries it.

Image teachers have ``encode(x) -> [images, width]``, ``classifier`` and ``width``. Where a method looks at feature maps
on the way, also ``stages(x)``, a tuple of them, and ``pool(stages[-1])``, which is what ``encode`` returns.
"""

import copy
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.checkpoint import load_state
from acgkd.errors import AcgkdError, CheckpointError, ConfigError, DivergedError, TeacherError
from acgkd.method import Batch, Items
from acgkd.modality import Modality
from acgkd.priors import Prior
from acgkd.runtime import Streams, backward
from acgkd.teachers.adapter import adapt
from acgkd.teachers.teacher_values import check_values
from acgkd.teachers.user_code import function_of, importing
from acgkd.teachers.user_lines import pointing_to_own_lines

__all__ = ["adapt", "as_teacher", "build_trusted", "load_state", "load_weights", "train_teacher"]


def as_teacher(module: nn.Module, device: torch.device) -> nn.Module:
    """A frozen copy of a trained module, in evaluation mode, on `device`; the module itself is left as it was.

    Raises:
        TeacherError: it lacks a part of the protocol that all modalities share.
    """
    for name in ("encode", "classifier"):
        if not callable(getattr(module, name, None)):
            raise TeacherError(
                f"A teacher must have `{name}`, but {type(module).__name__} has none. "
                "`acgkd.adapt(module, prior=prior)` finds the parts of a plain module."
            )
    check_values(module)
    return copy.deepcopy(module).to(device).eval().requires_grad_(False)


def train_teacher(
    model: nn.Module,
    modality: Modality[Batch],
    samples: Items,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float = 0.0,
    augment: str = "none",
    streams: Streams,
    device: torch.device,
) -> list[float]:
    """Trains a classifier for a fixed number of epochs and keeps its last weights.

    Adam, its rate going linearly to 0 with every step. Nothing is selected: no validation or test sample comes near.

    Args:
        model: on `device`; trained in place and left in evaluation mode.
        modality: of the samples.
        samples: labelled; put on the device once, then minibatches are cut out of them there.
        epochs: passes over the samples.
        batch_size: at least 2; a last batch of one sample is left out, since BatchNorm cannot take it.
        learning_rate: at the start.
        weight_decay: of Adam.
        augment: `none`, or `crop_flip` for images.
        streams: order comes from ``teacher-order``, dropout from ``teacher-dropout``, augmentation from
            ``teacher-augment``.
        device: where it happens.

    Returns:
        the mean loss of each epoch.

    Raises:
        ConfigError: fewer than two samples, or samples that cannot be augmented so.
        DivergedError: the loss left the finite numbers.
    """
    if len(samples) < 2:
        raise ConfigError(f"A teacher needs at least 2 training samples, but got {len(samples)}.")
    generator = None if augment == "none" else streams.generator("teacher-augment")
    select = modality.minibatches(samples, device, augment=augment, generator=generator)
    order = streams.host("teacher-order")
    # The fused kernel spares most of Adam's cost, which for small models is most of a step.
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True)
    starts = range(0, len(samples) - 1, batch_size)
    total, done, history = epochs * len(starts), 0, []
    model.train()
    with streams.fork("teacher-dropout"):
        for _ in range(epochs):
            shuffled = torch.randperm(len(samples), generator=order, device="cpu")
            losses = []
            for start in starts:
                batch = select(shuffled[start : start + batch_size])
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate * (1 - done / total)
                assert batch.labels is not None, "training samples are labelled"
                loss = F.cross_entropy(modality.logits(model, batch), batch.labels)
                optimizer.zero_grad(set_to_none=True)
                backward(loss)
                optimizer.step()
                done += 1
                losses.append(loss.detach())
            history.append(torch.stack(losses).mean())
    model.eval()
    curve: list[float] = torch.stack(history).tolist()
    bad = next((epoch for epoch, value in enumerate(curve) if not math.isfinite(value)), None)
    if bad is not None:
        raise DivergedError(
            f"The teacher's loss must stay finite, but did not in epoch {bad + 1} of {epochs}. "
            "Lower `teacher/learning_rate`."
        )
    return curve


def load_weights(model: nn.Module, path: str | Path, *, key: str | None = None) -> None:
    """Fills a freshly built model with the weights of a file, which is looked at before it is opened.

    The file is torch's or of safetensors, and holds a state dict, or a larger mapping with one in it; names may have a
    word in front that the model's do not have, as Lightning's have.

    Args:
        model: a module, or what `adapt` made of one.
        path: the file.
        key: where in a larger mapping the weights are; see `load_state`.

    Raises:
        CheckpointError: unsafe or damaged file, or weights of another architecture; the first differences are named.
    """
    model.load_state_dict(fitting_state(model, path, key=key))
    _require_finite(model.state_dict(), path)


def fitting_state(model: nn.Module, path: str | Path, *, key: str | None = None) -> dict[str, Tensor]:
    """The weights of a foreign file, checked against a model that may live on `meta`; the model is left as it is.

    Raises:
        CheckpointError: as for `load_weights`.
    """
    own = model.state_dict()
    state = _renamed(load_state(path, key=key), own)
    missing = [name for name in own if name not in state]
    extra = [name for name in state if name not in own]
    unlike = [
        f"{name} {list(state[name].shape)} instead of {list(own[name].shape)}"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    if missing or extra or unlike:
        faults = [
            f"{label}: {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}"
            for label, names in (("missing", missing), ("not known", extra), ("of other shape", unlike))
            if names
        ]
        raise CheckpointError(
            f"The weights in {path} must fit the model, but do not ({'; '.join(faults)}). Check the preset."
        )
    _require_finite(state, path)
    return state


def _renamed(state: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights under the model's names, where theirs differ by words in front alone.

    Lightning and wrappers for several devices put some before all names, and have other parts beside the model: losses,
    metrics. `adapt` puts `module.` before the module's.
    """
    for front in ("", "module."):
        wanted = [name.removeprefix(front) for name in own]
        if not wanted or not all(name.startswith(front) for name in own):
            continue
        for before in (name.removesuffix(wanted[0]) for name in state if name.endswith(wanted[0])):
            there = {name.removeprefix(before): value for name, value in state.items() if name.startswith(before)}
            if (not before or before.endswith(".")) and there.keys() == set(wanted):
                return {f"{front}{name}": value for name, value in there.items()}
    return state


def _require_finite(state: Mapping[str, Tensor], path: str | Path) -> None:
    bad = [name for name, value in state.items() if not _finite(value)]
    if bad:
        raise CheckpointError(f"The weights in {path} must be finite, but `{bad[0]}` is not.")


def _finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(torch.isfinite(value).all())


def build_trusted(name: str, prior: Prior, *, trust_code: bool, folders: Sequence[Path] = ()) -> nn.Module:
    """Calls a Python function of the user's, named ``module:function``, with the prior; it returns a module.

    Args:
        name: of the function.
        prior: what it is handed.
        trust_code: whether it may be called.
        folders: where its module is looked for first; the current one if left out.

    Raises:
        ConfigError: code is not trusted, or nothing of that name can be called.
        TeacherError: it takes no prior, or raised an error; or what was returned is no module.
    """
    if not trust_code:
        raise ConfigError(
            f"`{name}` names Python code, which a spec never runs by itself. Add --trust-code to allow it."
        )
    with pointing_to_own_lines():
        return _built(name, prior, tuple(folders) or (Path.cwd(),))


def _built(name: str, prior: Prior, places: Sequence[Path]) -> nn.Module:
    build = function_of(name, places)
    try:
        inspect.signature(build).bind(prior)
    except (TypeError, ValueError):
        raise TeacherError(f"`{name}` must take one argument, the prior, but is `{_signature(build)}`.") from None
    try:
        with importing(places):
            built = build(prior)
    except AcgkdError:
        raise
    except Exception as error:
        raise TeacherError(f"`{name}` must build a module, but raised {type(error).__name__}: {error}.") from error
    if not isinstance(built, nn.Module):
        raise TeacherError(f"`{name}` must return a torch.nn.Module, but gave {type(built).__name__}.")
    return built


def _signature(function: Callable[..., object]) -> str:
    try:
        return f"{getattr(function, '__name__', 'it')}{inspect.signature(function)}"
    except (TypeError, ValueError):
        return "without a signature"
