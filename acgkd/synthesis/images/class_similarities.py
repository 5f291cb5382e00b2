"""What data impressions are to be answered with: draws that follow how alike a teacher's classes are."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.errors import TeacherError


def class_similarities(teacher: nn.Module) -> Tensor:
    """How alike classes are to a teacher: cosines of their weights in its last layer, each row brought to 0 to 1.

    A row whose cosines are all the same is 1 throughout.

    Args:
        teacher: its `classifier` is a linear layer, or layers in sequence that end in one.

    Shapes:
        returns: ``[classes, classes]`` on the CPU, in double precision, 1 on the diagonal
    Raises:
        TeacherError: the last layer is not linear: then classes have no weights.
    Source: ZSKD, arXiv:1905.08114; released code 54c855f, `dirichmat.py`.
    """
    last: object = getattr(teacher, "classifier", None)
    while isinstance(last, nn.Sequential) and len(last) > 0:
        last = last[-1]
    if not isinstance(last, nn.Linear):
        raise TeacherError(
            "`zskd` reads off the weights of the teacher's last layer how alike classes are, so that layer must be a "
            f"torch.nn.Linear, but it is {type(last).__name__}. Take a teacher that ends in one, or another method."
        )
    directions = F.normalize(last.weight.detach().to("cpu", torch.double), dim=1)
    cosines = directions @ directions.t()
    lowest, highest = cosines.amin(dim=1, keepdim=True), cosines.amax(dim=1, keepdim=True)
    spread = highest - lowest
    return torch.where(spread > 0, (cosines - lowest) / spread, torch.ones_like(cosines))


def dirichlet(concentration: Tensor, generator: torch.Generator) -> Tensor:
    """One draw from the Dirichlet distribution of each row: Gamma variables divided by their sum.

    Only their logarithms are worked with. Of shape 0.001 half of all Gamma variables are less than the least number
    there is, and of rows that are 0 throughout nothing could be read. ``Gamma(α)`` is ``Gamma(α + 1) u^(1/α)``, u even.

    Args:
        concentration: above 0, on the CPU.
        generator: on the CPU.

    Shapes:
        concentration: ``[draws, classes]``; returns: the same, rows summing to 1
    Source: Marsaglia and Tsang (2000), doi:10.1145/358407.358414, section 6.
    """
    larger = torch._standard_gamma(concentration + 1, generator=generator)
    even = torch.rand(concentration.shape, generator=generator, dtype=concentration.dtype, device="cpu")
    # 1 - u, which is never 0.
    return F.softmax(larger.log() + torch.log1p(-even) / concentration, dim=1)
