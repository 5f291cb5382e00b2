"""The formulas of the papers, written plainly: losses, optimisers and models that share no code with the product.

Models are mappings of their parameters and buffers by name, so that a twin has no module to hide in.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Net = dict[str, Tensor]
TOLERANCE = 1e-6


def copied(model: nn.Module) -> Net:
    """Parameters and buffers of a module, apart from it; what it learns has gradients."""
    learned = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    return {name: value.detach().clone().requires_grad_(name in learned) for name, value in model.state_dict().items()}


def learned(net: Net) -> list[Tensor]:
    return [value for value in net.values() if value.requires_grad]


def agree(found: Mapping[str, Tensor], twin: Mapping[str, Tensor]) -> None:
    """Every number of the product is the twin's, to 1e-6 of 1 or of its size."""
    assert set(found) == set(twin)
    for name, value in twin.items():
        own = found[name].detach()
        assert own.is_floating_point() == value.is_floating_point(), name
        assert own.dtype in (torch.float64, torch.int64), f"{name} is {own.dtype}"
        far = ((own - value.detach()).abs() / value.detach().abs().clamp_min(1)).max().item()
        assert far <= TOLERANCE, f"{name} is {far:.1e} away"


def close(found: Tensor | float, twin: Tensor | float) -> None:
    """The same of one number."""
    own, other = (float(one.detach() if isinstance(one, Tensor) else one) for one in (found, twin))
    assert abs(own - other) <= TOLERANCE * max(1.0, abs(other)), f"{own!r} is not {other!r}"


# ---- losses


def probabilities(logits: Tensor) -> Tensor:
    powers = (logits - logits.max(dim=1, keepdim=True).values).exp()
    return powers / powers.sum(dim=1, keepdim=True)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Of class numbers, or of probabilities, by sample."""
    logs = probabilities(logits).log()
    if targets.dim() == 2:
        return -(targets * logs).sum(dim=1)
    return -torch.stack([row[int(target)] for row, target in zip(logs, targets, strict=True)])


def divergence(teacher: Tensor, student: Tensor, temperature: float = 1.0) -> Tensor:
    """τ² KL(softmax(t / τ) ‖ softmax(s / τ)) by sample."""
    p, q = probabilities(teacher / temperature), probabilities(student / temperature)
    return temperature**2 * (p * (p.log() - q.log())).sum(dim=1)


def entropy_of(p: Tensor) -> Tensor:
    return -(p * p.log()).sum(dim=-1)


def moments(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of every channel."""
    rows = inputs.transpose(0, 1).flatten(1)
    mean = rows.sum(dim=1) / rows.shape[1]
    return mean, ((rows - mean.unsqueeze(1)) ** 2).sum(dim=1) / rows.shape[1]


def norms_apart(mean: Tensor, var: Tensor, memory_mean: Tensor, memory_var: Tensor) -> Tensor:
    return ((mean - memory_mean) ** 2).sum().sqrt() + ((var - memory_var) ** 2).sum().sqrt()


def gaussians_apart(mean: Tensor, var: Tensor, memory_mean: Tensor, memory_var: Tensor) -> Tensor:
    """KL of two normal distributions by channel, averaged; 0.001 is added to either variance."""
    var, memory_var = var + 1e-3, memory_var + 1e-3
    return 0.5 * ((memory_var / var).log() + (var + (mean - memory_mean) ** 2) / memory_var - 1).mean()


# ---- optimisers


class Adam:
    """Kingma and Ba (2015), arXiv:1412.6980, algorithm 1; `decay` is added to gradients, times the parameters."""

    def __init__(
        self, parameters: Iterable[Tensor], rate: float, *, first: float = 0.9, second: float = 0.999, decay: float = 0
    ) -> None:
        self.parameters = list(parameters)
        self.rate, self.first, self.second, self.decay, self.steps = rate, first, second, decay, 0
        self.means = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor | None], rate: float | None = None) -> None:
        self.steps += 1
        for i, (parameter, given) in enumerate(zip(self.parameters, gradients, strict=True)):
            if given is None:
                continue
            gradient = given + self.decay * parameter
            self.means[i] = self.first * self.means[i] + (1 - self.first) * gradient
            self.squares[i] = self.second * self.squares[i] + (1 - self.second) * gradient**2
            mean = self.means[i] / (1 - self.first**self.steps)
            square = self.squares[i] / (1 - self.second**self.steps)
            parameter -= (self.rate if rate is None else rate) * mean / (square.sqrt() + 1e-8)


class Momentum:
    """Stochastic gradient descent with momentum 0.9; `decay` as of `Adam`."""

    def __init__(self, parameters: Iterable[Tensor], rate: float, *, decay: float) -> None:
        self.parameters, self.rate, self.decay = list(parameters), rate, decay
        self.velocities = [torch.zeros_like(parameter) for parameter in self.parameters]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        for i, (parameter, gradient) in enumerate(zip(self.parameters, gradients, strict=True)):
            self.velocities[i] = 0.9 * self.velocities[i] + gradient + self.decay * parameter
            parameter -= self.rate * self.velocities[i]


def gradients(loss: Tensor, parameters: Sequence[Tensor]) -> list[Tensor | None]:
    return list(torch.autograd.grad(loss, parameters, allow_unused=True))


def shortened(given: Sequence[Tensor | None], most: float) -> list[Tensor | None]:
    """All gradients together no longer than `most`; 1e-6 is added to their length, as torch does."""
    length = sum(float((one**2).sum()) for one in given if one is not None) ** 0.5
    share = min(1.0, most / (length + 1e-6))
    return [None if one is None else one * share for one in given]


# ---- models


def batch_norm(net: Net, name: str, x: Tensor, *, train: bool, eps: float = 1e-5) -> Tensor:
    """By the batch's moments, of which memory keeps a tenth (the variance unbiased), or by memory."""
    shape = [1, -1, *[1] * (x.dim() - 2)]
    mean, var = net[f"{name}.running_mean"], net[f"{name}.running_var"]
    if train:
        mean, var = moments(x)
        each = x.numel() // x.shape[1]
        for what, seen in (("mean", mean), ("var", var * each / (each - 1))):
            net[f"{name}.running_{what}"] = 0.9 * net[f"{name}.running_{what}"] + 0.1 * seen.detach()
        net[f"{name}.num_batches_tracked"] = net[f"{name}.num_batches_tracked"] + 1
    x = (x - mean.view(shape)) / (var.view(shape) + eps).sqrt()
    if f"{name}.weight" in net:
        x = x * net[f"{name}.weight"].view(shape) + net[f"{name}.bias"].view(shape)
    return x


def gin_nodes(net: Net, x: Tensor, adjacency: Tensor, *, train: bool, within: str = "") -> tuple[Tensor, list[Any]]:
    """The graph model of these tests (GIN, one layer): node embeddings, and by BatchNorm layer what it was given.

    `adjacency[i, j]` is the weight of the edge from j to i.
    """
    first, last = f"{within}layers.0.nn", f"{within}norms.0"
    h = adjacency @ x + (1 + net[f"{within}layers.0.eps"]) * x
    h = h @ net[f"{first}.0.weight"].T + net[f"{first}.0.bias"]
    given = [(f"{first}.1", h)]
    h = torch.relu(batch_norm(net, f"{first}.1", h, train=train))
    h = h @ net[f"{first}.3.weight"].T + net[f"{first}.3.bias"]
    return torch.relu(batch_norm(net, last, h, train=train)), [*given, (last, h)]


def attended(net: Net, h: Tensor, adjacency: Tensor) -> Tensor:
    """Graph attention of four heads over a node and its neighbours, each neighbour by the weight of its edge."""
    source, target = net["gat.attend_source"], net["gat.attend_target"]
    lifted = (h @ net["gat.lift.weight"].T).view(len(h), source.shape[1], -1)
    out = []
    for head in range(source.shape[1]):
        rows = lifted[:, head]
        scores = (rows @ target[0, head]).unsqueeze(1) + (rows @ source[0, head]).unsqueeze(0)
        scores = torch.where(scores > 0, scores, 0.2 * scores)
        pull = scores.exp() * (adjacency + torch.eye(len(h)))
        out.append(pull / pull.sum(dim=1, keepdim=True) @ rows)
    return torch.cat(out, dim=1)


def gin(net: Net, x: Tensor, adjacency: Tensor, batch: Tensor, *, train: bool = False) -> tuple[Tensor, list[Any]]:
    """Class scores, of sums over nodes, and what BatchNorm layers were given; or of a student that was lifted."""
    lifted = "gat.lift.weight" in net
    h, given = gin_nodes(net, x, adjacency, train=train, within="student." if lifted else "")
    if lifted:
        h = torch.relu(batch_norm(net, "norm", attended(net, h, adjacency), train=train))
    sums = torch.stack([h[batch == graph].sum(dim=0) for graph in range(int(batch.max()) + 1)])
    return sums @ net["classifier.weight"].T + net["classifier.bias"], given


def far_from_memory(net: Net, given: list[Any], apart: Any) -> Tensor:
    """The distance of all BatchNorm layers together from what they remember."""
    total = torch.zeros(())
    for name, inputs in given:
        total = total + apart(*moments(inputs), net[f"{name}.running_mean"], net[f"{name}.running_var"])
    return total


def image_net(net: Net, x: Tensor, *, train: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """The image model of these tests: class scores, maps before BatchNorm, maps after it and ReLU."""
    before = F.conv2d(x, net["convolution.weight"], net["convolution.bias"])
    after = torch.relu(batch_norm(net, "norm", before, train=train))
    return after.mean(dim=(2, 3)) @ net["classifier.weight"].T + net["classifier.bias"], before, after


def generated(net: Net, z: Tensor, *, ending: str, eps: float, train: bool = True) -> Tensor:
    """DAFL's generator: a small map of z, twice doubled and convolved, then an image."""
    side = math.isqrt(net["linear.bias"].numel() // net["first_norm.bias"].numel())
    x = (z @ net["linear.weight"].T + net["linear.bias"]).view(len(z), -1, side, side)
    x = batch_norm(net, "first_norm", x, train=train)
    for number in (0, 1):
        x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        x = F.conv2d(x, net[f"convolutions.{number}.weight"], net[f"convolutions.{number}.bias"], padding=1)
        x = batch_norm(net, f"norms.{number}", x, train=train, eps=eps)
        x = torch.where(x > 0, x, 0.2 * x)
    x = F.conv2d(x, net["last.weight"], net["last.bias"], padding=1)
    if ending == "sigmoid":
        return 1 / (1 + (-x).exp())  # of pixels of 0 to 1 that the teacher reads as they are
    return batch_norm(net, "last_norm", x.tanh() if ending == "tanh_norm" else x, train=train)
