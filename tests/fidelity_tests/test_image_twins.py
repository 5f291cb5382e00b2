"""Methods on images: losses and first steps of optimisation, held to twins by the published formulas."""

import math
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from acgkd.config import MethodChoice
from acgkd.images import ImagePrior
from acgkd.methods import METHODS, parse_method
from acgkd.run.distillation import Distillation
from tests.fidelity_tests.plain import (
    Adam,
    Momentum,
    Net,
    agree,
    close,
    copied,
    cross_entropy,
    divergence,
    entropy_of,
    generated,
    gradients,
    image_net,
    learned,
    moments,
    norms_apart,
    probabilities,
    shortened,
)

fidelity = pytest.mark.fidelity
CPU = torch.device("cpu")
RATE = 0.002  # of the student where a method says no other
PRIOR = ImagePrior((1, 8, 8), 3, mean=(0.3,), std=(0.25,))


def run_of(images: ModuleType, name: str, synthesis: dict[str, Any], transfer: dict[str, Any], **context: Any) -> Any:
    """A run of the product; two of the same arguments draw the same numbers."""
    known = METHODS[name].config.model_fields["synthesis"].annotation
    assert known is not None
    small = {key: value for key, value in images.SYNTHESIS.items() if key in getattr(known, "model_fields", {})}
    choice = MethodChoice(name=name, synthesis={**small, **synthesis}, transfer={**images.TRANSFER, **transfer})
    method, config = parse_method(choice)
    return Distillation(method, config, replace(images.context(), **context)).method_run


def two(images: ModuleType, name: str, synthesis: dict[str, Any], transfer: dict[str, Any], **context: Any) -> Any:
    """The product's run; then of another one, for the twin: context, teacher, student."""
    run, other = (run_of(images, name, synthesis, transfer, **context) for _ in range(2))
    context = other._synthesis.context
    return run, other._synthesis, context, copied(context.teacher), copied(context.student)


def shuffled(context: Any, count: int) -> Tensor:
    """The order in which a step is shown its images."""
    return torch.randperm(count, generator=context.streams.host("transfer-order"), device=CPU)


def taught(run: Any, context: Any, teacher: Net, student: Net, x: Tensor, adam: Adam, tau: float, rate: float) -> None:
    """One step of the student, τ² KL(T ‖ S), of the product and of the twin, which are then the same."""
    loss = divergence(image_net(teacher, x)[0], image_net(student, x, train=True)[0], tau).mean()
    adam.step(gradients(loss, learned(student)), rate)
    close(run.step()["loss"], loss)
    agree(run.student.state_dict(), student)


# ---- generators


@fidelity("rdskd")
def test_rdskd_penalises_what_is_above_the_second_step_of_an_epoch(tiny_images: ModuleType) -> None:
    run, made, context, teacher, student = two(
        tiny_images, "rdskd", {"steps": 4, "epoch_steps": 2, "rate": 0.05}, {"steps": 3, "rate": 0.002}
    )
    net, references = copied(made.generator), torch.zeros(2)
    adam = Adam(learned(net), 0.05)
    for step in range(4):
        x = generated(net, made.latents(8, "generator-noise"), ending="tanh_norm", eps=0.8)
        said = image_net(teacher, x)[0]
        p = probabilities(said)
        mean = p.mean(dim=0)
        losses = torch.stack([cross_entropy(said, said.argmax(dim=1)).mean(), -entropy_of(mean)])
        ratio = (x[4:] - x[:4]).pow(2).sum().sqrt() / (p[4:] - p[:4]).pow(2).sum().sqrt()
        loss = (losses - references).exp().sum() + 1 / (ratio + 1e-20)
        shown = run.step()
        for name, value in zip(("loss", "one_hot", "balance", "diversity"), (loss, *losses, 1 / ratio), strict=True):
            close(shown[name], value)
        adam.step(gradients(loss, learned(net)))
        if step % 2 == 1:
            references = losses.detach()
        agree(run._synthesis.generator.state_dict(), net)
    moving = Adam(learned(student), 0.002)
    for _ in range(2):
        x = generated(net, made.latents(8, "transfer-noise"), ending="tanh_norm", eps=0.8, train=False).detach()
        taught(run, context, teacher, student, x[shuffled(context, 8)], moving, 10.0, 0.002)


def dafl_loss(said: Tensor, maps: Tensor) -> Tensor:
    mean = probabilities(said).mean(dim=0)
    balance = (mean * mean.log() / math.log(10)).sum()
    return cross_entropy(said, said.argmax(dim=1)).mean() + 5 * balance - 0.1 * maps.abs().mean()


@pytest.mark.parametrize("name", [pytest.param(name, marks=fidelity(name)) for name in ("dafl", "mskd")])
def test_dafl_and_mskd_move_generator_and_student_by_the_same_images(tiny_images: ModuleType, name: str) -> None:
    run, made, context, teacher, student = two(tiny_images, name, {"steps": 3}, {"steps": 3})
    net = copied(made.generator)
    generator, moving = Adam(learned(net), 0.2), Adam(learned(student), 0.002)
    for _ in range(2):
        z = made.latents(8, "generator-noise")
        x = generated(net, z, ending="tanh_norm", eps=0.8)
        said, _, maps = image_net(teacher, x)
        loss = dafl_loss(said, maps)
        if name == "mskd":
            # Each half is compared with the other: further noise shall look different.
            loss = loss + 1 / ((x[4:] - x[:4]).abs().mean() / (z[4:] - z[:4]).abs().mean() + 1e-5)
        order = shuffled(context, 8)
        apart = divergence(said.detach()[order], image_net(student, x.detach()[order], train=True)[0]).mean()
        generator.step(gradients(loss, learned(net)))
        moving.step(gradients(apart, learned(student)))
        shown = run.step()
        close(shown["synthesis_loss"], loss)
        close(shown["loss"], apart)
        agree(run._synthesis.generator.state_dict(), net)
        agree(run.student.state_dict(), student)


# ---- games


def attention(maps: Tensor) -> Tensor:
    looks = (maps**2).mean(dim=1).flatten(1)
    return looks / (looks**2).sum(dim=1, keepdim=True).sqrt().clamp_min(1e-12)


@fidelity("zskt")
def test_zskt_moves_the_generator_once_and_then_the_student_on_the_same_noise(tiny_images: ModuleType) -> None:
    transfer = {"steps": 4, "turn": 2, "attention_weight": 7.0, "clip": 0.01}
    run, made, context, teacher, student = two(tiny_images, "zskt", {"clip": 0.05}, transfer)
    net = copied(made.generator)
    generator, moving = Adam(learned(net), 1e-3), Adam(learned(student), 2e-3)
    for turn in range(2):
        z, rates = made.latents(8, "game"), [(1 + math.cos(math.pi * (2 * turn + step) / 4)) / 2 for step in (0, 1)]
        x = generated(net, z, ending="norm", eps=1e-5)
        # Divergences are means over images and classes.
        apart = divergence(image_net(teacher, x)[0], image_net(student, x, train=True)[0]).mean() / 3
        generator.step(shortened(gradients(-apart, learned(net)), 0.05), 1e-3 * rates[0])
        x = generated(net, z, ending="norm", eps=1e-5).detach()
        for step in range(2):
            chosen = x[shuffled(context, 8)]
            (right, *right_maps), (said, *maps) = image_net(teacher, chosen), image_net(student, chosen, train=True)
            loss = divergence(right, said).mean() / 3
            for one, other in zip(right_maps, maps, strict=True):
                loss = loss + 7 * ((attention(one) - attention(other)) ** 2).mean()
            moving.step(shortened(gradients(loss, learned(student)), 0.01), 2e-3 * rates[step])
            shown = run.step()
            close(shown["loss"], loss)
            if step == 0:
                close(shown["synthesis_loss"], -apart)
            agree(run.student.state_dict(), student)
    agree(run._player.generator.state_dict(), net)


@fidelity("dfad")
def test_dfad_moves_the_student_so_often_and_then_the_generator_once(tiny_images: ModuleType) -> None:
    run, made, context, teacher, student = two(tiny_images, "dfad", {}, {"steps": 4, "turn": 2})
    net = copied(made.generator)
    generator, moving = Adam(learned(net), 1e-3), Momentum(learned(student), 0.01, decay=1e-4)
    for step in range(4):
        x = generated(net, made.latents(8, "game"), ending="tanh_norm", eps=1e-5).detach()[shuffled(context, 8)]
        loss = (image_net(student, x, train=True)[0] - image_net(teacher, x)[0]).abs().mean()
        moving.step(gradients(loss, learned(student)))
        if step % 2 == 1:
            x = generated(net, made.latents(8, "game"), ending="tanh_norm", eps=1e-5)
            apart = -(image_net(student, x, train=True)[0] - image_net(teacher, x)[0]).abs().mean()
            generator.step(gradients(apart, learned(net)))
        shown = run.step()
        close(shown["loss"], loss)
        if step % 2 == 1:
            close(shown["synthesis_loss"], apart)
        agree(run.student.state_dict(), student)
        agree(run._player.generator.state_dict(), net)


@fidelity("fast_meta")
def test_fast_meta_moves_the_generator_by_the_gradients_of_its_copys_steps(tiny_images: ModuleType) -> None:
    synthesis = {"steps": 4, "warm_up": 2, "inner_steps": 3, "augment": "none", "reset_at": 3}
    run, made, context, teacher, student = two(tiny_images, "fast_meta", synthesis, {"steps": 5})
    net, past = copied(made.generator), None
    meta = Adam(learned(net), 3 * 0.003, first=0.5)
    draws = context.streams.generator("classes")
    for number in (1, 2, 3):
        if number == 3:
            reset = context.streams.generator("generator-reset")
            for layer in ("linear", "first_norm"):
                net[f"{layer}.weight"].data.normal_(0, 0.02, generator=reset)
                net[f"{layer}.bias"].data.zero_()
        z = made.latents(8, "generator-noise").requires_grad_()
        y = torch.randint(3, (8,), generator=draws, device=CPU)
        copy = {name: value.detach().clone().requires_grad_(value.requires_grad) for name, value in net.items()}
        inner, of_noise = Adam(learned(copy), 0.003, first=0.5), Adam([z], 0.01, first=0.5)
        together, best, lowest = [torch.zeros_like(one) for one in learned(net)], z, math.inf
        for _ in range(3):
            x = generated(copy, z, ending="sigmoid", eps=1e-5)
            said, before, _ = image_net(teacher, x)
            mean, var = moments(before)
            if past is not None:
                mean, var = 0.9 * past[0] + 0.1 * mean, 0.9 * past[1] + 0.1 * var
            far = norms_apart(mean, var, teacher["norm.running_mean"], teacher["norm.running_var"])
            loss = 0.4 * cross_entropy(said, y).mean() + 10 * far
            if number >= 2:  # the last warm round is the first to look at the student
                own = image_net(student, x)[0]
                alike = (own.argmax(dim=1) == said.argmax(dim=1)).to(own.dtype)
                loss = loss - 1.1 * (divergence(said, own) * alike).mean()
            if loss.item() < lowest:
                best, lowest = x.detach(), loss.item()
            found = gradients(loss, [*learned(copy), z])
            inner.step(found[:-1])
            of_noise.step(found[-1:])
            together = [one if other is None else one + other for one, other in zip(together, found[:-1], strict=True)]
        past = (mean.detach(), var.detach())
        meta.step(together)
        close(run._synthesis.step(run.student)["loss"], loss)
        agree(dict(run._synthesis.generator.named_parameters()), {k: v for k, v in net.items() if v.requires_grad})
        # The pool keeps bytes.
        assert (run._synthesis.samples(8).x - best).abs().max().item() <= 0.5 / 255 + 1e-9


# ---- pixels


@fidelity("zskd")
def test_zskd_learns_pixels_of_0_to_1_that_answer_as_was_drawn(tiny_images: ModuleType) -> None:
    synthesis = {"images": 6, "batch_size": 6, "steps": 3, "rate": 0.01, "square_weight": 0.02}
    transfer = {"samples": "fixed", "steps": 2, "batch_size": 6}
    run, made, context, teacher, student = two(tiny_images, "zskd", synthesis, transfer, prior=PRIOR)
    rows = teacher["classifier.weight"]
    lengths = (rows**2).sum(dim=1, keepdim=True).sqrt()
    cosines = (rows / lengths) @ (rows / lengths).T
    least = cosines.min(dim=1, keepdim=True).values
    alike = (cosines - least) / (cosines.max(dim=1, keepdim=True).values - least)
    # Classes in turn; one half of a class's images has β = 1, the other 0.1.
    concentration = torch.stack([(1.0 if i < 3 else 0.1) * alike[i % 3] for i in range(6)]) + 1e-4
    again = context.streams.host("answers")
    again.manual_seed(again.initial_seed())
    gamma = torch._standard_gamma(concentration + 1, generator=again)
    gamma = gamma * (1 - torch.rand(6, 3, generator=again)) ** (1 / concentration)
    y = gamma / gamma.sum(dim=1, keepdim=True)
    assert (made.answers - y).abs().max().item() < 1e-6
    pixels = made.x.clone().requires_grad_()
    adam = Adam([pixels], 0.01)
    for _ in range(3):
        x = (pixels - 0.3) / 0.25
        loss = cross_entropy(image_net(teacher, x)[0] / 20, y).mean() + 0.02 * (x**2).sum() / 2 / 6
        adam.step(gradients(loss, [pixels]))
        pixels.data = (pixels.data - pixels.data.min()) / (pixels.data.max() - pixels.data.min())
        close(run.step()["loss"], loss)
        agree({"x": run.samples(6).x}, {"x": (pixels.data - 0.3) / 0.25})
    x = ((pixels.data - 0.3) / 0.25)[shuffled(context, 6)]
    taught(run, context, teacher, student, x, Adam(learned(student), 0.001), 20.0, 0.001)


def released_overlap(teacher: Tensor, student: Tensor) -> Tensor:
    """What the released code has in the place of the Jensen-Shannon divergence."""
    p, q = (probabilities(logits / 3) for logits in (teacher, student))
    p, q, m = (each.clamp(0.01, 0.99) for each in (p, q, (p + q) / 2))
    return 1 - sum((m * (m / each).log()).sum(dim=1).mean() for each in (p, q)) / 2


@pytest.mark.parametrize("weight", [0.0, 0.5])
@fidelity("deepinversion")
def test_deepinversion_learns_pixels_that_fit_what_batch_norm_remembers(
    tiny_images: ModuleType, monkeypatch: pytest.MonkeyPatch, weight: float
) -> None:
    plain = tiny_images.context

    def sure() -> Any:
        # Some answers are cut off at 0.01 and 0.99 then.
        context = plain()
        context.teacher.classifier.weight.data *= 8
        return context

    monkeypatch.setattr(tiny_images, "context", sure)
    synthesis = {"images": 6, "batch_size": 6, "steps": 3, "jitter": 1, "square_weight": 0.01, "rate": 0.05}
    synthesis = {**synthesis, "adversarial_weight": weight, "variation_weight": 0.003, "statistics_weight": 10.0}
    transfer = {"samples": "fixed", "steps": 3, "batch_size": 6}
    run, made, context, teacher, student = two(tiny_images, "deepinversion", synthesis, transfer)
    pixels = made.x.clone().requires_grad_()
    adam, moving = Adam([pixels], 0.05), Adam(learned(student), RATE)
    host = context.streams.host("jitter")
    for _ in range(3):
        rows, columns = torch.randint(-1, 2, (2,), generator=host, device=CPU).tolist()
        x = torch.roll(pixels, (rows, columns), (2, 3))
        said, before, _ = image_net(teacher, x)
        far = norms_apart(*moments(before), teacher["norm.running_mean"], teacher["norm.running_var"])
        sides = (
            x[..., :-1] - x[..., 1:], x[..., :-1, :] - x[..., 1:, :],
            x[..., :-1, :-1] - x[..., 1:, 1:], x[..., :-1, 1:] - x[..., 1:, :-1],
        )  # fmt: skip
        variation = sum((side**2).sum().sqrt() for side in sides)
        loss = cross_entropy(said, torch.arange(6) % 3).mean() + 10 * far + 0.003 * variation
        loss = loss + 0.01 * (x**2).sum().sqrt()
        if weight > 0:
            loss = loss + weight * released_overlap(said, image_net(student, x)[0])
        adam.step(gradients(loss, [pixels]))
        if weight > 0:
            chosen = pixels.data[shuffled(context, 6)]
            apart = divergence(image_net(teacher, chosen)[0], image_net(student, chosen, train=True)[0], 3.0).mean()
            moving.step(gradients(apart, learned(student)))
        shown = run.step()
        close(shown["synthesis_loss" if weight > 0 else "loss"], loss)
        agree({"x": run._synthesis.x}, {"x": pixels})
    if weight == 0:
        taught(run, context, teacher, student, pixels.data[shuffled(context, 6)], moving, 3.0, RATE)
    agree(run.student.state_dict(), student)


# ---- controls


@fidelity("noise")
def test_noise_teaches_as_rdskd_teaches(tiny_images: ModuleType) -> None:
    run, made, context, teacher, student = two(tiny_images, "noise", {}, {"steps": 3})
    moving = Adam(learned(student), 0.002)
    for _ in range(2):
        x = made.latents(8, "transfer-noise")[shuffled(context, 8)]
        taught(run, context, teacher, student, x, moving, 10.0, 0.002)


@fidelity("real_data")
def test_real_data_teaches_what_the_teacher_says_of_real_images(tiny_images: ModuleType) -> None:
    pixels = torch.rand(8, 1, 8, 8, generator=torch.Generator(device="cpu").manual_seed(0))
    real = [(image, number % 3) for number, image in enumerate(pixels)]
    transfer = {"steps": 4, "temperature": {"value": 5.0}, "curriculum": {"pacing": "none"}}
    run = run_of(tiny_images, "real_data", {}, transfer, real=real)
    context = tiny_images.context()
    teacher, student = copied(context.teacher), copied(context.student)
    moving = Adam(learned(student), 0.01)
    for step in range(2):
        x = pixels[shuffled(context, 8)]
        taught(run, context, teacher, student, x, moving, 5.0, 0.01 * (1 - step / 4))
