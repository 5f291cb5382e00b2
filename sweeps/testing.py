"""The laws of search spaces, for whoever writes one; `acgkd.testing` has those of methods, models and data sets."""

from collections.abc import Callable, Mapping
from pathlib import Path

import optuna
from pydantic import ValidationError

from acgkd.config import RunConfig
from acgkd.errors import ConfigError
from acgkd.methods import parse_method
from acgkd.models import check_preset
from acgkd.testing.subjects import require, subject
from sweeps.spaces import SPACES
from sweeps.spec.fault_messages import translate
from sweeps.spec.space_survey import survey
from sweeps.spec.stand_ins import Suggesting
from sweeps.spec.sweep_spec import SweepSpec

TRIALS = 100
_ROOTS = ("method/synthesis/", "method/transfer/", "student/")


def check_space(what: Callable[[Suggesting], None] | str | Path, spec: Mapping[str, object]) -> None:
    """Draws a hundred points of a space: whatever it asks for, its method takes.

    Args:
        what: its name, a Python file that exports `suggest`, or the function.
        spec: a sweep without `space`: at least `teacher`, `student` and `method`.

    Raises:
        AssertionError: a law does not hold; it says which.
        ConfigError: it raises an error, `spec` is none, or a value that a setting cannot take.
    """
    suggest = subject(what, "spaces", SPACES)
    known = survey(suggest)
    said = {"name": "checked", **spec}
    try:
        base = SweepSpec.model_validate(said)
    except ValidationError as error:
        faults = "; ".join(f"{fault.path}: {fault.message}" for fault in translate(error, SweepSpec, said))
        raise ConfigError(f"`spec` is a sweep without `space`, but {faults}") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen: dict[str, object] = {}
    for _ in range(TRIALS):
        trial = study.ask()
        suggest(trial)
        config = base.run_config(trial.params)
        _, settings = parse_method(config.method)
        check_preset(config.student.preset)
        for name, distribution in trial.distributions.items():
            law = f"`{name}` has one distribution, whatever was asked before"
            require(seen.setdefault(name, distribution) == distribution, law)
        for name, value in trial.params.items():
            require(_taken(name, settings, config) == value, f"`{name}` is a setting that takes what is suggested")
        study.tell(trial, 0.0)
    require(set(seen) == set(known.parameters), "what is asked for is found by looking through the space")
    odd = [name for name in seen if name != "method/name" and not name.startswith(_ROOTS)]
    require(not odd, f"parameters are settings of method or student, but there is {odd}")


def _taken(name: str, settings: object, config: RunConfig) -> object:
    if name == "method/name":
        return config.method.name
    where: object = settings if name.startswith("method/") else config
    for key in name.removeprefix("method/").split("/"):
        where = getattr(where, key)
    return where
