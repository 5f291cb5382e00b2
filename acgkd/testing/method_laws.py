"""The laws of methods: settings, steps, seeds, states."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from acgkd.config import Config, PriorConfig
from acgkd.method import AnyMethod, MethodConfig, MethodContext
from acgkd.methods import METHODS
from acgkd.modality import modality
from acgkd.models import build_model
from acgkd.run.distillation import Distillation
from acgkd.runtime import Streams, derive_seed
from acgkd.teachers.teacher import as_teacher
from acgkd.testing.subjects import require, subject

_CPU = torch.device("cpu")
# Laid over a method's defaults wherever it has a setting of that name.
_SMALL: dict[str, dict[str, object]] = {
    "synthesis": {"steps": 4, "graphs": 8, "images": 8, "batch_size": 4, "generator": {"latent": 8, "width": 8}},
    "transfer": {"steps": 6, "batch_size": 4},
}
_PRIORS = {
    "graphs": PriorConfig(nodes=(5, 8), mean_degree=2.0, features="categorical", feature_count=4, classes=2),
    "images": PriorConfig(shape=(1, 8, 8), classes=2),
}
_MODELS = {"graphs": "gin-2-8", "images": "resnet-8"}


@dataclass(frozen=True)
class MethodCase:
    """A method, and how it is run small.

    Args:
        method: the entry.
        kind: modality that it is run on.
    """

    method: AnyMethod
    kind: str

    def config(self, **changes: Mapping[str, object]) -> MethodConfig:
        """The defaults, but few steps and samples wherever a setting of that name is there."""
        chosen = {}
        for part in ("synthesis", "transfer"):
            fields = type(getattr(self.method.config(), part)).model_fields
            small = {name: value for name, value in _SMALL[part].items() if name in fields}
            chosen[part] = {**small, **{k: v for k, v in changes.get(part, {}).items() if k in fields}}
        config: MethodConfig = self.method.config.model_validate(chosen)
        return config

    def context(self, seed: int = 0) -> MethodContext[Any]:
        """A tiny teacher with a BatchNorm memory of its own, a fresh student, a prior."""
        prior = modality(self.kind).prior(_PRIORS[self.kind], PriorConfig())
        streams = Streams(derive_seed("draws", seed), _CPU)
        with Streams(0, _CPU).fork("teacher"):
            teacher = build_model(_MODELS[self.kind], prior.feature_count, prior.classes)
            for layer in teacher.modules():
                if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and layer.running_mean is not None:
                    layer.running_mean.normal_()
        with streams.fork("student"):
            student = build_model(_MODELS[self.kind], prior.feature_count, prior.classes)
        return MethodContext(as_teacher(teacher, _CPU), student, prior, streams, _CPU)

    def run(self, seed: int = 0, **changes: Mapping[str, object]) -> Distillation:
        """One distillation, not begun."""
        return Distillation(self.method, self.config(**changes), self.context(seed))


def check_method(what: AnyMethod | str | Path) -> None:
    """Holds a method to all laws: a minute or less, on the CPU.

    Args:
        what: its name, a Python file that exports `METHOD`, or the `Method`.

    Raises:
        AssertionError: a law does not hold; it says which.
        UnknownNameError, ConfigError: there is no such method.
    """
    method = subject(what, "methods", METHODS)
    require(not method.needs_data, "a control that is handed real data is not checked without")
    for kind in [method.modality] if method.modality else ["graphs", "images"]:
        for law in LAWS.values():
            law(MethodCase(method, kind))


def weight_bytes(model: nn.Module) -> bytes:
    """All weights and buffers of a model, as bytes."""
    return b"".join(value.detach().cpu().numpy().tobytes() for value in model.state_dict().values())


def finished(case: MethodCase, seed: int = 0) -> bytes:
    """The student's weights at the end of a run."""
    run = case.run(seed)
    run.advance()
    return weight_bytes(run.student)


def _settings(case: MethodCase) -> None:
    for config in (case.method.config(), case.config()):
        require(set(type(config).model_fields) == {"synthesis", "transfer"}, "settings are `synthesis` and `transfer`")
        again = case.method.config.model_validate_json(config.model_dump_json())
        require(again == config, "settings survive JSON")
    for part in ("synthesis", "transfer"):
        require(isinstance(getattr(case.method.config(), part), Config), f"`{part}` is an `acgkd.config.Config`")
        try:
            case.method.config.model_validate({part: {"stepz": 3}})
        except ValidationError:
            continue
        raise AssertionError(f"`{part}` refuses a setting that it does not have")


def _stages(case: MethodCase) -> None:
    stages = case.run().stages
    names = [stage.name for stage in stages]
    known = (["joint"], ["transfer"], ["synthesis", "transfer"])
    require(names in known, f"stages are one of {known}, but are {names}")
    require(all(stage.steps >= 1 for stage in stages), "every stage has a step")
    judged = [stage.judged for stage in stages]
    require(judged == [name != "synthesis" for name in names], "stages in which the student learns are `judged`")


def _steps(case: MethodCase) -> None:
    run = case.run()
    for _ in range(run.total_steps):
        losses = run.method_run.step()
        require("loss" in losses, "every step gives a `loss`")
        for name, value in losses.items():
            single = isinstance(value, Tensor) and value.dim() == 0
            require(single and not value.requires_grad, f"`{name}` of a step is a detached scalar tensor")
            require(value.device == _CPU and bool(torch.isfinite(value)), f"`{name}` is finite, on the device")


def _student(case: MethodCase) -> None:
    run, kind = case.run(), modality(case.kind)
    while not run.done:
        run.advance(until=min(1.0, run.progress + 0.26))
        run.student.eval()
        scores = kind.logits(run.student, run.method_run.samples(3))
        require(tuple(scores.shape) == (3, 2), "the student reads the method's samples throughout")


def _surroundings(case: MethodCase) -> None:
    run = case.run()
    teacher, before = weight_bytes(run.context.teacher), torch.get_rng_state()
    run.advance()
    run.method_run.samples(3)
    require(weight_bytes(run.context.teacher) == teacher, "the teacher's weights and memories are left alone")
    require(not run.context.teacher.training, "the teacher stays in evaluation mode")
    without = all(parameter.grad is None for parameter in run.context.teacher.parameters())
    require(without, "the teacher gathers no gradients")
    require(torch.equal(torch.get_rng_state(), before), "all draws come from the context's streams")


def _seeds(case: MethodCase) -> None:
    first = finished(case)
    require(first == finished(case), "equal seeds give equal students")
    require(first != finished(case, 1), "another seed gives another student")


def _resumed(case: MethodCase) -> None:
    whole = case.run()
    whole.advance()
    expected, run = weight_bytes(whole.student), case.run()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "run.ckpt"
        for steps in range(run.total_steps + 1):
            while run.steps_done < steps:
                run.advance(until=run.progress + 1e-6)
            run.save(file)
            resumed = case.run()
            resumed.load(file)
            resumed.advance()
            same = weight_bytes(resumed.student) == expected
            require(same, f"a run resumed at step {steps} of {run.total_steps} gives the same student, byte for byte")
            work = resumed.method_run.multiply_adds() == whole.method_run.multiply_adds()
            require(work, f"a run resumed at step {steps} counts the same work")
            require(resumed.curves == whole.curves, f"a run resumed at step {steps} has the same losses")
    require(weight_bytes(run.student) == expected, "saving changes nothing")


def _samples(case: MethodCase) -> None:
    run, kind = case.run(), modality(case.kind)
    for until in (0.0, 0.5, 1.0):
        run.advance(until=until)
        for count in (1, 5):
            batch = run.method_run.samples(count)
            require(kind.size(batch) == count, "`samples(count)` gives so many")
            require(not batch.x.requires_grad, "samples are detached")


def _work(case: MethodCase) -> None:
    run = case.run()
    seen = [run.method_run.multiply_adds()]
    require(seen == [0.0], "no work is counted before the first step")
    for _ in range(run.total_steps):
        run.method_run.step()
        seen.append(run.method_run.multiply_adds())
    require(all(earlier < later for earlier, later in pairwise(seen)), "counted work grows with every step")


def _facts(case: MethodCase) -> None:
    run = case.run()
    run.advance()
    facts = run.method_run.facts()
    known = {"candidate_edges", "kept_edges", "restarts", "restarts_held", "pseudo_samples"}
    require(set(facts) <= known, f"facts are some of {', '.join(sorted(known))}")
    require(all(0 <= value < float("inf") for value in facts.values()), "facts are finite")


def _health(case: MethodCase) -> None:
    run = case.run()
    run.advance()
    before = weight_bytes(run.student), run.method_run.multiply_adds()
    found = run.health()
    require(found == run.health(), "pseudo-samples drawn aside are the same each time")
    require(before == (weight_bytes(run.student), run.method_run.multiply_adds()), "looking at them changes nothing")
    shares = (found.hit_rate, found.hit_rate_lowest, found.hit_rate_at_most, found.synthesis_confidence)
    require(found.known != case.method.needs_data, "the teacher says something of pseudo-samples, where there are some")
    require(all(share is None or 0 <= share <= 1 for share in shares), "shares of pseudo-samples are 0 to 1")


LAWS: dict[str, Callable[[MethodCase], None]] = {
    "settings are two closed subtrees that survive JSON": _settings,
    "stages are named, counted, and one of them is judged": _stages,
    "every step gives detached scalars with a loss": _steps,
    "the student is a module of the modality throughout": _student,
    "the teacher and the global random state are left alone": _surroundings,
    "equal seeds give equal students and others do not": _seeds,
    "a run resumed at any step gives the same bytes": _resumed,
    "samples are one detached batch of the size asked for": _samples,
    "counted work grows with every step": _work,
    "facts are known finite figures": _facts,
    "the health of pseudo-samples is known and changes nothing": _health,
}
