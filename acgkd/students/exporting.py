"""A student as others can use it: safetensors, a `torch.export` program, ONNX; each is read again and compared."""

import copy
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from acgkd.cache import remove
from acgkd.config import PriorConfig
from acgkd.errors import CheckpointError, ConfigError, nearest
from acgkd.modules.graph_module import GraphModule
from acgkd.priors import ImagePrior, Prior, prior_as_given
from acgkd.students.exporter_noise import quiet_exporter
from acgkd.students.extras import needed
from acgkd.students.own_forward import followed
from acgkd.students.probing import GRAPHS, compared, probes
from acgkd.students.program_student import ProgramStudent
from acgkd.students.programs import Called, Inputs, packed, read_program
from acgkd.students.saving import load_student, prior_of, remember, save_student

Form = Literal["safetensors", "torch", "onnx"]
SUFFIXES: dict[str, str] = {"safetensors": ".safetensors", "torch": ".pt2", "onnx": ".onnx"}
_GRAPH, _IMAGE = ("x", "edge_index", "batch"), ("images",)
# Of logits, as a share of the largest. Weights that are read back give the same numbers.
TOLERANCES: dict[str, float] = {"safetensors": 1e-6, "torch": 1e-5, "onnx": 1e-4}


@dataclass(frozen=True)
class Exported:
    """What `export_student` hands back.

    Args:
        path: the file.
        to: its form.
        difference: the largest one between its logits and the student's, as a share of the largest logit where that is
            above 1.
        samples: on how many they were compared, in words.
        named: what a program takes by name beside `x, edge_index, batch`.
    """

    path: Path
    to: Form
    difference: float
    samples: str
    named: tuple[str, ...] = ()


def export_student(
    student: nn.Module,
    path: str | Path,
    *,
    to: Form,
    prior: Prior | PriorConfig | Mapping[str, object] | None = None,
    edge_weight: bool = False,
) -> Exported:
    """Writes a student for others, reads it again, and compares before the file gets its name.

    * ``safetensors``: weights, with a config in the metadata from which `load_student` rebuilds the module;
    * ``torch``: a `torch.export` program, which runs with torch alone: ``x, edge_index, batch`` of any number of nodes,
      edges and graphs, or any number of images as pixels of 0 to 1;
    * ``onnx``: the same for ONNX's runtimes.

    Of graphs the last one must have a node, in programs. Where the student reads edge features, a program takes
    ``edge_attr=`` too: one-hot blocks, side by side.

    Args:
        student: as `load_student` and `distill` give it.
        path: the file, with the suffix of its form: ``.safetensors``, ``.pt2``, ``.onnx``.
        to: the form.
        prior: what is known of the data, as for `distill`, where the student does not say it: it comes from a file of
            an earlier version, or is a module of yours.
        edge_weight: whether a program of graphs takes ``edge_weight=`` too, a weight of each edge in [0, 1]; it then
            has to be passed.

    Raises:
        ConfigError: a package is missing, the suffix is another form's, nothing says what the student reads, or there
            are no edges to weigh.
        CheckpointError: the student cannot be exported, or what is read again gives other class scores.
    """
    target = Path(path)
    if to not in get_args(Form):
        raise ConfigError(f"`to` must be one of {', '.join(SUFFIXES)}, but got '{to}'. {nearest(to, SUFFIXES)}".strip())
    if target.suffix != SUFFIXES[to]:
        raise ConfigError(f"A file of the form '{to}' is called `*{SUFFIXES[to]}`, but got {target.name}.")
    if to == "onnx":
        needed("onnxscript", "onnxscript")
        needed("onnxruntime", "onnxruntime")
    known = prior_of(student) if prior is None else prior_as_given(prior)
    if known is not None:
        remember(student, known)
    if edge_weight and (isinstance(known, ImagePrior) or hasattr(student, "stages")):
        raise ConfigError("`edge_weight` is for students of graphs, but this one reads images.")
    batches, called = probes(student, known, weighted=edge_weight), _called(student, known)
    own = _on_cpu(called)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.stem}.{os.getpid()}.tmp{target.suffix}")
    try:
        again = _written(student, own, part, to, known, batches)
        try:
            difference = compared(own, again, batches)
        except (RuntimeError, IndexError, ValueError, TypeError) as error:
            raise CheckpointError(
                f"{target} was not written: on made-up samples, odd ones among them such as a single one, it or the "
                f"student itself raised {type(error).__name__}: {str(error).splitlines()[0][:200]}."
            ) from error
        if difference > TOLERANCES[to]:
            raise CheckpointError(
                f"{target} was not written: its class scores differ from the student's by {difference:.2g}, and "
                f"{TOLERANCES[to]:.0e} is allowed."
            )
        os.replace(part, target)
    finally:
        remove(part)
    count = sum(len(inputs.given[0]) for inputs in batches)
    samples = f"{count} images" if isinstance(known, ImagePrior) else f"{GRAPHS} graphs"
    return Exported(target, to, difference, samples, tuple(batches[0].named))


def _called(student: nn.Module, prior: Prior | None) -> nn.Module:
    """The student as a program is called; a module of the user's by its parts, or as it is."""
    ours = isinstance(student, (GraphModule, ProgramStudent)) or hasattr(student, "prior")
    return student if ours or not hasattr(student, "encode") else Called(student, prior)


def _on_cpu(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module).to("cpu").eval()


def _written(
    student: nn.Module, own: nn.Module, part: Path, to: Form, prior: Prior | None, batches: list[Inputs]
) -> Callable[..., Tensor]:
    """Writes one form and reads it again."""
    if to == "safetensors":
        save_student(student, part, prior)
        return load_student(part)
    try:
        program = followed(_on_cpu(student), own, batches[0])
        if to == "torch":
            part.write_bytes(packed(program))
            return read_program(part)
        with quiet_exporter():
            names = [*(_GRAPH if len(batches[0].given) == 3 else _IMAGE), *batches[0].named]
            made = torch.onnx.export(program, dynamo=True, verbose=False, input_names=names, output_names=["logits"])
            assert made is not None, "by `dynamo` it answers with the program"
            made.save(str(part))
        return _onnx(part)
    except (ConfigError, CheckpointError, OSError):
        raise
    except Exception as error:  # exporters raise a dozen kinds
        name = type(getattr(student, "module", student)).__name__
        raise CheckpointError(f"{name} cannot be exported to '{to}': {_first_cause(error)}") from error


def _first_cause(error: BaseException) -> str:
    """What an exporter ran into first: that of ONNX only says at which step, in colours."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


def _onnx(path: Path) -> Callable[..., Tensor]:
    runtime = needed("onnxruntime", "onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def run(*inputs: Tensor, **named: Tensor) -> Tensor:
        # What an exporter finds without use is no input.
        given = {**dict(zip(_GRAPH if len(inputs) == 3 else _IMAGE, inputs, strict=True)), **named}
        return torch.from_numpy(session.run(None, {name: given[name].numpy() for name in names})[0])

    return run
