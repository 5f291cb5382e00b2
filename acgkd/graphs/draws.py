"""Sizes and classes of pseudo-graphs, drawn as a prior says."""

import torch
from torch import Tensor

from acgkd.priors import GraphPrior

# Of sizes with a long tail: deviation of the logarithm, and how many means the largest may have.
TAIL, LARGEST = 1.0, 8


def uniform_sizes(prior: GraphPrior, count: int, generator: torch.Generator) -> Tensor:
    """Draws numbers of nodes, uniform over the range.

    Shapes:
        returns: ``[count]`` on the CPU
    """
    return torch.randint(prior.min_nodes, prior.max_nodes + 1, (count,), generator=generator, device="cpu")


def matched_sizes(prior: GraphPrior, count: int, generator: torch.Generator) -> Tensor:
    """Numbers of nodes spread evenly over the range, each given to one graph of every class.

    Beside `balanced_labels`, size says nothing about the class, and no part of the range is left out by chance.

    Shapes:
        returns: ``[count]`` on the CPU
    """
    rounds = -(-count // prior.classes)
    place = torch.arange(rounds, device="cpu") + torch.rand(rounds, generator=generator, device="cpu")
    spread = prior.min_nodes + (place * (prior.max_nodes + 1 - prior.min_nodes) / rounds).long()
    # Rounding up in single precision could step out of the range.
    return spread.clamp(max=prior.max_nodes).repeat_interleave(prior.classes)[:count]


def long_tailed_sizes(prior: GraphPrior, count: int, generator: torch.Generator) -> Tensor:
    """Numbers of nodes with a long tail: log-normal about the middle of the range, which they leave both ways.

    An assumption about the data, of sets whose range stands for a mean and leaves the tail out. The mean is the
    middle, no size is above `LARGEST` times that. One size from each of equally likely stretches, in no order,
    each given to one graph of every class.

    Shapes:
        returns: ``[count]`` on the CPU
    """
    rounds = -(-count // prior.classes)
    place = torch.randperm(rounds, generator=generator, device="cpu").double()
    place = (place + torch.rand(rounds, generator=generator, device="cpu")) / rounds
    mean = (prior.min_nodes + prior.max_nodes) / 2
    sizes = mean * torch.exp(TAIL * torch.special.ndtri(place) - TAIL**2 / 2)
    return sizes.clamp(2, LARGEST * mean).long().repeat_interleave(prior.classes)[:count]


def balanced_labels(classes: int, count: int) -> Tensor:
    """Balanced pseudo-labels: 0, 1, ..., 0, 1, ...

    Shapes:
        returns: ``[count]`` on the CPU
    """
    return torch.arange(count, device="cpu") % classes


def drawn_labels(classes: int, count: int, host: torch.Generator) -> Tensor:
    """Pseudo-labels drawn evenly, each by itself, after one of every class.

    Args:
        classes: how many there are.
        count: of labels; as many as there are classes at least.
        host: on the CPU.

    Shapes:
        returns: ``[count]`` on the CPU
    """
    drawn = torch.randint(classes, (count - classes,), generator=host, device="cpu")
    return torch.cat([torch.arange(classes, device="cpu"), drawn])
