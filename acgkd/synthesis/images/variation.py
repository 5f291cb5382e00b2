"""Images scaled, moved, turned and flipped at random, as ZSKD varies its data impressions."""

import math
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

SCALES = (0.9, 0.75, 0.6)
SHIFTS = ((0.2, 0.0), (-0.2, 0.0), (0.0, 0.2), (0.0, -0.2))
DEGREES = range(-90, 91, 20)

Rows = list[list[float]]


def _placement(rows: Rows) -> Tensor:
    """From places of what is made, -1 to 1 in either direction, to places of what it is made of."""
    return torch.tensor([*rows, [0.0, 0.0, 1.0]], device="cpu")


def _turn(degrees: float) -> Rows:
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [[cosine, -sine, 0.0], [sine, cosine, 0.0]]


def placements() -> Tensor:
    """All ways to vary an image; the first is not to.

    Cut out of the middle and enlarged; moved by a fifth; turned by up to a right angle; mirrored, put upside down or
    transposed; or two of the first three, one after the other.

    Shapes:
        returns: ``[ways, 2, 3]``, on the CPU
    """
    scaled = [_placement([[scale, 0.0, 0.0], [0.0, scale, 0.0]]) for scale in SCALES]
    moved = [_placement([[1.0, 0.0, -2 * right], [0.0, 1.0, -2 * down]]) for right, down in SHIFTS]
    turned = [_placement(_turn(degrees)) for degrees in DEGREES]
    mirrored, upside_down = [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]
    flipped = [_placement(rows) for rows in (mirrored, upside_down, [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])]
    pairs = ((scaled, moved), (moved, turned), (scaled, turned))
    twice = [first @ second for firsts, seconds in pairs for first, second in product(firsts, seconds)]
    as_it_is = _placement([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    return torch.stack([as_it_is, *scaled, *moved, *turned, *flipped, *twice])[:, :2]


def varied(images: Tensor, ways: Tensor, generator: torch.Generator) -> Tensor:
    """Each image in a way of its own; what comes in from outside is 0.

    Args:
        images: numbers.
        ways: as of `placements`, on the same device.
        generator: on the same device.

    Shapes:
        images: ``[images, channels, height, width]``; ways: ``[ways, 2, 3]``; returns: as `images`
    Source: ZSKD, arXiv:1905.08114; released code 54c855f, `data_augmentation.py`, which fills with white what it moves,
        and has three ways more: with pepper and salt, with noise, and with both.
    """
    chosen = torch.randint(ways.shape[0], (images.shape[0],), generator=generator, device=images.device)
    places = F.affine_grid(ways[chosen], list(images.shape), align_corners=False)
    return F.grid_sample(images, places, align_corners=False)
