"""What comes out of a run: the student's weights and how to rebuild it, in one file that holds no code of Python's.

A ``.pt`` file of torch, or a ``.safetensors`` file whose metadata say how. What modules of torch and torch_geometric
can rebuild is described; of anything else a `torch.export` program lies beside the weights.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from acgkd import checkpoint
from acgkd.cache import write_atomic
from acgkd.errors import CheckpointError
from acgkd.method import State
from acgkd.models import ModelConfig, build_model
from acgkd.priors import GraphPrior, ImagePrior, Prior
from acgkd.runtime import Streams
from acgkd.students.extras import needed
from acgkd.students.fetching import local_file
from acgkd.students.own_forward import program_of
from acgkd.students.program_student import Program, ProgramStudent
from acgkd.students.programs import Inputs, exported, packed
from acgkd.students.projection import ProjectedStudent
from acgkd.students.recipes import build, recipe_of

logger = logging.getLogger(__name__)

FORMAT = "acgkd-student-1"
# In a safetensors file: the key of the metadata, and of the tensor that holds a program.
_KEY = "acgkd"
_PROGRAM = "acgkd.program"
_CUSTOM: State = {"kind": "custom"}


@runtime_checkable
class OfPreset(Protocol):
    """A model that was built by name."""

    def config(self) -> ModelConfig:
        """What it is made of again."""


def describe(student: nn.Module) -> State:
    """How to rebuild a student, as plain values; ``{"kind": "custom"}`` for modules that are not ours."""
    if isinstance(student, ProjectedStudent):
        classifier, inner = student.classifier, describe(student.student)
        if inner["kind"] != "plain":
            return _CUSTOM
        made = {"kind": "projected", "model": inner["model"], "width": student.width, "heads": student.heads}
        if type(classifier) is nn.Linear:
            return {**made, "classes": classifier.out_features, "bias": classifier.bias is not None}
        return {**made, "head": recipe_of(classifier, student.width)}
    if not type(student).__module__.startswith("acgkd.models.") or not isinstance(student, OfPreset):
        return _CUSTOM
    return {"kind": "plain", "model": student.config()}


def prior_of(student: nn.Module) -> Prior | None:
    """What was known of the data when a student was taught, as far as the student says."""
    prior = getattr(student, "prior", None)
    return prior if isinstance(prior, (GraphPrior, ImagePrior)) else None


def remember(student: nn.Module, prior: Prior) -> nn.Module:
    """Lets a student of ours know its prior; images are then called as pixels."""
    if getattr(student, "prior", prior) is None:
        student.prior = prior  # type: ignore[assignment]
    return student


def contents(student: nn.Module, prior: Prior | None = None) -> tuple[State, dict[str, Tensor], bytes | None]:
    """All that a file of a student holds: plain values, weights, and a program where one is needed.

    Where no program can be made either, weights are all there is: `load_student` then asks for a module.
    """
    known, made = prior or prior_of(student), dict(describe(student))
    program: bytes | None = None
    if isinstance(student, ProgramStudent):
        program, made = student.content, {"kind": "program", "named": list(student.named)}
    elif made["kind"] == "custom" and known is not None:
        program, names = _program_of(student, known)
        made = dict(_CUSTOM) if program is None else {"kind": "program", "named": names}
    elif made.get("head", made) is None:
        program = _program_of_head(cast(nn.Module, student.classifier), made["width"])
        made = dict(_CUSTOM) if program is None else made
    said = None if known is None else known.facts()
    state = {name: value.detach().to("cpu").contiguous() for name, value in student.state_dict().items()}
    return {"format": FORMAT, "student": made, "prior": said}, state, program


def save_student(student: nn.Module, path: Path, prior: Prior | None = None) -> None:
    """Writes weights and description, atomically.

    Args:
        student: any; a module of yours is kept as a program too, where it can be exported and a prior is known.
        path: the file; ``.safetensors`` makes one of that kind.
        prior: what is known of the data; what the student says of it if left out.

    Raises:
        ConfigError: a safetensors file is asked for, and that package is not installed.
    """
    made, state, program = contents(student, prior)
    blob = {} if program is None else {_PROGRAM: torch.frombuffer(bytearray(program), dtype=torch.uint8)}
    if path.suffix != ".safetensors":
        checkpoint.save({**made, "state": state, **({"program": blob[_PROGRAM]} if blob else {})}, path)
        return
    safetensors = needed("safetensors.torch", "safetensors")
    separate = {name: value.clone() for name, value in {**state, **blob}.items()}
    write_atomic(path, lambda part: safetensors.save_file(separate, part, metadata={_KEY: json.dumps(made)}))


def load_student(path: str | Path, *, into: nn.Module | None = None, device: str = "cpu") -> nn.Module:
    """Loads a student that a run or `export_student` wrote, in evaluation mode.

    It is called as ``student(x, edge_index, batch)`` or ``student(data)``, or as ``student(images)`` on pixels of 0 to
    1; files of earlier versions do not say how pixels are standardised: their students read standardised images. A
    module of yours comes back as a program that is called alike.

    Args:
        path: a ``.pt`` or ``.safetensors`` file; or its address on an object store, ``s3://...``.
        into: a freshly built module of yours, which is to take the weights.
        device: where it shall live.

    Raises:
        CheckpointError: torn, foreign or unsafe file, or weights alone without `into`.
        ConfigError: a package is missing that reads such files.
    """
    with local_file(path) as here:
        loaded, where = _read(here, path), torch.device(device)
    prior = prior_from(loaded.get("prior"))
    if into is not None:
        filled = _filled(into.to(where), loaded["state"], path).eval()
        return filled if prior is None else remember(filled, prior)
    made, program = loaded["student"], loaded.get("program")
    content = None if program is None else program.numpy().tobytes()
    if made["kind"] == "program" and content is not None and prior is not None:
        return ProgramStudent(content, prior, path, named=made.get("named", ())).to(where).eval()
    if made["kind"] not in ("plain", "projected"):
        raise CheckpointError(
            f"{path} holds the weights of a module of your own. Build one and pass it: load_student(path, into=module)."
        )
    # Building draws weights that are replaced at once; the caller's random state is left alone.
    with Streams(0, where).fork("student"):
        student = _rebuild(made, content, where, path)
    if prior is not None:
        student.prior = prior  # type: ignore[assignment]
    return _filled(student, loaded["state"], path).eval()


def holds_weights_alone(path: Path) -> bool:
    """Whether `load_student` needs a module to put a file's weights into.

    Raises:
        CheckpointError: torn, foreign or unsafe file.
    """
    loaded = _read(path, path)
    made = loaded["student"]["kind"]
    return made not in ("plain", "projected") and (made != "program" or "program" not in loaded)


def _rebuild(made: State, program: bytes | None, device: torch.device, path: object) -> nn.Module:
    model = build_model(**made["model"], device=device)
    if made["kind"] == "plain":
        return model
    if "head" not in made:
        classifier: nn.Module = nn.Linear(made["width"], made["classes"], bias=made["bias"], device=device)
    elif made["head"] is not None:
        classifier = build(made["head"]).to(device)
    elif program is not None:
        classifier = Program(program, path).to(device)
    else:
        raise CheckpointError(f"{path} lacks the program of the student's head. It is damaged.")
    return ProjectedStudent(model, classifier, made["width"], device, heads=made["heads"])


def _filled(student: nn.Module, state: Mapping[str, Tensor], path: object) -> nn.Module:
    head = getattr(student, "classifier", None)
    # The weights of a program lie in the program.
    fixed = "classifier." if isinstance(head, Program) else None
    given = {name: value for name, value in state.items() if fixed is None or not name.startswith(fixed)}
    own = {name: value for name, value in student.state_dict().items() if fixed and name.startswith(fixed)}
    try:
        student.load_state_dict({**given, **own})
    except RuntimeError as error:
        raise CheckpointError(f"The weights in {path} do not fit the module: {error}.") from error
    return student


def _read(path: Path, shown: object) -> State:
    if path.suffix == ".safetensors":
        return _read_safetensors(path, shown)
    loaded = checkpoint.load(path)
    if not isinstance(loaded, dict) or loaded.get("format") != FORMAT:
        raise CheckpointError(f"{shown} is not a student written by acgkd (no `{FORMAT}` inside).")
    return loaded


def _read_safetensors(path: Path, shown: object) -> State:
    safetensors = needed("safetensors", "safetensors")
    try:
        with safetensors.safe_open(path, "pt") as file:
            made = json.loads((file.metadata() or {}).get(_KEY, "{}"))
            state = {name: file.get_tensor(name) for name in list(file.keys())}
    except OSError as error:
        raise CheckpointError(f"{shown} cannot be read: {error.strerror or 'there is no such file'}.") from None
    except (safetensors.SafetensorError, ValueError) as error:
        raise CheckpointError(f"{shown} is damaged or no safetensors file ({type(error).__name__}).") from None
    if made.get("format") != FORMAT:
        raise CheckpointError(f"{shown} is not a student written by acgkd (no `{FORMAT}` in its metadata).")
    program = state.pop(_PROGRAM, None)
    return {**made, "state": state, **({} if program is None else {"program": program})}


def prior_from(said: State | None) -> Prior | None:
    """The prior of which `facts` are said, in a file or record; None where nothing is said.

    Args:
        said: what `Prior.facts` gave.
    """
    if not said:
        return None
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}
    return (ImagePrior if "shape" in values else GraphPrior)(**values)


def _program_of_head(head: nn.Module, width: int) -> bytes | None:
    try:
        return packed(exported(head, Inputs((torch.zeros(3, width, device="cpu"),))))
    except Exception as error:
        logger.warning("The student's head is kept as weights alone: %s.", _reason(error))
        return None


def _program_of(student: nn.Module, prior: Prior) -> tuple[bytes | None, list[str]]:
    """The program, with edge weights if layers take them, and what it takes by name."""
    for weighted in (True, False) if isinstance(prior, GraphPrior) else (False,):
        try:
            return program_of(student, prior, weighted=weighted)
        except Exception as error:  # a finished run never fails for it
            if not weighted:
                logger.warning("%s is kept as weights alone: %s.", type(student).__name__, _reason(error))
    return None, []


def _reason(error: Exception) -> str:
    return f"torch.export cannot follow it ({type(error).__name__}: {str(error).strip().splitlines()[0][:200]})"
