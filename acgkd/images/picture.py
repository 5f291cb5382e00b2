"""Images as they would be seen: bytes, and how much of each does not fit into bytes."""

import torch
import torch.nn.functional as F

from acgkd.images.batch import ImageBatch
from acgkd.modality import Arrays
from acgkd.priors import ImagePrior

# Pixels of a side; larger images are shown smaller.
LARGEST = 64


def picture(batch: ImageBatch, prior: ImagePrior) -> Arrays:
    """Pixels as the teacher's preprocessing found them, before it standardised them.

    Learned pixels need not lie where those of an image do; what lies outside is cut off, and how much is said. Images
    of neither one nor three channels are shown as the mean of their channels.

    Shapes:
        returns: `pixels` ``[images, height, width, 1 or 3]`` of 0 to 255; `outside` ``[images]``, the share of values
        that were cut off
    """
    x = batch.x.detach().to("cpu").float()
    mean, std = (torch.tensor(values, device="cpu").view(1, -1, 1, 1) for values in (prior.mean, prior.std))
    x = x * std + mean
    # A standardised black comes back as nearly 0.
    outside = ((x < -1e-4) | (x > 1 + 1e-4)).float().mean(dim=(1, 2, 3))
    x = x.nan_to_num().clamp(0, 1)
    if x.shape[1] not in (1, 3):
        x = x.mean(dim=1, keepdim=True)
    height, width = x.shape[2:]
    if max(height, width) > LARGEST:
        shrink = LARGEST / max(height, width)
        x = F.adaptive_avg_pool2d(x, (max(1, round(height * shrink)), max(1, round(width * shrink))))
    pixels = (x * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return {"pixels": pixels.numpy(), "outside": outside.numpy()}
