"""The pages of settings: every key of a spec, and the settings of every method."""

import importlib
import inspect
import json
from collections.abc import Iterator
from typing import Any

from acgkd.config import ShortConfig, flatten
from acgkd.methods import METHODS
from generators.settings import HEAD, SettingRow, nested_config, settings_of
from sweeps.spec.controls import Control
from sweeps.spec.parameters import CategoricalParameter, FloatParameter, IntParameter
from sweeps.spec.schema import schema
from sweeps.spec.sections import Objective
from sweeps.spec.sweep_spec import CHANGEABLE, SweepSpec

INTRO = """\
# Every key of a spec

Made by `python docs/generate.py` from the models that read specs. `acgkd check SPEC` reports all faults of a file at
once, and knows more laws than a table can say; `acgkd check --schema` prints the JSON schema, with which editors
complete and mark what is wrong. A path such as `budget/trials` is what `--set budget/trials=48` takes; settings of
methods have [a page for graphs](graph-methods.md) and [one for images](image-methods.md).

Free to change between two starts on one folder are {changeable}.
Other changes are admitted where every result keeps its meaning, and refused with the difference otherwise:
[change your mind about a sweep](../how-to/changing-your-mind.md).

## The file
"""

LISTED = {"objectives": Objective, "controls": Control}
# Fields that reading a spec writes, and no user.
WRITTEN = ("chosen",)
PARAMETERS = {"float": FloatParameter, "int": IntParameter, "categorical": CategoricalParameter}


def spec_page() -> str:
    """Every key of a spec, section by section."""
    plain = {name: field for name, field in SweepSpec.model_fields.items() if nested_config(field) is None}
    sections = [name for name in SweepSpec.model_fields if name not in plain]
    lines = [INTRO.format(changeable=_listed(CHANGEABLE)), *HEAD]
    shape = schema()["properties"]
    described = {setting.path: setting for setting in settings_of(SweepSpec, skip=(*sections, *LISTED))}
    for name, field in SweepSpec.model_fields.items():
        if name in described:
            found = described[name]
            filled_in = found.default == "required" and name not in schema()["required"]
            lines.append((found._replace(default="filled in") if filled_in else found).row())
            continue
        model = LISTED.get(name) or nested_config(field)
        assert model is not None
        meaning = field.description or _sentence(model)
        kind = "a list: see below" if name in LISTED else "a section: see below"
        required = "required" if name in schema()["required"] else "see below"
        lines.append(SettingRow(name, f"[{kind}](#{name})", required, "", meaning).row())
    assert set(shape) == set(SweepSpec.model_fields)
    for name in (name for name in SweepSpec.model_fields if name in sections or name in LISTED):
        model = LISTED.get(name) or nested_config(SweepSpec.model_fields[name])
        assert model is not None
        lines += [
            "",
            f"## `{name}`",
            "",
            *_about(name, model),
            "",
            *_table(model, "" if name in LISTED else f"{name}/"),
        ]
    return "\n".join([*lines, "", *_space()]) + "\n"


def _about(name: str, model: Any) -> Iterator[str]:
    yield _sentence(model)
    if issubclass(model, ShortConfig):
        yield f"A word alone stands for its key `{model.word}`" + (
            ": each item of the list may be one." if name in LISTED else f": `{name}: {_example(name)}`."
        )


def _example(name: str) -> str:
    return {"dataset": "mutag", "teacher": "gin-5-64", "student": "gin-3-32", "method": "acgkd", "sampler": "tpe"}.get(
        name, "halving"
    )


def _space() -> Iterator[str]:
    yield from (
        "## `space`",
        "",
        "The name of a search space (`acgkd list spaces`), or parameters by the slash path of what they set:",
        "",
        "```yaml",
        "space:",
        "  method/transfer/rate: {type: float, low: 0.001, high: 0.03, log: true}",
        "  method/transfer/temperature/mode: {type: categorical, choices: [fixed, adversarial]}",
        "  method/transfer/temperature/value:",
        "    {type: float, low: 1, high: 8, when: {method/transfer/temperature/mode: fixed}}",
        "```",
    )
    for kind, model in PARAMETERS.items():
        yield from ("", f"### `type: {kind}`", "", _sentence(model), "", *_table(model, ""))


def methods_page(modality: str) -> str:
    """The settings of all methods of a modality; those of both are on either page."""
    names = [name for name in METHODS if METHODS[name].modality in (modality, None)]
    lines = [
        f"# Settings of methods on {modality}",
        "",
        "Made by `python docs/generate.py` from the settings' own code. A setting that is given overrides what",
        "a recipe says. Whose the declared settings are decides which rows `acgkd compare` calls published or reduced.",
        f"What they minimise: [equations](../explanations/{modality[:-1]}-methods.md).",
    ]
    for name in names:
        about = inspect.cleandoc(importlib.import_module(f"acgkd.methods.{name}").__doc__ or "").split("\n\n")[0]
        lines += ["", f"## `{name}`", "", " ".join(about.split()), "", *_whose(name)]
        lines += [*_table(METHODS[name].config, "method/")]
    return "\n".join(lines) + "\n"


def _whose(name: str) -> Iterator[str]:
    """Whose settings a method declares; nothing of a control."""
    if not METHODS[name].variants:
        return
    yield from ("| declared settings | whose | source | what they say |", "|---|---|---|---|")
    for variant in METHODS[name].variants:
        less = f", less of *{variant.less_of}*" if variant.less_of else ""
        less += f", for {' and '.join(variant.teachers)} teachers" if variant.teachers else ""
        said = flatten({stage: dict(settings) for stage, settings in variant.settings.items()})
        shown = ", ".join(f"`{path}: {json.dumps(value)}`" for path, value in said.items()) or "the defaults"
        yield f"| {variant.name} | {variant.origin}{less} | {variant.source} | {shown} |"
    yield ""


def graph_methods_page() -> str:
    """Settings of methods on graphs."""
    return methods_page("graphs")


def image_methods_page() -> str:
    """Settings of methods on images."""
    return methods_page("images")


def _table(model: Any, prefix: str) -> Iterator[str]:
    yield from HEAD
    skip = WRITTEN if model is Control else ()
    for setting in settings_of(model, prefix, skip=skip):
        left_out = setting.default == "required" and "if left out" in setting.meaning
        yield (setting._replace(default="filled in") if left_out else setting).row()


def _sentence(model: Any) -> str:
    return " ".join(inspect.cleandoc(model.__doc__ or "").split("\n\n")[0].split())


def _listed(names: tuple[str, ...]) -> str:
    shown = [f"`{name}`" for name in names]
    return ", ".join(shown[:-1]) + " and " + shown[-1]
