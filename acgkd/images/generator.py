"""A network that turns noise into whole images: a small map first, doubled twice on the way up."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.images.convolutions import DoublingConv2d, ThinConv2d
from acgkd.settings.choices import Ending
from acgkd.settings.generators import DOUBLINGS, out_of_reach


class ImageGenerator(nn.Module):
    """z -> linear -> map of a quarter of the side -> BatchNorm -> twice (double, convolve, BatchNorm, ReLU) -> image.

    Images come out as the teacher reads them, standardised by channel.

    Args:
        shape: channels, height, width of an image.
        latent: length of z.
        width: channels of the first two maps; the third has half of them.
        ending: `tanh_norm`, tanh and a BatchNorm without parameters; `norm`, a BatchNorm with them; `sigmoid`, pixels
            between 0 and 1, standardised by `mean` and `std`.
        eps: added to the variance by the two BatchNorm layers between convolutions.
        mean: what the teacher's preprocessing subtracts from each channel, for `sigmoid`.
        std: what it then divides each channel by.
        device: where the parameters live.

    Raises:
        ConfigError: a side that two doublings do not reach.
    Source: Chen et al. (2019), arXiv:1904.01186, DAFL, released code 225ddd2; the same in RDSKD (8512a9d), and with
        the ending `norm` and another `eps` in ZSKT (e24915d).
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        latent: int,
        width: int,
        ending: Ending,
        eps: float,
        mean: tuple[float, ...] = (),
        std: tuple[float, ...] = (),
        device: torch.device,
    ) -> None:
        super().__init__()
        channels, height, breadth = shape
        factor = 2**DOUBLINGS
        why = out_of_reach(shape)
        if why:
            raise ConfigError(why)
        self.latent = latent
        self._seed = (width, height // factor, breadth // factor)
        self._ending = ending
        half = width // 2
        self.linear = nn.Linear(latent, width * self._seed[1] * self._seed[2], device=device)
        self.first_norm = nn.BatchNorm2d(width, device=device)
        self.convolutions = nn.ModuleList(
            DoublingConv2d(before, after, device=device) for before, after in ((width, width), (width, half))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(count, eps=eps, device=device) for count in (width, half))
        self.last = ThinConv2d(half, channels, device=device)
        self.last_norm: nn.Module = nn.Identity()
        self.mean: Tensor
        self.std: Tensor
        if ending == "sigmoid":
            for name, value in (("mean", mean), ("std", std)):
                self.register_buffer(name, torch.tensor(value, device=device).view(1, channels, 1, 1))
        else:
            self.last_norm = nn.BatchNorm2d(channels, affine=ending == "norm", device=device)

    def forward(self, z: Tensor) -> Tensor:
        """One image for each row of z.

        Shapes:
            z: ``[images, latent]``; returns: ``[images, channels, height, width]``
        """
        x: Tensor = self.first_norm(self.linear(z).view(-1, *self._seed))
        for convolve, norm in zip(self.convolutions, self.norms, strict=True):
            x = F.leaky_relu(norm(convolve(x)), 0.2, inplace=True)
        x = self.last(x)
        if self._ending == "sigmoid":
            standardised: Tensor = (torch.sigmoid(x) - self.mean) / self.std
            return standardised
        ended: Tensor = self.last_norm(torch.tanh(x) if self._ending == "tanh_norm" else x)
        return ended
