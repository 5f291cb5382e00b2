"""Can the student that a run will save be read back? Tried before anything is trained."""

import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from acgkd.errors import CheckpointError
from acgkd.modules.cost import at_rest
from acgkd.priors import ImagePrior, Prior
from acgkd.students.probing import probes
from acgkd.students.programs import Called, Inputs
from acgkd.students.saving import describe, load_student, save_student


def why_not_read_back(student: nn.Module, prior: Prior) -> str:
    """What keeps a student from being read back by one call; nothing where it can be.

    It is saved and loaded, and both are asked the same: a student that comes back must say the same.

    Args:
        student: untrained; it is left as it was.
        prior: what is known of the data.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "student.pt"
        save_student(student, path, prior)
        try:
            again = load_student(path)
        except CheckpointError:
            return (
                f"{_what(student)}, which neither modules of torch and torch_geometric nor `torch.export` can rebuild: "
                "its file will hold weights alone, for `load_student(path, into=module)`."
            )
    with at_rest(student):
        own, where = Called(student), next(student.parameters()).device
        for inputs in probes(student, prior, graphs=10)[:3]:
            said, right = _answer(again, inputs, prior), inputs.to(where).put(own).to("cpu")
            if said.shape != right.shape or not torch.allclose(said, right, rtol=1e-4, atol=1e-4, equal_nan=True):
                return "The student that is read back gives other class scores than the one that was saved."
    return ""


def _answer(student: nn.Module, inputs: Inputs, prior: Prior) -> Tensor:
    with torch.no_grad():
        return inputs.put(student, **({"normalised": True} if isinstance(prior, ImagePrior) else {}))


def _what(student: nn.Module) -> str:
    """What of a student cannot be rebuilt: the head that it ends in, or all that is the user's."""
    if describe(student)["kind"] != "custom":
        return f"The student ends in {type(student.classifier).__name__}"
    inner = getattr(student, "student", student)
    return f"The student is made of {type(getattr(inner, 'module', inner)).__name__}"
