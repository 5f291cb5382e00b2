"""The program of a module of the user's by its own `forward`, where its parts cannot be followed.

`torch.export` follows parts by running them, and there a number that is read from a tensor has to be one that stays
open; `acgkd.modules.open_sizes` sees to it for what is asked of a batch. TorchDynamo, which reads the code of `forward`
itself, follows some that are left.
"""

import copy
import inspect

from torch import Tensor, nn
from torch.export import ExportedProgram

from acgkd.priors import Prior
from acgkd.students.probing import compared, probes
from acgkd.students.programs import Called, Inputs, exported, packed, unpacked

_GIVEN = ("x", "edge_index", "batch")
# Of logits, as a share of the largest.
_SAME = 1e-5


class OwnForward(nn.Module):
    """A module, called as its author calls it, by names that say what they are.

    Args:
        module: of the user's.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor, *, edge_attr: Tensor | None = None) -> Tensor:
        """Class scores; the features are handed over as a copy, since they may be changed in place.

        Shapes:
            returns: ``[graphs, classes]``
        """
        others = {} if edge_attr is None else {"edge_attr": edge_attr}
        scores: Tensor = self.module(x=x.clone(), edge_index=edge_index, batch=batch, **others)
        return scores


def _called_so(student: nn.Module, inputs: Inputs) -> OwnForward | None:
    """The module that a student of graphs was adapted from, if it is called with the names of these inputs."""
    module, names = getattr(student, "module", None), {*_GIVEN, *inputs.named}
    if not isinstance(module, nn.Module) or len(inputs.given) != len(_GIVEN) or "edge_weight" in names:
        return None
    parameters = inspect.signature(module.forward).parameters
    needed = {name for name, parameter in parameters.items() if parameter.default is parameter.empty}
    return OwnForward(module) if needed <= names <= set(parameters) else None


def followed(student: nn.Module, called: nn.Module, inputs: Inputs) -> ExportedProgram:
    """The program of a student: by its parts, or else by its own `forward`; that is to be compared with the student.

    Args:
        student: is left as it is.
        called: the same, as its program is called.
        inputs: an example.

    Raises:
        Exception: neither can be followed; it says why the parts cannot.
    """
    try:
        return exported(called, inputs)
    except Exception as error:
        whole = _called_so(student, inputs)
        if whole is None:
            raise
        try:
            return exported(whole, inputs, strict=True)
        except Exception:
            raise error from None


def program_of(student: nn.Module, prior: Prior, *, weighted: bool) -> tuple[bytes, list[str]]:
    """The program of a module of the user's, and what of edges it takes by name.

    Args:
        student: is left as it is.
        prior: what is known of the data.
        weighted: whether edges of graphs have weights.

    Raises:
        Exception: it cannot be followed, or its program says something else than the student.
    """
    batches = probes(student, prior, graphs=10, weighted=weighted)
    own = Called(copy.deepcopy(student).to("cpu").eval())
    content = packed(followed(student, own, batches[0]))
    if compared(own, unpacked(content, "the program"), batches[:1]) > _SAME:
        raise RuntimeError("its program gives other class scores")
    return content, list(batches[0].named)
