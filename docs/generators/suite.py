"""The page of suites: every key of `suite`, list by list."""

import inspect
from collections.abc import Iterator
from typing import Any

from acgkd.config import DatasetConfig, ShortConfig
from generators.settings import HEAD, SettingRow, settings_of
from sweeps.suites.spec.axes import GOVERNED, Changed, SuiteDataset, SuiteMethod, SuitePair
from sweeps.suites.spec.section import Exclusion, SuiteSection
from sweeps.suites.spec.suite_schema import schema

INTRO = """\
# Every key of a suite

Made by `python docs/generate.py` from the models that read suites. `acgkd check SUITE` reports all faults of a file at
once, and knows more laws than a table can say; `acgkd check --suite-schema` prints the JSON schema for editors. What a
suite is, and how it is run: [suites](../suites.md).

Beside `suite` stand `name` and the sections of a sweep ([every key of a spec](spec.md)), without {governed}: they hold
for all sweeps of the suite. `dataset`, `teacher` and `student` may stand there where `suite` names no `datasets` or no
`pairs`.
"""
LISTS = {"methods": SuiteMethod, "datasets": SuiteDataset, "pairs": SuitePair, "exclude": Exclusion}
# Of what a list holds, what is a section of a sweep too.
LINKED = {"methods": "#methods-of-a-data-set"}
SECTIONS = {"prior": "prior", "teacher": "teacher", "student": "student"}


def suite_page() -> str:
    """Every key of a suite."""
    governed = sorted(f"`{name}`" for name in GOVERNED)
    lines = [INTRO.format(governed=", ".join(governed[:-1]) + " and " + governed[-1])]
    lines += ["## `suite`", "", _sentence(SuiteSection), "", *HEAD]
    described = {row.path: row for row in _rows(SuiteSection, skip=tuple(LISTS))}
    for name, field in SuiteSection.model_fields.items():
        required = "required" if field.is_required() else "`[]`"
        shown = described.get(name)
        if name in LISTS:
            shown = SettingRow(name, f"[a list: see below](#suite{name})", required, "", field.description or "")
        assert shown is not None
        lines.append(shown._replace(path=f"suite/{name}").row())
    for name, model in LISTS.items():
        lines += ["", f"## `suite/{name}`", "", *_about(name, model), "", *HEAD]
        lines += [row.row() for row in _items(model)]
    lines += [
        "",
        "### `methods` of a data set",
        "",
        _sentence(Changed),
        "",
        *HEAD,
        *(row.row() for row in _rows(Changed)),
    ]
    return "\n".join(lines) + "\n"


def _about(name: str, model: Any) -> Iterator[str]:
    yield _sentence(model)
    if issubclass(model, ShortConfig):
        yield f"A word alone stands for its key `{model.word}`: each item of the list may be one."
    if name == "datasets":
        yield "Every key of [`dataset`](spec.md#dataset) may stand here, and these:"


def _items(model: Any) -> Iterator[SettingRow]:
    """What an item of a list may say; a section of a sweep is described with the sweep's."""
    own = [name for name in model.model_fields if model is not SuiteDataset or name not in DatasetConfig.model_fields]
    left_out = (
        *SECTIONS,
        *(() if model is Exclusion else LINKED),
        *(name for name in model.model_fields if name not in own),
    )
    described = {row.path: row for row in _rows(model, skip=left_out)}
    for name in own:
        field = model.model_fields[name]
        if name in LINKED and model is not Exclusion:
            yield SettingRow(name, f"[a mapping: see below]({LINKED[name]})", "`{}`", "", field.description or "")
        elif name in SECTIONS:
            meaning = field.description or f"As the section `{name}` of a sweep."
            default = "required" if field.is_required() else "`null`"
            yield SettingRow(name, f"[a section](spec.md#{SECTIONS[name]})", default, "", meaning)
        elif name in described:
            # Filled in from the rest where it is left out.
            yield described[name]._replace(default="filled in") if name == "label" else described[name]
        else:
            yield from (row for path, row in described.items() if path.startswith(f"{name}/"))


def _rows(model: Any, skip: tuple[str, ...] = ()) -> Iterator[SettingRow]:
    whole = schema()
    yield from settings_of(model, skip=skip, schema={**whole["$defs"][model.__name__], "$defs": whole["$defs"]})


def _sentence(model: Any) -> str:
    return " ".join(inspect.cleandoc(model.__doc__ or "").split("\n\n")[0].split())
